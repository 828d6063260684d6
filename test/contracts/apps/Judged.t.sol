// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {LimitOrderExchange} from "../../../contracts/apps/LimitOrderExchange.sol";
import {SealedBidAuction} from "../../../contracts/apps/SealedBidAuction.sol";
import {TicTacToe} from "../../../contracts/apps/TicTacToe.sol";
import {IApp} from "../../../contracts/interfaces/IApp.sol";
import {ArbiterBase, Game, Stand} from "../ArbiterBase.sol";

/// @title Example apps before the arbiter: played by force, and with signers that hold several seats
contract JudgedTest is ArbiterBase {
    function gameOf(string memory name, uint256[] memory keys) private returns (Game memory) {
        return gameOf(deploy(name, ""), now_() + LENGTH, BUDGET, keys);
    }

    /// @notice Who holds several seats in a row signs once.
    function beginAt(Game memory g, bytes memory state) private returns (Stand memory) {
        bytes[] memory all = envelopes(g, 1, state);
        for (uint256 i = all.length - 1; i > 0; --i) {
            if (g.keys[i] == g.keys[i - 1]) all[i] = "";
        }
        submit(g, 1, state, sized(all), "");
        return agreed(g, 1, state);
    }

    function force(Game memory g, Stand memory s, uint256 seat, bytes memory one) private returns (Stand memory) {
        bytes memory next = IApp(g.app).advance(s.state, one);
        bytes memory envelope = envelopeOf(g.keys[seat], digestOf(g, FORCED, s.version + 1, next));
        move(g, s, bytes.concat(sized(one), sized(envelope)));
        return moved(s, seat, 0, next);
    }

    function assertGives(Game memory g, uint256[] memory values) private view {
        for (uint256 i; i < values.length; ++i) {
            assertGets(g, i, values[i]);
        }
    }

    /// @notice A game without a single agreed move: the winner gets all once it is over.
    function test_AGameIsPlayedByForce() external {
        Game memory g = gameOf("TicTacToe", keysOf(2));
        TicTacToe.State memory empty;
        Stand memory s = beginAt(g, abi.encode(empty));
        bytes memory cells = hex"0004010802";
        for (uint256 i; i < cells.length; ++i) {
            s = force(g, s, i % 2, abi.encode(uint8(cells[i])));
        }
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        uint256[] memory values = new uint256[](2);
        values[0] = ONE;
        assertGives(g, values);
    }

    /// @notice Two signers hold four seats. A trade by force, then silence: both legs are recorded in one transaction.
    function test_BothLegsOfATradeAreRecordedAtOnce() external {
        uint256[] memory keys = keysOf(4);
        (keys[1], keys[3]) = (keys[0], keys[2]);
        Game memory g = gameOf("LimitOrderExchange", keys);
        LimitOrderExchange.Order[] memory orders = new LimitOrderExchange.Order[](1);
        orders[0] = LimitOrderExchange.Order(0, true, 10, 300);
        Stand memory s = beginAt(g, abi.encode(LimitOrderExchange.State(0, 0, 1, orders)));
        s = force(g, s, 2, abi.encode(LimitOrderExchange.Move(LimitOrderExchange.Action.Fill, 0, false, 10, 0)));
        assertUndecided(g);
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        uint256[] memory values = new uint256[](4);
        (values[1], values[2]) = (300, 10);
        assertGives(g, values);
    }

    /// @notice The most seats there are, half of them the seller's: one bidder never reveals and pays it all that it has locked.
    function test_ABidderThatDoesNotRevealPaysAll() external {
        uint256[] memory keys = keysOf(16);
        for (uint256 i = 1; i < 8; ++i) {
            keys[i] = keys[0];
        }
        Game memory g = gameOf("SealedBidAuction", keys);
        bytes32[] memory commitments = new bytes32[](8);
        for (uint256 i; i < 8; ++i) {
            commitments[i] = keccak256(abi.encode(8 + i, 20 + i, bytes32(i)));
        }
        SealedBidAuction.State memory sealed_ = SealedBidAuction.State(8, true, 0, 0, commitments, new uint64[](0));
        Stand memory s = beginAt(g, abi.encode(sealed_));
        for (uint256 i; i < 5; ++i) {
            s = force(g, s, 8 + i, abi.encode(SealedBidAuction.Move(0, uint64(20 + i), bytes32(i))));
        }
        vm.warp(now_() + BUDGET + 1);
        conclude(g, s);
        uint256[] memory values = new uint256[](16);
        values[5] = ONE;
        assertGives(g, values);
    }
}
