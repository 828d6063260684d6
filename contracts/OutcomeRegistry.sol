// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "./interfaces/ICondition.sol";
import {IOutcomeRegistry} from "./interfaces/IOutcomeRegistry.sol";

/// @title The global, write-once store of outcomes
/// @dev Write once: the answer for (key, deadline) is the same for every hop at every later time.
contract OutcomeRegistry is IOutcomeRegistry {
    bytes32 private constant TAG = keccak256("Tallystick outcome");
    uint256 private constant ONE = 1e18;
    /// @dev The id at deployment: keys in signed transfers must mean the same on both sides of a chain fork.
    uint256 private immutable CHAIN_ID = block.chainid;

    struct Outcome {
        /// @dev `recordedAt << 64 | value`.
        uint256 packed;
    }

    mapping(bytes32 key => Outcome) private _outcomes;

    /// @inheritdoc IOutcomeRegistry
    function reveal(bytes32 secret) external returns (bytes32) {
        return _reveal(secret);
    }

    /// @inheritdoc IOutcomeRegistry
    function revealBatch(bytes32[] calldata secrets) external {
        for (uint256 i; i < secrets.length; ++i) {
            _reveal(secrets[i]);
        }
    }

    /// @inheritdoc IOutcomeRegistry
    function record(address condition, bytes calldata data, bytes calldata witness) external returns (bytes32) {
        return _record(condition, data, witness);
    }

    /// @inheritdoc IOutcomeRegistry
    function recordBatch(address[] calldata conditions, bytes[] calldata data, bytes[] calldata witnesses) external {
        for (uint256 i; i < conditions.length; ++i) {
            _record(conditions[i], data[i], witnesses[i]);
        }
    }

    /// @inheritdoc IOutcomeRegistry
    function outcome(bytes32 key) external view returns (uint256 value, uint256 recordedAt) {
        uint256 packed = _outcomes[key].packed;
        return (uint64(packed), packed >> 64);
    }

    /// @inheritdoc IOutcomeRegistry
    /// @dev Assembly, since a settlement asks for a hundred keys at once: `packed[i] = _outcomes[keys[i]]`, returned from where it is built.
    function outcomes(bytes32[] calldata keys) external view returns (uint256[] memory) {
        assembly ("memory-safe") {
            let answer := mload(0x40)
            mstore(answer, 0x20)
            mstore(add(answer, 0x20), keys.length)
            mstore(0x20, _outcomes.slot)
            let size := shl(5, keys.length)
            for {
                let at := 0
            } lt(at, size) {
                at := add(at, 0x20)
            } {
                mstore(0x00, calldataload(add(keys.offset, at)))
                mstore(add(add(answer, 0x40), at), sload(keccak256(0x00, 0x40)))
            }
            return(answer, add(0x40, size))
        }
    }

    /// @inheritdoc IOutcomeRegistry
    function keyOf(address condition, bytes32 dataHash) public view returns (bytes32 key) {
        bytes32 tag = TAG;
        uint256 chainId = CHAIN_ID;
        // keccak256(abi.encode(TAG, CHAIN_ID, condition, dataHash)), without allocating memory: a hundred secrets are revealed at once.
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, tag)
            mstore(add(free, 0x20), chainId)
            mstore(add(free, 0x40), condition)
            mstore(add(free, 0x60), dataHash)
            key := keccak256(free, 0x80)
        }
    }

    function _reveal(bytes32 secret) private returns (bytes32 key) {
        bytes32 hash;
        assembly ("memory-safe") {
            mstore(0x00, secret)
            hash := keccak256(0x00, 0x20)
        }
        key = keyOf(address(this), hash);
        Outcome storage one = _outcomes[key];
        if (one.packed != 0) return key;
        one.packed = (block.timestamp << 64) | ONE;
        emit Revealed(key, secret);
    }

    function _record(address condition, bytes calldata data, bytes calldata witness) private returns (bytes32 key) {
        key = keyOf(condition, keccak256(data));
        Outcome storage one = _outcomes[key];
        if (one.packed != 0) return key;
        uint256 value = _ask(condition, data, witness);
        one.packed = (block.timestamp << 64) | value;
        emit Recorded(key, value);
    }

    /// @dev A static call of our own, since an answer of a wrong size must not pass: `abi.decode` would ignore what follows the first word.
    function _ask(address condition, bytes calldata data, bytes calldata witness) private view returns (uint256 value) {
        bytes memory question = abi.encodeCall(ICondition.evaluate, (data, witness));
        bool ok;
        uint256 size;
        assembly ("memory-safe") {
            ok := staticcall(gas(), condition, add(question, 0x20), mload(question), 0x00, 0x20)
            size := returndatasize()
            value := mload(0x00)
        }
        // An account without code answers with nothing, so its size is zero.
        require(ok && size == 32 && value <= ONE, NotAnAnswer(condition, size, value));
    }
}
