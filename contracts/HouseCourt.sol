// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Demands} from "./Demands.sol";
import {IClearingHouse, Identity, Proof} from "./interfaces/IClearingHouse.sol";
import {About, Absence, DebitDemand, IHouseCourt, LeafDemand, Release} from "./interfaces/IHouseCourt.sol";
import {LeafRules} from "./libraries/LeafRules.sol";
import {Statements} from "./libraries/Statements.sol";
import {Account} from "./types/house/Account.sol";
import {Epoch} from "./types/house/Epoch.sol";
import {Leaf} from "./types/house/Leaf.sol";
import {Lock, Locks, Status} from "./types/house/Lock.sol";
import {Leg, Payment, Payments} from "./types/house/Payment.sol";
import {Tallies, Tally} from "./types/house/Tally.sol";

/// @title The court of all houses
/// @notice Its answers. Apart from the houses, for the code of both does not fit into one contract; it holds nothing but bonds.
contract HouseCourt is Demands {
    /// @inheritdoc IHouseCourt
    function answerLeaf(
        IClearingHouse house,
        LeafDemand calldata demand,
        Identity calldata identity,
        Epoch[2] calldata epochs,
        Proof[2] calldata proofs,
        Account calldata account,
        bytes calldata signature,
        Tally calldata statuses,
        Tally calldata income
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answered(house, demand.epoch, keccak256(abi.encode(demand)));
        _requireMember(identity, demand.member);
        _requireLeaf(house, epochs[1], demand.epoch, proofs[1], demand.member, demand.index);
        Leaf calldata leaf = proofs[1].leaf;
        require(proofs[0].index == proofs[1].index, WrongAnswer(1));
        _requireBefore(house, epochs[0], demand.epoch - 1, proofs[0], demand.member);
        // Whoever had deposited by then had a leaf: it cannot begin anew at another index.
        bool isNew = proofs[0].leaf.member != demand.member;
        require(!isNew || demand.since == 0 || demand.since > epochs[0].cut, WrongAnswer(14));
        require(leaf.seq >= demand.seq && leaf.seq >= proofs[0].leaf.seq, WrongAnswer(3));
        if (leaf.seq != 0) _requireAccount(house, leaf, identity, account, signature);
        // What was signed for an earlier epoch and did not count there never counts: its payments could not be asked for.
        require(leaf.seq == proofs[0].leaf.seq || account.epoch == demand.epoch, WrongAnswer(13));
        LeafRules.checkDebits(leaf, account, demand.epoch);
        LeafRules.checkStatuses(leaf, statuses);
        require(leaf.income == income.hash(), WrongAnswer(4));
        for (uint256 i; i < leaf.lines.length; ++i) {
            (, uint256 requested) = house.standing(demand.member, uint8(i));
            LeafRules.check(proofs[0].leaf.lines[i], leaf.lines[i], demand, i, income.sums[i] >> 128, requested);
        }
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerCredit(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        Epoch calldata epoch,
        Proof calldata proof,
        uint256 position,
        bytes32[] calldata path
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        bool isCredit = demand.about == About.Credit && !demand.isLock;
        require(isCredit && payment.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.to, demand.toIndex);
        uint256 assets = epoch.left.length;
        _requireAmount(proof.leaf.income, position, demand.entry, payment.asset, payment.amount, assets, path);
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerLockCredit(
        IClearingHouse house,
        DebitDemand calldata demand,
        Lock calldata lock,
        Epoch calldata epoch,
        Proof calldata proof,
        uint256 position,
        bytes32[] calldata path
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        bool isCredit = demand.about == About.Credit && demand.isLock;
        require(isCredit && lock.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.to, demand.toIndex);
        uint256 paid = _status(house, lock, epoch.cutTime).paid;
        bytes32 credit = Locks.creditHash(demand.from, demand.position, demand.entry, paid);
        _requireAmount(proof.leaf.income, position, credit, lock.asset, paid, epoch.left.length, path);
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerLeg(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        Payment calldata leg,
        Epoch calldata epoch,
        Proof calldata proof,
        bytes32[] calldata path,
        bytes32[] calldata legPath
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        bool isLeg = demand.about == About.Leg && leg.group == payment.group;
        require(isLeg && payment.hash() == demand.entry, WrongAnswer(5));
        require(leg.leg == demand.leg && leg.epoch == demand.epoch, WrongAnswer(6));
        uint256 assets = epoch.left.length;
        bytes32 entry = Leg(leg.from, leg.to, leg.asset, leg.amount).hash();
        _requireAmount(leg.group, leg.leg, entry, leg.asset, leg.amount, assets, legPath);
        _requireLeaf(house, epoch, demand.epoch, proof, leg.from, leg.from == demand.to ? demand.toIndex : 0);
        _requireAmount(proof.leaf.payments, leg.position, leg.hash(), leg.asset, leg.amount, assets, path);
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerNoLeg(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        bytes32 entry,
        uint256[] calldata sums,
        bytes32[] calldata path
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        require(demand.about == About.Leg && payment.hash() == demand.entry, WrongAnswer(5));
        require(entry == 0 || !_hasPlace(demand.leg, sums, path), WrongAnswer(7));
        _requireEntry(payment.group, _placeOf(demand.leg, sums, path), entry, sums, path);
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerLock(
        IClearingHouse house,
        DebitDemand calldata demand,
        Lock calldata lock,
        Epoch calldata epoch,
        Proof calldata proof,
        bytes32[] calldata path,
        bytes32[] calldata statusPath
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        require(demand.about == About.Status && lock.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.from, demand.fromIndex);
        uint256 assets = epoch.left.length;
        _requireAmount(proof.leaf.locks, demand.position, demand.entry, lock.asset, lock.amount, assets, path);
        Status memory status = _status(house, lock, epoch.cutTime);
        uint256[] memory sums = status.sums(lock.asset, assets);
        LeafRules.checkStatuses(
            proof.leaf,
            Tallies.climb(demand.position, status.hash(demand.entry), sums, statusPath)
        );
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerByAbsence(
        IClearingHouse house,
        DebitDemand calldata demand,
        Absence calldata absence
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        require(!demand.proven, WrongAnswer(8));
        _requireLeaf(house, absence.epoch, demand.epoch, absence.proof, demand.from, demand.fromIndex);
        bool stands = absence.entry == demand.entry && _hasPlace(demand.position, absence.sums, absence.path);
        require(!stands, WrongAnswer(9));
        _requireEntry(
            demand.isLock ? absence.proof.leaf.locks : absence.proof.leaf.payments,
            _placeOf(demand.position, absence.sums, absence.path),
            absence.entry,
            absence.sums,
            absence.path
        );
        _settle(one, gas);
    }

    /// @inheritdoc IHouseCourt
    function answerByRelease(
        IClearingHouse house,
        DebitDemand calldata demand,
        Release calldata release
    ) external nonReentrant {
        uint256 gas = gasleft();
        Challenge memory one = _answeredDebit(house, demand);
        // A payee gives up its own claim by a release, and no right of the payer.
        require(demand.isLock && (demand.proven || demand.about == About.Credit), WrongAnswer(10));
        _requireMember(release.payee, demand.to);
        bytes32 paid;
        if (release.payments.length != 0) {
            Payment calldata payment = release.payments[0];
            paid = payment.hash();
            require(payment.epoch <= demand.epoch, Inadmissible(payment.epoch, demand.epoch));
            _requireLeaf(house, release.epochs[0], payment.epoch, release.proofs[0], demand.to, demand.toIndex);
            uint256 assets = release.epochs[0].left.length;
            bytes32 income = release.proofs[0].leaf.income;
            _requireAmount(income, release.position, paid, payment.asset, payment.amount, assets, release.path);
        }
        bytes32 structHash = Locks.releaseHash(demand.from, demand.position, demand.entry, paid);
        require(
            Statements.signerOf(house, structHash, release.signature) == release.payee.signer,
            BadSignature(release.payee.signer)
        );
        _settle(one, gas);
    }

    function _answeredDebit(IClearingHouse house, DebitDemand calldata demand) private returns (Challenge memory) {
        return _answered(house, demand.epoch, keccak256(abi.encode(demand)));
    }

    function _requireMember(Identity calldata identity, bytes32 needed) private pure {
        bytes32 member = keccak256(abi.encode(identity));
        require(member == needed, WrongMember(member, needed));
    }

    /// @param index Where the member's leaf is, and one; zero: anywhere.
    function _requireLeaf(
        IClearingHouse house,
        Epoch calldata epoch,
        uint256 number,
        Proof calldata proof,
        bytes32 member,
        uint256 index
    ) private view {
        require(index == 0 || index == proof.index + 1, WrongAnswer(2));
        _requireEpoch(house, epoch, number);
        require(proof.leaf.member == member, WrongMember(proof.leaf.member, member));
        uint256[] memory sums = proof.leaf.sums(epoch.left.length);
        _requireIn(epoch, Tallies.climb(proof.index, proof.leaf.hash(), sums, proof.path));
    }

    /// @dev The member's leaf before, or the empty one that says there was none.
    function _requireBefore(
        IClearingHouse house,
        Epoch calldata epoch,
        uint256 number,
        Proof calldata proof,
        bytes32 member
    ) private view {
        if (proof.leaf.member == member) return _requireLeaf(house, epoch, number, proof, member, 0);
        _requireEpoch(house, epoch, number);
        LeafRules.checkEmpty(proof.leaf, epoch.left.length);
        // A smaller tree has no such place.
        if (proof.index >> epoch.members.depth != 0) return;
        _requireIn(epoch, Tallies.climb(proof.index, 0, new uint256[](epoch.left.length), proof.path));
    }

    function _requireIn(Epoch calldata epoch, Tally memory members) private pure {
        require(members.isEqual(epoch.members), WrongProof(epoch.number));
    }

    function _requireAccount(
        IClearingHouse house,
        Leaf calldata leaf,
        Identity calldata identity,
        Account calldata account,
        bytes calldata signature
    ) private view {
        require(account.member == leaf.member && account.seq == leaf.seq, WrongAnswer(11));
        address signer = Statements.signerOf(house, account.hash(), signature);
        require(signer == identity.signer, BadSignature(identity.signer));
    }

    function _requireAmount(
        bytes32 tally,
        uint256 position,
        bytes32 entry,
        uint256 asset,
        uint256 amount,
        uint256 assets,
        bytes32[] calldata path
    ) private pure {
        _requireEntry(tally, position, entry, Payments.sums(asset, amount, assets), path);
    }

    function _requireEntry(
        bytes32 tally,
        uint256 position,
        bytes32 entry,
        uint256[] memory sums,
        bytes32[] calldata path
    ) private pure {
        require(Tallies.climb(position, entry, sums, path).hash() == tally, WrongAnswer(12));
    }

    /// @dev Whether a tree with such paths reaches as far as a position.
    function _hasPlace(uint256 position, uint256[] memory sums, bytes32[] calldata path) private pure returns (bool) {
        return position >> Tallies.depthOf(path, sums) == 0;
    }

    /// @dev Some place in the tree if it does not reach so far: its path shows how far it does.
    function _placeOf(uint256 position, uint256[] memory sums, bytes32[] calldata path) private pure returns (uint256) {
        return position & ((1 << Tallies.depthOf(path, sums)) - 1);
    }
}
