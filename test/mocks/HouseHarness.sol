// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Account} from "../../contracts/types/house/Account.sol";
import {Epoch} from "../../contracts/types/house/Epoch.sol";
import {Leaf} from "../../contracts/types/house/Leaf.sol";
import {Lock, LockReceipt, Locks, Status} from "../../contracts/types/house/Lock.sol";
import {Leg, Payment} from "../../contracts/types/house/Payment.sol";
import {Posting} from "../../contracts/types/house/Posting.sol";
import {Receipt} from "../../contracts/types/house/Receipt.sol";
import {Tallies, Tally} from "../../contracts/types/house/Tally.sol";

/// @title A house's own nouns, callable one by one
/// @dev Nothing is computed here: parity tests hold what the libraries say against what the SDK says.
contract HouseHarness {
    function account(Account calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function receipt(Receipt calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function lockReceipt(LockReceipt calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function release(bytes32 payer, uint256 position, bytes32 lock_, bytes32 payment_) external pure returns (bytes32) {
        return Locks.releaseHash(payer, position, lock_, payment_);
    }

    function payment(Payment calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function leg(Leg calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function lock(Lock calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function lockCredit(bytes32 payer, uint256 position, bytes32 lock_, uint256 paid) external pure returns (bytes32) {
        return Locks.creditHash(payer, position, lock_, paid);
    }

    function status(
        Status calldata one,
        bytes32 lock_,
        uint256 asset,
        uint256 assets
    ) external pure returns (bytes32, uint256[] memory) {
        return (one.hash(lock_), one.sums(asset, assets));
    }

    function leaf(Leaf calldata one) external pure returns (bytes32, uint256[] memory) {
        return (one.hash(), one.sums(one.lines.length));
    }

    function epoch(Epoch calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function posting(Posting calldata one) external pure returns (bytes32) {
        return one.hash();
    }

    function climb(
        uint256 position,
        bytes32 hash,
        uint256[] memory sums,
        bytes32[] calldata path
    ) external pure returns (Tally memory tally, bytes32) {
        tally = Tallies.climb(position, hash, sums, path);
        return (tally, tally.hash());
    }

    function fold(
        uint256[] memory positions,
        uint256[] memory rows,
        uint256 depth,
        bytes32[] calldata path
    ) external pure returns (Tally memory) {
        return Tallies.fold(positions, rows, depth, path);
    }
}
