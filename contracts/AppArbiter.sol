// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";
import {IAppArbiter} from "./interfaces/IAppArbiter.sol";
import {ICondition} from "./interfaces/ICondition.sol";
import {IOutcomeRegistry} from "./interfaces/IOutcomeRegistry.sol";
import {Envelope} from "./libraries/Envelope.sol";
import {Rules} from "./libraries/Rules.sol";
import {Instances} from "./types/app/Instance.sol";
import {AppWord, Standing, Standings} from "./types/app/Standing.sol";
import {Cursor, cursorAt} from "./types/Cursor.sol";

/// @title Judge of apps
/// @notice One slot an instance, and only while it is disputed. No money: what it records divides conditional transfers elsewhere.
contract AppArbiter is IAppArbiter, EIP712 {
    using Envelope for Cursor;
    using Instances for bytes;
    using Rules for address;
    using TransientSlot for bytes32;
    using TransientSlot for TransientSlot.Uint256Slot;

    bytes32 private constant AGREED = keccak256("AppState(bytes32 instance,uint32 version,bytes state)");
    /// @dev A type of its own: else the others would sign a forced move too, and each would be a newer agreed state that sets the clocks back.
    bytes32 private constant FORCED = keccak256("AppMove(bytes32 instance,uint32 version,bytes state)");
    uint256 private constant FINAL = type(uint32).max;
    /// @dev The id at deployment: keys in signed transfers must mean the same on both sides of a chain fork.
    uint256 private immutable CHAIN_ID = block.chainid;

    /// @inheritdoc IAppArbiter
    IOutcomeRegistry public immutable registry;

    mapping(bytes32 instanceId => AppWord) private _words;

    constructor(IOutcomeRegistry registry_) EIP712("Tallystick", "1") {
        registry = registry_;
    }

    /// @inheritdoc IAppArbiter
    function submit(
        bytes calldata instance,
        uint32 version,
        bytes calldata state,
        bytes calldata signatures,
        bytes calldata moves
    ) external {
        bytes32 id = instance.id(CHAIN_ID);
        require(block.timestamp < instance.endBy(), TimeOver(block.timestamp, instance.endBy()));
        require(version != 0 && version != FINAL, VersionOutOfRange(version));
        uint256 base = _words[id].base();
        require(version > base, NotNewer(version, base));
        _requireAll(instance, id, version, state, signatures);
        Standing memory standing = Standings.agreed(version, instance.seats(), state);
        if (moves.length != 0) _play(instance, id, standing, moves, 0);
        emit Submitted(id, _stand(instance, id, standing));
    }

    /// @inheritdoc IAppArbiter
    function move(bytes calldata instance, bytes calldata standing, bytes calldata moves) external {
        bytes32 id = instance.id(CHAIN_ID);
        require(block.timestamp < instance.endBy(), TimeOver(block.timestamp, instance.endBy()));
        require(moves.length != 0, NoMove());
        (Standing memory now_, uint256 since) = _read(instance, id, standing);
        _play(instance, id, now_, moves, block.timestamp - since);
        emit Moved(id, _stand(instance, id, now_));
    }

    /// @inheritdoc IAppArbiter
    function conclude(bytes calldata instance, bytes calldata standing) external {
        bytes32 id = instance.id(CHAIN_ID);
        (Standing memory last, uint256 since) = _read(instance, id, standing);
        uint256 endBy = instance.endBy();
        if (block.timestamp < endBy) {
            uint256 until = since + _left(instance, last);
            require(block.timestamp > until, StillRunning(block.timestamp, until < endBy ? until : endBy));
        }
        _words[id] = AppWord.wrap(0);
        _record(id, instance.app().outcome(last.state, instance.seats()));
    }

    /// @inheritdoc IAppArbiter
    function agree(bytes calldata instance, bytes calldata state, bytes calldata signatures) external {
        bytes32 id = instance.id(CHAIN_ID);
        _requireAll(instance, id, FINAL, state, signatures);
        _words[id] = AppWord.wrap(0);
        _record(id, instance.app().outcome(state, instance.seats()));
    }

    /// @inheritdoc IAppArbiter
    function deploy(bytes calldata initCode) external returns (address app) {
        app = Create2.computeAddress(0, keccak256(initCode));
        if (app.code.length != 0) return app;
        Create2.deploy(0, 0, initCode);
        emit Deployed(app);
    }

    /// @inheritdoc ICondition
    /// @dev Answers within the transaction that concludes, to the registry that keeps it: once recorded, nobody asks again.
    function evaluate(bytes calldata data, bytes calldata) external view returns (uint256) {
        (bytes32 id, uint256 seat) = abi.decode(data, (bytes32, uint256));
        uint256 kept = _slot(id, seat).tload();
        require(kept != 0, NotConcluded(id, seat));
        return kept - 1;
    }

    /// @inheritdoc IAppArbiter
    function wordOf(bytes32 instanceId) external view returns (uint256) {
        return AppWord.unwrap(_words[instanceId]);
    }

    /// @inheritdoc IAppArbiter
    function idOf(bytes calldata instance) external view returns (bytes32) {
        return instance.id(CHAIN_ID);
    }

    // ---------------------------------------------------------------- standing

    function _read(
        bytes calldata instance,
        bytes32 id,
        bytes calldata packed
    ) private view returns (Standing memory standing, uint256 since) {
        AppWord word = _words[id];
        require(word.isOf(keccak256(packed)), WrongStanding(id));
        return (Standings.read(packed, instance.seats()), word.since());
    }

    function _stand(
        bytes calldata instance,
        bytes32 id,
        Standing memory standing
    ) private returns (bytes memory packed) {
        packed = standing.pack();
        _words[id] = standing.word(instance, keccak256(packed));
    }

    /// @dev Seconds that the seat on turn has left, or everybody for showing a newer state.
    function _left(bytes calldata instance, Standing memory standing) private view returns (uint256) {
        uint256 seats = instance.seats();
        uint256 seat = instance.app().turn(standing.state, seats);
        return seat == seats ? instance.budget() : instance.budget() - standing.spent(seat);
    }

    // ---------------------------------------------------------------- moves

    /// @param elapsed Seconds since the standing; the first move pays for them.
    function _play(
        bytes calldata instance,
        bytes32 id,
        Standing memory standing,
        bytes calldata moves,
        uint256 elapsed
    ) private view {
        Cursor next = cursorAt(moves);
        uint256 end = Cursor.unwrap(next) + moves.length;
        for (; Cursor.unwrap(next) < end; elapsed = 0) {
            uint256 seat = _requireTurn(instance, standing, elapsed);
            uint256 length = next.uintAt(2);
            Cursor signature = next.skip(2 + length);
            _advance(instance.app(), standing, seat, elapsed, next.skip(2).slice(length));
            require(standing.version < FINAL, VersionOutOfRange(standing.version));
            bytes32 digest = _digest(FORCED, id, standing.version, keccak256(standing.state));
            next = _requireSigned(instance, seat, digest, signature);
        }
    }

    function _requireTurn(
        bytes calldata instance,
        Standing memory standing,
        uint256 elapsed
    ) private view returns (uint256 seat) {
        uint256 seats = instance.seats();
        seat = instance.app().turn(standing.state, seats);
        require(seat != seats, NobodysTurn());
        uint256 left = instance.budget() - standing.spent(seat);
        require(elapsed <= left, TimeOver(block.timestamp, block.timestamp - elapsed + left));
    }

    function _advance(
        address app,
        Standing memory standing,
        uint256 seat,
        uint256 elapsed,
        bytes calldata one
    ) private view {
        require(one.length <= Rules.MAX_STATE, StateTooLong(one.length, Rules.MAX_STATE));
        (bool ok, bytes memory next) = app.advance(standing.state, one);
        require(ok, IllegalMove(standing.version + 1, next));
        standing.advance(seat, elapsed, next);
    }

    // ---------------------------------------------------------------- consent

    function _requireAll(
        bytes calldata instance,
        bytes32 id,
        uint256 version,
        bytes calldata state,
        bytes calldata signatures
    ) private view {
        require(state.length <= Rules.MAX_STATE, StateTooLong(state.length, Rules.MAX_STATE));
        bytes32 digest = _digest(AGREED, id, version, keccak256(state));
        Cursor next = cursorAt(signatures);
        uint256 seats = instance.seats();
        for (uint256 i; i < seats; ++i) {
            // Who holds several seats in a row signs once.
            bool again = i != 0 && next.uintAt(2) == 0 && instance.signer(i) == instance.signer(i - 1);
            next = again ? next.skip(2) : _requireSigned(instance, i, digest, next);
        }
    }

    function _requireSigned(
        bytes calldata instance,
        uint256 seat,
        bytes32 digest,
        Cursor next
    ) private view returns (Cursor) {
        address signer = instance.signer(seat);
        uint256 length = next.uintAt(2);
        Cursor place = next.skip(2);
        bool signed =
            length == 0
                ? signer == msg.sender
                : signer != address(0) && place.signerOf(length, digest, _domainSeparatorV4()) == signer;
        require(signed, BadSignature(seat));
        return place.skip(length);
    }

    function _digest(bytes32 kind, bytes32 id, uint256 version, bytes32 stateHash) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(kind, id, version, stateHash)));
    }

    // ---------------------------------------------------------------- outcome

    function _record(bytes32 id, uint256[] memory values) private {
        uint256 seats = values.length;
        address[] memory conditions = new address[](seats);
        bytes[] memory data = new bytes[](seats);
        for (uint256 i; i < seats; ++i) {
            // One more than the value, since zero is no answer yet.
            _slot(id, i).tstore(values[i] + 1);
            conditions[i] = address(this);
            data[i] = abi.encode(id, i);
        }
        emit Concluded(id, values);
        registry.recordBatch(conditions, data, new bytes[](seats));
    }

    function _slot(bytes32 id, uint256 seat) private pure returns (TransientSlot.Uint256Slot) {
        return bytes32(uint256(id) + seat).asUint256();
    }
}
