// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../interfaces/ICondition.sol";

/// @title True for whoever shows the discrete logarithm of a point of secp256k1
/// @notice `data` = the point, `x ‖ y`; `witness` = the scalar k, 32 bytes from 1 to the order less one, with k·G = the point.
/// Other data than a point is never answered.
contract PointCondition is ICondition {
    /// @dev The order of the curve, and the x of its generator G, whose y is even.
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant GENERATOR = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
    uint8 private constant EVEN = 27;

    /// @notice The witness is not the scalar of this point; both are named by their addresses, zero for no scalar at all.
    error WrongScalar(address expected, address actual);
    /// @notice A scalar has exactly 32 bytes.
    error WrongScalarLength(uint256 length);

    /// @inheritdoc ICondition
    function evaluate(bytes calldata data, bytes calldata witness) external pure returns (uint256) {
        require(witness.length == 32, WrongScalarLength(witness.length));
        address expected = address(uint160(uint256(keccak256(data))));
        address actual = _addressOf(uint256(bytes32(witness)));
        require(actual == expected, WrongScalar(expected, actual));
        return 1e18;
    }

    /// @dev Recovery finds the key (s·R - e·G) / r. With e = 0, R = G, r its x and s = k·r that is k·G, for 3,000 gas.
    function _addressOf(uint256 k) private pure returns (address) {
        // k plus the order would be a second witness of the same point. Zero, and so s = 0, recovers nobody.
        if (k >= ORDER) return address(0);
        return ecrecover(0, EVEN, bytes32(GENERATOR), bytes32(mulmod(k, GENERATOR, ORDER)));
    }
}
