// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../interfaces/ICondition.sol";

/// @title True from a moment on
/// @notice `data = abi.encode(uint256 time)`, seconds; no witness. Before that there is no answer, so nothing false is ever recorded.
contract ClockCondition is ICondition {
    error TooEarly(uint256 timestamp, uint256 time);

    /// @inheritdoc ICondition
    function evaluate(bytes calldata data, bytes calldata) external view returns (uint256) {
        uint256 time = abi.decode(data, (uint256));
        require(block.timestamp >= time, TooEarly(block.timestamp, time));
        return 1e18;
    }
}
