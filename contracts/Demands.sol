// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Bonds} from "./Bonds.sol";
import {IClearingHouse} from "./interfaces/IClearingHouse.sol";
import {About, DebitDemand, Evidence, IHouseCourt, LeafDemand, Membership} from "./interfaces/IHouseCourt.sol";
import {Statements} from "./libraries/Statements.sol";
import {Account} from "./types/house/Account.sol";
import {Epoch} from "./types/house/Epoch.sol";
import {Lock, LockReceipt, Status} from "./types/house/Lock.sol";
import {Payment} from "./types/house/Payment.sol";
import {Posting} from "./types/house/Posting.sol";
import {Receipt} from "./types/house/Receipt.sol";

/// @title Demands: what anybody may ask of an epoch
/// @dev A demand needs no evidence where the answer can refute it: so nothing that an operator withholds keeps a member from asking,
/// and nonsense is answered by its absence. Only that the payer is a member must be shown.
abstract contract Demands is Bonds {
    /// @inheritdoc IHouseCourt
    function challengeLeaf(
        IClearingHouse house,
        Epoch calldata epoch,
        Evidence calldata evidence
    ) external payable nonReentrant {
        _requireEpoch(house, epoch, epoch.number);
        LeafDemand memory demand;
        uint256 assets = house.rules().assets;
        (demand.epoch, demand.member) = (epoch.number, evidence.member);
        demand.credits = new uint128[](assets);
        demand.deposited = new uint128[](assets);
        demand.requested = new uint128[](assets);
        uint256 signed = evidence.accounts.length + evidence.receipts.length;
        require(signed + evidence.postings.length != 0 && evidence.signatures.length == signed, NoEvidence());
        _admitAccounts(house, demand, evidence);
        _admitReceipts(house, demand, evidence);
        _admitPostings(house, demand, evidence, epoch.cut);
        // A request costs nothing but gas: it alone makes nobody a member.
        require(signed != 0 || demand.since != 0, NoEvidence());
        bytes32 id = _challenge(house, demand.epoch, keccak256(abi.encode(demand)));
        emit LeafDemanded(address(house), demand.epoch, id, demand);
    }

    /// @inheritdoc IHouseCourt
    function challengeCredit(
        IClearingHouse house,
        Payment calldata payment,
        Membership calldata payer,
        Membership calldata payee
    ) external payable nonReentrant {
        _demand(house, _ofPayment(About.Credit, payment), payer, payee);
    }

    /// @inheritdoc IHouseCourt
    function challengeLeg(
        IClearingHouse house,
        Payment calldata payment,
        uint32 leg,
        Membership calldata payer,
        Membership calldata other
    ) external payable nonReentrant {
        require(payment.group != 0, NoEvidence());
        DebitDemand memory demand = _ofPayment(About.Leg, payment);
        demand.leg = leg;
        if (_isThere(other)) demand.to = other.receipt.member;
        _demand(house, demand, payer, other);
    }

    /// @inheritdoc IHouseCourt
    function challengeLock(
        IClearingHouse house,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer,
        Membership calldata payee
    ) external payable nonReentrant {
        DebitDemand memory demand = _ofLock(house, About.Status, epoch.number, receipt, lock, signature);
        _requireEpoch(house, epoch, epoch.number);
        // Decided locks leave the tree when the payer's next account folds them in.
        if (demand.proven) require(_status(house, lock, epoch.cutTime).live != 0, NotLive(lock.key));
        _demand(house, demand, payer, payee);
    }

    /// @inheritdoc IHouseCourt
    function challengeLockCredit(
        IClearingHouse house,
        Epoch calldata previous,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer,
        Membership calldata payee
    ) external payable nonReentrant {
        DebitDemand memory demand = _ofLock(house, About.Credit, epoch.number, receipt, lock, signature);
        _requireEpoch(house, epoch, epoch.number);
        require(_status(house, lock, epoch.cutTime).paid != 0, NotDecided(lock.key));
        if (lock.epoch < epoch.number) {
            // It is credited in the first epoch in which it is decided, and only there.
            _requireEpoch(house, previous, epoch.number - 1);
            require(_status(house, lock, previous.cutTime).live != 0, NotLive(lock.key));
        }
        _demand(house, demand, payer, payee);
    }

    function _ofPayment(About about, Payment calldata payment) private pure returns (DebitDemand memory demand) {
        (demand.about, demand.epoch, demand.from, demand.to) = (about, payment.epoch, payment.from, payment.to);
        (demand.position, demand.entry) = (payment.position, payment.hash());
    }

    /// @dev Proven if the operator signed the receipt; without a signature it may not be there at all.
    function _ofLock(
        IClearingHouse house,
        About about,
        uint64 epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature
    ) private view returns (DebitDemand memory demand) {
        require(receipt.lock == lock.hash(), NoEvidence());
        require(lock.epoch <= epoch, Inadmissible(lock.epoch, epoch));
        (demand.about, demand.epoch, demand.from, demand.to) = (about, epoch, receipt.payer, lock.to);
        (demand.isLock, demand.position, demand.entry) = (true, receipt.position, receipt.lock);
        if (signature.length == 0) return demand;
        _requireOperator(house, receipt.hash(), signature);
        (demand.proven, demand.fromIndex) = (true, receipt.index + 1);
    }

    /// @dev Only leaves at the indices that the operator signed answer: it could commit to a second leaf of a member, in which
    /// nothing is owed.
    function _demand(
        IClearingHouse house,
        DebitDemand memory demand,
        Membership calldata payer,
        Membership calldata other
    ) private {
        if (!demand.proven) demand.fromIndex = _indexOf(house, payer, demand.from, demand.epoch);
        if (_isThere(other)) demand.toIndex = _indexOf(house, other, demand.to, demand.epoch);
        bytes32 id = _challenge(house, demand.epoch, keccak256(abi.encode(demand)));
        emit DebitDemanded(address(house), demand.epoch, id, demand);
    }

    function _admitAccounts(IClearingHouse house, LeafDemand memory demand, Evidence calldata evidence) private view {
        for (uint256 i; i < evidence.accounts.length; ++i) {
            Account calldata one = evidence.accounts[i];
            _admit(demand, one.member, one.index, one.epoch);
            _requireOperator(house, one.hash(), evidence.signatures[i]);
            if (one.seq > demand.seq) demand.seq = one.seq;
        }
    }

    function _admitReceipts(IClearingHouse house, LeafDemand memory demand, Evidence calldata evidence) private view {
        for (uint256 i; i < evidence.receipts.length; ++i) {
            Receipt calldata one = evidence.receipts[i];
            _admit(demand, one.member, one.index, one.epoch);
            _requireOperator(house, one.hash(), evidence.signatures[evidence.accounts.length + i]);
            for (uint256 a; a < demand.credits.length; ++a) {
                if (one.credits[a] > demand.credits[a]) demand.credits[a] = one.credits[a];
            }
        }
    }

    /// @dev Two indices for one member would be a contradiction; here the last one counts.
    function _admit(LeafDemand memory demand, bytes32 member, uint32 index, uint64 epoch) private pure {
        require(member == demand.member, WrongMember(member, demand.member));
        require(epoch <= demand.epoch, Inadmissible(epoch, demand.epoch));
        demand.index = index + 1;
    }

    function _admitPostings(
        IClearingHouse house,
        LeafDemand memory demand,
        Evidence calldata evidence,
        uint256 cut
    ) private view {
        for (uint256 i; i < evidence.postings.length; ++i) {
            Posting calldata one = evidence.postings[i];
            require(one.hash() == house.postingHash(one.number), NoEvidence());
            require(one.member == demand.member, WrongMember(one.member, demand.member));
            require(one.number <= cut, Inadmissible(one.number, cut));
            if (one.deposited != 0 && (demand.since == 0 || one.number < demand.since)) demand.since = one.number;
            if (one.deposited > demand.deposited[one.asset]) demand.deposited[one.asset] = one.deposited;
            if (one.requested > demand.requested[one.asset]) demand.requested[one.asset] = one.requested;
        }
    }

    /// @dev Whoever is no member has no leaf, and the operator could not show what does not stand in it.
    /// @return The member's index and one.
    function _indexOf(
        IClearingHouse house,
        Membership calldata one,
        bytes32 member,
        uint256 epoch
    ) private view returns (uint32) {
        require(one.receipt.member == member, WrongMember(one.receipt.member, member));
        require(one.receipt.epoch <= epoch, Inadmissible(one.receipt.epoch, epoch));
        _requireOperator(house, one.receipt.hash(), one.signature);
        return one.receipt.index + 1;
    }

    function _isThere(Membership calldata one) private pure returns (bool) {
        return one.signature.length != 0;
    }

    function _status(IClearingHouse house, Lock calldata lock, uint256 time) internal view returns (Status memory) {
        return lock.statusAt(house.rules().registry, time);
    }

    function _requireOperator(IClearingHouse house, bytes32 structHash, bytes calldata signature) internal view {
        address operator = house.rules().operator;
        require(Statements.signerOf(house, structHash, signature) == operator, BadSignature(operator));
    }

    function _requireEpoch(IClearingHouse house, Epoch calldata epoch, uint256 number) internal view {
        require(epoch.number == number && house.epochWord(number).isOf(epoch), WrongEpoch(epoch.number, number));
    }
}
