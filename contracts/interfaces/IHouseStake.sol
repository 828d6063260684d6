// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Account} from "../types/house/Account.sol";
import {Epoch} from "../types/house/Epoch.sol";
import {Receipt} from "../types/house/Receipt.sol";
import {Tally} from "../types/house/Tally.sol";
import {Identity, Proof} from "./IClearingHouse.sol";
import {IVault} from "./IVault.sol";

/// @notice One of two things that the operator has said about a member: a signed account, a signed receipt or a committed leaf.
struct Statement {
    Account[] accounts;
    Receipt[] receipts;
    bytes signature;
    Epoch[] epochs;
    Proof[] leaves;
}

/// @title What an operator has at stake: receipts that a halt made void are paid from it, up to each member's limit (D7)
/// @notice Design: docs/clearing.md §7.
interface IHouseStake is IVault {
    event Staked(uint256 indexed asset, uint256 amount);
    event NoticeGiven(uint256 indexed asset, uint256 amount);
    /// @notice The operator signed or committed what contradicts itself.
    event Convicted(address by);
    event TakenBack(uint256 indexed asset, uint256 amount);
    event InsuredClaimed(uint256 indexed index, bytes32 indexed member);
    event InsuredLowered(uint256 indexed index);
    event InsuredPaid(uint256 indexed index, uint256[] amounts);
    event Released(uint256 indexed asset, uint256 amount);

    error NotOperator(address sender, address operator);
    error NoContradiction();
    error TooMuch(uint256 asked, uint256 held);
    /// @notice An epoch that may count on the money is not final, or the house has halted.
    error StillBacking(uint256 epoch);
    error StillRunning();
    error TooEarly(uint256 timestamp, uint256 from);
    error TooLate(uint256 timestamp, uint256 until);
    error AlreadyClaimed(uint256 index);
    error NotClaimed(uint256 index);
    error WrongEpoch();
    error WrongProof();
    error WrongStatement();
    error WrongMember(bytes32 given, bytes32 needed);

    /// @notice Adds to the stake; anybody may.
    function add(uint256 asset, uint256 amount) external payable;
    /// @notice The operator wants so much back: from now on it covers no further epoch.
    function giveNotice(uint256 asset, uint128 amount) external;
    /// @notice Pays it back when all epochs that it may have covered are final and a later one is in force.
    function takeBack(uint256 asset) external;
    /// @notice Whether the sums of these limits are at stake.
    function covers(Tally calldata limits) external view returns (bool);
    /// @notice D4: two statements of the operator that contradict each other halt the house at once and cost the stake.
    function convict(Statement calldata one, Statement calldata other) external;

    /// @notice Starts the clock for claims, once the house is settled.
    function settle() external;
    /// @notice A member asks for what it was credited after the last final `epoch`; a receipt of more may follow. `limits`: its limits there, `limit | 0` in each word.
    function claimInsured(
        Epoch calldata epoch,
        Proof calldata proof,
        Receipt calldata receipt,
        bytes calldata signature,
        uint256[] calldata limits,
        bytes32[] calldata limitPath
    ) external;
    /// @notice A later account of the member shows that it has spent some of it.
    function lower(Identity calldata identity, Account calldata account, bytes calldata signature) external;
    /// @notice Pays a claim that can no longer be lowered.
    function payInsured(uint256 index, Identity calldata identity) external;
    /// @notice What nobody claimed goes back to the operator; of a convicted one half to who convicted it, the rest to nobody.
    function release(uint256 asset) external;

    function staked(uint256 asset) external view returns (uint256);
}
