// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {Collection, Deposit, IAdjudicator} from "./interfaces/IAdjudicator.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IPermit2} from "./interfaces/IPermit2.sol";
import {DepositAddress} from "./DepositAddress.sol";
import {Payouts} from "./Payouts.sol";
import {ChannelId, Channels} from "./types/Channel.sol";
import {LedgerId, Word, ledgerIdOf} from "./types/Ledger.sol";

/// @title Money on its way in: every form of deposit ends in `_credit`
abstract contract Deposits is IAdjudicator, Payouts {
    using Channels for bytes;

    /// @dev The same address on every chain.
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    bytes32 private constant DESTINATION_TYPEHASH = keccak256("Destination(bytes32 channelId,uint256 member)");
    string private constant WITNESS_TYPE =
        "Destination witness)Destination(bytes32 channelId,uint256 member)TokenPermissions(address token,uint256 amount)";

    /// @dev The id at deployment, see `Channels.id`.
    uint256 internal immutable CHAIN_ID = block.chainid;

    /// @dev What the deposit address that is being created has to hand over.
    address private transient _collecting;

    /// @inheritdoc IAdjudicator
    function announce(bytes calldata channel) external {
        _announce(channel);
    }

    /// @inheritdoc IAdjudicator
    function depositCoin(bytes32 channelId, uint8 member) external payable {
        LedgerId ledger = ledgerIdOf(ChannelId.wrap(channelId), address(0));
        Word word = ledger.word(0);
        // Every channel has members 0 and 1. Whatever is out of the ordinary `_credit` takes or refuses.
        if (member > 1 || !word.takesDeposits())
            return _credit(ChannelId.wrap(channelId), member, address(0), msg.value);
        word = word.plus(member, msg.value);
        ledger.setWord(0, word);
        bytes32 topic = CoinDeposited.selector;
        assembly ("memory-safe") {
            mstore(0x00, word)
            log2(0x00, 0x20, topic, channelId)
        }
    }

    /// @inheritdoc IAdjudicator
    function deposit(bytes32 channelId, uint8 member, address asset, uint256 amount) external payable nonReentrant {
        _deposit(ChannelId.wrap(channelId), member, asset, amount);
    }

    /// @inheritdoc IAdjudicator
    function depositAnnounced(
        bytes calldata channel,
        uint8 member,
        address asset,
        uint256 amount
    ) external payable nonReentrant {
        _deposit(_announce(channel), member, asset, amount);
    }

    /// @inheritdoc IAdjudicator
    function depositBatch(Deposit[] calldata deposits) external payable nonReentrant {
        uint256 coins = msg.value;
        for (uint256 i; i < deposits.length; ++i) {
            Deposit calldata one = deposits[i];
            ChannelId channelId = ChannelId.wrap(one.channelId);
            if (!_takes(ledgerIdOf(channelId, one.asset))) continue;
            uint256 received = one.amount;
            if (one.asset == address(0)) {
                require(received <= coins, WrongValue(msg.value, received));
                coins -= received;
            } else {
                received = _pull(one.asset, received);
            }
            _credit(channelId, one.member, one.asset, received);
        }
        // What was skipped goes back.
        _pay(address(0), msg.sender, msg.sender, coins);
    }

    /// @inheritdoc IAdjudicator
    function depositWithPermit(
        bytes32 channelId,
        uint8 member,
        address asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        // Somebody may have used the permit already: then the allowance is there, and a failure means nothing.
        try IERC20Permit(asset).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _credit(ChannelId.wrap(channelId), member, asset, _pull(asset, amount));
    }

    /// @inheritdoc IAdjudicator
    function depositWithPermit2(
        bytes32 channelId,
        uint8 member,
        address asset,
        uint256 amount,
        address from,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant {
        uint256 before = IERC20(asset).balanceOf(address(this));
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(asset, amount), nonce, deadline),
            IPermit2.SignatureTransferDetails(address(this), amount),
            from,
            keccak256(abi.encode(DESTINATION_TYPEHASH, channelId, member)),
            WITNESS_TYPE,
            signature
        );
        _credit(ChannelId.wrap(channelId), member, asset, IERC20(asset).balanceOf(address(this)) - before);
    }

    /// @inheritdoc IAdjudicator
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
    ) external nonReentrant {
        uint256 before = IERC20(asset).balanceOf(address(this));
        // The nonce binds the destination: a relayer cannot send the money elsewhere.
        bytes32 nonce = keccak256(abi.encode(channelId, member, salt));
        IERC3009(asset).receiveWithAuthorization(from, address(this), amount, validAfter, validBefore, nonce, v, r, s);
        _credit(ChannelId.wrap(channelId), member, asset, IERC20(asset).balanceOf(address(this)) - before);
    }

    /// @inheritdoc IAdjudicator
    function depositAddress(bytes32 channelId, uint8 member) external view returns (address) {
        ChannelId id = ChannelId.wrap(channelId);
        require(member < id.count(), Channels.NoSuchMember(member, id.count()));
        return Create2.computeAddress(_salt(id, member), keccak256(type(DepositAddress).creationCode));
    }

    /// @inheritdoc IAdjudicator
    function collect(Collection[] calldata collections) external nonReentrant {
        for (uint256 i; i < collections.length; ++i) {
            _collect(collections[i]);
        }
    }

    /// @inheritdoc IAdjudicator
    function collecting() external view returns (address) {
        return _collecting;
    }

    /// @inheritdoc IAdjudicator
    function wordOf(bytes32 channelId, address asset, uint256 pair) external view returns (uint256) {
        return Word.unwrap(ledgerIdOf(ChannelId.wrap(channelId), asset).word(pair));
    }

    function _deposit(ChannelId channelId, uint8 member, address asset, uint256 amount) private {
        _credit(channelId, member, asset, _receive(asset, amount));
    }

    function _takes(LedgerId ledger) internal view returns (bool) {
        return ledger.word(0).takesDeposits();
    }

    function _credit(ChannelId channelId, uint256 member, address asset, uint256 amount) internal {
        LedgerId ledger = ledgerIdOf(channelId, asset);
        Word word = ledger.word(0);
        require(member < channelId.count(), Channels.NoSuchMember(member, channelId.count()));
        require(word.takesDeposits(), DepositRefused(ChannelId.unwrap(channelId), asset));
        if (member > 1) word = ledger.word(member >> 1);
        word = word.plus(member & 1, amount);
        ledger.setWord(member >> 1, word);
        emit Deposited(ChannelId.unwrap(channelId), asset, member, Word.unwrap(word));
    }

    function _announce(bytes calldata channel) private returns (ChannelId channelId) {
        channelId = channel.id(CHAIN_ID);
        for (uint256 i; i < channelId.count(); ++i) {
            emit Announced(ChannelId.unwrap(channelId), channel.owner(i), channel.signer(i), channel);
        }
    }

    function _collect(Collection calldata one) private {
        ChannelId channelId = one.channel.id(CHAIN_ID);
        require(one.member < channelId.count(), Channels.NoSuchMember(one.member, channelId.count()));
        address owner = one.channel.owner(one.member);
        require(!one.toOwner || msg.sender == owner, NotOwner(msg.sender, owner));

        uint256 tokens = one.asset == address(0) ? 0 : IERC20(one.asset).balanceOf(address(this));
        _collecting = one.asset;
        address from = address(new DepositAddress{salt: _salt(channelId, one.member)}());
        if (one.asset != address(0)) tokens = IERC20(one.asset).balanceOf(address(this)) - tokens;
        // Coins are counted after the token has moved, since on some chains the coin is a token too, and taken at once.
        uint256 coins = from.balance;
        Address.functionCall(from, "");
        _place(one, channelId, owner, one.asset, tokens);
        _place(one, channelId, owner, address(0), coins);
    }

    function _place(
        Collection calldata one,
        ChannelId channelId,
        address owner,
        address asset,
        uint256 amount
    ) private {
        if (amount == 0) return;
        if (one.toOwner) _pay(asset, owner, owner, amount);
        else if (_takes(ledgerIdOf(channelId, asset))) _credit(channelId, one.member, asset, amount);
        else _keep(asset, owner, amount);
    }

    function _salt(ChannelId channelId, uint8 member) private pure returns (bytes32) {
        return keccak256(abi.encode(channelId, member));
    }
}
