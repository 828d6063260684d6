// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vault} from "./Vault.sol";
import {IClearingHouse, Identity, Proof, Rules} from "./interfaces/IClearingHouse.sol";
import {
    About,
    Absence,
    DebitDemand,
    Evidence,
    IHouseCourt,
    LeafDemand,
    Membership,
    Release
} from "./interfaces/IHouseCourt.sol";
import {LeafRules} from "./libraries/LeafRules.sol";
import {Statements} from "./libraries/Statements.sol";
import {Account} from "./types/house/Account.sol";
import {Epoch} from "./types/house/Epoch.sol";
import {Leaf} from "./types/house/Leaf.sol";
import {Lock, LockReceipt, Locks, Status} from "./types/house/Lock.sol";
import {Leg, Payment, Payments} from "./types/house/Payment.sol";
import {Posting} from "./types/house/Posting.sol";
import {Receipt} from "./types/house/Receipt.sol";
import {Tallies, Tally} from "./types/house/Tally.sol";

/// @title The court of all houses
/// @dev Apart from the houses, for the code of both does not fit into one contract; it holds nothing but bonds.
/// A demand needs no evidence where the answer can refute it: so nothing that an operator withholds keeps a member from asking,
/// and nonsense is answered by its absence. Only that the payer is a member must be shown.
contract HouseCourt is IHouseCourt, Vault {
    /// @dev What the dearest answer costs, measured with room to spare; bonds are counted from it.
    uint256 private constant ANSWER_GAS = 250_000;
    /// @dev What an answer costs before and after its body runs, and for each byte, at the least.
    uint256 private constant AROUND_GAS = 55_000;
    uint256 private constant BYTE_GAS = 10;
    uint256 private constant GWEI = 1e9;
    uint256 private constant MAX_DOUBLINGS = 6;

    struct Challenge {
        address challenger;
        uint32 epoch;
        uint64 bondGwei;
    }

    mapping(bytes32 id => Challenge) private _challenges;

    // ---------------------------------------------------------------- demands

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

    /// @inheritdoc IHouseCourt
    function reclaim(IClearingHouse house, bytes32 demand) external nonReentrant {
        bytes32 id = _idOf(house, demand);
        Challenge memory one = _challenges[id];
        require(one.challenger != address(0), NotChallenged(id));
        require(house.isFailed(one.epoch), NotFailed(one.epoch));
        _challenges[id].challenger = address(0);
        _pay(address(0), one.challenger, one.challenger, one.bondGwei * GWEI);
    }

    // ---------------------------------------------------------------- answers

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
        _requireLeaf(house, epochs[1], demand.epoch, proofs[1], demand.member);
        Leaf calldata leaf = proofs[1].leaf;
        require(proofs[0].index == proofs[1].index, WrongAnswer(1));
        require(demand.index == 0 || demand.index == proofs[1].index + 1, WrongAnswer(2));
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
        Challenge memory one = _answeredDebit(house, demand, About.Credit);
        require(!demand.isLock && payment.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.to);
        uint256[] memory sums = Payments.sums(payment.asset, payment.amount, epoch.left.length);
        _requireEntry(proof.leaf.income, position, demand.entry, sums, path);
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
        Challenge memory one = _answeredDebit(house, demand, About.Credit);
        require(demand.isLock && lock.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.to);
        uint256 paid = _status(house, lock, epoch.cutTime).paid;
        bytes32 credit = Locks.creditHash(demand.from, demand.position, demand.entry, paid);
        uint256[] memory sums = Payments.sums(lock.asset, paid, epoch.left.length);
        _requireEntry(proof.leaf.income, position, credit, sums, path);
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
        Challenge memory one = _answeredDebit(house, demand, About.Leg);
        require(payment.hash() == demand.entry && leg.group == payment.group, WrongAnswer(5));
        require(leg.leg == demand.leg && leg.epoch == demand.epoch, WrongAnswer(6));
        uint256[] memory sums = Payments.sums(leg.asset, leg.amount, epoch.left.length);
        _requireEntry(leg.group, leg.leg, Leg(leg.from, leg.to, leg.asset, leg.amount).hash(), sums, legPath);
        _requireLeaf(house, epoch, demand.epoch, proof, leg.from);
        // The climb has overwritten the sums.
        sums = Payments.sums(leg.asset, leg.amount, epoch.left.length);
        _requireEntry(proof.leaf.payments, leg.position, leg.hash(), sums, path);
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
        Challenge memory one = _answeredDebit(house, demand, About.Leg);
        require(payment.hash() == demand.entry, WrongAnswer(5));
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
        Challenge memory one = _answeredDebit(house, demand, About.Status);
        require(lock.hash() == demand.entry, WrongAnswer(5));
        _requireLeaf(house, epoch, demand.epoch, proof, demand.from);
        uint256 assets = epoch.left.length;
        uint256[] memory sums = Payments.sums(lock.asset, lock.amount, assets);
        _requireEntry(proof.leaf.locks, demand.position, demand.entry, sums, path);
        Status memory status = _status(house, lock, epoch.cutTime);
        sums = status.sums(lock.asset, assets);
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
        Challenge memory one = _answeredDebit(house, demand, demand.about);
        require(!demand.proven, WrongAnswer(8));
        _requireLeaf(house, absence.epoch, demand.epoch, absence.proof, demand.from);
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
        Challenge memory one = _answeredDebit(house, demand, demand.about);
        // A payee gives up its own claim by a release, and no right of the payer.
        require(demand.isLock && (demand.proven || demand.about == About.Credit), WrongAnswer(10));
        _requireMember(release.payee, demand.to);
        bytes32 paid;
        if (release.payments.length != 0) {
            Payment calldata payment = release.payments[0];
            paid = payment.hash();
            require(payment.epoch <= demand.epoch, Inadmissible(payment.epoch, demand.epoch));
            _requireLeaf(house, release.epochs[0], payment.epoch, release.proofs[0], demand.to);
            uint256[] memory sums = Payments.sums(payment.asset, payment.amount, release.epochs[0].left.length);
            _requireEntry(release.proofs[0].leaf.income, release.position, paid, sums, release.path);
        }
        bytes32 structHash = Locks.releaseHash(demand.from, demand.position, demand.entry, paid);
        require(
            Statements.signerOf(house, structHash, release.signature) == release.payee.signer,
            BadSignature(release.payee.signer)
        );
        _settle(one, gas);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IHouseCourt
    function challengeOf(bytes32 id) external view returns (address challenger, uint32 epoch, uint64 bondGwei) {
        Challenge memory one = _challenges[id];
        return (one.challenger, one.epoch, one.bondGwei);
    }

    /// @inheritdoc IHouseCourt
    /// @dev Twice the answer's base fee, doubled in steps above half of what the answer time has room for.
    function bondFor(IClearingHouse house, uint256 epoch) public view returns (uint256) {
        Rules memory rules = house.rules();
        uint256 open = house.epochWord(epoch).open();
        uint256 half = (rules.answerTimeMost - rules.answerTime) / rules.answerTimeEach / 2;
        uint256 doublings = open <= half ? 0 : 1 + ((open - half) * 8) / half;
        // Nobody may price others out: not by what was answered, and not beyond this.
        if (doublings > MAX_DOUBLINGS) doublings = MAX_DOUBLINGS;
        return ((((2 * block.basefee * ANSWER_GAS) << doublings) / GWEI) + 1) * GWEI;
    }

    // ---------------------------------------------------------------- bookkeeping

    function _idOf(IClearingHouse house, bytes32 demand) private pure returns (bytes32) {
        return keccak256(abi.encode(house, demand));
    }

    function _challenge(IClearingHouse house, uint256 epoch, bytes32 demand) private returns (bytes32 id) {
        id = _idOf(house, demand);
        require(_challenges[id].epoch == 0, AlreadyChallenged(id));
        uint256 bond = bondFor(house, epoch);
        require(msg.value >= bond, BondTooSmall(msg.value, bond));
        _challenges[id] = Challenge(msg.sender, uint32(epoch), uint64(bond / GWEI));
        house.challenged(epoch);
        _pay(address(0), msg.sender, msg.sender, msg.value - bond);
    }

    function _answeredDebit(
        IClearingHouse house,
        DebitDemand calldata demand,
        About about
    ) private returns (Challenge memory) {
        require(demand.about == about, WrongAnswer(5));
        return _answered(house, demand.epoch, keccak256(abi.encode(demand)));
    }

    function _answered(IClearingHouse house, uint256 epoch, bytes32 demand) private returns (Challenge memory one) {
        bytes32 id = _idOf(house, demand);
        one = _challenges[id];
        require(one.challenger != address(0), NotChallenged(id));
        // The epoch stays, so that nobody demands the same twice.
        _challenges[id].challenger = address(0);
        house.answered(epoch);
        emit Answered(address(house), epoch, id);
    }

    /// @dev About the base fee of the gas that the answer took (calldata is counted by an average); the rest of the bond goes back.
    function _settle(Challenge memory one, uint256 gas) private {
        uint256 bond = one.bondGwei * GWEI;
        uint256 cost = (gas - gasleft() + AROUND_GAS + BYTE_GAS * msg.data.length) * block.basefee;
        if (cost > bond) cost = bond;
        _pay(address(0), msg.sender, msg.sender, cost);
        // Kept, not pushed: no code of the challenger runs at the cost of who answers.
        if (bond != cost) _keep(address(0), one.challenger, bond - cost);
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

    // ---------------------------------------------------------------- evidence

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

    // ---------------------------------------------------------------- checks

    function _status(IClearingHouse house, Lock calldata lock, uint256 time) private view returns (Status memory) {
        return lock.statusAt(house.rules().registry, time);
    }

    function _requireOperator(IClearingHouse house, bytes32 structHash, bytes calldata signature) private view {
        address operator = house.rules().operator;
        require(Statements.signerOf(house, structHash, signature) == operator, BadSignature(operator));
    }

    function _requireMember(Identity calldata identity, bytes32 needed) private pure {
        bytes32 member = keccak256(abi.encode(identity));
        require(member == needed, WrongMember(member, needed));
    }

    function _requireEpoch(IClearingHouse house, Epoch calldata epoch, uint256 number) private view {
        require(epoch.number == number && house.epochWord(number).isOf(epoch), WrongEpoch(epoch.number, number));
    }

    function _requireLeaf(
        IClearingHouse house,
        Epoch calldata epoch,
        uint256 number,
        Proof calldata proof,
        bytes32 member
    ) private view {
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
        if (proof.leaf.member == member) return _requireLeaf(house, epoch, number, proof, member);
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
