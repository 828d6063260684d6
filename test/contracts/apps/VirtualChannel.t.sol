// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {VirtualChannel} from "../../../contracts/apps/VirtualChannel.sol";
import {RulesBase} from "./RulesBase.sol";

contract VirtualChannelTest is RulesBase {
    uint8 private constant ENDED = 2;

    function name() internal pure override returns (string memory) {
        return "VirtualChannel";
    }

    function opening() internal pure override returns (bytes memory) {
        return stateOf(0, 0);
    }

    function stateOf(int256 owed, uint8 turn) private pure returns (bytes memory) {
        return abi.encode(owed, turn);
    }

    function pay(uint256 amount, uint256 turn) private pure returns (bytes memory) {
        return abi.encode(amount, turn);
    }

    function test_ThePayerPaysAsOftenAsItLikes() external {
        bytes memory state = play(play(opening(), 0, pay(5, 0)), 0, pay(7, 0));
        gives(state, [uint256(0), 12]);
        state = play(state, 0, pay(0, ENDED));
        gives(state, [uint256(0), 12]);
        isOver(state, pay(1, 0), VirtualChannel.Over.selector);
    }

    /// @notice Only the net is owed, in either direction.
    function test_PaysBackOnceTheTurnIsHandedOver() external view {
        bytes memory state = play(opening(), 0, pay(5, 1));
        state = play(state, 1, pay(3, 1));
        gives(state, [uint256(0), 2]);
        gives(play(state, 1, pay(10, 0)), [uint256(8), 0]);
    }

    /// @notice Silence takes nothing from anybody, whoever is on turn.
    function testFuzz_TheTurnDoesNotChangeWhatIsOwed(uint64 owed, bool back) external view {
        uint256 size = owed % (ONE + 1);
        int256 signed = back ? -int256(size) : int256(size);
        for (uint8 turn; turn <= ENDED; ++turn) {
            gives(stateOf(signed, turn), back ? [size, 0] : [uint256(0), size]);
        }
    }

    function testFuzz_RefusesToPayMoreThanIsLocked(uint64 owed, uint64 amount, bool back) external {
        uint256 size = owed % (ONE + 1);
        if (size + amount <= ONE) return;
        bytes memory state = stateOf(back ? -int256(size) : int256(size), back ? 1 : 0);
        refuses(
            state,
            pay(amount, 0),
            abi.encodeWithSelector(VirtualChannel.MoreThanLocked.selector, size + amount, ONE)
        );
    }

    function testFuzz_RefusesATurnThatIsNobodys(uint8 turn) external {
        if (turn <= ENDED) return;
        bytes memory reason = abi.encodeWithSelector(VirtualChannel.NoSuchTurn.selector, turn);
        refuses(opening(), pay(1, turn), reason);
        refuses(stateOf(0, turn), pay(1, 0), reason);
        isWorthless(stateOf(0, turn), reason);
    }

    function testFuzz_MoreOwedThanIsLockedIsWorthless(int64 owed) external {
        uint256 size = uint256(owed < 0 ? -int256(owed) : int256(owed));
        if (size <= ONE) return;
        isWorthless(stateOf(owed, 0), abi.encodeWithSelector(VirtualChannel.MoreThanLocked.selector, size, ONE));
    }

    /// @notice However it goes on, the sum of all payments is what counts.
    function testFuzz_KeepsCountOfManyPayments(uint64[16] calldata amounts, uint256 turns) external view {
        bytes memory state = opening();
        int256 owed;
        for (uint256 i; i < 16; ++i) {
            uint256 seat = turnOf(state);
            uint256 amount = amounts[i] % (ONE / 16);
            owed += seat == 0 ? int256(amount) : -int256(amount);
            state = play(state, seat, pay(amount, (turns >> i) % 2));
        }
        gives(state, owed > 0 ? [uint256(0), uint256(owed)] : [uint256(-owed), 0]);
    }
}
