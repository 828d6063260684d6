// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title Two parties trade a base asset for a quote asset by limit orders, delivery versus payment
/// @notice Each party gains or loses both assets, and a seat has one value. So each party holds two seats: 0 and 1 of party 0, 2 and 3 of party 1;
/// the even one moves and gets what its party has gained of the base, the odd one what it has gained of the quote. All four are recorded
/// at once, by one net: no asset moves without the other.
/// The party on turn places, cancels and fills as it likes, until it passes. Any trade counts at once, so silence costs nothing: the net stands.
/// While the other party is on turn, an order cannot be cancelled. Price it for as long as a budget may last.
/// Opening state: no trades, no orders, and a turn. Money: both parties lock the same amount of the base to the other's even seat, and of the
/// quote to its odd seat, by the key of that seat. Orders are in parts of these. All values together are 1e18 at most, so a trade is
/// legal only while the nets of both assets make no more than that: with twice what is to be traded of either, nothing is ever refused.
contract LimitOrderExchange is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant NOBODY = type(uint256).max;
    /// @dev Whose turn it is once trading is closed.
    uint256 private constant CLOSED = 2;
    uint256 private constant MAX_ORDERS = 16;

    enum Action {
        Pass,
        Place,
        Cancel,
        Fill,
        Close
    }

    /// @param party Who placed it, 0 or 1.
    /// @param sells The base for the quote; else it buys.
    /// @param base How much of it is left.
    /// @param quote For all of that.
    struct Order {
        uint8 party;
        bool sells;
        uint64 base;
        uint64 quote;
    }

    /// @param base What party 0 has gained of it and party 1 lost; negative: lost and gained.
    /// @param quote Likewise.
    /// @param turn A party; 2: trading is closed.
    struct State {
        int64 base;
        int64 quote;
        uint8 turn;
        Order[] orders;
    }

    /// @param order To cancel or fill: its place in the list. The last order takes the place of one that leaves.
    /// @param sells To place.
    /// @param base To place or to fill.
    /// @param quote To place.
    struct Move {
        Action action;
        uint8 order;
        bool sells;
        uint64 base;
        uint64 quote;
    }

    error Over();
    error NoSuchTurn(uint256 turn);
    error TooManyOrders(uint256 count, uint256 max);
    error NoSuchOrder(uint256 order, uint256 count);
    /// @notice Parties cancel their own orders and fill those of the other one.
    error WrongParty(uint256 party);
    /// @notice An order or a fill of nothing, or a fill of more than is left.
    error WrongSize(uint256 base, uint256 quote);
    /// @notice More than is locked would be owed.
    error MoreThanLocked(uint256 owed, uint256 max);

    /// @notice Never called: it puts both types into the ABI.
    function types(State calldata state, Move calldata move) external pure {}

    /// @inheritdoc IApp
    function turn(bytes calldata state) external pure returns (uint256) {
        return _turn(_read(state));
    }

    /// @inheritdoc IApp
    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        State memory next = _read(state);
        Move memory one = abi.decode(move, (Move));
        require(next.turn != CLOSED, Over());
        if (one.action == Action.Pass) next.turn = 1 - next.turn;
        else if (one.action == Action.Close) next.turn = uint8(CLOSED);
        else if (one.action == Action.Place) _place(next, one);
        else if (one.action == Action.Cancel) _cancel(next, one);
        else _fill(next, one);
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory last = _read(state);
        values = new uint256[](4);
        values[last.base > 0 ? 0 : 2] = _size(last.base);
        values[last.quote > 0 ? 1 : 3] = _size(last.quote);
    }

    // ---------------------------------------------------------------- state

    /// @dev What nobody should have agreed to has no turn and no outcome, so that all stakes go back.
    function _read(bytes calldata state) private pure returns (State memory read) {
        read = abi.decode(state, (State));
        require(read.turn <= CLOSED, NoSuchTurn(read.turn));
        uint256 count = read.orders.length;
        require(count <= MAX_ORDERS, TooManyOrders(count, MAX_ORDERS));
        for (uint256 i; i < count; ++i) {
            Order memory order = read.orders[i];
            require(order.party < CLOSED, WrongParty(order.party));
            require(order.base != 0, WrongSize(order.base, order.quote));
        }
        _requireLocked(read.base, read.quote);
    }

    function _turn(State memory state) private pure returns (uint256) {
        return state.turn == CLOSED ? NOBODY : 2 * uint256(state.turn);
    }

    function _requireLocked(int256 base, int256 quote) private pure {
        uint256 owed = _size(base) + _size(quote);
        require(owed <= ONE, MoreThanLocked(owed, ONE));
    }

    function _size(int256 amount) private pure returns (uint256) {
        return uint256(amount < 0 ? -amount : amount);
    }

    // ---------------------------------------------------------------- orders

    function _place(State memory state, Move memory one) private pure {
        uint256 count = state.orders.length;
        require(count < MAX_ORDERS, TooManyOrders(count + 1, MAX_ORDERS));
        require(one.base != 0 && one.quote != 0, WrongSize(one.base, one.quote));
        Order[] memory longer = new Order[](count + 1);
        for (uint256 i; i < count; ++i) {
            longer[i] = state.orders[i];
        }
        longer[count] = Order(state.turn, one.sells, one.base, one.quote);
        state.orders = longer;
    }

    function _cancel(State memory state, Move memory one) private pure {
        _requireOrder(state, one.order, state.turn);
        _remove(state, one.order);
    }

    function _fill(State memory state, Move memory one) private pure {
        Order memory order = _requireOrder(state, one.order, 1 - state.turn);
        require(one.base != 0 && one.base <= order.base, WrongSize(one.base, order.quote));
        uint64 price = _priceOf(order, one.base);
        _trade(state, (order.party == 1) == order.sells, one.base, price);
        (order.base, order.quote) = (order.base - one.base, order.quote - price);
        if (order.base == 0) _remove(state, one.order);
    }

    /// @dev Rounded in favour of who placed the order: filling it in small parts must not make it cheaper.
    function _priceOf(Order memory order, uint256 base) private pure returns (uint64) {
        uint256 product = base * order.quote;
        return uint64((order.sells ? product + order.base - 1 : product) / order.base);
    }

    /// @param gains Party 0 gets the base and pays the quote; else party 1 does.
    function _trade(State memory state, bool gains, uint256 base, uint256 quote) private pure {
        int256 sign = gains ? int256(1) : -1;
        int256 nextBase = state.base + sign * int256(base);
        int256 nextQuote = state.quote - sign * int256(quote);
        _requireLocked(nextBase, nextQuote);
        (state.base, state.quote) = (int64(nextBase), int64(nextQuote));
    }

    function _requireOrder(State memory state, uint256 place, uint256 party) private pure returns (Order memory order) {
        require(place < state.orders.length, NoSuchOrder(place, state.orders.length));
        order = state.orders[place];
        require(order.party == party, WrongParty(order.party));
    }

    function _remove(State memory state, uint256 place) private pure {
        uint256 count = state.orders.length - 1;
        Order[] memory shorter = new Order[](count);
        for (uint256 i; i < count; ++i) {
            shorter[i] = state.orders[i == place ? count : i];
        }
        state.orders = shorter;
    }
}
