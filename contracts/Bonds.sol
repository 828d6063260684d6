// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vault} from "./Vault.sol";
import {IClearingHouse, Rules} from "./interfaces/IClearingHouse.sol";
import {IHouseCourt} from "./interfaces/IHouseCourt.sol";

/// @title Bonds: what a challenge costs, who is paid for its answer, and what comes back
abstract contract Bonds is IHouseCourt, Vault {
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

    /// @inheritdoc IHouseCourt
    function reclaim(IClearingHouse house, bytes32 demand) external nonReentrant {
        bytes32 id = _idOf(house, demand);
        Challenge memory one = _challenges[id];
        require(one.challenger != address(0), NotChallenged(id));
        require(house.isFailed(one.epoch), NotFailed(one.epoch));
        _challenges[id].challenger = address(0);
        _pay(address(0), one.challenger, one.challenger, one.bondGwei * GWEI);
    }

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

    function _idOf(IClearingHouse house, bytes32 demand) private pure returns (bytes32) {
        return keccak256(abi.encode(house, demand));
    }

    function _challenge(IClearingHouse house, uint256 epoch, bytes32 demand) internal returns (bytes32 id) {
        id = _idOf(house, demand);
        require(_challenges[id].epoch == 0, AlreadyChallenged(id));
        uint256 bond = bondFor(house, epoch);
        require(msg.value >= bond, BondTooSmall(msg.value, bond));
        _challenges[id] = Challenge(msg.sender, uint32(epoch), uint64(bond / GWEI));
        house.challenged(epoch);
        _pay(address(0), msg.sender, msg.sender, msg.value - bond);
    }

    function _answered(IClearingHouse house, uint256 epoch, bytes32 demand) internal returns (Challenge memory one) {
        bytes32 id = _idOf(house, demand);
        one = _challenges[id];
        require(one.challenger != address(0), NotChallenged(id));
        // The epoch stays, so that nobody demands the same twice.
        _challenges[id].challenger = address(0);
        house.answered(epoch);
        emit Answered(address(house), epoch, id);
    }

    /// @dev About the base fee of the gas that the answer took (calldata is counted by an average); the rest of the bond goes back.
    function _settle(Challenge memory one, uint256 gas) internal {
        uint256 bond = one.bondGwei * GWEI;
        uint256 cost = (gas - gasleft() + AROUND_GAS + BYTE_GAS * msg.data.length) * block.basefee;
        if (cost > bond) cost = bond;
        _pay(address(0), msg.sender, msg.sender, cost);
        // Kept, not pushed: no code of the challenger runs at the cost of who answers.
        if (bond != cost) _keep(address(0), one.challenger, bond - cost);
    }
}
