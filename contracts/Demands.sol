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
        Membership calldata payer
    ) external payable nonReentrant {
        _requireMembership(house, payer, payment.from, payment.epoch);
        _demandOfPayment(house, About.Credit, payment, 0);
    }

    /// @inheritdoc IHouseCourt
    function challengeLeg(
        IClearingHouse house,
        Payment calldata payment,
        uint32 leg,
        Membership calldata payer
    ) external payable nonReentrant {
        require(payment.group != 0, NoEvidence());
        _requireMembership(house, payer, payment.from, payment.epoch);
        _demandOfPayment(house, About.Leg, payment, leg);
    }

    /// @inheritdoc IHouseCourt
    function challengeLock(
        IClearingHouse house,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer
    ) external payable nonReentrant {
        bool proven = _isProven(house, receipt, lock, signature);
        if (!proven) _requireMembership(house, payer, receipt.payer, epoch.number);
        _requireEpoch(house, epoch, epoch.number);
        require(lock.epoch <= epoch.number, Inadmissible(lock.epoch, epoch.number));
        // Decided locks leave the tree when the payer's next account folds them in.
        if (proven) require(_status(house, lock, epoch.cutTime).live != 0, NotLive(lock.key));
        _demandOfLock(house, About.Status, epoch.number, receipt, lock, proven);
    }

    /// @inheritdoc IHouseCourt
    function challengeLockCredit(
        IClearingHouse house,
        Epoch calldata previous,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer
    ) external payable nonReentrant {
        bool proven = _isProven(house, receipt, lock, signature);
        if (!proven) _requireMembership(house, payer, receipt.payer, epoch.number);
        require(lock.epoch <= epoch.number, Inadmissible(lock.epoch, epoch.number));
        _requireEpoch(house, epoch, epoch.number);
        require(_status(house, lock, epoch.cutTime).paid != 0, NotDecided(lock.key));
        if (lock.epoch < epoch.number) {
            // It is credited in the first epoch in which it is decided, and only there.
            _requireEpoch(house, previous, epoch.number - 1);
            require(_status(house, lock, previous.cutTime).live != 0, NotLive(lock.key));
        }
        _demandOfLock(house, About.Credit, epoch.number, receipt, lock, proven);
    }

    function _demandOfPayment(IClearingHouse house, About about, Payment calldata payment, uint32 leg) private {
        (uint64 epoch, bytes32 from, bytes32 to) = (payment.epoch, payment.from, payment.to);
        _demand(house, DebitDemand(about, epoch, from, to, false, payment.position, payment.hash(), leg, false));
    }

    function _demandOfLock(
        IClearingHouse house,
        About about,
        uint64 epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bool proven
    ) private {
        (bytes32 from, bytes32 to, uint32 position) = (receipt.payer, lock.to, receipt.position);
        _demand(house, DebitDemand(about, epoch, from, to, true, position, receipt.lock, 0, proven));
    }

    function _demand(IClearingHouse house, DebitDemand memory demand) private {
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
    function _requireMembership(
        IClearingHouse house,
        Membership calldata one,
        bytes32 member,
        uint256 epoch
    ) private view {
        require(one.receipt.member == member, WrongMember(one.receipt.member, member));
        require(one.receipt.epoch <= epoch, Inadmissible(one.receipt.epoch, epoch));
        _requireOperator(house, one.receipt.hash(), one.signature);
    }

    /// @return proven Whether the operator signed it; no signature: it may not be there at all.
    function _isProven(
        IClearingHouse house,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature
    ) private view returns (bool proven) {
        require(receipt.lock == lock.hash(), NoEvidence());
        if (signature.length == 0) return false;
        _requireOperator(house, receipt.hash(), signature);
        return true;
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
