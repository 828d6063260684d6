// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Deposits} from "./Deposits.sol";
import {IAdjudicator} from "./interfaces/IAdjudicator.sol";
import {IOutcomeRegistry} from "./interfaces/IOutcomeRegistry.sol";
import {Division} from "./libraries/Division.sol";
import {Envelope} from "./libraries/Envelope.sol";
import {ChannelId, Channels} from "./types/Channel.sol";
import {LedgerId, Word, Words, ledgerIdOf} from "./types/Ledger.sol";
import {LaneWord, State, States} from "./types/State.sol";
import {LaneTransfers, Reserve, Transfers} from "./types/Transfer.sol";
import {Part, Withdrawal} from "./types/Withdrawal.sol";

/// @title Judge of channels
/// @notice Rhythm of every entry point: identify, check, effect, event, interact. Formats: docs/protocol.md.
contract Adjudicator is Deposits {
    using Channels for bytes;
    using Envelope for bytes;

    /// @notice Where outcomes of conditional transfers are read.
    IOutcomeRegistry public immutable registry;

    mapping(bytes32 laneKey => LaneWord) private _lanes;
    mapping(LedgerId ledger => mapping(uint256 generation => bytes32 hash)) private _records;
    /// @dev Per 128 positions of a settled lane: `paid out uint128 (page 0 only) | redeemed positions`.
    mapping(bytes32 pageKey => uint256) private _pages;

    /// @dev What every entry point finds out first.
    struct Ledger {
        ChannelId channelId;
        address asset;
        LedgerId id;
        Word word;
    }

    constructor(IOutcomeRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IAdjudicator
    function withdraw(
        bytes calldata channel,
        address asset,
        Withdrawal calldata withdrawal,
        bytes[] calldata sigs,
        uint256[] calldata base,
        bytes[] calldata targets
    ) external nonReentrant {
        Ledger memory ledger = _identify(channel, asset);
        Word open = ledger.word;
        uint256 expiry;
        if (open.disputed()) {
            expiry = open.expiry();
            open = _open(open, base);
        }
        require(withdrawal.dispute == expiry, WrongDispute(withdrawal.dispute, expiry));
        require(block.timestamp <= withdrawal.validUntil, Expired(block.timestamp, withdrawal.validUntil));
        require(withdrawal.seq == open.seq(), WrongSeq(withdrawal.seq, open.seq()));
        require(withdrawal.closing || withdrawal.seq != Words.LAST_SEQ, LastSeq());
        bytes32 hash = withdrawal.hash(ledger.channelId, asset, open.generation());
        uint256 byOwner = _requireConsent(channel, hash, sigs, 0, _sender(channel, sigs.length, 1), true);

        _debit(channel, ledger, open, withdrawal);
        emit Withdrawn(ChannelId.unwrap(ledger.channelId), asset, Word.unwrap(ledger.word));
        _payParts(channel, asset, withdrawal.parts, byOwner, targets);
    }

    /// @inheritdoc IAdjudicator
    function submit(bytes calldata channel, address asset, State[] calldata states, bytes[] calldata sigs) external {
        Ledger memory ledger = _identify(channel, asset);
        if (ledger.word.disputed()) {
            uint256 expiry = ledger.word.expiry();
            require(block.timestamp < expiry, DisputeOver(block.timestamp, expiry));
            _raise(channel, ledger, states, sigs);
        } else {
            _challenge(channel, ledger, states, sigs);
        }
    }

    /// @inheritdoc IAdjudicator
    function checkpoint(
        bytes calldata channel,
        address asset,
        State[] calldata states,
        bytes[] calldata sigs
    ) external {
        Ledger memory ledger = _identify(channel, asset);
        require(!ledger.word.disputed(), AlreadyDisputed(ledger.word.expiry()));
        _raise(channel, ledger, states, sigs);
    }

    /// @inheritdoc IAdjudicator
    function settle(
        bytes calldata channel,
        address asset,
        uint256[] calldata base,
        State[] calldata states,
        LaneTransfers[] calldata transfers
    ) external nonReentrant {
        Ledger memory ledger = _identify(channel, asset);
        require(ledger.word.disputed(), NotDisputed());
        require(block.timestamp >= ledger.word.expiry(), DisputeRunning(block.timestamp, ledger.word.expiry()));
        Word open = _open(ledger.word, base);
        int256[] memory entitlements = _balances(ledger, open);
        uint256 held = uint256(_sum(entitlements));
        Reserve[] memory reserves = _applyStates(ledger, base, states, entitlements);
        uint256[] memory payouts = Division.entitle(entitlements, held - Division.reserve(reserves, held));
        _divide(transfers, reserves, payouts);

        _endGeneration(ledger, entitlements.length);
        _keepReserves(ledger, open.generation(), reserves);
        emit Settled(ChannelId.unwrap(ledger.channelId), asset, Word.unwrap(ledger.word));
        _payAll(channel, asset, payouts);
    }

    /// @inheritdoc IAdjudicator
    function redeem(
        bytes calldata channel,
        address asset,
        uint256 generation,
        Reserve[] calldata reserves,
        LaneTransfers[] calldata transfers
    ) external nonReentrant {
        ChannelId channelId = channel.id(CHAIN_ID);
        LedgerId id = ledgerIdOf(channelId, asset);
        bytes32 hash = keccak256(abi.encode(reserves));
        require(_records[id][generation] == hash, WrongRecord(_records[id][generation], hash));
        uint256[] memory payouts = new uint256[](channelId.count());
        for (uint256 i; i < transfers.length; ++i) {
            _redeemLane(id, generation, reserves[_indexOf(reserves, transfers[i].lane)], transfers[i], payouts);
        }
        emit Redeemed(ChannelId.unwrap(channelId), asset, generation, payouts);
        _payAll(channel, asset, payouts);
    }

    /// @inheritdoc IAdjudicator
    function laneOf(
        bytes32 channelId,
        address asset,
        uint256 generation,
        uint256 lane
    ) external view returns (uint256) {
        return LaneWord.unwrap(_lanes[ledgerIdOf(ChannelId.wrap(channelId), asset).laneKey(generation, lane)]);
    }

    /// @inheritdoc IAdjudicator
    function recordOf(bytes32 channelId, address asset, uint256 generation) external view returns (bytes32) {
        return _records[ledgerIdOf(ChannelId.wrap(channelId), asset)][generation];
    }

    // ---------------------------------------------------------------- identify

    function _identify(bytes calldata channel, address asset) private view returns (Ledger memory ledger) {
        ledger.channelId = channel.id(CHAIN_ID);
        ledger.asset = asset;
        ledger.id = ledgerIdOf(ledger.channelId, asset);
        ledger.word = _words[ledger.id.slot(0)];
    }

    /// @dev The word before the dispute: the first of what the commitment binds.
    function _open(Word word, uint256[] calldata base) private pure returns (Word open) {
        uint256 commitment = _commitment(base);
        require(commitment == word.commitment(), WrongBase(word.commitment(), commitment));
        open = Word.wrap(base[0]);
        return word.recorded() ? open.withRecorded() : open;
    }

    function _commitment(uint256[] memory base) private pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(base))) & ((1 << 199) - 1);
    }

    function _balances(Ledger memory ledger, Word open) private view returns (int256[] memory balances) {
        balances = new int256[](ledger.channelId.count());
        for (uint256 i; i < balances.length; ++i) {
            if (i > 1 && i % 2 == 0) open = _words[ledger.id.slot(i / 2)];
            balances[i] = open.balance(i % 2);
        }
    }

    function _sum(int256[] memory values) private pure returns (int256 sum) {
        for (uint256 i; i < values.length; ++i) {
            sum += values[i];
        }
    }

    // ---------------------------------------------------------------- consent

    /// @dev With two members the sender's own signature may be missing; `count` messages are signed.
    /// @return self The member that consents by sending; out of range if every member has signed.
    function _sender(bytes calldata channel, uint256 sigs, uint256 count) private view returns (uint256 self) {
        uint256 members = channel.count();
        if (sigs == members * count) return members;
        self = channel.memberOf(msg.sender);
        require(members == 2 && self < 2 && sigs == count, WrongSignatureCount(sigs, members * count));
    }

    /// @param next Where in `sigs` this message's signatures begin.
    /// @param self The member that needs no signature.
    /// @param owners Whether an owner may consent in its signer's place.
    /// @return byOwner Bit i: member i's owner consented, not just its signer.
    function _requireConsent(
        bytes calldata channel,
        bytes32 structHash,
        bytes[] calldata sigs,
        uint256 next,
        uint256 self,
        bool owners
    ) private view returns (uint256 byOwner) {
        bytes32 domain = _domainSeparatorV4();
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        for (uint256 i; i < channel.count(); ++i) {
            if (i == self) {
                if (msg.sender == channel.owner(i)) byOwner |= 1 << i;
                continue;
            }
            address signer = channel.signer(i);
            address owner = channel.owner(i);
            bytes calldata sig = sigs[next++];
            bool bySigner = sig.signerOf(digest, domain) == signer;
            require(bySigner || (owners && sig.isByOwner(digest, owner)), BadSignature(signer));
            if (!bySigner || signer == owner) byOwner |= 1 << i;
        }
    }

    // ---------------------------------------------------------------- withdraw

    /// @dev Takes the parts out of the balances and writes the new words.
    function _debit(bytes calldata channel, Ledger memory ledger, Word open, Withdrawal calldata withdrawal) private {
        int256[] memory balances = _balances(ledger, open);
        uint256 members = channel.count();
        for (uint256 i; i < withdrawal.parts.length; ++i) {
            Part calldata part = withdrawal.parts[i];
            require(part.member < members, Channels.NoSuchMember(part.member, members));
            require(part.amount < 1 << 111, Words.BalanceOutOfRange(int256(part.amount)));
            balances[part.member] -= int256(part.amount);
        }
        int256 left = _sum(balances);
        if (withdrawal.closing) {
            require(left == 0, NotZero(left));
            ledger.word = open;
            _endGeneration(ledger, members);
        } else {
            require(left >= 0, Overdrawn(left));
            ledger.word = open.withNextSeq().withBalance(0, balances[0]).withBalance(1, balances[1]);
            _words[ledger.id.slot(0)] = ledger.word;
            for (uint256 i = 2; i < members; ++i) {
                bytes32 slot = ledger.id.slot(i / 2);
                _words[slot] = _words[slot].withBalance(i % 2, balances[i]);
            }
        }
    }

    /// @dev Whoever redirects money away from its owner needs that owner's own consent.
    function _payParts(
        bytes calldata channel,
        address asset,
        Part[] calldata parts,
        uint256 byOwner,
        bytes[] calldata targets
    ) private {
        uint256 nextTarget;
        for (uint256 i; i < parts.length; ++i) {
            Part calldata part = parts[i];
            address owner = channel.owner(part.member);
            bool free = (byOwner >> part.member) & 1 == 1;
            if (part.toChannel != 0) {
                bytes calldata target = targets[nextTarget++];
                require(free || _owns(owner, target, part), NeedsOwner(owner));
                _creditOrKeep(part, asset, owner);
            } else {
                require(free || part.to == address(0) || part.to == owner, NeedsOwner(owner));
                _pay(asset, part.to == address(0) ? owner : part.to, owner, part.amount);
            }
        }
    }

    function _owns(address owner, bytes calldata target, Part calldata part) private view returns (bool) {
        ChannelId targetId = target.id(CHAIN_ID);
        return
            ChannelId.unwrap(targetId) == part.toChannel &&
            part.toMember < targetId.count() &&
            target.owner(part.toMember) == owner;
    }

    function _creditOrKeep(Part calldata part, address asset, address owner) private {
        ChannelId target = ChannelId.wrap(part.toChannel);
        if (_takes(ledgerIdOf(target, asset))) _credit(target, part.toMember, asset, part.amount);
        else _keep(asset, owner, part.amount);
    }

    // ---------------------------------------------------------------- disputes

    function _challenge(
        bytes calldata channel,
        Ledger memory ledger,
        State[] calldata states,
        bytes[] calldata sigs
    ) private {
        if (states.length == 0) require(channel.isMember(msg.sender), NotMember(msg.sender));
        uint256[] memory base = new uint256[](1 + States.lanes(channel.count()));
        base[0] = Word.unwrap(ledger.word);
        LaneWord[] memory shown = _check(channel, ledger, states, sigs);
        for (uint256 i; i < states.length; ++i) {
            base[1 + states[i].lane] = LaneWord.unwrap(shown[i]);
        }
        ledger.word = ledger.word.withDispute(block.timestamp + channel.period(), _commitment(base));
        _words[ledger.id.slot(0)] = ledger.word;
        emit Challenged(ChannelId.unwrap(ledger.channelId), ledger.asset, Word.unwrap(ledger.word), base);
    }

    /// @dev Writes the lanes that are higher than what is stored; no preimage is needed, so nobody can invalidate an answer by moving first.
    function _raise(
        bytes calldata channel,
        Ledger memory ledger,
        State[] calldata states,
        bytes[] calldata sigs
    ) private {
        LaneWord[] memory shown = _check(channel, ledger, states, sigs);
        uint256 generation = ledger.word.generation();
        bool rose;
        for (uint256 i; i < states.length; ++i) {
            bytes32 key = ledger.id.laneKey(generation, states[i].lane);
            if (shown[i].version() <= _lanes[key].version()) continue;
            _lanes[key] = shown[i];
            rose = true;
        }
        require(rose, NothingRose());
        if (!ledger.word.recorded()) {
            ledger.word = ledger.word.withRecorded();
            _words[ledger.id.slot(0)] = ledger.word;
        }
        emit Raised(ChannelId.unwrap(ledger.channelId), ledger.asset, Word.unwrap(ledger.word), shown);
    }

    /// @dev States in ascending lane order, well formed, with every member's consent.
    function _check(
        bytes calldata channel,
        Ledger memory ledger,
        State[] calldata states,
        bytes[] calldata sigs
    ) private view returns (LaneWord[] memory shown) {
        uint256 members = channel.count();
        uint256 self = states.length == 0 ? members : _sender(channel, sigs.length, states.length);
        uint256 each = self < members ? 1 : members;
        shown = new LaneWord[](states.length);
        for (uint256 i; i < states.length; ++i) {
            State calldata state = states[i];
            state.check(members);
            require(i == 0 || states[i - 1].lane < state.lane, UnsortedLane(state.lane));
            bytes32 hash = state.hash(ledger.channelId, ledger.asset, ledger.word.generation());
            _requireConsent(channel, hash, sigs, i * each, self, false);
            shown[i] = state.laneWord(hash);
        }
    }

    // ---------------------------------------------------------------- settlement

    /// @dev Adds the credits of each lane's newest state; `states` are those newest ones, in lane order.
    function _applyStates(
        Ledger memory ledger,
        uint256[] calldata base,
        State[] calldata states,
        int256[] memory entitlements
    ) private returns (Reserve[] memory reserves) {
        reserves = new Reserve[](states.length);
        uint256 generation = ledger.word.generation();
        uint256 next;
        for (uint256 lane; lane + 1 < base.length; ++lane) {
            LaneWord newest = LaneWord.wrap(base[lane + 1]);
            if (ledger.word.recorded()) {
                bytes32 key = ledger.id.laneKey(generation, lane);
                LaneWord stored = _lanes[key];
                if (stored.version() > newest.version()) newest = stored;
                // The generation is over: nobody asks for it again, and the refund pays for part of the answer.
                _lanes[key] = LaneWord.wrap(0);
            }
            if (LaneWord.unwrap(newest) == 0) continue;
            require(next < states.length, WrongState(lane, LaneWord.unwrap(newest), 0));
            State calldata state = states[next];
            LaneWord shown = state.laneWord(state.hash(ledger.channelId, ledger.asset, generation));
            require(
                LaneWord.unwrap(shown) == LaneWord.unwrap(newest),
                WrongState(lane, LaneWord.unwrap(newest), LaneWord.unwrap(shown))
            );
            for (uint256 i; i < entitlements.length; ++i) {
                entitlements[i] += state.credits[i];
            }
            reserves[next++] = Reserve(state.lane, state.locked, state.locked, state.transfersRoot);
        }
        require(next == states.length, TooManyStates(states.length, next));
    }

    function _divide(
        LaneTransfers[] calldata transfers,
        Reserve[] memory reserves,
        uint256[] memory payouts
    ) private view {
        for (uint256 i; i < transfers.length; ++i) {
            Division.settle(transfers[i], reserves[_indexOf(reserves, transfers[i].lane)], registry, payouts);
        }
    }

    function _endGeneration(Ledger memory ledger, uint256 members) private {
        ledger.word = ledger.word.withNextGeneration();
        _words[ledger.id.slot(0)] = ledger.word;
        for (uint256 pair = 1; 2 * pair < members; ++pair) {
            _words[ledger.id.slot(pair)] = Word.wrap(0);
        }
    }

    function _keepReserves(Ledger memory ledger, uint256 generation, Reserve[] memory reserves) private {
        uint256 count;
        for (uint256 i; i < reserves.length; ++i) {
            if (reserves[i].reserved != 0) reserves[count++] = reserves[i];
        }
        if (count == 0) return;
        assembly ("memory-safe") {
            mstore(reserves, count)
        }
        _records[ledger.id][generation] = keccak256(abi.encode(reserves));
        emit Reserved(ChannelId.unwrap(ledger.channelId), ledger.asset, generation, reserves);
    }

    function _redeemLane(
        LedgerId id,
        uint256 generation,
        Reserve calldata reserve,
        LaneTransfers calldata list,
        uint256[] memory payouts
    ) private {
        (bytes32[] memory leaves, uint256[] memory positions) = Transfers.expand(list);
        bytes32 root = Transfers.root(leaves);
        require(root == reserve.root, Division.WrongTransfers(reserve.root, root));
        bytes32 first = id.pageKey(generation, reserve.lane, 0);
        uint256 left = reserve.reserved - (_pages[first] >> 128);
        uint256 before = left;
        for (uint256 i; i < positions.length; ++i) {
            bytes32 key = id.pageKey(generation, reserve.lane, positions[i] / 128);
            uint256 bit = 1 << (positions[i] % 128);
            // Paid already, perhaps a moment ago by somebody else: no reason to fail.
            if (_pages[key] & bit != 0) continue;
            uint256 amount = Division.scaled(list.shown[i].amount, reserve.locked, reserve.reserved, left);
            if (!Division.divide(list.shown[i], amount, registry, payouts)) continue;
            left -= amount;
            _pages[key] |= bit;
        }
        _pages[first] += (before - left) << 128;
    }

    function _payAll(bytes calldata channel, address asset, uint256[] memory payouts) private {
        for (uint256 i; i < payouts.length; ++i) {
            address owner = channel.owner(i);
            _pay(asset, owner, owner, payouts[i]);
        }
    }

    function _indexOf(Reserve[] memory reserves, uint256 lane) private pure returns (uint256) {
        for (uint256 i; i < reserves.length; ++i) {
            if (reserves[i].lane == lane) return i;
        }
        revert States.NoSuchLane(lane, reserves.length);
    }
}
