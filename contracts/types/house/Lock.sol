// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IOutcomeRegistry} from "../../interfaces/IOutcomeRegistry.sol";

/// @notice A conditional payment inside the house, judged by the registry.
/// @param epoch The first epoch that it can stand in.
/// @param key Outcome key. Recorded by the deadline, its value (0..1e18) divides the amount.
struct Lock {
    bytes32 to;
    uint8 asset;
    uint128 amount;
    bytes32 key;
    uint64 deadline;
    uint64 epoch;
}

/// @notice What the operator signs for the payee of a lock: it stands in the payer's `locks` at `position`.
struct LockReceipt {
    bytes32 payer;
    uint32 index;
    uint32 position;
    bytes32 lock;
}

/// @notice What has become of a lock by some time.
struct Status {
    uint128 paid;
    uint128 refunded;
    uint128 live;
}

using Locks for Lock global;
using Locks for LockReceipt global;
using Locks for Status global;

library Locks {
    uint256 private constant WHOLE = 1e18;
    bytes32 private constant CREDIT = keccak256("Tallystick lock credit");
    bytes32 internal constant RECEIPT_TYPEHASH = keccak256(
        "LockReceipt(bytes32 payer,uint32 index,uint32 position,bytes32 lock)"
    );
    bytes32 internal constant RELEASE_TYPEHASH = keccak256(
        "Release(bytes32 payer,uint32 position,bytes32 lock,bytes32 payment)"
    );

    function hash(Lock memory lock) internal pure returns (bytes32) {
        return keccak256(abi.encode(lock));
    }

    /// @notice EIP-712 hashStruct.
    function hash(LockReceipt memory receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, receipt));
    }

    /// @notice EIP-712 hashStruct of the payee's release: it wants `payment` in place of the lock (zero: nothing).
    function releaseHash(bytes32 payer, uint256 position, bytes32 lock, bytes32 payment) internal pure returns (bytes32) {
        return keccak256(abi.encode(RELEASE_TYPEHASH, payer, position, lock, payment));
    }

    /// @notice The entry in the payee's `income` when a lock pays.
    function creditHash(bytes32 payer, uint256 position, bytes32 lock, uint256 paid) internal pure returns (bytes32) {
        return keccak256(abi.encode(CREDIT, payer, position, lock, paid));
    }

    /// @notice A function of the registry and the time alone, so nobody has a say in it.
    function statusAt(
        Lock memory lock,
        IOutcomeRegistry registry,
        uint256 time
    ) internal view returns (Status memory status) {
        (uint256 value, uint256 recordedAt) = registry.outcome(lock.key);
        if (recordedAt != 0 && recordedAt <= lock.deadline && recordedAt <= time) {
            status.paid = uint128((uint256(lock.amount) * value) / WHOLE);
            status.refunded = lock.amount - status.paid;
        } else if (time > lock.deadline) {
            status.refunded = lock.amount;
        } else {
            status.live = lock.amount;
        }
    }

    /// @notice The leaf at a lock's position in `statuses`.
    function hash(Status memory status, bytes32 lock) internal pure returns (bytes32) {
        return keccak256(abi.encode(lock, status.paid, status.refunded));
    }

    /// @notice The words by which `statuses` are summed, two for each asset: `paid | refunded` and `live | 0`.
    function sums(Status memory status, uint256 asset, uint256 assets) internal pure returns (uint256[] memory words) {
        words = new uint256[](2 * assets);
        words[2 * asset] = (uint256(status.paid) << 128) | status.refunded;
        words[2 * asset + 1] = uint256(status.live) << 128;
    }
}
