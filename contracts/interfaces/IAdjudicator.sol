// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {LaneWord} from "../types/State.sol";
import {IPayouts} from "./IPayouts.sol";

/// @notice One deposit of a batch.
struct Deposit {
    bytes32 channelId;
    uint8 member;
    address asset;
    uint256 amount;
}

/// @notice What to sweep from a deposit address: `asset` (0: just coins) and all coins.
/// @param toOwner The owner takes it all back instead of crediting the channel; only the owner may ask.
struct Collection {
    bytes channel;
    uint8 member;
    address asset;
    bool toOwner;
}

/// @title Judge of channels: holds deposits, settles signed states
/// @notice Formats: docs/protocol.md. No owner, no pause, no upgrade, no fee.
/// `channel` is always the packed channel of §1, `asset` zero for the chain's coin, `member` an index.
interface IAdjudicator is IPayouts {
    /// @notice `channel` exists; one event per member.
    event Announced(bytes32 indexed channelId, address indexed owner, address indexed signer, bytes channel);
    /// @notice `depositCoin` credited member 0 or 1; `word` is the new word 0. The commonest deposit has the shortest event.
    event CoinDeposited(bytes32 indexed channelId, uint256 word);
    /// @notice Anything else was credited to `member`; `word` is the new word of its pair.
    event Deposited(bytes32 indexed channelId, address asset, uint256 member, uint256 word);
    /// @notice A withdrawal was paid; `word` is the new word 0.
    event Withdrawn(bytes32 indexed channelId, address asset, uint256 word);
    /// @notice A dispute began; `word` carries its expiry, the rest is the preimage of its commitment (a second lane of a joint channel is none).
    event Challenged(
        bytes32 indexed channelId,
        address asset,
        uint256 word,
        uint256 openWord,
        LaneWord lane0,
        LaneWord lane1
    );
    /// @notice These lane words were shown, in a dispute or as a checkpoint, and at least one rose; zero: not shown.
    event Raised(bytes32 indexed channelId, address asset, LaneWord lane0, LaneWord lane1);
    /// @notice A generation ended and was paid out; `word` is the new word 0.
    event Settled(bytes32 indexed channelId, address asset, uint256 word);
    /// @notice What of the ended generation still waits for outcomes: the preimage of its record.
    event Reserved(bytes32 indexed channelId, address asset, uint256 generation, bytes reserves);
    /// @notice Reserved transfers of an ended generation were divided.
    event Redeemed(bytes32 indexed channelId, address asset, uint256 generation, uint256[] payouts);

    error NotMember(address sender);
    error NotOwner(address sender, address owner);
    /// @notice Money leaves for somebody else than the owner, which only the owner itself may allow.
    error NeedsOwner(address owner);
    /// @notice The ledger is disputed or at its last generation.
    error DepositRefused(bytes32 channelId, address asset);
    error WrongDispute(uint256 named, uint256 running);
    error WrongSeq(uint256 given, uint256 needed);
    /// @notice The generation has no further seq: only a closing withdrawal is left.
    error LastSeq();
    /// @notice A closing withdrawal leaves money behind (or takes more than there is).
    error NotZero(int256 left);
    error Overdrawn(int256 left);
    error AlreadyDisputed(uint256 expiry);
    error NotDisputed();
    error DisputeRunning(uint256 timestamp, uint256 expiry);
    error DisputeOver(uint256 timestamp, uint256 expiry);
    /// @notice No lane shown is above what is stored.
    error NothingRose();
    error UnsortedLane(uint256 lane);
    /// @notice `base` is not what the dispute committed to.
    error WrongBase(uint256 committed, uint256 given);
    error WrongState(uint256 lane, uint256 newest, uint256 given);
    error WrongRecord(bytes32 held, bytes32 given);

    /// @notice Shows the channel to everybody: a member that lost everything but its seed finds it by its owner.
    function announce(bytes calldata channel) external;

    // Anybody may deposit for anybody. What is credited is what arrived; a disputed ledger takes nothing.

    function depositCoin(bytes32 channelId, uint8 member) external payable;
    function deposit(bytes32 channelId, uint8 member, address asset, uint256 amount) external payable;
    /// @notice Skips what a disputed ledger would refuse, and returns the coins for that.
    function depositBatch(Deposit[] calldata deposits) external payable;
    function depositAnnounced(bytes calldata channel, uint8 member, address asset, uint256 amount) external payable;
    /// @notice The sender's own tokens, by its ERC-2612 permit or an allowance that is there already.
    function depositWithPermit(
        bytes32 channelId,
        uint8 member,
        address asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    /// @notice The payer's Permit2 signature binds the destination, as its witness.
    function depositWithPermit2(
        bytes32 channelId,
        uint8 member,
        address asset,
        uint256 amount,
        address from,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;
    /// @notice The payer's EIP-3009 signature binds the destination: its nonce is `keccak256(abi.encode(channelId, member, salt))`.
    function depositWithAuthorization(
        bytes32 channelId,
        uint8 member,
        address asset,
        uint256 amount,
        address from,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 salt,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    /// @notice Where any wallet can pay for this member by a plain transfer; `collect` brings it into the channel.
    function depositAddress(bytes32 channelId, uint8 member) external view returns (address);
    /// @notice Empties deposit addresses, each once in a transaction; what a ledger cannot take becomes claimable by the member's owner.
    function collect(Collection[] calldata collections) external;
    /// @notice The asset that the deposit address being created has to hand over.
    function collecting() external view returns (address);

    /// @notice Pays members part or all of their money while the channel lives. `withdrawal`, like all packed bytes: docs/protocol.md §6.
    function withdraw(bytes calldata channel, address asset, bytes calldata withdrawal) external;

    /// @notice Challenge and answer in one: starts the clock if none runs, else raises lanes. No states: a member just starts the clock.
    function submit(bytes calldata channel, address asset, bytes calldata states) external;
    /// @notice Raises lanes without starting a clock.
    function checkpoint(bytes calldata channel, address asset, bytes calldata states) external;
    /// @notice From the expiry on: pays every member and ends the generation; undecided transfers wait for `redeem`, nothing else does.
    function settle(bytes calldata channel, address asset, bytes calldata proof) external;
    /// @notice Divides transfers of an ended generation that are decided by now; those paid already are skipped.
    function redeem(bytes calldata channel, address asset, uint256 generation, bytes calldata redemption) external;

    /// @notice Word `pair` of a ledger.
    function wordOf(bytes32 channelId, address asset, uint256 pair) external view returns (uint256);
    /// @notice The recorded word of a lane, zero if none.
    function laneOf(bytes32 channelId, address asset, uint256 generation, uint256 lane) external view returns (uint256);
    function recordOf(bytes32 channelId, address asset, uint256 generation) external view returns (bytes32);
}
