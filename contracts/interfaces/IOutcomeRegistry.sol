// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title The one global, write-once, time-stamped store of outcomes
/// @notice A key is `keccak256(abi.encode(TAG, chainId, condition, keccak256(data)))`; it is always computed here, never taken from a caller.
/// A plain secret of 32 bytes is recorded under `condition = this registry`, `data = secret`.
interface IOutcomeRegistry {
    /// @notice `key` has the answer `value` (0..1e18) from now on and for ever.
    event Recorded(bytes32 indexed key, uint256 value);

    /// @notice `key` has the value 1e18, since `secret` is known: whoever waits for it learns it here.
    event Revealed(bytes32 indexed key, bytes32 secret);

    /// @notice `condition` did not answer: no code, wrong length, or a value above 1e18.
    error NotAnAnswer(address condition, uint256 size, uint256 value);

    /// @notice Records a secret with the value 1e18. A key that is already recorded is left as it is.
    /// @return key The outcome key of the secret.
    function reveal(bytes32 secret) external returns (bytes32 key);

    /// @notice `reveal` for many secrets.
    function revealBatch(bytes32[] calldata secrets) external;

    /// @notice Asks `condition` about `data` and records its answer. A key that is already recorded is left as it is.
    /// @param witness What the condition needs to answer and the key does not bind (a preimage, a signature).
    function record(address condition, bytes calldata data, bytes calldata witness) external returns (bytes32 key);

    /// @notice `record` for many conditions; the three arrays have one length.
    function recordBatch(address[] calldata conditions, bytes[] calldata data, bytes[] calldata witnesses) external;

    /// @notice The answer under `key`; `recordedAt == 0` means none.
    function outcome(bytes32 key) external view returns (uint256 value, uint256 recordedAt);

    /// @notice `outcome` for many keys, packed `recordedAt << 64 | value`.
    function outcomes(bytes32[] calldata keys) external view returns (uint256[] memory packed);

    /// @notice The key of `condition` about data with this hash.
    function keyOf(address condition, bytes32 dataHash) external view returns (bytes32);
}
