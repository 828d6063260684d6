// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {PointCondition} from "../../contracts/conditions/PointCondition.sol";
import {ICondition} from "../../contracts/interfaces/ICondition.sol";
import {Base} from "./Base.t.sol";

/// @title secp256k1 by the textbook: doubling and adding
library Curve {
    uint256 internal constant P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f;
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    uint256 private constant GX = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;
    uint256 private constant GY = 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8;

    /// @notice k·G for 0 < k < the order, so that no sum here is the point at infinity.
    function mul(uint256 k) internal view returns (uint256 x, uint256 y) {
        (uint256 gx, uint256 gy) = (GX, GY);
        for (; k != 0; k >>= 1) {
            if (k & 1 == 1) (x, y) = x == 0 ? (gx, gy) : add(x, y, gx, gy);
            if (k != 1) (gx, gy) = double(gx, gy);
        }
    }

    function double(uint256 x, uint256 y) private view returns (uint256, uint256) {
        return line(x, y, x, mulmod(mulmod(3, mulmod(x, x, P), P), inverse(mulmod(2, y, P)), P));
    }

    function add(uint256 x0, uint256 y0, uint256 x1, uint256 y1) private view returns (uint256, uint256) {
        return line(x0, y0, x1, mulmod(addmod(y1, P - y0, P), inverse(addmod(x1, P - x0, P)), P));
    }

    /// @dev The third point on the line through both, mirrored.
    function line(uint256 x0, uint256 y0, uint256 x1, uint256 slope) private pure returns (uint256 x, uint256 y) {
        x = addmod(mulmod(slope, slope, P), P - addmod(x0, x1, P), P);
        y = addmod(mulmod(slope, addmod(x0, P - x, P), P), P - y0, P);
    }

    /// @dev Fermat, by the precompile for powers.
    function inverse(uint256 value) private view returns (uint256) {
        (, bytes memory result) = address(5).staticcall(abi.encode(32, 32, 32, value, P - 2, P));
        return abi.decode(result, (uint256));
    }
}

contract PointConditionTest is Base {
    ICondition private condition;

    function setUp() public override {
        super.setUp();
        condition = ICondition(deploy("PointCondition", ""));
    }

    function scalar(uint256 seed) private pure returns (uint256) {
        return 1 + (seed % (Curve.ORDER - 1));
    }

    function pointOf(uint256 k) private view returns (bytes memory) {
        (uint256 x, uint256 y) = Curve.mul(k);
        return abi.encode(x, y);
    }

    function nameOf(bytes memory point) private pure returns (address) {
        return address(uint160(uint256(keccak256(point))));
    }

    function refuses(bytes memory point, uint256 k, address actual) private {
        vm.expectRevert(abi.encodeWithSelector(PointCondition.WrongScalar.selector, nameOf(point), actual));
        condition.evaluate(point, abi.encode(k));
    }

    /// @notice The scalar of a point answers with one, through the registry too.
    function testFuzz_AnswersToTheScalar(uint256 seed) external {
        uint256 k = scalar(seed);
        bytes memory point = pointOf(k);
        vm.assertEq(nameOf(point), vm.addr(k), "the model is secp256k1");
        vm.assertEq(condition.evaluate(point, abi.encode(k)), 1e18, "all");
        registry.record(address(condition), point, abi.encode(k));
        (uint256 value, ) = registry.outcome(keyOf(address(condition), point));
        vm.assertEq(value, 1e18, "recorded");
    }

    function test_AnswersToTheFirstAndTheLastScalar() external view {
        vm.assertEq(condition.evaluate(pointOf(1), abi.encode(1)), 1e18, "1");
        vm.assertEq(condition.evaluate(pointOf(Curve.ORDER - 1), abi.encode(Curve.ORDER - 1)), 1e18, "order - 1");
    }

    function testFuzz_RefusesAnotherScalar(uint256 seed, uint256 other) external {
        (uint256 k, uint256 wrong) = (scalar(seed), scalar(other));
        if (k == wrong) return;
        refuses(pointOf(k), wrong, vm.addr(wrong));
    }

    /// @notice A point and its mirror image have different scalars.
    function test_RefusesTheScalarOfTheMirrorImage() external {
        uint256 mirrored = Curve.ORDER - 7;
        refuses(pointOf(7), mirrored, vm.addr(mirrored));
    }

    /// @notice A scalar has one form: nothing from the order on, although it would be the same point.
    function test_RefusesZeroAndWhatIsNotBelowTheOrder() external {
        bytes memory point = pointOf(5);
        refuses(point, 0, address(0));
        refuses(point, Curve.ORDER, address(0));
        refuses(point, Curve.ORDER + 5, address(0));
        refuses(point, type(uint256).max, address(0));
    }

    /// @notice C48: a scalar has 32 bytes.
    function testFuzz_C48_RefusesAnotherLength(bytes calldata witness) external {
        if (witness.length == 32) return;
        bytes memory point = pointOf(1);
        vm.expectRevert(abi.encodeWithSelector(PointCondition.WrongScalarLength.selector, witness.length));
        condition.evaluate(point, witness);
    }

    /// @notice C45: what is no point has no answer, whatever is shown.
    function testFuzz_C45_NeverAnswersAboutOtherData(bytes calldata data, uint256 seed) external {
        refuses(data, scalar(seed), vm.addr(scalar(seed)));
        refuses(data, 0, address(0));
    }
}
