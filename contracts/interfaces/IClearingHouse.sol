// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Epoch, EpochWord} from "../types/house/Epoch.sol";
import {Leaf} from "../types/house/Leaf.sol";
import {Lock} from "../types/house/Lock.sol";
import {Posting} from "../types/house/Posting.sol";
import {IOutcomeRegistry} from "./IOutcomeRegistry.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice What a house is founded on, for ever. All times in seconds.
/// @param court Judges disputes about epochs.
/// @param operator Commits epochs, and signs accounts and receipts with this key.
/// @param assets One to four tokens, zero for the coin.
/// @param interval The longest time from one commit to the next.
/// @param window How long an epoch can be challenged.
/// @param answerTime How long answers may take after that,
/// @param answerTimeEach and for each challenge to the epoch this much longer,
/// @param answerTimeMost but no longer than this in all.
struct Terms {
    address court;
    address operator;
    IOutcomeRegistry registry;
    address[] assets;
    uint32 interval;
    uint32 window;
    uint32 answerTime;
    uint32 answerTimeEach;
    uint32 answerTimeMost;
}

/// @notice A member is `keccak256(abi.encode(signer, owner))`: the signer signs accounts, the owner gets what leaves.
struct Identity {
    address signer;
    address owner;
}

/// @notice A leaf at its index, with its path to the tree of members.
struct Proof {
    uint256 index;
    Leaf leaf;
    bytes32[] path;
}

/// @notice One member's part of a proof for several.
struct Claim {
    uint256 index;
    Leaf leaf;
    Identity identity;
}

/// @notice What a court must know of a house.
struct Rules {
    address operator;
    IOutcomeRegistry registry;
    uint256 assets;
    uint256 answerTime;
    uint256 answerTimeEach;
    uint256 answerTimeMost;
}

/// @title A clearing house that need not be trusted: it holds deposits, keeps commitments to debts and judges disputes
/// @notice Design: docs/clearing.md. No owner, no pause, no upgrade, no fee; the operator can take, freeze or misdirect nothing.
interface IClearingHouse is IPayouts {
    event Deposited(
        bytes32 indexed member,
        address indexed owner,
        address signer,
        uint256 number,
        uint8 asset,
        uint256 amount
    );
    /// @notice The owner wants `target` withdrawn for life.
    event Requested(
        bytes32 indexed member,
        address indexed owner,
        address signer,
        uint256 number,
        uint8 asset,
        uint256 target
    );
    event Committed(uint256 indexed number, Epoch epoch);
    /// @notice All epochs up to this one are final.
    event Finalized(uint256 number);
    /// @notice What left the house in an epoch was paid to these members' owners.
    event Collected(uint256 indexed epoch, uint256[] indices);
    /// @notice After a halt these members took all they had in the last final epoch.
    event Exited(uint256[] indices);
    event LockExited(uint256 indexed index, uint256 position, uint256 paid, uint256 refunded);
    event Refunded(uint256 indexed number);

    error WrongTerms();
    error NotOperator(address sender, address operator);
    error NotCourt(address sender);
    error NotStake(address sender);
    error NoSuchAsset(uint256 asset, uint256 count);
    /// @notice Signer or owner is zero.
    error NoSuchMember();
    error Halted();
    error NotSettled();
    error StaleTarget(uint256 target, uint256 held);
    error WrongEpoch(uint256 number);
    error WrongNumber(uint256 given, uint256 needed);
    error WrongCutTime(uint256 given, uint256 least, uint256 timestamp);
    error WrongCut(uint256 given, uint256 least);
    error WrongPosting(uint256 number);
    /// @notice The members would have more than was deposited.
    error Insolvent(uint256 asset, uint256 owed, uint256 held);
    error WrongSum(uint256 asset, uint256 given, uint256 needed);
    error Uncovered();
    error NotFinal(uint256 epoch, uint256 finalized);
    error WrongProof(uint256 epoch);
    error WrongMember(bytes32 given, bytes32 needed);
    error WindowClosed(uint256 timestamp, uint256 until);
    error AnswerTimeOver(uint256 timestamp, uint256 until);
    error AlreadyPaid(uint256 index);
    error StillLive(bytes32 key);

    // ---------------------------------------------------------------- members

    /// @notice Deposits for a member; anybody may.
    function deposit(address signer, address owner, uint8 asset, uint256 amount) external payable;
    /// @notice Deposits a token of the sender with its ERC-2612 permit for this house. Whoever uses the permit first gains nothing.
    function depositWithPermit(
        address signer,
        address owner,
        uint8 asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    /// @notice The owner (the sender) wants `target` withdrawn for life, more than it wanted before.
    function request(address signer, uint8 asset, uint128 target) external;
    /// @notice The same with the owner's signature over `Request`; nobody gains by sending it twice.
    function requestFor(Identity calldata identity, uint8 asset, uint128 target, bytes calldata signature) external;
    /// @notice Pays to their owners what left in a final epoch. `path`: the rows that are missing, see `Tallies.fold`.
    function collect(Epoch calldata epoch, Claim[] calldata claims, bytes32[] calldata path) external;

    // ---------------------------------------------------------------- epochs

    /// @notice Commits to the next epoch. `posting`: the one at the cut (whatever, if the cut is zero).
    function commit(Epoch calldata previous, Epoch calldata next, Posting calldata posting) external;
    /// @notice Takes note of at most `most` epochs that have become final.
    function advance(uint256 most) external;

    // ---------------------------------------------------------------- for the court and the stake alone

    /// @notice A challenge was made to an epoch whose window is open.
    function challenged(uint256 epoch) external;
    /// @notice One was answered in time.
    function answered(uint256 epoch) external;

    /// @notice The operator contradicted itself, as its stake has seen.
    function convict() external;

    // ---------------------------------------------------------------- after a halt, without a deadline

    /// @notice Pays members all that they had in the last final epoch, but for what was locked.
    function exit(Epoch calldata epoch, Claim[] calldata claims, bytes32[] calldata path) external;
    /// @notice Divides a lock that was undecided in the last final epoch. `payer`, `payee`: only of those who get something of it.
    function exitLock(
        Epoch calldata epoch,
        Proof calldata proof,
        Identity calldata payer,
        Identity calldata payee,
        uint256 position,
        Lock calldata lock,
        bytes32[] calldata statusPath
    ) external;
    /// @notice Pays back a deposit that came after the cut of the last final epoch.
    function refund(Epoch calldata epoch, Posting calldata posting, Identity calldata identity) external;

    // ---------------------------------------------------------------- views

    function epochWord(uint256 number) external view returns (EpochWord);
    function postingHash(uint256 number) external view returns (bytes32);
    /// @notice What a member has deposited for life, and what it wants to have withdrawn.
    function standing(bytes32 member, uint8 asset) external view returns (uint128 deposited, uint128 requested);
    function rules() external view returns (Rules memory);
    /// @notice Whether an epoch has a challenge that nobody answered in time.
    function isFailed(uint256 epoch) external view returns (bool);
    /// @notice Whether deposits and commits are taken.
    function isRunning() external view returns (bool);
    /// @notice Whether the house has halted and the last final epoch can no longer change: members can exit.
    function isSettled() external view returns (bool);
    function finalized() external view returns (uint256);
    function lastCommitted() external view returns (uint256);
    function postingCount() external view returns (uint256);
}
