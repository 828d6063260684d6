// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";
import {Deposits} from "./Deposits.sol";
import {IAdjudicator} from "./interfaces/IAdjudicator.sol";
import {IOutcomeRegistry} from "./interfaces/IOutcomeRegistry.sol";
import {Division} from "./libraries/Division.sol";
import {Envelope} from "./libraries/Envelope.sol";
import {ChannelId, Channels} from "./types/Channel.sol";
import {Cursor, cursorAt} from "./types/Cursor.sol";
import {LedgerId, Word, Words, ledgerIdOf} from "./types/Ledger.sol";
import {Reserve, Reserves} from "./types/Reserve.sol";
import {LaneWord, State, States} from "./types/State.sol";
import {Shown, TransferList, Transfers} from "./types/Transfer.sol";
import {Part, Withdrawal, Withdrawals} from "./types/Withdrawal.sol";

/// @title Judge of channels
/// @notice Rhythm of every entry point: identify, check, effect, event, interact. Formats: docs/protocol.md.
contract Adjudicator is Deposits {
    using Channels for bytes;
    using Envelope for Cursor;
    using Reserves for Reserve[];
    using StorageSlot for bytes32;

    /// @notice Where outcomes of conditional transfers are read.
    IOutcomeRegistry public immutable registry;

    mapping(LedgerId ledger => mapping(uint256 generation => bytes32 hash)) private _records;

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
    function withdraw(bytes calldata channel, address asset, bytes calldata withdrawal) external nonReentrant {
        Ledger memory ledger = _identify(channel, asset);
        (Withdrawal memory order, Cursor next) = Withdrawals.readHead(cursorAt(withdrawal));
        uint256 running = ledger.word.disputed() ? ledger.word.expiry() : 0;
        require(order.dispute == running, WrongDispute(order.dispute, running));
        if (running != 0) (ledger.word, next) = _readBase(ledger.word, next, channel.count());
        require(block.timestamp <= order.validUntil, Expired(block.timestamp, order.validUntil));
        require(order.seq == ledger.word.seq(), WrongSeq(order.seq, ledger.word.seq()));
        require(order.closing || order.seq != Words.LAST_SEQ, LastSeq());
        next = order.readParts(next, CHAIN_ID);
        (order.channelId, order.asset, order.generation) = (ledger.channelId, asset, ledger.word.generation());
        (uint256 byOwner, ) = _requireConsent(channel, order.hash(), next, true);

        _debit(channel, ledger, order);
        emit Withdrawn(ChannelId.unwrap(ledger.channelId), asset, Word.unwrap(ledger.word));
        for (uint256 i; i < order.parts.length; ++i) {
            _payPart(channel, asset, order.parts[i], byOwner);
        }
    }

    /// @inheritdoc IAdjudicator
    function submit(bytes calldata channel, address asset, bytes calldata states) external {
        Ledger memory ledger = _identify(channel, asset);
        if (ledger.word.disputed()) {
            uint256 expiry = ledger.word.expiry();
            require(block.timestamp < expiry, DisputeOver(block.timestamp, expiry));
            _raise(channel, ledger, states);
        } else {
            _challenge(channel, ledger, states);
        }
    }

    /// @inheritdoc IAdjudicator
    function checkpoint(bytes calldata channel, address asset, bytes calldata states) external {
        Ledger memory ledger = _identify(channel, asset);
        require(!ledger.word.disputed(), AlreadyDisputed(ledger.word.expiry()));
        _raise(channel, ledger, states);
    }

    /// @inheritdoc IAdjudicator
    function settle(bytes calldata channel, address asset, bytes calldata proof) external nonReentrant {
        Ledger memory ledger = _identify(channel, asset);
        require(ledger.word.disputed(), NotDisputed());
        require(block.timestamp >= ledger.word.expiry(), DisputeRunning(block.timestamp, ledger.word.expiry()));
        uint256 members = ledger.channelId.count();
        Cursor next;
        (ledger.word, next) = _readBase(ledger.word, cursorAt(proof), members);
        int256[] memory entitlements = _balances(ledger, members);
        uint256 held = uint256(_sum(entitlements));
        State[] memory states = new State[](States.lanes(members));
        uint256 locked;
        (locked, next) = _applyStates(ledger, cursorAt(proof).skip(32), next, entitlements, states);
        uint256[] memory payouts =
            locked == 0 ? Division.entitle(entitlements, held) : _divide(ledger, states, next, entitlements, held);
        _endGeneration(ledger, members);
        emit Settled(ChannelId.unwrap(ledger.channelId), asset, Word.unwrap(ledger.word));
        _payAll(channel, asset, payouts);
    }

    /// @inheritdoc IAdjudicator
    function redeem(
        bytes calldata channel,
        address asset,
        uint256 generation,
        bytes calldata redemption
    ) external nonReentrant {
        ChannelId channelId = channel.id(CHAIN_ID);
        LedgerId id = ledgerIdOf(channelId, asset);
        (Reserve[] memory reserves, bytes32 hash, Cursor next) = Reserves.read(cursorAt(redemption));
        require(_records[id][generation] == hash, WrongRecord(_records[id][generation], hash));
        uint256[] memory payouts = new uint256[](channelId.count());
        uint256 lists = next.uintAt(1);
        next = next.skip(1);
        TransferList memory list;
        for (uint256 i; i < lists; ++i) {
            (list, next) = Transfers.read(next, registry);
            _redeemList(id, generation, reserves.find(list.lane), list, payouts);
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
        return ledgerIdOf(ChannelId.wrap(channelId), asset).laneSlot(generation, lane).getUint256Slot().value;
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
        ledger.word = ledger.id.word(0);
    }

    /// @return open The word before the dispute, as far as `recorded` brought up to date.
    function _readBase(Word word, Cursor place, uint256 members) private pure returns (Word open, Cursor next) {
        uint256 size = 32 + 32 * States.lanes(members);
        uint256 commitment = Words.commit(place.hash(size));
        require(commitment == word.commitment(), WrongBase(word.commitment(), commitment));
        open = Word.wrap(uint256(place.wordAt()));
        if (word.recorded()) open = open.withRecorded();
        next = place.skip(size);
    }

    /// @dev `ledger.word` is the open word.
    function _balances(Ledger memory ledger, uint256 members) private view returns (int256[] memory balances) {
        balances = new int256[](members);
        balances[0] = ledger.word.balance(0);
        balances[1] = ledger.word.balance(1);
        for (uint256 i = 2; i < members; ++i) {
            balances[i] = ledger.id.word(i / 2).balance(i % 2);
        }
    }

    function _sum(int256[] memory values) private pure returns (int256 sum) {
        unchecked {
            // At most 32 values of far less than 200 bits.
            for (uint256 i; i < values.length; ++i) {
                sum += values[i];
            }
        }
    }

    // ---------------------------------------------------------------- consent

    /// @param next Where the members' signatures stand.
    /// @param owners Whether an owner may consent in its signer's place.
    /// @return byOwner Bit i: member i's owner consented, not just its signer.
    function _requireConsent(
        bytes calldata channel,
        bytes32 structHash,
        Cursor next,
        bool owners
    ) private view returns (uint256 byOwner, Cursor end) {
        bytes32 domain = _domainSeparatorV4();
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, structHash);
        uint256 members = channel.count();
        bool sent;
        for (uint256 i; i < members; ++i) {
            uint256 length = next.uintAt(2);
            Cursor place = next.skip(2);
            next = place.skip(length);
            (address signer, address owner) = (channel.signer(i), channel.owner(i));
            bool free;
            if (length == 0) {
                // Once at most: a sender that happens to be both members must sign for one of them.
                require(members == 2 && !sent && channel.isAt(i, msg.sender), BadSignature(signer));
                sent = true;
                free = msg.sender == owner;
            } else if (place.signerOf(length, digest, domain) == signer) {
                free = signer == owner;
            } else {
                require(owners && place.isByOwner(length, digest, owner), BadSignature(signer));
                free = true;
            }
            if (free) byOwner |= 1 << i;
        }
        end = next;
    }

    // ---------------------------------------------------------------- withdraw

    /// @dev Takes the parts out of the balances and writes the new words.
    function _debit(bytes calldata channel, Ledger memory ledger, Withdrawal memory order) private {
        uint256 members = channel.count();
        int256[] memory balances = _balances(ledger, members);
        for (uint256 i; i < order.parts.length; ++i) {
            Part memory part = order.parts[i];
            require(part.member < members, Channels.NoSuchMember(part.member, members));
            balances[part.member] -= int256(part.amount);
        }
        int256 left = _sum(balances);
        if (order.closing) {
            require(left == 0, NotZero(left));
            _endGeneration(ledger, members);
            return;
        }
        require(left >= 0, Overdrawn(left));
        ledger.word = ledger.word.withNextSeq().withBalance(0, balances[0]).withBalance(1, balances[1]);
        ledger.id.setWord(0, ledger.word);
        for (uint256 i = 2; i < members; ++i) {
            ledger.id.setWord(i / 2, ledger.id.word(i / 2).withBalance(i % 2, balances[i]));
        }
    }

    /// @dev Whoever sends money elsewhere than to its owner needs that owner's own consent. Nothing is remembered from part to part:
    /// a payee may have deposited or disputed anything meanwhile.
    function _payPart(bytes calldata channel, address asset, Part memory part, uint256 byOwner) private {
        address owner = channel.owner(part.member);
        bool own = part.toChannel == 0 ? part.to == address(0) : part.toOwner == owner;
        require(own || (byOwner >> part.member) & 1 == 1, NeedsOwner(owner));
        if (part.toChannel == 0) {
            _pay(asset, part.to == address(0) ? owner : part.to, owner, part.amount);
        } else if (_takes(ledgerIdOf(ChannelId.wrap(part.toChannel), asset))) {
            _credit(ChannelId.wrap(part.toChannel), part.toMember, asset, part.amount);
        } else {
            // A dispute over there must not hold up this channel.
            _keep(asset, owner, part.amount);
        }
    }

    // ---------------------------------------------------------------- disputes

    function _challenge(bytes calldata channel, Ledger memory ledger, bytes calldata states) private {
        uint256 shown = cursorAt(states).uintAt(1);
        require(states.length != 0 && (shown != 0 || channel.isMember(msg.sender)), NotMember(msg.sender));
        (LaneWord lane0, LaneWord lane1) = _check(channel, ledger, states);
        uint256 openWord = Word.unwrap(ledger.word);
        bytes32 hash =
            channel.count() == 2
                ? keccak256(abi.encode(openWord, lane0, lane1))
                : keccak256(abi.encode(openWord, lane0));
        ledger.word = ledger.word.withDispute(block.timestamp + channel.period(), Words.commit(hash));
        ledger.id.setWord(0, ledger.word);
        emit Challenged(
            ChannelId.unwrap(ledger.channelId),
            ledger.asset,
            Word.unwrap(ledger.word),
            openWord,
            lane0,
            lane1
        );
    }

    /// @dev Needs no preimage, so nobody can invalidate an answer by moving first.
    function _raise(bytes calldata channel, Ledger memory ledger, bytes calldata states) private {
        (LaneWord lane0, LaneWord lane1) = _check(channel, ledger, states);
        bool rose = _store(ledger, 0, lane0);
        rose = _store(ledger, 1, lane1) || rose;
        require(rose, NothingRose());
        if (!ledger.word.recorded()) {
            ledger.word = ledger.word.withRecorded();
            ledger.id.setWord(0, ledger.word);
        }
        emit Raised(ChannelId.unwrap(ledger.channelId), ledger.asset, lane0, lane1);
    }

    /// @dev A lane that is not higher is skipped: others in the same answer still count.
    function _store(Ledger memory ledger, uint256 lane, LaneWord shown) private returns (bool) {
        if (LaneWord.unwrap(shown) == 0) return false;
        StorageSlot.Uint256Slot storage stored = ledger.id.laneSlot(ledger.word.generation(), lane).getUint256Slot();
        if (shown.version() <= LaneWord.wrap(stored.value).version()) return false;
        stored.value = LaneWord.unwrap(shown);
        return true;
    }

    /// @dev States in ascending lane order, well formed, with every member's consent.
    function _check(
        bytes calldata channel,
        Ledger memory ledger,
        bytes calldata states
    ) private view returns (LaneWord lane0, LaneWord lane1) {
        Cursor next = cursorAt(states);
        uint256 count = next.uintAt(1);
        next = next.skip(1);
        uint256 members = ledger.channelId.count();
        uint256 generation = ledger.word.generation();
        for (uint256 i; i < count; ++i) {
            (State state, Cursor sigs) = States.read(next, members, ledger.channelId, ledger.asset, generation);
            bytes32 hash = state.hash();
            (, next) = _requireConsent(channel, hash, sigs, false);
            // Ascending: nothing may stand in this lane or above it yet.
            require(
                LaneWord.unwrap(lane1) == 0 && (state.lane() == 1 || LaneWord.unwrap(lane0) == 0),
                UnsortedLane(state.lane())
            );
            if (state.lane() == 0) lane0 = state.laneWord(hash);
            else lane1 = state.laneWord(hash);
        }
    }

    // ---------------------------------------------------------------- settlement

    /// @dev Adds the credits of each lane's newest state, and lists those states.
    /// @param lanes Where the lane words of the challenge stand.
    /// @param next Where the newest states stand.
    function _applyStates(
        Ledger memory ledger,
        Cursor lanes,
        Cursor next,
        int256[] memory entitlements,
        State[] memory states
    ) private returns (uint256 locked, Cursor end) {
        uint256 members = entitlements.length;
        uint256 generation = ledger.word.generation();
        for (uint256 lane; lane < states.length; ++lane) {
            uint256 newest = _newest(ledger, generation, lane, lanes.skip(32 * lane));
            if (newest == 0) continue;
            State state;
            (state, next) = States.read(next, members, ledger.channelId, ledger.asset, generation);
            uint256 shown = LaneWord.unwrap(state.laneWord(state.hash()));
            require(shown == newest, WrongState(lane, newest, shown));
            for (uint256 i; i < members; ++i) {
                entitlements[i] += state.credit(i);
            }
            states[lane] = state;
            locked += state.locked();
        }
        end = next;
    }

    /// @dev The higher of what the challenge showed and what answers recorded; the challenge wins a tie.
    function _newest(
        Ledger memory ledger,
        uint256 generation,
        uint256 lane,
        Cursor place
    ) private returns (uint256 newest) {
        newest = uint256(place.wordAt());
        if (!ledger.word.recorded()) return newest;
        StorageSlot.Uint256Slot storage stored = ledger.id.laneSlot(generation, lane).getUint256Slot();
        uint256 answer = stored.value;
        if (answer == 0) return newest;
        if (LaneWord.wrap(answer).version() > LaneWord.wrap(newest).version()) newest = answer;
        // The generation is over: nobody asks for it again, and the refund pays for part of the answer.
        stored.value = 0;
    }

    /// @dev Holds back what is locked, divides what is decided of it, and keeps a record of the rest.
    /// @param next Where the lists of transfers stand.
    function _divide(
        Ledger memory ledger,
        State[] memory states,
        Cursor next,
        int256[] memory entitlements,
        uint256 held
    ) private returns (uint256[] memory payouts) {
        Reserve[] memory reserves = Reserves.from(states);
        payouts = Division.entitle(entitlements, held - Division.reserve(reserves, held));
        uint256 lists = next.uintAt(1);
        next = next.skip(1);
        TransferList memory list;
        for (uint256 i; i < lists; ++i) {
            (list, next) = Transfers.read(next, registry);
            Division.settle(list, reserves.find(list.lane), payouts);
        }
        if (!reserves.any()) return payouts;
        bytes memory packed = reserves.pack();
        uint256 generation = ledger.word.generation();
        _records[ledger.id][generation] = keccak256(packed);
        emit Reserved(ChannelId.unwrap(ledger.channelId), ledger.asset, generation, packed);
    }

    function _endGeneration(Ledger memory ledger, uint256 members) private {
        ledger.word = ledger.word.withNextGeneration();
        ledger.id.setWord(0, ledger.word);
        for (uint256 pair = 1; 2 * pair < members; ++pair) {
            ledger.id.setWord(pair, Word.wrap(0));
        }
    }

    function _redeemList(
        LedgerId id,
        uint256 generation,
        Reserve memory from,
        TransferList memory list,
        uint256[] memory payouts
    ) private {
        Division.requireRoot(list, from);
        StorageSlot.Uint256Slot storage first = id.pageSlot(generation, from.lane, 0).getUint256Slot();
        uint256 left = from.reserved - (first.value >> 128);
        for (uint256 i; i < list.shown.length; ++i) {
            Shown shown = list.shown[i];
            uint256 amount = Division.scaled(shown.amount(), from.locked, from.reserved, left);
            // Paid already, perhaps a moment ago by somebody else: no reason to fail.
            if (_isPaid(id, generation, from.lane, shown.position()) || !Division.divide(list, shown, amount, payouts))
                continue;
            _markPaid(id, generation, from.lane, shown.position());
            left -= amount;
        }
        first.value = uint128(first.value) | ((from.reserved - left) << 128);
    }

    function _isPaid(LedgerId id, uint256 generation, uint256 lane, uint256 position) private view returns (bool) {
        return (id.pageSlot(generation, lane, position / 128).getUint256Slot().value >> (position % 128)) & 1 == 1;
    }

    function _markPaid(LedgerId id, uint256 generation, uint256 lane, uint256 position) private {
        id.pageSlot(generation, lane, position / 128).getUint256Slot().value |= 1 << (position % 128);
    }

    function _payAll(bytes calldata channel, address asset, uint256[] memory payouts) private {
        for (uint256 i; i < payouts.length; ++i) {
            address owner = channel.owner(i);
            _pay(asset, owner, owner, payouts[i]);
        }
    }
}
