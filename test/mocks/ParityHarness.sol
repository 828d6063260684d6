// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IOutcomeRegistry} from "../../contracts/interfaces/IOutcomeRegistry.sol";
import {Envelope} from "../../contracts/libraries/Envelope.sol";
import {ChannelId, Channels} from "../../contracts/types/Channel.sol";
import {Cursor, cursorAt} from "../../contracts/types/Cursor.sol";
import {LedgerId, Word, Words, ledgerIdOf} from "../../contracts/types/Ledger.sol";
import {Reserve, Reserves} from "../../contracts/types/Reserve.sol";
import {LaneWord, State, States} from "../../contracts/types/State.sol";
import {TransferList, Transfers} from "../../contracts/types/Transfer.sol";
import {Withdrawal, Withdrawals} from "../../contracts/types/Withdrawal.sol";

/// @title The contracts' own nouns, callable one by one
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

    struct StateFields {
        uint256 lane;
        uint256 version;
        uint256 locked;
        bytes32 transfersRoot;
        int256[] credits;
    }

    function channelId(bytes calldata channel, uint256 chainId) external view returns (ChannelId) {
        return Channels.id(channel, chainId);
    }

    function isAt(bytes calldata channel, uint256 member, address account) external pure returns (bool) {
        return Channels.isAt(channel, member, account);
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

    function commitmentOf(bytes calldata base) external pure returns (uint256) {
        return Words.commit(keccak256(base));
    }

    /// @param packed One state of docs/protocol.md §6.
    function state(
        bytes calldata packed,
        ChannelId id,
        address asset,
        uint256 generation
    ) external pure returns (StateFields memory read, bytes32 hash, LaneWord word) {
        uint256 members = id.count();
        (State packedState, ) = States.read(cursorAt(packed), members, id, asset, generation);
        int256[] memory credits = new int256[](members);
        for (uint256 i; i < members; ++i) {
            credits[i] = packedState.credit(i);
        }
        hash = packedState.hash();
        word = packedState.laneWord(hash);
        read = StateFields(
            packedState.lane(),
            packedState.version(),
            packedState.locked(),
            packedState.transfersRoot(),
            credits
        );
    }

    /// @param packed A withdrawal of docs/protocol.md §6 whose base is `baseSize` bytes long.
    function withdrawalHash(
        bytes calldata packed,
        uint256 baseSize,
        ChannelId id,
        address asset,
        uint256 generation,
        uint256 chainId
    ) external view returns (bytes32) {
        (Withdrawal memory read, Cursor next) = Withdrawals.readHead(cursorAt(packed));
        (read.channelId, read.asset, read.generation) = (id, asset, generation);
        read.readParts(next.skip(baseSize), chainId);
        return read.hash();
    }

    function digest(bytes32 domain, bytes32 structHash) external pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    function signerOf(bytes calldata envelope, bytes32 hash, bytes32 domain) external pure returns (address) {
        return Envelope.signerOf(cursorAt(envelope), envelope.length, hash, domain);
    }

    function isByOwner(bytes calldata envelope, bytes32 hash, address owner) external view returns (bool) {
        return Envelope.isByOwner(cursorAt(envelope), envelope.length, hash, owner);
    }

    /// @param packed One list of docs/protocol.md §6.
    function list(
        bytes calldata packed,
        IOutcomeRegistry registry
    ) external view returns (bytes32[] memory leaves, bytes32 root) {
        (TransferList memory read, ) = Transfers.read(cursorAt(packed), registry);
        return (read.leaves, read.root());
    }

    function reserves(
        bytes calldata packed
    ) external pure returns (Reserve[] memory read, bytes32 hash, bytes memory again) {
        (read, hash, ) = Reserves.read(cursorAt(packed));
        again = Reserves.pack(read);
    }
}
