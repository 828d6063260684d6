// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Tally} from "./Tally.sol";

/// @notice All that an operator commits to, docs/clearing.md §3. The chain keeps its hash.
/// @param cutTime What the registry knew by then counts.
/// @param cut Postings that count: deposits and requests up to this number.
/// @param members The tree of leaves; its sums are `what members have | what leaves`.
/// @param left What has left the house in all epochs up to this one, per asset.
/// @param limits The tree of insured limits; its sums are `limit | 0`.
struct Epoch {
    uint64 number;
    uint64 cutTime;
    uint64 cut;
    bytes32 cutHash;
    Tally members;
    uint256[] left;
    Tally limits;
}

/// @notice `low 192 bits of the epoch's hash | committedAt uint32 | challenges uint16 | open challenges uint16`: all that the chain keeps of it.
type EpochWord is uint256;

using Epochs for Epoch global;
using Epochs for EpochWord global;

library Epochs {
    uint256 private constant FULL = type(uint16).max;

    function hash(Epoch memory epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(epoch));
    }

    function word(Epoch memory epoch, uint256 time) internal pure returns (EpochWord) {
        return EpochWord.wrap((uint256(hash(epoch)) << 64) | (time << 32));
    }

    function isOf(EpochWord kept, Epoch memory epoch) internal pure returns (bool) {
        return EpochWord.unwrap(kept) >> 64 == uint192(uint256(hash(epoch)));
    }

    function exists(EpochWord kept) internal pure returns (bool) {
        return EpochWord.unwrap(kept) != 0;
    }

    function committedAt(EpochWord kept) internal pure returns (uint256) {
        return uint32(EpochWord.unwrap(kept) >> 32);
    }

    /// @notice All challenges ever made to it.
    function challenges(EpochWord kept) internal pure returns (uint256) {
        return uint16(EpochWord.unwrap(kept) >> 16);
    }

    /// @notice Those that nobody has answered. A full counter stays full, so that the epoch fails: so many open challenges could not be
    /// answered, and if none fitted any more, an operator could fill it with its own to keep others out.
    function open(EpochWord kept) internal pure returns (uint256) {
        return uint16(EpochWord.unwrap(kept));
    }

    function withChallenge(EpochWord kept) internal pure returns (EpochWord) {
        // All that were ever made only lengthen the answer time, which has its end long before this.
        uint256 made = kept.challenges() == FULL ? 0 : 1 << 16;
        return EpochWord.wrap(EpochWord.unwrap(kept) + made + (kept.open() == FULL ? 0 : 1));
    }

    function withAnswer(EpochWord kept) internal pure returns (EpochWord) {
        return kept.open() == FULL ? kept : EpochWord.wrap(EpochWord.unwrap(kept) - 1);
    }
}
