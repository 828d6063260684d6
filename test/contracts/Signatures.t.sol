// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IAdjudicator} from "../../contracts/interfaces/IAdjudicator.sol";
import {IPayouts} from "../../contracts/interfaces/IPayouts.sol";
import {Channels} from "../../contracts/types/Channel.sol";
import {Base} from "./Base.t.sol";
import {Hash, Ledger, Signed, State, Withdrawal} from "./Model.sol";

/// @title Which envelopes count as a member's consent
contract SignaturesTest is Base {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// @dev A state that bob alone signs, so that it stands or falls with the one envelope in `sigs[BOB]`.
    function toBeSigned(Ledger memory l) private pure returns (Signed memory s) {
        s.state = stateOf(l, 0, 1, 100);
        s.sigs = new bytes[](2);
    }

    function accepts(Ledger memory l, Signed memory s, bytes memory envelope) private {
        s.sigs[BOB] = envelope;
        vm.prank(l.party[ALICE].signer);
        submit(l, only(s));
        vm.assertTrue(disputed(l), "accepted");
    }

    function refuses(Ledger memory l, Signed memory s, bytes memory envelope) private {
        s.sigs[BOB] = envelope;
        vm.prank(l.party[ALICE].signer);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[BOB].signer));
        submit(l, only(s));
    }

    function digestOf(Ledger memory l, State memory s) private view returns (bytes32) {
        return Hash.digest(domain(), Hash.state(l, s));
    }

    // ---------------------------------------------------------------- direct

    /// @notice A direct signature of 64 or 65 bytes counts.
    function test_AcceptsBothLengths() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        accepts(l, s, direct(l.party[BOB].key, Hash.state(l, s.state)));
        l = ledgerOf(l.party, COIN, 2);
        accepts(l, s, bytes.concat(hex"00", long(l.party[BOB].key, digestOf(l, s.state))));
    }

    /// @notice C8: high s, a wrong v, a byte too many or too few, another tag, nothing at all: refused.
    function test_C8_RefusesMalformedSignatures() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        (uint8 v, bytes32 r, bytes32 sLow) = vm.sign(l.party[BOB].key, digestOf(l, s.state));
        bytes memory good = direct(l.party[BOB].key, Hash.state(l, s.state));
        refuses(l, s, abi.encodePacked(uint8(0), r, bytes32(ORDER - uint256(sLow)), uint8(55 - v)));
        refuses(l, s, abi.encodePacked(uint8(0), r, sLow, uint8(55 - v)));
        refuses(l, s, abi.encodePacked(uint8(0), r, sLow, uint8(v - 27)));
        refuses(l, s, abi.encodePacked(uint8(0), r, sLow, uint8(29)));
        refuses(l, s, bytes.concat(good, hex"0000"));
        refuses(l, s, abi.encodePacked(uint8(0), r, bytes31(sLow)));
        refuses(l, s, abi.encodePacked(uint8(3), r, sLow, v));
        refuses(l, s, hex"00");
        refuses(l, s, hex"01");
        refuses(l, s, hex"02");
        refuses(l, s, new bytes(65));
        accepts(l, s, good);
    }

    /// @notice C8: no other bytes than the signature are one.
    function testFuzz_C8_RefusesAnyOtherBytes(bytes memory envelope) external {
        if (envelope.length == 0 || envelope.length > type(uint16).max) return;
        Ledger memory l = pair();
        refuses(l, toBeSigned(l), envelope);
    }

    /// @notice C8: a signature with any one bit changed is refused.
    function testFuzz_C8_RefusesAFlippedBit(uint16 bit) external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        bytes memory envelope = direct(l.party[BOB].key, Hash.state(l, s.state));
        bit %= uint16(8 * envelope.length);
        envelope[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        refuses(l, s, envelope);
    }

    /// @notice C9: where recovery fails the zero address comes out, and no channel has it as a signer.
    function test_C9_ZeroNeverMatches() external {
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].signer = address(0);
        l = ledgerOf(l.party, COIN, 1);
        Signed memory s = toBeSigned(l);
        (s.sigs[ALICE], s.sigs[BOB]) = (new bytes(65), direct(l.party[BOB].key, Hash.state(l, s.state)));
        vm.expectRevert(abi.encodeWithSelector(Channels.UnsortedMember.selector, ALICE));
        submit(l, only(s));
    }

    /// @notice C11: one signature does not serve two members, and signatures stand in member order.
    function test_C11_EachMemberSignsForItself() external {
        Ledger memory l = pair();
        Signed memory s = signed(l, stateOf(l, 0, 1, 100));
        (s.sigs[ALICE], s.sigs[BOB]) = (s.sigs[BOB], s.sigs[ALICE]);
        refusesMember(l, s, ALICE);
        s.sigs[ALICE] = s.sigs[BOB];
        refusesMember(l, s, BOB);
    }

    function refusesMember(Ledger memory l, Signed memory s, uint256 member) private {
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[member].signer));
        submit(l, only(s));
    }

    /// @notice C12: a signer that delegates its account to code afterwards has still signed.
    function test_C12_ADelegatedSignerCannotDisownAState() external {
        Ledger memory l = pair();
        Signed memory s = signed(l, stateOf(l, 0, 1, 100));
        vm.etch(l.party[BOB].signer, abi.encodePacked(hex"ef0100", address(registry)));
        submit(l, only(s));
        vm.assertTrue(disputed(l), "accepted");
    }

    /// @notice An owner signs no states: neither as a signer nor with an owner's envelope.
    function test_AnOwnersSignatureIsNoConsentToAState() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        refuses(l, s, direct(l.party[BOB].ownerKey, Hash.state(l, s.state)));
        refuses(l, s, bytes.concat(hex"02", long(l.party[BOB].ownerKey, digestOf(l, s.state))));
    }

    // ---------------------------------------------------------------- domain

    /// @notice C4: a signature for another chain, contract, protocol version, channel, asset, lane or generation is refused.
    function test_C4_ASignatureBindsItsPlace() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        refusesDomain(l, s, Hash.domain(block.chainid + 1, address(adjudicator)));
        refusesDomain(l, s, Hash.domain(block.chainid, address(registry)));
        refusesDomain(l, s, domainOfVersionTwo());
        refuses(l, s, direct(l.party[BOB].key, Hash.state(ledgerOf(l.party, COIN, 2), s.state)));
        refuses(l, s, direct(l.party[BOB].key, Hash.state(ledgerOf(l.party, stranger, 1), s.state)));
        refuses(l, s, direct(l.party[BOB].key, Hash.state(l, stateOf(l, 1, 1, 100))));
        ++l.generation;
        refuses(l, s, direct(l.party[BOB].key, Hash.state(l, s.state)));
    }

    function refusesDomain(Ledger memory l, Signed memory s, bytes32 separator) private {
        (bytes32 r, bytes32 vs) = compact(l.party[BOB].key, Hash.digest(separator, Hash.state(l, s.state)));
        refuses(l, s, abi.encodePacked(uint8(0), r, vs));
    }

    function domainOfVersionTwo() private view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        );
        return keccak256(abi.encode(typeHash, keccak256("Tallystick"), keccak256("2"), block.chainid, adjudicator));
    }

    /// @notice C4: every field of a state is signed.
    function test_C4_ASignatureBindsEveryField() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        bytes memory envelope = direct(l.party[BOB].key, Hash.state(l, s.state));
        ++s.state.version;
        refuses(l, s, envelope);
        s.state = stateOf(l, 0, 1, 99);
        refuses(l, s, envelope);
        s.state = lock(stateOf(l, 0, 1, 100), ALICE, hashLock(1, now_(), ALICE, BOB, "secret"));
        refuses(l, s, envelope);
    }

    /// @notice C5: after a fork the old chain's signatures are refused and the new chain's count, for the same channel.
    function test_C5_AfterAForkOnlyTheNewChainsSignaturesCount() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        bytes memory old = direct(l.party[BOB].key, Hash.state(l, s.state));
        vm.chainId(77);
        refuses(l, s, old);
        (bytes32 r, bytes32 vs) = compact(
            l.party[BOB].key,
            Hash.digest(Hash.domain(77, address(adjudicator)), Hash.state(l, s.state))
        );
        accepts(l, s, abi.encodePacked(uint8(0), r, vs));
    }

    /// @notice C6: states of an ended generation are refused after the channel was funded again.
    function test_C6_AnEndedGenerationIsOver() external {
        Ledger memory l = pair();
        Signed memory s = signed(l, stateOf(l, 0, 1, 100));
        challenge(l);
        finish(l, none());
        fund(l, ALICE, A);
        refusesMember(l, s, ALICE);
        withdraw(l, closing(l, A, 0));
        fund(l, ALICE, A);
        refusesMember(l, s, ALICE);
    }

    /// @notice C14: a signature over a withdrawal is none over a state, nor the other way round.
    function test_C14_OneTypeNeverPassesAsAnother() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        Signed memory s = toBeSigned(l);
        refuses(l, s, direct(l.party[BOB].key, Hash.withdrawal(l, w)));
        refuses(l, s, direct(l.party[BOB].key, Hash.batch(digestOf(l, s.state))));
        bytes[] memory sigs = signatures(l, Hash.state(l, s.state));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BadSignature.selector, l.party[ALICE].signer));
        withdraw(l, w, sigs);
    }

    // ---------------------------------------------------------------- batched

    /// @dev One signature over the root of a tree in which `leaf` stands at the end of `path`.
    function batched(
        uint256 key,
        bytes32 leaf,
        uint32 path,
        bytes32[] memory siblings
    ) private view returns (bytes memory) {
        for (uint256 i; i < siblings.length; ++i) {
            leaf = (path >> i) & 1 == 0 ? Hash.node(leaf, siblings[i]) : Hash.node(siblings[i], leaf);
        }
        (bytes32 r, bytes32 vs) = compact(key, Hash.digest(domain(), Hash.batch(leaf)));
        return abi.encodePacked(uint8(1), r, vs, path, siblings);
    }

    function pathOf(uint256 depth) private pure returns (bytes32[] memory list) {
        list = new bytes32[](depth);
        for (uint256 i; i < depth; ++i) {
            list[i] = keccak256(abi.encode(i));
        }
    }

    /// @notice One signature over a tree of any depth up to 20 counts for each of its leaves.
    function testFuzz_AcceptsABatch(uint32 path, uint8 depth) external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        accepts(l, s, batched(l.party[BOB].key, digestOf(l, s.state), path, pathOf(depth % 21)));
    }

    /// @notice Batched signatures count for withdrawals too.
    function test_AcceptsABatchedWithdrawal() external {
        Ledger memory l = pair();
        Withdrawal memory w = withdrawal(l, ALICE, 10);
        bytes[] memory sigs = signatures(l, Hash.withdrawal(l, w));
        bytes32 digest = Hash.digest(domain(), Hash.withdrawal(l, w));
        sigs[ALICE] = batched(l.party[ALICE].key, digest, 5, pathOf(3));
        withdraw(l, w, sigs);
        assertPaid(l, ALICE, 10);
    }

    /// @notice A leaf at another place, a node taken for a leaf, a cut path, a path of 21: refused.
    function test_C14_RefusesAWrongPath() external {
        Ledger memory l = pair();
        Signed memory s = toBeSigned(l);
        uint256 key = l.party[BOB].key;
        bytes memory envelope = batched(key, digestOf(l, s.state), 2, pathOf(2));
        envelope[68] = 0x01;
        refuses(l, s, envelope);
        refuses(l, s, batched(key, Hash.node(digestOf(l, s.state), digestOf(l, s.state)), 0, pathOf(1)));
        envelope = batched(key, digestOf(l, s.state), 0, pathOf(1));
        refuses(l, s, bytes.concat(envelope, hex"00"));
        refuses(l, s, bytes.concat(envelope, bytes32(0)));
        refuses(l, s, batched(key, digestOf(l, s.state), 0, pathOf(21)));
        // The same signature without its tree.
        (bytes32 r, bytes32 vs) = compact(key, Hash.digest(domain(), Hash.batch(digestOf(l, s.state))));
        refuses(l, s, abi.encodePacked(uint8(0), r, vs));
    }

    /// @notice C14: nobody can forge consent with a tree that is too deep.
    /// @dev For a digest of zero, which an earlier version fell back to, r = s = x(P) is a signature of the key P. Here P = 1·G.
    function test_C14_ATreeThatIsTooDeepForgesNothing() external {
        uint256 x = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798;
        Ledger memory l = empty(2, COIN);
        l.party[ALICE].signer = address(uint160(vm.addr(1)) - 1);
        (l.party[BOB].key, l.party[BOB].signer) = (1, vm.addr(1));
        l = ledgerOf(l.party, COIN, 1);
        vm.assertEq(ecrecover(0, 27, bytes32(x), bytes32(x)), vm.addr(1), "the forgery would work");
        refuses(l, toBeSigned(l), abi.encodePacked(uint8(1), x, x, uint32(0), pathOf(21)));
    }
}
