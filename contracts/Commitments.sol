// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Inbox} from "./Inbox.sol";
import {HouseStake} from "./HouseStake.sol";
import {IClearingHouse, Proof, Rules, Terms} from "./interfaces/IClearingHouse.sol";
import {Epoch, EpochWord} from "./types/house/Epoch.sol";
import {Posting} from "./types/house/Posting.sol";
import {Tallies, Tally} from "./types/house/Tally.sol";

/// @title Epochs: what the operator commits to, and when that is final
/// @dev Phases are computed, never stored, so they cannot disagree with the clock.
abstract contract Commitments is Inbox {
    /// @dev How many epochs a call notes as final on its way; `advance` notes more.
    uint256 private constant STEPS = 8;
    uint256 private constant MAX_DEPTH = 32;

    /// @notice Judges disputes; it can end the house at an epoch that is not answered for, and nothing else.
    address public immutable court;
    uint256 public immutable interval;
    uint256 public immutable window;
    uint256 private immutable _answerTime;
    uint256 private immutable _answerTimeEach;
    uint256 private immutable _answerTimeMost;
    /// @notice What the operator has at stake: it pays insured receipts after a halt.
    HouseStake public immutable stake;

    mapping(uint256 number => EpochWord) private _epochs;

    modifier onlyCourt() {
        require(msg.sender == court, NotCourt(msg.sender));
        _;
    }

    constructor(Terms memory terms) Inbox(terms) {
        require(
            terms.interval != 0 && terms.window != 0 && terms.answerTime != 0 && terms.answerTimeEach != 0,
            WrongTerms()
        );
        require(terms.answerTimeMost >= terms.answerTime + 2 * terms.answerTimeEach, WrongTerms());
        court = terms.court;
        interval = terms.interval;
        window = terms.window;
        _answerTime = terms.answerTime;
        _answerTimeEach = terms.answerTimeEach;
        _answerTimeMost = terms.answerTimeMost;
        stake = new HouseStake(terms.operator, terms.assets, terms.window + terms.answerTimeMost);
        Epoch memory genesis;
        genesis.members = genesis.limits = Tallies.empty(terms.assets.length);
        genesis.left = new uint256[](terms.assets.length);
        _epochs[0] = genesis.word(block.timestamp);
        _head.committedAt = uint32(block.timestamp);
    }

    /// @inheritdoc IClearingHouse
    function commit(Epoch calldata previous, Epoch calldata next, Posting calldata posting) external {
        require(msg.sender == operator, NotOperator(msg.sender, operator));
        _advance(STEPS);
        require(isRunning(), Halted());
        Head memory head = _head;
        _requireEpoch(previous, head.last);
        require(next.number == head.last + 1, WrongNumber(next.number, head.last + 1));
        require(
            next.cutTime >= head.committedAt && next.cutTime < block.timestamp,
            WrongCutTime(next.cutTime, head.committedAt, block.timestamp)
        );
        // Nobody's deposit or request can be put off for longer than one epoch.
        require(next.cut >= head.postingsAtCommit, WrongCut(next.cut, head.postingsAtCommit));
        _requireSolvent(previous, next, posting);

        _epochs[next.number] = next.word(block.timestamp);
        head.last++;
        head.committedAt = uint32(block.timestamp);
        head.postingsAtCommit = head.postings;
        _head = head;
        emit Committed(next.number, next);
    }

    /// @inheritdoc IClearingHouse
    function advance(uint256 most) external {
        _advance(most);
    }

    /// @inheritdoc IClearingHouse
    function challenged(uint256 number) external onlyCourt {
        EpochWord word = _epochs[number];
        uint256 until = word.committedAt() + window;
        require(number != 0 && word.exists(), WrongEpoch(number));
        require(block.timestamp < until, WindowClosed(block.timestamp, until));
        _epochs[number] = word.withChallenge();
    }

    /// @inheritdoc IClearingHouse
    function answered(uint256 number) external onlyCourt {
        EpochWord word = _epochs[number];
        uint256 until = _answersUntil(word);
        require(block.timestamp < until, AnswerTimeOver(block.timestamp, until));
        _epochs[number] = word.withAnswer();
    }

    /// @inheritdoc IClearingHouse
    function convict() external {
        require(msg.sender == address(stake), NotStake(msg.sender));
        require(!_head.convicted, Halted());
        _head.convicted = true;
    }

    /// @inheritdoc IClearingHouse
    function rules() external view returns (Rules memory) {
        return Rules(operator, registry, assetCount, _answerTime, _answerTimeEach, _answerTimeMost);
    }

    /// @inheritdoc IClearingHouse
    function isFailed(uint256 number) public view returns (bool) {
        EpochWord word = _epochs[number];
        return word.open() != 0 && block.timestamp >= _answersUntil(word);
    }

    /// @inheritdoc IClearingHouse
    function isRunning() public view override(Inbox) returns (bool) {
        Head memory head = _head;
        return !head.convicted && block.timestamp <= head.committedAt + interval && !isFailed(head.finalized + 1);
    }

    /// @inheritdoc IClearingHouse
    function isSettled() public view returns (bool) {
        Head memory head = _head;
        return !isRunning() && (head.finalized == head.last || isFailed(head.finalized + 1));
    }

    /// @inheritdoc IClearingHouse
    function epochWord(uint256 number) public view returns (EpochWord) {
        return _epochs[number];
    }

    /// @inheritdoc IClearingHouse
    function finalized() external view returns (uint256) {
        return _head.finalized;
    }

    /// @inheritdoc IClearingHouse
    function lastCommitted() external view returns (uint256) {
        return _head.last;
    }

    /// @notice Until when challenges to an epoch can be answered.
    function _answersUntil(EpochWord word) internal view returns (uint256) {
        uint256 time = _answerTime + _answerTimeEach * word.challenges();
        return word.committedAt() + window + (time < _answerTimeMost ? time : _answerTimeMost);
    }

    function _advance(uint256 most) internal {
        Head memory head = _head;
        uint256 before = head.finalized;
        for (; most != 0 && head.finalized < head.last; --most) {
            EpochWord word = _epochs[head.finalized + 1];
            if (word.open() != 0 || block.timestamp < word.committedAt() + window) break;
            head.finalized++;
        }
        if (head.finalized == before) return;
        _head.finalized = head.finalized;
        emit Finalized(head.finalized);
    }

    function _requireEpoch(Epoch calldata epoch, uint256 number) internal view {
        require(epoch.number == number && _epochs[number].isOf(epoch), WrongEpoch(epoch.number));
    }

    /// @dev The last final epoch of a house that has halted.
    function _requireLastFinal(Epoch calldata epoch) internal {
        _advance(STEPS);
        require(isSettled(), NotSettled());
        _requireEpoch(epoch, _head.finalized);
    }

    function _requireLeaf(Epoch calldata epoch, Proof calldata proof) internal view {
        uint256[] memory sums = proof.leaf.sums(assetCount);
        _requireIn(epoch, Tallies.climb(proof.index, proof.leaf.hash(), sums, proof.path));
    }

    function _requireIn(Epoch calldata epoch, Tally memory members) internal pure {
        require(members.isEqual(epoch.members), WrongProof(epoch.number));
    }

    /// @dev Counters of the contract's own, never a balance: nobody can raise them by a gift.
    function _requireSolvent(Epoch calldata previous, Epoch calldata next, Posting calldata posting) private view {
        uint256 assets = assetCount;
        require(
            next.members.sums.length == assets && next.left.length == assets && next.limits.sums.length == assets,
            WrongTerms()
        );
        require(next.members.depth <= MAX_DEPTH && next.limits.depth <= MAX_DEPTH, WrongTerms());
        if (next.cut != 0) {
            _requirePosting(posting);
            require(posting.number == next.cut, WrongPosting(posting.number));
        }
        // The posting commits to all before it, so a reorganisation cannot slip others under a commit.
        require(next.cutHash == postingHash(next.cut), WrongPosting(next.cut));
        uint256 insured;
        for (uint256 i; i < assets; ++i) {
            insured |= next.limits.sums[i];
            uint256 word = next.members.sums[i];
            uint256 left = previous.left[i] + uint128(word);
            require(next.left[i] == left, WrongSum(i, next.left[i], left));
            uint256 owed = (word >> 128) + left;
            uint256 held = next.cut == 0 ? 0 : posting.totals[i];
            require(owed <= held, Insolvent(i, owed, held));
        }
        if (insured != 0) require(stake.covers(next.limits), Uncovered());
    }
}
