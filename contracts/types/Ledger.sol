// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ChannelId} from "./Channel.sol";
import {hashOf} from "./Hash.sol";

/// @notice One asset of one channel: `keccak256(abi.encodePacked(channelId, asset))`.
type LedgerId is bytes32;

/// @notice A ledger's storage word, docs/protocol.md §2.
/// open:     `disputed=0 | recorded 1 | generation 15 | seq 15 | int112 | int112`
/// disputed: `disputed=1 | recorded 1 | generation 15 | expiry 40 | commitment 199`
type Word is uint256;

using Ledgers for LedgerId global;
using Words for Word global;

/// @dev 52 bytes are hashed, so that no ledger's slot can be that of a Solidity mapping, whatever channel id a depositor makes up.
function ledgerIdOf(ChannelId channelId, address asset) pure returns (LedgerId id) {
    assembly ("memory-safe") {
        mstore(0x20, shl(96, asset))
        mstore(0x00, channelId)
        id := keccak256(0x00, 0x34)
    }
}

/// @title Where a ledger's words live: the id itself is the slot of word 0
library Ledgers {
    /// @notice The word of members `2 * pair` and `2 * pair + 1`.
    function word(LedgerId id, uint256 pair) internal view returns (Word value) {
        assembly ("memory-safe") {
            value := sload(add(id, pair))
        }
    }

    function setWord(LedgerId id, uint256 pair, Word value) internal {
        assembly ("memory-safe") {
            sstore(add(id, pair), value)
        }
    }

    /// @notice The slot of a lane's recorded word.
    function laneSlot(LedgerId id, uint256 generation, uint256 lane) internal pure returns (bytes32) {
        return hashOf(LedgerId.unwrap(id), bytes32(generation), bytes32(lane));
    }

    /// @notice The slot where the redeemed positions `128 * page ...` of a settled lane are marked.
    function pageSlot(LedgerId id, uint256 generation, uint256 lane, uint256 page) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, generation, lane, page));
    }
}

library Words {
    uint256 internal constant LAST_GENERATION = (1 << 15) - 1;
    uint256 internal constant LAST_SEQ = (1 << 15) - 1;
    uint256 private constant DISPUTED = 1 << 255;
    uint256 private constant RECORDED = 1 << 254;
    uint256 private constant COMMITMENT = (1 << 199) - 1;
    uint256 private constant BALANCES = (1 << 224) - 1;
    uint256 private constant BALANCE = (1 << 112) - 1;

    /// @notice A balance left the range of int112.
    error BalanceOutOfRange(int256 balance);

    /// @notice Neither disputed (the commitment stands where the balances were) nor at its end.
    /// @dev One comparison: the dispute's bit stands above the generation's, `recorded` between them does not matter.
    function takesDeposits(Word word) internal pure returns (bool) {
        return (Word.unwrap(word) & ~RECORDED) >> 239 < LAST_GENERATION;
    }

    function disputed(Word word) internal pure returns (bool) {
        return Word.unwrap(word) >= DISPUTED;
    }

    /// @notice Whether lane words of this generation are in storage.
    function recorded(Word word) internal pure returns (bool) {
        return Word.unwrap(word) & RECORDED != 0;
    }

    function generation(Word word) internal pure returns (uint256) {
        return (Word.unwrap(word) >> 239) & LAST_GENERATION;
    }

    function seq(Word word) internal pure returns (uint256) {
        return (Word.unwrap(word) >> 224) & LAST_SEQ;
    }

    function expiry(Word word) internal pure returns (uint256) {
        return (Word.unwrap(word) >> 199) & type(uint40).max;
    }

    function commitment(Word word) internal pure returns (uint256) {
        return Word.unwrap(word) & COMMITMENT;
    }

    /// @notice As much of a hash as a disputed word has room for.
    function commit(bytes32 hash) internal pure returns (uint256) {
        return uint256(hash) & COMMITMENT;
    }

    /// @param side 0 for the even member of the pair, 1 for the odd one.
    function balance(Word word, uint256 side) internal pure returns (int256) {
        unchecked {
            return int112(uint112(Word.unwrap(word) >> (112 * side)));
        }
    }

    function withRecorded(Word word) internal pure returns (Word) {
        return Word.wrap(Word.unwrap(word) | RECORDED);
    }

    function withBalance(Word word, uint256 side, int256 value) internal pure returns (Word) {
        require(value == int112(value), BalanceOutOfRange(value));
        return _put(word, side, value);
    }

    /// @notice `amount` more for the member on `side`.
    /// @dev Assembly, since every deposit runs through it; a fuzz test holds it against `withBalance`.
    /// The balance is above -2^111 and the amount below 2^111, so the sum cannot wrap and is too large at most.
    function plus(Word word, uint256 side, uint256 amount) internal pure returns (Word next) {
        bool ok;
        assembly ("memory-safe") {
            let shift := mul(112, side)
            let field := shr(shift, word)
            let value := add(signextend(13, field), amount)
            ok := and(iszero(shr(111, amount)), slt(value, shl(111, 1)))
            next := xor(word, shl(shift, shr(144, shl(144, xor(value, field)))))
        }
        require(ok, BalanceOutOfRange(int256(amount)));
    }

    function _put(Word word, uint256 side, int256 value) private pure returns (Word) {
        unchecked {
            uint256 shift = 112 * side;
            return Word.wrap((Word.unwrap(word) & ~(BALANCE << shift)) | ((uint256(value) & BALANCE) << shift));
        }
    }

    function withNextSeq(Word word) internal pure returns (Word) {
        unchecked {
            // Callers refuse the last seq, so the addition stays inside its 15 bits.
            return Word.wrap(Word.unwrap(word) + (1 << 224));
        }
    }

    /// @notice The next life of the ledger: everything zero but the generation, which stops at the last.
    function withNextGeneration(Word word) internal pure returns (Word) {
        uint256 last = generation(word);
        return Word.wrap((last == LAST_GENERATION ? last : last + 1) << 239);
    }

    function withDispute(Word open, uint256 expiry_, uint256 commitment_) internal pure returns (Word) {
        return Word.wrap((Word.unwrap(open) & ~uint256((1 << 239) - 1)) | DISPUTED | (expiry_ << 199) | commitment_);
    }
}
