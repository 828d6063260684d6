// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {LimitOrderExchange} from "../../../contracts/apps/LimitOrderExchange.sol";
import {RulesBase} from "./RulesBase.sol";

contract LimitOrderExchangeTest is RulesBase {
    uint256 private constant MAX_ORDERS = 16;

    function name() internal pure override returns (string memory) {
        return "LimitOrderExchange";
    }

    function opening() internal pure override returns (bytes memory) {
        return stateOf(0, 0, 0);
    }

    function stateOf(int64 base, int64 quote, uint8 turn) private pure returns (bytes memory) {
        return abi.encode(LimitOrderExchange.State(base, quote, turn, new LimitOrderExchange.Order[](0)));
    }

    function act(LimitOrderExchange.Action action) private pure returns (bytes memory) {
        return abi.encode(LimitOrderExchange.Move(action, 0, false, 0, 0));
    }

    function pass() private pure returns (bytes memory) {
        return act(LimitOrderExchange.Action.Pass);
    }

    function place(bool isSale, uint256 base, uint256 quote) private pure returns (bytes memory) {
        return abi.encode(LimitOrderExchange.Action.Place, 0, isSale, base, quote);
    }

    function cancel(uint256 order) private pure returns (bytes memory) {
        return abi.encode(LimitOrderExchange.Action.Cancel, order, false, 0, 0);
    }

    function fill(uint256 order, uint256 base) private pure returns (bytes memory) {
        return abi.encode(LimitOrderExchange.Action.Fill, order, false, base, 0);
    }

    function read(bytes memory state) private pure returns (LimitOrderExchange.State memory) {
        return abi.decode(state, (LimitOrderExchange.State));
    }

    /// @notice An order of party 0, and the turn of party 1.
    function offered(bool isSale, uint256 base, uint256 quote) private view returns (bytes memory) {
        return play(play(opening(), 0, place(isSale, base, quote)), 0, pass());
    }

    /// @notice What one party gains of an asset, the other one loses: four seats, two of which get something.
    function test_BothLegsOfATradeAreRecordedTogether() external view {
        gives(play(offered(true, 10, 300), 2, fill(0, 10)), list(0, 300, 10, 0));
        gives(play(offered(false, 10, 300), 2, fill(0, 10)), list(10, 0, 0, 300));
    }

    function test_PartyOnePlacesOrdersTheSameWay() external view {
        bytes memory state = play(play(stateOf(0, 0, 1), 2, place(true, 10, 300)), 2, pass());
        gives(play(state, 0, fill(0, 10)), list(10, 0, 0, 300));
        state = play(play(stateOf(0, 0, 1), 2, place(false, 10, 300)), 2, pass());
        gives(play(state, 0, fill(0, 10)), list(0, 300, 10, 0));
    }

    /// @notice Trades net: what was bought and sold again leaves the difference of the prices.
    function test_TradesAreNetted() external view {
        bytes memory state = play(offered(true, 10, 300), 2, fill(0, 10));
        state = play(play(state, 2, place(true, 10, 250)), 2, pass());
        gives(play(state, 0, fill(0, 10)), list(0, 50, 0, 0));
    }

    /// @notice Both assets may be gained by the same party.
    function test_OnePartyMayGainBoth() external view {
        gives(stateOf(5, 7, 0), list(5, 7, 0, 0));
        gives(stateOf(-5, -7, 1), list(0, 0, 5, 7));
    }

    /// @notice Parts are filled at the price of the whole, rounded in favour of who placed the order.
    function test_FillsInParts() external view {
        bytes memory state = play(offered(true, 10, 33), 2, fill(0, 3));
        gives(state, list(0, 10, 3, 0));
        vm.assertEq(read(state).orders[0].base, 7, "base left");
        vm.assertEq(read(state).orders[0].quote, 23, "quote left");
        state = play(state, 2, fill(0, 7));
        gives(state, list(0, 33, 10, 0));
        vm.assertEq(read(state).orders.length, 0, "all filled");
        gives(play(offered(false, 10, 33), 2, fill(0, 3)), list(3, 0, 0, 9));
    }

    /// @notice The last order takes the place of the one that leaves.
    function test_CancelsOwnOrders() external view {
        bytes memory state = opening();
        for (uint256 i = 1; i <= 3; ++i) {
            state = play(state, 0, place(true, i, 1));
        }
        LimitOrderExchange.Order[] memory left = read(play(state, 0, cancel(0))).orders;
        vm.assertEq(left.length, 2, "left");
        vm.assertEq(left[0].base, 3, "the last one moved");
        vm.assertEq(left[1].base, 2, "the second one stayed");
    }

    function test_ClosingEndsIt() external {
        bytes memory state = play(play(offered(true, 10, 300), 2, fill(0, 4)), 2, act(LimitOrderExchange.Action.Close));
        gives(state, list(0, 120, 4, 0));
        for (uint256 i; i <= uint256(type(LimitOrderExchange.Action).max); ++i) {
            isOver(state, act(LimitOrderExchange.Action(i)), LimitOrderExchange.Over.selector);
        }
    }

    function test_RefusesWhatIsOnlyForTheOtherParty() external {
        bytes memory state = offered(true, 10, 300);
        bytes memory reason = abi.encodeWithSelector(LimitOrderExchange.WrongParty.selector, 0);
        refuses(state, cancel(0), reason);
        refuses(play(state, 2, pass()), fill(0, 1), reason);
    }

    function testFuzz_RefusesAnOrderThatIsNone(uint8 order) external {
        if (order == 0) return;
        bytes memory reason = abi.encodeWithSelector(LimitOrderExchange.NoSuchOrder.selector, order, 1);
        refuses(offered(true, 10, 300), fill(order, 1), reason);
        refuses(offered(true, 10, 300), cancel(order), reason);
    }

    function test_RefusesSizesThatAreNone() external {
        bytes4 reason = LimitOrderExchange.WrongSize.selector;
        refuses(opening(), place(true, 0, 1), abi.encodeWithSelector(reason, 0, 1));
        refuses(opening(), place(true, 1, 0), abi.encodeWithSelector(reason, 1, 0));
        refuses(offered(true, 10, 300), fill(0, 0), abi.encodeWithSelector(reason, 0, 300));
        refuses(offered(true, 10, 300), fill(0, 11), abi.encodeWithSelector(reason, 11, 300));
    }

    /// @notice The book is bounded, and a full one is well within the limits of gas and bytes.
    function test_RefusesMoreOrdersThanTheBookHolds() external {
        bytes memory state = opening();
        for (uint256 i; i < MAX_ORDERS; ++i) {
            state = play(state, 0, place(true, 10, 300));
        }
        bytes memory reason = abi.encodeWithSelector(
            LimitOrderExchange.TooManyOrders.selector,
            MAX_ORDERS + 1,
            MAX_ORDERS
        );
        refuses(state, place(true, 10, 300), reason);
        play(play(state, 0, pass()), 2, fill(0, 10));
    }

    /// @notice Nobody can come to owe more than is locked, of both assets together.
    function testFuzz_RefusesTradesBeyondWhatIsLocked(uint64 base, uint64 quote, bool isSale) external {
        if (base == 0 || quote == 0 || uint256(base) + quote <= ONE) return;
        bytes memory reason = abi.encodeWithSelector(
            LimitOrderExchange.MoreThanLocked.selector,
            uint256(base) + quote,
            ONE
        );
        refuses(offered(isSale, base, quote), fill(0, base), reason);
    }

    function test_StatesThatNobodyShouldAgreeToAreWorthless() external {
        isWorthless(stateOf(0, 0, 3), abi.encodeWithSelector(LimitOrderExchange.NoSuchTurn.selector, 3));
        bytes4 tooMuch = LimitOrderExchange.MoreThanLocked.selector;
        isWorthless(stateOf(1, -1e18, 0), abi.encodeWithSelector(tooMuch, ONE + 1, ONE));
        isWorthless(stateOf(type(int64).min, 0, 0), abi.encodeWithSelector(tooMuch, uint256(1 << 63), ONE));
        LimitOrderExchange.State memory state = read(offered(true, 10, 300));
        state.orders[0].party = 2;
        isWorthless(abi.encode(state), abi.encodeWithSelector(LimitOrderExchange.WrongParty.selector, 2));
        (state.orders[0].party, state.orders[0].base) = (0, 0);
        isWorthless(abi.encode(state), abi.encodeWithSelector(LimitOrderExchange.WrongSize.selector, 0, 300));
        state.orders = new LimitOrderExchange.Order[](MAX_ORDERS + 1);
        isWorthless(
            abi.encode(state),
            abi.encodeWithSelector(LimitOrderExchange.TooManyOrders.selector, MAX_ORDERS + 1, MAX_ORDERS)
        );
    }

    /// @notice However it is filled, the maker gets no worse price than it asked for, and all of it pays exactly that.
    function testFuzz_PartsAreNeverCheaperThanTheWhole(
        uint64 base,
        uint64 quote,
        uint64[4] calldata parts
    ) external view {
        (base, quote) = (1 + (base % uint64(ONE / 2)), 1 + (quote % uint64(ONE / 2)));
        bytes memory state = offered(true, base, quote);
        uint256 left = base;
        for (uint256 i; i <= 4 && left != 0; ++i) {
            uint256 part = i == 4 ? left : 1 + (parts[i] % left);
            state = play(state, 2, fill(0, part));
            left -= part;
            vm.assertGe(valuesOf(state)[1] * base, quote * (base - left), "no cheaper");
        }
        gives(state, list(0, quote, base, 0));
    }
}
