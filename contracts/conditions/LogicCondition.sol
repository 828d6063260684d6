// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../interfaces/ICondition.sol";
import {IOutcomeRegistry} from "../interfaces/IOutcomeRegistry.sol";

/// @title A value made of other outcomes: the least, the greatest, the sum or a weighted sum of them
/// @notice `data = operation uint8 ‖ N × key bytes32`, for a weighted sum `N × (key bytes32 ‖ weight uint64)`, N from 1 to 64; no witness.
/// Operation 0: and, the least. 1: or, the greatest. 2: the sum. 3: the sum of `weight · value / 1e18`. Sums end at 1e18.
/// @dev Reads the registry alone, where nothing is ever changed. A part that is not recorded may still become anything from 0 to 1e18,
/// and each operation rises with its parts. So there is an answer exactly if zeros and ones in all missing places give the same, and
/// then nothing that is recorded later can move it. Parts have no deadlines: when they were recorded changes nothing here.
contract LogicCondition is ICondition {
    uint256 private constant ONE = 1e18;
    uint256 private constant MAX_PARTS = 64;
    uint256 private constant AND = 0;
    uint256 private constant OR = 1;
    uint256 private constant WEIGHTED = 3;

    /// @notice Where the parts are recorded.
    IOutcomeRegistry public immutable registry;

    /// @dev `outcomes` as the registry packs them: zero for a missing one.
    struct Question {
        uint256 operation;
        uint256[] outcomes;
        uint256[] weights;
    }

    /// @notice Parts that are missing can still make it anything between these.
    error Undecided(uint256 least, uint256 most);
    error NoSuchOperation(uint256 operation);
    /// @notice The data does not hold 1 to 64 whole parts.
    error MalformedParts(uint256 length);

    constructor(IOutcomeRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc ICondition
    function evaluate(bytes calldata data, bytes calldata) external view returns (uint256) {
        Question memory question = _read(data);
        uint256 least = _combine(question, 0);
        uint256 most = _combine(question, ONE);
        require(least == most, Undecided(least, most));
        return least;
    }

    function _read(bytes calldata data) private view returns (Question memory question) {
        require(data.length != 0, MalformedParts(0));
        question.operation = uint8(data[0]);
        require(question.operation <= WEIGHTED, NoSuchOperation(question.operation));
        uint256 size = question.operation == WEIGHTED ? 40 : 32;
        uint256 count = (data.length - 1) / size;
        require(count != 0 && count <= MAX_PARTS && data.length == 1 + count * size, MalformedParts(data.length));
        bytes32[] memory keys = new bytes32[](count);
        question.weights = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            bytes calldata part = data[1 + i * size:1 + (i + 1) * size];
            keys[i] = bytes32(part);
            question.weights[i] = size == 40 ? uint64(bytes8(part[32:])) : ONE;
        }
        question.outcomes = registry.outcomes(keys);
    }

    /// @param missing What stands for a part that is not recorded.
    function _combine(Question memory question, uint256 missing) private pure returns (uint256 result) {
        uint256 operation = question.operation;
        if (operation == AND) result = ONE;
        for (uint256 i; i < question.outcomes.length; ++i) {
            uint256 outcome = question.outcomes[i];
            uint256 value = outcome == 0 ? missing : uint64(outcome);
            if (operation == AND) result = value < result ? value : result;
            else if (operation == OR) result = value > result ? value : result;
            else result += question.weights[i] * value;
        }
        if (operation <= OR) return result;
        // One division at the end, so that thirds add up.
        result /= ONE;
        return result < ONE ? result : ONE;
    }
}
