// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Base} from "./Base.t.sol";
import {Hash, Ledger} from "./Model.sol";
import {AuthorizationToken} from "./mocks/Tokens.sol";
import {Permit2} from "./mocks/Permit2.sol";

/// @title Deposits that the holder of the tokens signs and anybody may send
contract SignedDepositsTest is Base {
    uint256 private constant KEY = 0xA11CE;
    uint256 private constant AMOUNT = 100;
    address private constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;

    address private holder = vm.addr(KEY);
    AuthorizationToken private token = new AuthorizationToken();

    function setUp() public override {
        super.setUp();
        token.mint(holder, AMOUNT);
        vm.etch(PERMIT2, address(new Permit2()).code);
        vm.prank(holder);
        token.approve(PERMIT2, type(uint256).max);
    }

    function signs(bytes32 separator, bytes32 structHash) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(KEY, Hash.digest(separator, structHash));
    }

    function assertDeposited(Ledger memory l, uint256 amount) private view {
        vm.assertEq(balance(l, BOB), int256(amount), "credited");
        vm.assertEq(token.balanceOf(address(adjudicator)), amount, "held");
    }

    // ---------------------------------------------------------------- EIP-2612

    function permit(uint256 deadline) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 typeHash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, holder, adjudicator, AMOUNT, token.nonces(holder), deadline));
        return signs(token.DOMAIN_SEPARATOR(), hash);
    }

    function depositWithPermit(Ledger memory l, uint8 v, bytes32 r, bytes32 s) private {
        vm.prank(holder);
        adjudicator.depositWithPermit(l.id, BOB, l.asset, AMOUNT, now_(), v, r, s);
    }

    /// @notice A permit and the deposit go in one call.
    function test_DepositsWithAPermit() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = permit(now_());
        depositWithPermit(l, v, r, s);
        assertDeposited(l, AMOUNT);
    }

    /// @notice C15, C21: whoever uses somebody's permit first achieves nothing: the deposit still works.
    function test_C15_C21_APermitUsedByAStrangerStopsNobody() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = permit(now_());
        token.permit(holder, address(adjudicator), AMOUNT, now_(), v, r, s);
        depositWithPermit(l, v, r, s);
        assertDeposited(l, AMOUNT);
    }

    /// @notice C15: a permit pays once, and only the money of the one who sends it.
    function test_C15_APermitIsUsedOnce() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = permit(now_());
        vm.prank(stranger);
        vm.expectRevert();
        adjudicator.depositWithPermit(l.id, BOB, l.asset, AMOUNT, now_(), v, r, s);
        depositWithPermit(l, v, r, s);
        token.mint(holder, AMOUNT);
        vm.prank(holder);
        vm.expectRevert();
        adjudicator.depositWithPermit(l.id, BOB, l.asset, AMOUNT, now_(), v, r, s);
    }

    // ---------------------------------------------------------------- Permit2

    function permit2(bytes32 id, uint256 member, uint256 nonce, uint256 deadline) private view returns (bytes memory) {
        bytes32 permitted = keccak256(
            abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), token, AMOUNT)
        );
        bytes32 witness = keccak256(abi.encode(keccak256("Destination(bytes32 channelId,uint256 member)"), id, member));
        bytes32 typeHash = keccak256(
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Destination witness)Destination(bytes32 channelId,uint256 member)TokenPermissions(address token,uint256 amount)"
        );
        bytes32 hash = keccak256(abi.encode(typeHash, permitted, adjudicator, nonce, deadline, witness));
        (uint8 v, bytes32 r, bytes32 s) = signs(Permit2(PERMIT2).DOMAIN_SEPARATOR(), hash);
        return abi.encodePacked(r, s, v);
    }

    function depositWithPermit2(bytes32 id, uint8 member, uint256 nonce, bytes memory signature) private {
        adjudicator.depositWithPermit2(id, member, address(token), AMOUNT, holder, nonce, now_(), signature);
    }

    /// @notice Anybody may send a deposit that the holder signed for Permit2.
    function testFuzz_DepositsWithPermit2(uint256 nonce) external {
        Ledger memory l = empty(2, address(token));
        depositWithPermit2(l.id, BOB, nonce, permit2(l.id, BOB, nonce, now_()));
        assertDeposited(l, AMOUNT);
    }

    /// @notice C15: a Permit2 signature is used once, and not after its deadline.
    function test_C15_APermit2SignatureIsUsedOnce() external {
        Ledger memory l = empty(2, address(token));
        bytes memory signature = permit2(l.id, BOB, 1, now_());
        depositWithPermit2(l.id, BOB, 1, signature);
        token.mint(holder, AMOUNT);
        vm.expectRevert(abi.encodeWithSelector(Permit2.InvalidNonce.selector));
        depositWithPermit2(l.id, BOB, 1, signature);
        signature = permit2(l.id, BOB, 2, now_() - 1);
        vm.expectRevert(abi.encodeWithSelector(Permit2.SignatureExpired.selector, now_() - 1));
        adjudicator.depositWithPermit2(l.id, BOB, address(token), AMOUNT, holder, 2, now_() - 1, signature);
    }

    /// @notice C15: a relayer cannot send the money to another channel or another member.
    function test_C15_APermit2SignatureNamesItsDestination() external {
        Ledger memory l = empty(2, address(token));
        bytes memory signature = permit2(l.id, BOB, 1, now_());
        vm.expectRevert(abi.encodeWithSelector(Permit2.InvalidSigner.selector));
        depositWithPermit2(l.id, ALICE, 1, signature);
        vm.expectRevert(abi.encodeWithSelector(Permit2.InvalidSigner.selector));
        depositWithPermit2(ledgerOf(l.party, COIN, 2).id, BOB, 1, signature);
    }

    // ---------------------------------------------------------------- EIP-3009

    function authorization(
        bytes32 id,
        uint256 member,
        bytes32 salt
    ) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 typeHash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 nonce = keccak256(abi.encode(id, member, salt));
        bytes32 hash = keccak256(abi.encode(typeHash, holder, adjudicator, AMOUNT, 0, now_() + 1, nonce));
        return signs(token.DOMAIN_SEPARATOR(), hash);
    }

    function depositWithAuthorization(bytes32 id, uint8 member, uint8 v, bytes32 r, bytes32 s) private {
        adjudicator.depositWithAuthorization(
            id,
            member,
            address(token),
            AMOUNT,
            holder,
            0,
            now_() + 1,
            "salt",
            v,
            r,
            s
        );
    }

    /// @notice Anybody may send a deposit that the holder authorised.
    function test_DepositsWithAnAuthorization() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = authorization(l.id, BOB, "salt");
        depositWithAuthorization(l.id, BOB, v, r, s);
        assertDeposited(l, AMOUNT);
    }

    /// @notice C15: an authorisation is used once.
    function test_C15_AnAuthorizationIsUsedOnce() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = authorization(l.id, BOB, "salt");
        depositWithAuthorization(l.id, BOB, v, r, s);
        token.mint(holder, AMOUNT);
        vm.expectRevert("used");
        depositWithAuthorization(l.id, BOB, v, r, s);
    }

    /// @notice C15: a relayer cannot send the money to another channel, member or with another salt.
    function test_C15_AnAuthorizationNamesItsDestination() external {
        Ledger memory l = empty(2, address(token));
        (uint8 v, bytes32 r, bytes32 s) = authorization(l.id, BOB, "salt");
        vm.expectRevert("invalid signature");
        depositWithAuthorization(l.id, ALICE, v, r, s);
        vm.expectRevert("invalid signature");
        depositWithAuthorization(ledgerOf(l.party, COIN, 2).id, BOB, v, r, s);
        (v, r, s) = authorization(l.id, BOB, "pepper");
        vm.expectRevert("invalid signature");
        depositWithAuthorization(l.id, BOB, v, r, s);
    }

    /// @notice C36: while the ledger is disputed the signed forms are refused too, and the holder keeps its tokens.
    function test_C36_SignedDepositsAreRefusedWhileDisputed() external {
        Ledger memory l = empty(2, address(token));
        challenge(l);
        (uint8 v, bytes32 r, bytes32 s) = authorization(l.id, BOB, "salt");
        vm.expectRevert();
        depositWithAuthorization(l.id, BOB, v, r, s);
        bytes memory signature = permit2(l.id, BOB, 1, now_());
        vm.expectRevert();
        depositWithPermit2(l.id, BOB, 1, signature);
        (v, r, s) = permit(now_());
        vm.prank(holder);
        vm.expectRevert();
        adjudicator.depositWithPermit(l.id, BOB, l.asset, AMOUNT, now_(), v, r, s);
        vm.assertEq(token.balanceOf(holder), AMOUNT, "kept");
    }
}
