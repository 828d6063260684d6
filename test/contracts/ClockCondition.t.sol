// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ClockCondition} from "../../contracts/conditions/ClockCondition.sol";
import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {Base} from "./Base.t.sol";

contract ClockConditionTest is Base {
    ICondition private condition;

    function setUp() public override {
        super.setUp();
        condition = ICondition(deploy("ClockCondition", ""));
    }

    function tooEarly(uint256 time) private {
        vm.expectRevert(abi.encodeWithSelector(ClockCondition.TooEarly.selector, now_(), time));
        condition.evaluate(abi.encode(time), "");
    }

    /// @notice No answer before its time, and then one for ever.
    function testFuzz_AnswersFromItsTimeOn(uint32 time, uint32 moment, uint32 later) external {
        vm.warp(moment);
        bytes memory data = abi.encode(time);
        if (moment < time) {
            tooEarly(time);
            vm.warp(time);
        }
        vm.assertEq(condition.evaluate(data, ""), 1e18, "from then on");
        vm.warp(now_() + later);
        vm.assertEq(condition.evaluate(data, ""), 1e18, "and always");
    }

    function test_TheTimeItselfIsTheBorder() external {
        tooEarly(now_() + 1);
        vm.assertEq(condition.evaluate(abi.encode(now_()), ""), 1e18, "at the time");
    }

    /// @notice The greatest time never comes; nothing overflows.
    function test_NeverAnswersAtTheEndOfTime() external {
        vm.warp(type(uint64).max);
        tooEarly(type(uint256).max);
    }

    /// @notice What is recorded is when somebody asked, not the clock's time.
    function test_IsRecordedWhenItIsAsked() external {
        bytes memory data = abi.encode(now_());
        vm.warp(now_() + 5);
        registry.record(address(condition), data, "");
        (, uint256 recordedAt) = registry.outcome(keyOf(address(condition), data));
        vm.assertEq(recordedAt, now_(), "recordedAt");
    }

    /// @notice C45: garbage is no time.
    function testFuzz_C45_RefusesMalformedData(bytes calldata data) external {
        if (data.length >= 32) return;
        vm.expectRevert();
        condition.evaluate(data, "");
    }
}
