// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Division} from "../../contracts/libraries/Division.sol";
import {Envelope} from "../../contracts/libraries/Envelope.sol";
import {ChannelId, Channels} from "../../contracts/types/Channel.sol";
import {LedgerId, Word, Words, ledgerIdOf} from "../../contracts/types/Ledger.sol";
import {LaneWord, State, States} from "../../contracts/types/State.sol";
import {LaneTransfers, Reserve, Transfer, Transfers} from "../../contracts/types/Transfer.sol";
import {Withdrawal, Withdrawals} from "../../contracts/types/Withdrawal.sol";

/// @title The contracts' own nouns and rules, callable one by one
/// @dev Nothing is computed here: parity tests hold what the libraries say against what the SDK says.
contract ParityHarness {
    struct Fields {
        bool disputed;
        bool recorded;
        uint256 generation;
        uint256 seq;
        int256 even;
        int256 odd;
        uint256 expiry;
        uint256 commitment;
    }

    function channelId(bytes calldata channel, uint256 chainId) external view returns (ChannelId) {
        return Channels.id(channel, chainId);
    }

    function memberOf(bytes calldata channel, address account) external pure returns (uint256) {
        return Channels.memberOf(channel, account);
    }

    function ledgerId(ChannelId id, address asset) external pure returns (LedgerId) {
        return ledgerIdOf(id, asset);
    }

    function fields(Word word) external pure returns (Fields memory) {
        return
            Fields(
                word.disputed(),
                word.recorded(),
                word.generation(),
                word.seq(),
                word.balance(0),
                word.balance(1),
                word.expiry(),
                word.commitment()
            );
    }

    function openWord(uint256 generation, uint256 seq, int256 even, int256 odd) external pure returns (Word) {
        return Word.wrap((generation << 239) | (seq << 224)).withBalance(0, even).withBalance(1, odd);
    }

    function disputedWord(Word open, uint256 expiry, uint256 commitment) external pure returns (Word) {
        return open.withDispute(expiry, commitment);
    }

    function checkState(State calldata state, uint256 members) external pure {
        States.check(state, members);
    }

    function stateHash(State calldata state, ChannelId id, address asset, uint256 generation) external pure returns (bytes32) {
        return States.hash(state, id, asset, generation);
    }

    function laneWord(State calldata state, bytes32 structHash) external pure returns (LaneWord) {
        return States.laneWord(state, structHash);
    }

    function withdrawalHash(
        Withdrawal calldata withdrawal,
        ChannelId id,
        address asset,
        uint256 generation
    ) external pure returns (bytes32) {
        return Withdrawals.hash(withdrawal, id, asset, generation);
    }

    function digest(bytes32 domain, bytes32 structHash) external pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    function signerOf(bytes calldata envelope, bytes32 hash, bytes32 domain) external pure returns (address) {
        return Envelope.signerOf(envelope, hash, domain);
    }

    function leaf(Transfer calldata transfer) external pure returns (bytes32) {
        return Transfers.leaf(transfer);
    }

    function transfersRoot(LaneTransfers calldata list) external pure returns (bytes32) {
        (bytes32[] memory leaves, ) = Transfers.expand(list);
        return Transfers.root(leaves);
    }

    function entitle(int256[] memory entitlements, uint256 available) external pure returns (uint256[] memory) {
        return Division.entitle(entitlements, available);
    }

    function reserve(Reserve[] memory reserves, uint256 held) external pure returns (Reserve[] memory, uint256 total) {
        total = Division.reserve(reserves, held);
        return (reserves, total);
    }

    function settleLane(
        LaneTransfers calldata list,
        Reserve memory from,
        IOutcomeRegistry registry,
        uint256[] memory shares
    ) external view returns (Reserve memory, uint256[] memory) {
        Division.settle(list, from, registry, shares);
        return (from, shares);
    }
}
