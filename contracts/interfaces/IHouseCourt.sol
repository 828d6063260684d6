// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Account} from "../types/house/Account.sol";
import {Epoch} from "../types/house/Epoch.sol";
import {Lock, LockReceipt} from "../types/house/Lock.sol";
import {Payment} from "../types/house/Payment.sol";
import {Posting} from "../types/house/Posting.sol";
import {Receipt} from "../types/house/Receipt.sol";
import {Tally} from "../types/house/Tally.sol";
import {IClearingHouse, Identity, Proof} from "./IClearingHouse.sol";
import {IVault} from "./IVault.sol";

/// @notice Why a leaf must be in an epoch; nothing may be from a later one. `signatures`: the operator's, of accounts and then receipts.
struct Evidence {
    bytes32 member;
    Account[] accounts;
    Receipt[] receipts;
    Posting[] postings;
    bytes[] signatures;
}

/// @notice A receipt shows that its member has a leaf in its epoch and in all later ones: without it, absence could not be shown.
struct Membership {
    Receipt receipt;
    bytes signature;
}

/// @notice D2: what the leaf of a member must hold at least.
/// @param index The member's index and one; zero: unknown.
/// @param since The member's earliest deposit in evidence: since that was cut it has had a leaf. Zero: unknown.
struct LeafDemand {
    uint64 epoch;
    bytes32 member;
    uint32 index;
    uint64 since;
    uint64 seq;
    uint128[] credits;
    uint128[] deposited;
    uint128[] requested;
}

/// @notice What is demanded of a debit. Credit: the entry in the payee's income. Leg: another leg of its group. Status: of a lock.
enum About {
    Credit,
    Leg,
    Status
}

/// @notice D3 and D5: what must follow from a debit.
/// @param isLock Whether it stands in `locks` of the payer, or in `payments`.
/// @param entry The hash that stands there.
/// @param leg Which leg of the group.
/// @param fromIndex The payer's index and one: no other leaf of the payer answers.
/// @param toIndex The same of `to`, which of a leg is its payer; zero: unknown.
/// @param proven The operator itself signed that the lock stands there.
struct DebitDemand {
    About about;
    uint64 epoch;
    bytes32 from;
    bytes32 to;
    bool isLock;
    uint32 position;
    bytes32 entry;
    uint32 leg;
    uint32 fromIndex;
    uint32 toIndex;
    bool proven;
}

/// @notice Something else than the debit in question, or nothing, where it is said to stand.
/// @param entry What stands there; if the tree has no such place: any leaf of it.
struct Absence {
    Epoch epoch;
    Proof proof;
    bytes32 entry;
    uint256[] sums;
    bytes32[] path;
}

/// @notice The payee's word that it wants a payment in place of a lock, and that payment in its `income`.
/// @param payments One, in an epoch no later than the challenged one; none: the payee gave the lock up.
/// @param position Of the payment in `income`.
struct Release {
    Identity payee;
    bytes signature;
    Payment[] payments;
    Epoch[] epochs;
    Proof[] proofs;
    uint256 position;
    bytes32[] path;
}

/// @title The court of all houses: what anybody may demand of an epoch, and what answers it
/// @notice Design: docs/clearing.md §5. A demand that nobody answers in time ends the house at the epoch before.
/// Challenges: while the epoch's window is open, for a bond in coins, which pays the answer; its rest goes back.
interface IHouseCourt is IVault {
    event LeafDemanded(address indexed house, uint256 indexed epoch, bytes32 indexed id, LeafDemand demand);
    event DebitDemanded(address indexed house, uint256 indexed epoch, bytes32 indexed id, DebitDemand demand);
    event Answered(address indexed house, uint256 indexed epoch, bytes32 indexed id);

    error BadSignature(address signer);
    error WrongEpoch(uint256 given, uint256 needed);
    error WrongProof(uint256 epoch);
    error WrongMember(bytes32 given, bytes32 needed);
    error BondTooSmall(uint256 sent, uint256 needed);
    error AlreadyChallenged(bytes32 id);
    error NotChallenged(bytes32 id);
    error NotFailed(uint256 epoch);
    error NoEvidence();
    /// @notice The evidence counts from a later epoch.
    error Inadmissible(uint256 evidence, uint256 epoch);
    /// @notice The answer does not give what is demanded; `rule` numbers the rule, docs/clearing.md §5.
    error WrongAnswer(uint256 rule);
    error NotDecided(bytes32 key);
    error NotLive(bytes32 key);

    /// @notice D2: the leaf of a member, at least as good for it as the evidence.
    function challengeLeaf(IClearingHouse house, Epoch calldata epoch, Evidence calldata evidence) external payable;
    /// @notice D3: the credit of a payment that is debited in its epoch. `payer`: the membership of who was debited.
    /// `payee`: the other one's, here and below; without a signature: unknown, and any leaf of the payee's may answer.
    function challengeCredit(
        IClearingHouse house,
        Payment calldata payment,
        Membership calldata payer,
        Membership calldata payee
    ) external payable;
    /// @notice D3: another leg of the payment's group. `other`: the membership of that leg's payer.
    function challengeLeg(
        IClearingHouse house,
        Payment calldata payment,
        uint32 leg,
        Membership calldata payer,
        Membership calldata other
    ) external payable;
    /// @notice D5: the status of a lock. With the operator's signature of the receipt the lock must be there, and `payer` does not matter.
    function challengeLock(
        IClearingHouse house,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer,
        Membership calldata payee
    ) external payable;
    /// @notice D5: the credit of a lock that was paid in this epoch. `previous`: the epoch before.
    function challengeLockCredit(
        IClearingHouse house,
        Epoch calldata previous,
        Epoch calldata epoch,
        LockReceipt calldata receipt,
        Lock calldata lock,
        bytes calldata signature,
        Membership calldata payer,
        Membership calldata payee
    ) external payable;

    /// @notice `epochs`, `proofs`: the epoch before and the challenged one. `account`: the one that the leaf was taken from.
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
    ) external;
    /// @notice The payment in the payee's `income`, at `position`.
    function answerCredit(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        Epoch calldata epoch,
        Proof calldata proof,
        uint256 position,
        bytes32[] calldata path
    ) external;
    /// @notice What the lock paid in the payee's `income`, at `position`.
    function answerLockCredit(
        IClearingHouse house,
        DebitDemand calldata demand,
        Lock calldata lock,
        Epoch calldata epoch,
        Proof calldata proof,
        uint256 position,
        bytes32[] calldata path
    ) external;
    /// @notice The debit of the leg in its payer's `payments`, and the leg in the group.
    function answerLeg(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        Payment calldata leg,
        Epoch calldata epoch,
        Proof calldata proof,
        bytes32[] calldata path,
        bytes32[] calldata legPath
    ) external;
    /// @notice The group of the payment has no such leg. `entry`, `sums`: zeros, or any leaf of a group that is too small for it.
    function answerNoLeg(
        IClearingHouse house,
        DebitDemand calldata demand,
        Payment calldata payment,
        bytes32 entry,
        uint256[] calldata sums,
        bytes32[] calldata path
    ) external;
    /// @notice The lock in its payer's `locks`, and its right status.
    function answerLock(
        IClearingHouse house,
        DebitDemand calldata demand,
        Lock calldata lock,
        Epoch calldata epoch,
        Proof calldata proof,
        bytes32[] calldata path,
        bytes32[] calldata statusPath
    ) external;
    /// @notice The debit does not stand there.
    function answerByAbsence(IClearingHouse house, DebitDemand calldata demand, Absence calldata absence) external;
    /// @notice The payee released the lock.
    function answerByRelease(IClearingHouse house, DebitDemand calldata demand, Release calldata release) external;
    /// @notice The bond of a challenge that nobody answered. `demand`: the hash of the demand.
    function reclaim(IClearingHouse house, bytes32 demand) external;

    /// @notice What a challenge to this epoch costs now, in the coin's smallest unit.
    function bondFor(IClearingHouse house, uint256 epoch) external view returns (uint256);
    function challengeOf(bytes32 id) external view returns (address challenger, uint32 epoch, uint64 bondGwei);
}
