// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IApp} from "../../../contracts/interfaces/IApp.sol";

/// @title Rules that leave everything to the test: a move is the next state
/// @dev State: `turn uint8 | seats uint8 | seats x value uint64 | anything`. Only an empty move is illegal.
contract FreeApp is IApp {
    error EmptyMove();

    function turn(bytes calldata state) public view virtual returns (uint256) {
        return uint8(state[0]);
    }

    function advance(bytes calldata, bytes calldata move) public view virtual returns (bytes memory) {
        require(move.length != 0, EmptyMove());
        return move;
    }

    function outcome(bytes calldata state) public view virtual returns (uint256[] memory values) {
        values = new uint256[](uint8(state[1]));
        for (uint256 i; i < values.length; ++i) {
            values[i] = uint64(bytes8(state[2 + 8 * i:]));
        }
    }
}

/// @title Answers one of its three questions in a way of its own
contract MoodyApp is FreeApp {
    enum Mood {
        Honest,
        Reverts,
        RevertsLong,
        Loops,
        Raw,
        Bomb,
        Writes,
        CallsBack
    }

    bytes4 private which;
    Mood private mood;
    bytes private raw;
    address private target;
    uint256 private written;

    function set(bytes4 which_, Mood mood_) external {
        (which, mood) = (which_, mood_);
    }

    function setRaw(bytes4 which_, bytes calldata raw_) external {
        (which, mood, raw) = (which_, Mood.Raw, raw_);
    }

    function setCall(bytes4 which_, address target_, bytes calldata call) external {
        (which, mood, target, raw) = (which_, Mood.CallsBack, target_, call);
    }

    function turn(bytes calldata state) public view override returns (uint256) {
        _mind();
        return super.turn(state);
    }

    function advance(bytes calldata state, bytes calldata move) public view override returns (bytes memory) {
        _mind();
        return super.advance(state, move);
    }

    function outcome(bytes calldata state) public view override returns (uint256[] memory) {
        _mind();
        return super.outcome(state);
    }

    function write() external {
        written = 1;
    }

    function _mind() private view {
        if (msg.sig != which || mood == Mood.Honest) return;
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.RevertsLong) _end(1_000_000, true);
        if (mood == Mood.Bomb) _end(1_000_000, false);
        if (mood == Mood.Raw) _answer(raw);
        while (mood == Mood.Loops) {}
        if (mood == Mood.CallsBack) _try(target, raw);
        if (mood == Mood.Writes) _try(address(this), abi.encodeCall(this.write, ()));
    }

    /// @dev Goes wrong if the call succeeds.
    function _try(address to, bytes memory call) private view {
        (bool ok, ) = to.staticcall(call);
        require(!ok, "the call went through");
    }

    function _answer(bytes memory all) private pure {
        assembly {
            return(add(all, 0x20), mload(all))
        }
    }

    function _end(uint256 size, bool fails) private pure {
        assembly {
            if fails {
                revert(0, size)
            }
            return(0, size)
        }
    }
}

/// @title Answers by the gas it has
contract GasApp is FreeApp {
    function turn(bytes calldata) public view override returns (uint256) {
        return gasleft() > 490_000 ? 1 : 0;
    }

    function outcome(bytes calldata state) public view override returns (uint256[] memory values) {
        values = super.outcome(state);
        if (gasleft() < 490_000) values[0] = 1e17;
    }
}

/// @title Two ends of a channel share what is in it; nobody ever moves: each state counts that both have signed
/// @dev State: what seat 1 has, in parts of 1e18, as uint64.
contract VirtualApp is IApp {
    uint256 private constant ONE = 1e18;

    function turn(bytes calldata) external pure returns (uint256) {
        return type(uint256).max;
    }

    function advance(bytes calldata, bytes calldata) external pure returns (bytes memory) {
        revert("nobody moves");
    }

    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        values = new uint256[](2);
        values[1] = uint64(bytes8(state));
        values[0] = ONE - values[1];
    }
}

/// @title Its constructor leaves no code, or code that can be destroyed in the transaction that made it
contract Vanishing {
    constructor(bool empty) {
        if (empty) {
            assembly {
                return(0, 0)
            }
        }
    }
}

/// @title Deploys again while it is deployed
contract DeploysAgain {
    constructor(address arbiter, bytes memory call) {
        (bool ok, ) = arbiter.call(call);
        require(ok, "deployed twice");
    }
}

/// @title Seats give points away, in turns, for a number of moves; whoever is silent on its turn gets nothing
/// @dev State: `turn uint8 | left uint8 | seats uint8 | seats x points uint32`, of 1,000 points in all. Move: `to uint8 | points uint32`.
contract GivingApp is IApp {
    uint256 private constant POINT = 1e15;

    error TooMany(uint256 points, uint256 held);

    function turn(bytes calldata state) external pure returns (uint256) {
        return uint8(state[1]) == 0 ? type(uint256).max : uint8(state[0]);
    }

    function advance(bytes calldata state, bytes calldata move) external pure returns (bytes memory next) {
        uint256 seat = uint8(state[0]);
        uint32 points = uint32(bytes4(move[1:]));
        require(points <= pointsOf(state, seat), TooMany(points, pointsOf(state, seat)));
        uint8 seats = uint8(state[2]);
        next = abi.encodePacked(uint8((seat + 1) % seats), uint8(state[1]) - 1, seats);
        for (uint256 i; i < seats; ++i) {
            uint32 held = pointsOf(state, i);
            if (i == seat) held -= points;
            if (i == uint8(move[0])) held += points;
            next = abi.encodePacked(next, held);
        }
    }

    function outcome(bytes calldata state) external pure returns (uint256[] memory values) {
        values = new uint256[](uint8(state[2]));
        for (uint256 i; i < values.length; ++i) {
            bool silent = uint8(state[1]) != 0 && i == uint8(state[0]);
            if (!silent) values[i] = POINT * pointsOf(state, i);
        }
    }

    function pointsOf(bytes calldata state, uint256 seat) public pure returns (uint32) {
        return uint32(bytes4(state[3 + 4 * seat:]));
    }
}
