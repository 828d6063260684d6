// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A question that the outcome registry can record the answer to
interface ICondition {
    /// @notice Answers with 0..1e18, or reverts while there is no answer.
    /// @dev Once given, the answer must be the same at every later time, to every caller, with any gas.
    /// @param data What the outcome key binds.
    /// @param witness What proves the answer.
    function evaluate(bytes calldata data, bytes calldata witness) external view returns (uint256 value);
}
