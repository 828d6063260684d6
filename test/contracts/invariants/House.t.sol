// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "../Vm.sol";
import {HouseHandler} from "./HouseHandler.sol";

/// @title What holds of a house whatever its operator and its members do
contract HouseInvariants {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    HouseHandler private handler;
    mapping(string action => uint256) private done;

    function setUp() external {
        handler = new HouseHandler();
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(handler), handler.actions());
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    /// @notice What can still be claimed is there, whichever epoch turns out to be the last final one.
    /// forge-config: default.invariant.runs = 12
    /// forge-config: default.invariant.depth = 128
    function invariant_AHouseNeverOwesMoreThanItHolds() external view {
        uint256 last = handler.house().isSettled() ? handler.house().finalized() : handler.house().lastCommitted();
        for (uint256 e = handler.house().finalized(); e <= last; ++e) {
            vm.assertGe(handler.free(0), handler.owed(e, 0), "coins");
            vm.assertGe(handler.free(1), handler.owed(e, 1), "tokens");
        }
    }

    /// @notice The walk is a real one: what it does is done at least once.
    function test_TheWalkReachesEveryAction() external {
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < 1200; ++i) {
            bytes memory args = abi.encode(rand(i, 0), rand(i, 1), rand(i, 2), rand(i, 3), rand(i, 4));
            (bool ok, bytes memory reason) = address(handler).call(
                bytes.concat(actions[rand(i, 5) % actions.length], args)
            );
            vm.assertTrue(ok, string(reason));
            this.invariant_AHouseNeverOwesMoreThanItHolds();
            if (i % 150 == 149) next();
        }
        string[9] memory names = ["deposit", "lock", "honest", "lie", "refused", "collect", "exit", "refund", "leave"];
        for (uint256 i; i < names.length; ++i) {
            vm.assertGe(done[names[i]], 1, names[i]);
        }
    }

    /// @dev A house ends soon in such hands: on with another.
    function next() private {
        string[9] memory names = ["deposit", "lock", "honest", "lie", "refused", "collect", "exit", "refund", "leave"];
        for (uint256 i; i < names.length; ++i) {
            done[names[i]] += handler.count(names[i]);
        }
        handler = new HouseHandler();
    }

    function rand(uint256 step, uint256 which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(step, which)));
    }
}
