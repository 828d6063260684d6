// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../../contracts/interfaces/IApp.sol";
import {Rules} from "../../contracts/libraries/Rules.sol";

/// @dev A game of two: take one to three of a heap; whoever takes the last one wins.
contract Nim is IApp {
    struct State {
        uint16 heap;
        uint8 seat;
        uint32 moves;
    }

    struct Move {
        uint16 take;
    }

    error TooMany(uint256 taken, uint256 heap);

    uint256 private immutable MOST;

    constructor(uint256 most) {
        require(most > 0, "nothing to take");
        MOST = most;
    }

    function types(State calldata, Move calldata) external pure {}

    function turn(bytes calldata state) external pure returns (uint256) {
        State memory s = abi.decode(state, (State));
        return s.heap == 0 ? type(uint256).max : s.seat;
    }

    function advance(bytes calldata state, bytes calldata move) external view returns (bytes memory) {
        State memory s = abi.decode(state, (State));
        Move memory m = abi.decode(move, (Move));
        require(m.take > 0 && m.take <= MOST, "take one to three");
        require(m.take <= s.heap, TooMany(m.take, s.heap));
        return abi.encode(State(s.heap - m.take, 1 - s.seat, s.moves + 1));
    }

    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        State memory s = abi.decode(state, (State));
        values = new uint256[](2);
        values[1 - s.seat] = 1e18;
    }
}

/// @dev The state says what it does to those who ask: a kind, then bytes.
contract HostileApp is IApp {
    function turn(bytes calldata state) external pure returns (uint256) {
        _misbehave(state);
        return 0;
    }

    function advance(bytes calldata state, bytes calldata) external pure returns (bytes memory) {
        _misbehave(state);
        return state;
    }

    function outcome(bytes calldata state) external pure returns (uint256[] memory) {
        _misbehave(state);
        return new uint256[](2);
    }

    function _misbehave(bytes calldata state) private pure {
        bytes memory rest = state[1:];
        uint8 kind = uint8(state[0]);
        if (kind == 0) revert();
        if (kind == 1) {
            assembly ("memory-safe") {
                for {} 1 {} {}
            }
        }
        if (kind == 2) {
            assembly ("memory-safe") {
                return(0, 1000000)
            }
        }
        if (kind == 3) {
            assembly ("memory-safe") {
                revert(0, 1000000)
            }
        }
        // Whatever the state says, as an answer or as a reason.
        if (kind == 4) {
            assembly ("memory-safe") {
                return(add(rest, 0x20), mload(rest))
            }
        }
        if (kind == 5) {
            assembly ("memory-safe") {
                revert(add(rest, 0x20), mload(rest))
            }
        }
        if (kind == 6) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (kind == 7) assert(rest.length == 77);
        if (kind == 8) {
            // Memory as far as the gas goes.
            assembly ("memory-safe") {
                mstore(shl(200, 1), 1)
            }
        }
    }
}

/// @dev Its rules change with the time.
contract ClockApp is IApp {
    function turn(bytes calldata) external view returns (uint256) {
        return block.timestamp % 2;
    }

    function advance(bytes calldata state, bytes calldata) external pure returns (bytes memory) {
        return state;
    }

    function outcome(bytes calldata) external pure returns (uint256[] memory) {
        return new uint256[](2);
    }
}

/// @dev A move is a signature of the state: an app that calls precompiles.
contract NotaryApp is IApp {
    error WrongSigner(address signer);

    function turn(bytes calldata) external pure returns (uint256) {
        return 1;
    }

    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = abi.decode(move, (uint8, bytes32, bytes32));
        address signer = ecrecover(sha256(state), v, r, s);
        require(signer == address(uint160(uint256(bytes32(state)))), WrongSigner(signer));
        return abi.encodePacked(ripemd160(state));
    }

    function outcome(bytes calldata) external pure returns (uint256[] memory) {
        return new uint256[](2);
    }
}

/// @dev How the arbiter judges.
contract RulesHarness {
    function turn(address app, bytes calldata state, uint256 seats) external view returns (uint256) {
        return Rules.turn(app, state, seats);
    }

    function advance(
        address app,
        bytes calldata state,
        bytes calldata move
    ) external view returns (bool ok, bytes memory next) {
        return Rules.advance(app, state, move);
    }

    function outcome(address app, bytes calldata state, uint256 seats) external view returns (uint256[] memory) {
        return Rules.outcome(app, state, seats);
    }
}
