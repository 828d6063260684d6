// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../interfaces/IApp.sol";

/// @title Rock, paper, scissors in three moves: seat 0 commits itself, seat 1 shows its hand, seat 0 reveals
/// @notice Seat 1 plays in the open, since by then seat 0 is bound. So there is one commitment only, and none to be copied.
/// The winner gets all, equal hands are half and half. Whoever does not move has lost: seat 0 gains nothing by not revealing.
/// The commitment is `keccak256(abi.encode(hand, salt))`. The salt is 32 random bytes, new for each game: without one, three guesses find the
/// hand, and a salt that has been revealed before is none. Opening state: all zero. Money: each seat locks its stake to the other by the
/// other's key.
contract RockPaperScissors is IApp {
    uint256 private constant ONE = 1e18;
    uint256 private constant NOBODY = type(uint256).max;

    /// @dev Each hand loses to the next one, and the last to the first.
    enum Hand {
        None,
        Rock,
        Paper,
        Scissors
    }

    /// @param hands `None` until it is shown.
    struct State {
        bytes32 commitment;
        Hand[2] hands;
    }

    /// @notice Seat 0: `commitment`; seat 1: `hand`; seat 0: `hand` and `salt`. The other fields are not read.
    struct Move {
        bytes32 commitment;
        Hand hand;
        bytes32 salt;
    }

    error Over();
    /// @notice Zero stands for none.
    error NoCommitment();
    error NoHand();
    error WrongCommitment(bytes32 expected, bytes32 actual);

    /// @notice Never called: it puts both types into the ABI.
    function types(State calldata state, Move calldata move) external pure {}

    /// @inheritdoc IApp
    function turn(bytes calldata state) external pure returns (uint256) {
        return _turn(abi.decode(state, (State)));
    }

    /// @inheritdoc IApp
    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        State memory next = abi.decode(state, (State));
        Move memory one = abi.decode(move, (Move));
        uint256 seat = _turn(next);
        require(seat != NOBODY, Over());
        if (next.commitment == 0) {
            require(one.commitment != 0, NoCommitment());
            next.commitment = one.commitment;
        } else {
            if (seat == 0) _requireOpened(next.commitment, one);
            require(one.hand != Hand.None, NoHand());
            next.hands[seat] = one.hand;
        }
        return abi.encode(next);
    }

    /// @inheritdoc IApp
    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory last = abi.decode(state, (State));
        values = new uint256[](2);
        uint256 seat = _turn(last);
        if (seat != NOBODY) values[1 - seat] = ONE;
        else if (last.hands[0] == last.hands[1]) (values[0], values[1]) = (ONE / 2, ONE / 2);
        else values[_beats(last.hands[0], last.hands[1]) ? 0 : 1] = ONE;
    }

    function _turn(State memory state) private pure returns (uint256) {
        if (state.commitment == 0) return 0;
        if (state.hands[1] == Hand.None) return 1;
        return state.hands[0] == Hand.None ? 0 : NOBODY;
    }

    /// @dev Who committed itself to no hand can reveal none, and loses.
    function _requireOpened(bytes32 expected, Move memory one) private pure {
        bytes32 actual = keccak256(abi.encode(one.hand, one.salt));
        require(actual == expected, WrongCommitment(expected, actual));
    }

    function _beats(Hand one, Hand other) private pure returns (bool) {
        return (uint256(one) + 3 - uint256(other)) % 3 == 1;
    }
}
