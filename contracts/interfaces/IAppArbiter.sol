// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "./ICondition.sol";
import {IOutcomeRegistry} from "./IOutcomeRegistry.sol";

/// @title Judge of apps: lets seats play on by force, and records what each of them gets
/// @notice An instance is `app address | endBy uint40 | budget uint32 | nonce uint128 | N x seat address`, packed; N from 2 to 16. Its id is
/// `keccak256(abi.encode(chainId, arbiter, keccak256(instance)))`. Money waits for `registry.keyOf(arbiter, keccak256(abi.encode(id, seat)))`.
/// All seats sign `AppState(bytes32 instance,uint32 version,bytes state)`: such a state is *agreed*. A seat makes a *forced* move here, alone,
/// by signing `AppMove(bytes32 instance,uint32 version,bytes state)`: the state after its move. Signatures are a `length uint16 | envelope`
/// each, docs/protocol.md §3; one of no length is the sender's own or, under an agreed state, that of the seat before it, which has the same signer.
/// What *stands* is `version uint32 | N x (spent uint32 | moved uint32) | state`, packed: seconds of its budget that a seat has spent, and the
/// version of its last move or, if that is higher, of the agreed state. Moves are a `length uint16 | move | length uint16 | envelope` each.
interface IAppArbiter is ICondition {
    /// @notice An agreed state stands, and the moves after it.
    event Submitted(bytes32 indexed instanceId, bytes standing);

    /// @notice A seat has moved, or several.
    event Moved(bytes32 indexed instanceId, bytes standing);

    /// @notice Each seat's value, in parts of 1e18. What the registry recorded first counts.
    event Concluded(bytes32 indexed instanceId, uint256[] values);

    /// @notice An app stands at its address.
    event Deployed(address indexed app);

    error WrongStanding(bytes32 instanceId);
    error BadSignature(uint256 seat);
    error NotNewer(uint256 version, uint256 standing);
    /// @notice 0 is no version, and 2^32 - 1 is the last, which is agreed on but not submitted.
    error VersionOutOfRange(uint256 version);
    error StateTooLong(uint256 length, uint256 max);
    error NoMove();
    error NobodysTurn();
    error IllegalMove(uint256 version, bytes reason);
    error TimeOver(uint256 timestamp, uint256 until);
    error StillRunning(uint256 timestamp, uint256 until);
    error NotConcluded(bytes32 instanceId, uint256 seat);

    /// @notice Shows an agreed state, and moves from it, where none or an older one stands; sets the clocks of all seats back.
    /// @dev Needs nothing of what stands, so nobody can invalidate it by moving first. Equal versions are refused: only one that forgot
    /// what it signed has two states of one version.
    function submit(
        bytes calldata instance,
        uint32 version,
        bytes calldata state,
        bytes calldata signatures,
        bytes calldata moves
    ) external;

    /// @notice Moves on from what stands. The seat whose turn it is pays for the time since then from its budget.
    function move(bytes calldata instance, bytes calldata standing, bytes calldata moves) external;

    /// @notice Records every seat's value, by what stands: once the seat on turn has spent its budget; once nobody moves any more and a
    /// whole budget has passed, in which a newer state can be shown; or from `endBy` on.
    function conclude(bytes calldata instance, bytes calldata standing) external;

    /// @notice Records every seat's value by a state that all have signed with version 2^32 - 1: nothing can be newer.
    function agree(bytes calldata instance, bytes calldata state, bytes calldata signatures) external;

    /// @notice Deploys an app by CREATE2 with salt zero, unless it is there already: its address is known before anybody needs it.
    function deploy(bytes calldata initCode) external returns (address app);

    /// @notice What stands of an instance: `since uint40 | base uint32 | low 184 bits of the standing's hash`; zero: nothing.
    /// @dev `base`: an agreed state must be newer than this. It is the second highest of the signers' `moved`: what two
    /// have built on stays. So a seat that moved on chain cannot be set back to before the answer to its move.
    function wordOf(bytes32 instanceId) external view returns (uint256);

    /// @notice The id of an instance, whose form is checked.
    function idOf(bytes calldata instance) external view returns (bytes32);

    function registry() external view returns (IOutcomeRegistry);
}
