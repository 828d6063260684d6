// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vm} from "../Vm.sol";
import {HouseHonest} from "./HouseHonest.sol";

/// @title What holds of a house whose operator is honest, whatever is demanded of it
contract HouseHonestInvariants {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    HouseHonest private handler;

    function setUp() external {
        handler = new HouseHonest();
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

    /// @notice Nobody halts it; every commit and answer is taken (the handler reverts otherwise), and the court holds the open bonds.
    /// forge-config: default.invariant.runs = 6
    /// forge-config: default.invariant.depth = 96
    function invariant_AnHonestHouseIsNeverHalted() external view {
        vm.assertTrue(handler.house().isRunning(), "it runs");
        vm.assertEq(handler.inCourt(), handler.bonds(), "bonds");
    }

    /// @notice The walk is a real one.
    function test_TheWalkReachesEveryAnswer() external {
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < 250; ++i) {
            bytes memory args = abi.encode(rand(i, 0), rand(i, 1), rand(i, 2), rand(i, 3), rand(i, 4));
            bytes4 action = actions[rand(i, 5) % actions.length];
            (bool ok, bytes memory reason) = address(handler).call(bytes.concat(action, args));
            vm.assertTrue(ok, string(reason));
            this.invariant_AnHonestHouseIsNeverHalted();
        }
        string[5] memory names = ["lock", "honest", "challenge", "answer", "leave"];
        for (uint256 i; i < names.length; ++i) {
            vm.assertGe(handler.count(names[i]), 3, names[i]);
        }
    }

    function rand(uint256 step, uint256 which) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(step, which)));
    }
}
