// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Commitments} from "./Commitments.sol";
import {Claim, IClearingHouse, Identity, Proof, Terms} from "./interfaces/IClearingHouse.sol";
import {Epoch} from "./types/house/Epoch.sol";
import {Line} from "./types/house/Leaf.sol";
import {Lock, Status} from "./types/house/Lock.sol";
import {Posting} from "./types/house/Posting.sol";
import {Tallies, Tally} from "./types/house/Tally.sol";

/// @title A clearing house: what leaves it, epoch by epoch, and how everybody gets out when it has halted
/// @notice Rhythm of every entry point: identify, check, effect, event, interact. Design: docs/clearing.md.
contract ClearingHouse is Commitments {
    /// @dev The key of bitmaps of what is paid once: an epoch's number for what left in it, this one for exits.
    uint256 private constant EXITS = type(uint256).max;

    mapping(uint256 key => mapping(uint256 page => uint256 bits)) private _paid;
    /// @dev What was paid of the locks of one member, so that no list of locks pays more than the leaf has in it.
    mapping(uint256 index => mapping(uint256 asset => uint256)) private _locksPaid;

    constructor(Terms memory terms) Commitments(terms) {}

    /// @inheritdoc IClearingHouse
    function collect(Epoch calldata epoch, Claim[] calldata claims, bytes32[] calldata path) external nonReentrant {
        _advance(1);
        require(epoch.number <= _head.finalized, NotFinal(epoch.number, _head.finalized));
        _requireEpoch(epoch, epoch.number);
        emit Collected(epoch.number, _requireClaims(epoch, claims, path, epoch.number));
        for (uint256 i; i < claims.length; ++i) {
            for (uint256 a; a < assetCount; ++a) {
                _payOwner(claims[i].identity, a, claims[i].leaf.lines[a].leaving);
            }
        }
    }

    /// @inheritdoc IClearingHouse
    function exit(Epoch calldata epoch, Claim[] calldata claims, bytes32[] calldata path) external nonReentrant {
        _requireLastFinal(epoch);
        emit Exited(_requireClaims(epoch, claims, path, EXITS));
        for (uint256 i; i < claims.length; ++i) {
            for (uint256 a; a < assetCount; ++a) {
                Line memory line = claims[i].leaf.lines[a];
                _payOwner(claims[i].identity, a, line.balance());
            }
        }
    }

    /// @inheritdoc IClearingHouse
    function exitLock(
        Epoch calldata epoch,
        Proof calldata proof,
        Identity calldata payer,
        Identity calldata payee,
        uint256 position,
        Lock calldata lock,
        bytes32[] calldata statusPath
    ) external nonReentrant {
        _requireLastFinal(epoch);
        _requireLeaf(epoch, proof);
        Status memory before = Status(0, 0, lock.amount);
        Tally memory statuses = Tallies.climb(
            position,
            before.hash(lock.hash()),
            before.sums(lock.asset, assetCount),
            statusPath
        );
        require(statuses.hash() == proof.leaf.statuses, WrongProof(epoch.number));
        Status memory status = lock.statusAt(registry, block.timestamp);
        require(status.live == 0, StillLive(lock.key));
        _markLock(proof, position, lock);
        emit LockExited(proof.index, position, status.paid, status.refunded);
        // Whoever gets nothing need not be known: no one can keep its identity back to keep the other out.
        if (status.paid != 0) _payMember(payee, lock.to, lock.asset, status.paid);
        if (status.refunded != 0) _payMember(payer, proof.leaf.member, lock.asset, status.refunded);
    }

    /// @inheritdoc IClearingHouse
    function refund(Epoch calldata epoch, Posting calldata posting, Identity calldata identity) external nonReentrant {
        _requireLastFinal(epoch);
        _requirePosting(posting);
        _requireMember(identity, posting.member);
        require(posting.number > epoch.cut, AlreadyPaid(posting.number));
        _markOnce(uint256(keccak256("refunds")), posting.number);
        emit Refunded(posting.number);
        _payOwner(identity, posting.asset, posting.amount);
    }

    /// @dev Each claim is in the epoch, by its member's identity, and is marked.
    function _requireClaims(
        Epoch calldata epoch,
        Claim[] calldata claims,
        bytes32[] calldata path,
        uint256 key
    ) private returns (uint256[] memory indices) {
        indices = new uint256[](claims.length);
        for (uint256 i; i < claims.length; ++i) {
            Claim calldata one = claims[i];
            _requireMember(one.identity, one.leaf.member);
            indices[i] = one.index;
            _markOnce(key, one.index);
        }
        _requireIn(epoch, claims.length == 1 ? _climb(claims[0], path) : _fold(epoch, claims, path));
    }

    function _climb(Claim calldata one, bytes32[] calldata path) private view returns (Tally memory) {
        return Tallies.climb(one.index, one.leaf.hash(), one.leaf.sums(assetCount), path);
    }

    function _fold(
        Epoch calldata epoch,
        Claim[] calldata claims,
        bytes32[] calldata path
    ) private view returns (Tally memory) {
        uint256[] memory positions = new uint256[](claims.length);
        uint256[] memory rows = new uint256[](claims.length * (1 + assetCount));
        for (uint256 i; i < claims.length; ++i) {
            positions[i] = claims[i].index;
            Tallies.write(rows, i, claims[i].leaf.hash(), claims[i].leaf.sums(assetCount));
        }
        return Tallies.fold(positions, rows, epoch.members.depth, path);
    }

    function _markOnce(uint256 key, uint256 number) private {
        uint256 bits = _paid[key][number >> 8];
        uint256 bit = 1 << (number & 0xff);
        require(bits & bit == 0, AlreadyPaid(number));
        _paid[key][number >> 8] = bits | bit;
    }

    function _markLock(Proof calldata proof, uint256 position, Lock calldata lock) private {
        _markOnce(uint256(keccak256(abi.encode("lock", proof.index))), position);
        uint256 paid = _locksPaid[proof.index][lock.asset] + lock.amount;
        Line memory line = proof.leaf.lines[lock.asset];
        require(paid <= line.live(), AlreadyPaid(proof.index));
        _locksPaid[proof.index][lock.asset] = paid;
    }

    function _payMember(Identity calldata identity, bytes32 member, uint256 asset, uint256 amount) private {
        _requireMember(identity, member);
        _payOwner(identity, asset, amount);
    }

    function _payOwner(Identity calldata identity, uint256 asset, uint256 amount) private {
        _pay(assetAt(asset), identity.owner, identity.owner, amount);
    }
}
