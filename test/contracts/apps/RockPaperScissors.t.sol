// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {RockPaperScissors} from "../../../contracts/apps/RockPaperScissors.sol";
import {RulesBase} from "./RulesBase.sol";

contract RockPaperScissorsTest is RulesBase {
    bytes32 private constant SALT = keccak256("salt");
    uint256 private constant ROCK = 1;

    function name() internal pure override returns (string memory) {
        return "RockPaperScissors";
    }

    function opening() internal pure override returns (bytes memory) {
        RockPaperScissors.State memory state;
        return abi.encode(state);
    }

    function hash(uint256 hand, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(hand, salt));
    }

    function commit(bytes32 commitment) private pure returns (bytes memory) {
        return abi.encode(commitment, 0, 0);
    }

    /// @dev By hand, so that a hand which is none can be shown.
    function show(uint256 hand, bytes32 salt) private pure returns (bytes memory) {
        return abi.encode(0, hand, salt);
    }

    function playTwo(uint256 mine, uint256 other) private view returns (bytes memory state) {
        state = play(opening(), 0, commit(hash(mine, SALT)));
        return play(state, 1, show(other, 0));
    }

    /// @notice Each hand loses to the next one; equal hands are half and half.
    function test_TheBetterHandWinsAll() external {
        for (uint256 mine = 1; mine <= 3; ++mine) {
            for (uint256 other = 1; other <= 3; ++other) {
                bytes memory state = play(playTwo(mine, other), 0, show(mine, SALT));
                isOver(state, show(mine, SALT), RockPaperScissors.Over.selector);
                if (mine == other) gives(state, [ONE / 2, ONE / 2]);
                else gives(state, mine == (other % 3) + 1 ? [ONE, 0] : [uint256(0), ONE]);
            }
        }
    }

    function test_ASilentSeatLosesAll() external view {
        gives(opening(), [uint256(0), ONE]);
        gives(play(opening(), 0, commit(hash(ROCK, SALT))), [ONE, 0]);
    }

    /// @notice Even the better hand loses if it is not revealed.
    function test_WhoDoesNotRevealLosesAll() external view {
        gives(playTwo(2, 1), [uint256(0), ONE]);
    }

    function testFuzz_RefusesAnotherHandThanCommitted(uint256 mine, uint256 other, bytes32 salt) external {
        (mine, other) = (1 + (mine % 3), 1 + (other % 3));
        if (mine == other && salt == SALT) return;
        bytes memory reason = abi.encodeWithSelector(
            RockPaperScissors.WrongCommitment.selector,
            hash(mine, SALT),
            hash(other, salt)
        );
        refuses(playTwo(mine, ROCK), show(other, salt), reason);
    }

    function test_RefusesNoCommitment() external {
        refuses(opening(), commit(0), abi.encodeWithSelector(RockPaperScissors.NoCommitment.selector));
    }

    /// @notice No hand is none for either seat, even if it was committed to.
    function test_RefusesNoHand() external {
        bytes memory reason = abi.encodeWithSelector(RockPaperScissors.NoHand.selector);
        refuses(play(opening(), 0, commit(hash(ROCK, SALT))), show(0, 0), reason);
        refuses(playTwo(0, ROCK), show(0, SALT), reason);
    }

    function testFuzz_RefusesAHandThatIsMalformed(uint256 hand) external {
        if (hand <= 3) return;
        bytes memory state = playTwo(hand, ROCK);
        vm.expectRevert();
        app.advance(state, show(hand, SALT));
    }

    /// @notice Any game gives all of the value, wherever it stops.
    function testFuzz_EveryGameEnds(uint256 mine, uint256 other, bytes32 salt) external {
        (mine, other) = (1 + (mine % 3), 1 + (other % 3));
        bytes memory state = play(opening(), 0, commit(hash(mine, salt)));
        state = play(play(state, 1, show(other, salt)), 0, show(mine, salt));
        uint256[] memory values = valuesOf(state);
        vm.assertEq(values[0] + values[1], ONE, "all of it");
        isOver(state, commit(hash(mine, salt)), RockPaperScissors.Over.selector);
    }
}
