// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../interfaces/ICondition.sol";

/// @title True for whoever shows the 32-byte preimage of a hash
/// @notice `data = abi.encode(bool sha, bytes32 hash)`; `witness` = the secret. Serves hash locks of other systems (Lightning uses SHA-256).
contract SecretCondition is ICondition {
    /// @notice The witness is not the secret of this hash.
    error WrongSecret(bytes32 expected, bytes32 actual);
    /// @notice A secret has exactly 32 bytes.
    error WrongSecretLength(uint256 length);

    /// @inheritdoc ICondition
    function evaluate(bytes calldata data, bytes calldata witness) external pure returns (uint256) {
        (bool sha, bytes32 expected) = abi.decode(data, (bool, bytes32));
        // Two lengths for one hash would let a foreign chain accept what this one refuses.
        require(witness.length == 32, WrongSecretLength(witness.length));
        bytes32 actual = sha ? sha256(witness) : keccak256(witness);
        require(actual == expected, WrongSecret(expected, actual));
        return 1e18;
    }
}
