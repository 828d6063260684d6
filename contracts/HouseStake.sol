// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Vault} from "./Vault.sol";
import {IClearingHouse, Identity, Proof} from "./interfaces/IClearingHouse.sol";
import {IHouseStake, Statement} from "./interfaces/IHouseStake.sol";
import {Statements} from "./libraries/Statements.sol";
import {Account} from "./types/house/Account.sol";
import {Epoch} from "./types/house/Epoch.sol";
import {Leaf, Line} from "./types/house/Leaf.sol";
import {Receipt} from "./types/house/Receipt.sol";
import {Tallies, Tally} from "./types/house/Tally.sol";

/// @title What an operator has at stake, docs/clearing.md §7
/// @dev Apart from the house, so that neither money can be taken for the other.
contract HouseStake is IHouseStake, Vault {
    /// @dev What is burned goes where nobody has a key.
    address private constant NOBODY = 0x000000000000000000000000000000000000dEaD;

    /// @notice What the operator wants back, and the last epoch that may count on it.
    struct Notice {
        uint128 amount;
        uint64 epoch;
    }

    /// @notice A member's claim, and what it is about in each asset.
    struct Insured {
        bytes32 member;
        uint64 until;
        InsuredLine[] lines;
    }

    /// @param inflow Credited after the last final epoch.
    /// @param spentBefore Debits and locks in the last final epoch.
    /// @param spent The same in the newest account that was shown.
    struct InsuredLine {
        uint128 limit;
        uint128 inflow;
        uint128 spentBefore;
        uint128 spent;
    }

    /// @notice What a statement says. `kind`: 0 a leaf, 1 an account, 2 a receipt.
    struct Said {
        uint256 kind;
        bytes32 member;
        uint256 index;
        uint256 seq;
        bytes32 hash;
    }

    IClearingHouse public immutable house;
    address public immutable operator;
    /// @notice Seconds to claim after a halt, and then to lower a claim.
    uint256 public immutable period;

    address[] private _assets;
    /// @inheritdoc IHouseStake
    mapping(uint256 asset => uint256) public staked;
    mapping(uint256 asset => Notice) public noticeOf;
    /// @notice The limits of claims that are not paid yet.
    mapping(uint256 asset => uint256) private _reserved;
    mapping(uint256 index => Insured) private _insured;
    uint256 public settledAt;
    address public convictor;

    constructor(address operator_, address[] memory assets, uint256 period_) {
        (house, operator, period, _assets) = (IClearingHouse(msg.sender), operator_, period_, assets);
    }

    /// @inheritdoc IHouseStake
    function add(uint256 asset, uint256 amount) external payable nonReentrant {
        uint256 received = _receive(_assets[asset], amount);
        staked[asset] += received;
        emit Staked(asset, received);
    }

    /// @inheritdoc IHouseStake
    function giveNotice(uint256 asset, uint128 amount) external {
        require(msg.sender == operator, NotOperator(msg.sender, operator));
        require(amount <= staked[asset], TooMuch(amount, staked[asset]));
        noticeOf[asset] = Notice(amount, uint64(house.lastCommitted()));
        emit NoticeGiven(asset, amount);
    }

    /// @inheritdoc IHouseStake
    function takeBack(uint256 asset) external nonReentrant {
        Notice memory notice = noticeOf[asset];
        require(house.isRunning() && house.finalized() > notice.epoch, StillBacking(notice.epoch));
        delete noticeOf[asset];
        staked[asset] -= notice.amount;
        emit TakenBack(asset, notice.amount);
        _pay(_assets[asset], operator, operator, notice.amount);
    }

    /// @inheritdoc IHouseStake
    function covers(Tally calldata limits) external view returns (bool) {
        for (uint256 i; i < limits.sums.length; ++i) {
            if (limits.sums[i] >> 128 > staked[i] - noticeOf[i].amount) return false;
        }
        return true;
    }

    /// @inheritdoc IHouseStake
    function convict(Statement calldata one, Statement calldata other) external {
        Said memory a = _said(one);
        Said memory b = _said(other);
        bool twice = a.kind == b.kind && a.member == b.member && a.seq == b.seq && a.hash != b.hash;
        bool moved = (a.member == b.member) != (a.index == b.index);
        require(twice || moved, NoContradiction());
        convictor = msg.sender;
        emit Convicted(msg.sender);
        house.convict();
    }

    /// @inheritdoc IHouseStake
    function settle() public {
        if (settledAt != 0) return;
        require(house.isSettled(), StillRunning());
        settledAt = block.timestamp;
    }

    /// @inheritdoc IHouseStake
    function claimInsured(
        Epoch calldata epoch,
        Proof calldata proof,
        Receipt calldata receipt,
        bytes calldata signature,
        uint256[] calldata limits,
        bytes32[] calldata limitPath
    ) external {
        settle();
        require(block.timestamp < settledAt + period, TooLate(block.timestamp, settledAt + period));
        Leaf calldata leaf = proof.leaf;
        Insured storage one = _insured[proof.index];
        require(leaf.member != 0, WrongProof());
        require(epoch.number == house.finalized(), WrongEpoch());
        _requireLeaf(epoch, proof);
        Tally memory insured = Tallies.climb(proof.index, leaf.member, limits, limitPath);
        require(insured.isEqual(epoch.limits), WrongProof());
        require(receipt.member == leaf.member && receipt.epoch > epoch.number, WrongStatement());
        _requireOperator(receipt.hash(), signature);
        bool more = one.member == 0;
        if (more) _reserve(one, leaf, limits);
        for (uint256 i; i < limits.length; ++i) {
            uint128 credits = leaf.lines[i].credits;
            uint128 inflow = receipt.credits[i] > credits ? receipt.credits[i] - credits : 0;
            if (inflow <= one.lines[i].inflow) continue;
            one.lines[i].inflow = inflow;
            more = true;
        }
        // Anybody may claim for anybody, so an operator could come first with a receipt of little: a better one counts after it.
        require(more, AlreadyClaimed(proof.index));
        one.until = uint64(block.timestamp + period);
        emit InsuredClaimed(proof.index, leaf.member);
    }

    /// @inheritdoc IHouseStake
    function lower(Identity calldata identity, Account calldata account, bytes calldata signature) external {
        Insured storage one = _insured[account.index];
        require(block.timestamp < one.until, TooLate(block.timestamp, one.until));
        require(
            one.member == account.member &&
                keccak256(abi.encode(identity)) == one.member &&
                Statements.signerOf(house, account.hash(), signature) == identity.signer,
            WrongStatement()
        );
        for (uint256 i; i < one.lines.length; ++i) {
            uint128 spent = account.debits[i] + account.locked[i];
            if (spent > one.lines[i].spent) one.lines[i].spent = spent;
        }
        emit InsuredLowered(account.index);
    }

    /// @inheritdoc IHouseStake
    function payInsured(uint256 index, Identity calldata identity) external nonReentrant {
        Insured memory one = _insured[index];
        require(one.lines.length != 0, NotClaimed(index));
        require(block.timestamp >= one.until, TooEarly(block.timestamp, one.until));
        bytes32 member = keccak256(abi.encode(identity));
        require(member == one.member, WrongMember(member, one.member));
        // The member stays, so that nobody claims twice.
        delete _insured[index].lines;
        uint256[] memory amounts = new uint256[](one.lines.length);
        for (uint256 i; i < amounts.length; ++i) {
            amounts[i] = _due(one.lines[i]);
            _reserved[i] -= one.lines[i].limit;
            staked[i] -= amounts[i];
        }
        emit InsuredPaid(index, amounts);
        for (uint256 i; i < amounts.length; ++i) {
            _pay(_assets[i], identity.owner, identity.owner, amounts[i]);
        }
    }

    /// @inheritdoc IHouseStake
    function release(uint256 asset) external nonReentrant {
        settle();
        uint256 from = settledAt + 2 * period;
        require(block.timestamp >= from, TooEarly(block.timestamp, from));
        uint256 rest = staked[asset] - _reserved[asset];
        staked[asset] = _reserved[asset];
        emit Released(asset, rest);
        if (convictor == address(0)) return _pay(_assets[asset], operator, operator, rest);
        // Half is burned, so that an operator gains nothing by convicting itself.
        _pay(_assets[asset], convictor, convictor, rest / 2);
        _pay(_assets[asset], NOBODY, NOBODY, rest - rest / 2);
    }

    function _reserve(Insured storage one, Leaf calldata leaf, uint256[] calldata limits) private {
        one.member = leaf.member;
        for (uint256 i; i < limits.length; ++i) {
            Line calldata line = leaf.lines[i];
            uint128 spent = line.debits + line.locked;
            uint128 limit = uint128(limits[i] >> 128);
            one.lines.push(InsuredLine(limit, 0, spent, spent));
            _reserved[i] += limit;
        }
    }

    function _said(Statement calldata one) private view returns (Said memory said) {
        if (one.accounts.length == 1) {
            Account calldata account = one.accounts[0];
            said = Said(1, account.member, account.index, account.seq, account.hash());
        } else if (one.receipts.length == 1) {
            Receipt calldata receipt = one.receipts[0];
            said = Said(2, receipt.member, receipt.index, receipt.seq, receipt.hash());
        } else {
            Proof calldata proof = one.leaves[0];
            require(proof.leaf.member != 0, WrongProof());
            _requireLeaf(one.epochs[0], proof);
            // All leaves of a member say the same but for the index.
            return Said(0, proof.leaf.member, proof.index, 0, 0);
        }
        _requireOperator(said.hash, one.signature);
    }

    function _requireOperator(bytes32 structHash, bytes calldata signature) private view {
        require(Statements.signerOf(house, structHash, signature) == operator, WrongStatement());
    }

    function _requireLeaf(Epoch calldata epoch, Proof calldata proof) private view {
        require(house.epochWord(epoch.number).isOf(epoch), WrongEpoch());
        uint256[] memory sums = proof.leaf.sums(_assets.length);
        Tally memory members = Tallies.climb(proof.index, proof.leaf.hash(), sums, proof.path);
        require(members.isEqual(epoch.members), WrongProof());
    }

    function _due(InsuredLine memory line) private pure returns (uint256) {
        uint256 spent = line.spent - line.spentBefore;
        uint256 net = line.inflow > spent ? line.inflow - spent : 0;
        return net < line.limit ? net : line.limit;
    }
}
