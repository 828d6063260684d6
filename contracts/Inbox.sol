// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Payouts} from "./Payouts.sol";
import {IClearingHouse, Identity, Terms} from "./interfaces/IClearingHouse.sol";
import {IOutcomeRegistry} from "./interfaces/IOutcomeRegistry.sol";
import {Posting} from "./types/house/Posting.sol";

/// @title What the chain tells a house: deposits and requests, in a chain of hashes that no reorganisation can change unseen
abstract contract Inbox is IClearingHouse, Payouts {
    bytes32 private constant REQUEST_TYPEHASH = keccak256(
        "Request(address signer,address owner,uint8 asset,uint128 target)"
    );
    uint256 private constant MAX_ASSETS = 4;

    /// @notice One slot, since each commit and each deposit writes it.
    /// @param last The last epoch committed.
    /// @param finalized The last one that is final, as far as noted.
    /// @param postingsAtCommit How many there were at the last commit: the next one may not leave them out.
    struct Head {
        uint40 last;
        uint40 finalized;
        uint32 committedAt;
        uint64 postings;
        uint64 postingsAtCommit;
        bool convicted;
    }

    address public immutable operator;
    IOutcomeRegistry public immutable registry;
    uint256 public immutable assetCount;
    address private immutable _asset0;
    address private immutable _asset1;
    address private immutable _asset2;
    address private immutable _asset3;

    Head internal _head;
    mapping(uint256 number => bytes32) private _postings;
    mapping(bytes32 member => mapping(uint256 asset => Standing)) private _standings;
    uint128[MAX_ASSETS] private _totals;

    struct Standing {
        uint128 deposited;
        uint128 requested;
    }

    constructor(Terms memory terms) {
        uint256 count = terms.assets.length;
        require(count != 0 && count <= MAX_ASSETS && terms.operator != address(0), WrongTerms());
        (operator, registry, assetCount) = (terms.operator, terms.registry, count);
        _asset0 = terms.assets[0];
        _asset1 = count > 1 ? terms.assets[1] : address(0);
        _asset2 = count > 2 ? terms.assets[2] : address(0);
        _asset3 = count > 3 ? terms.assets[3] : address(0);
        for (uint256 i = 1; i < count; ++i) {
            for (uint256 j; j < i; ++j) {
                require(terms.assets[i] != terms.assets[j], WrongTerms());
            }
        }
    }

    /// @inheritdoc IClearingHouse
    function deposit(address signer, address owner, uint8 asset, uint256 amount) external payable nonReentrant {
        _deposit(Identity(signer, owner), asset, amount);
    }

    /// @inheritdoc IClearingHouse
    function depositWithPermit(
        address signer,
        address owner,
        uint8 asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        // Somebody may have used the permit already: then the allowance is there, and a failure means nothing.
        try IERC20Permit(assetAt(asset)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(Identity(signer, owner), asset, amount);
    }

    /// @inheritdoc IClearingHouse
    function request(address signer, uint8 asset, uint128 target) external {
        _request(Identity(signer, msg.sender), asset, target);
    }

    /// @inheritdoc IClearingHouse
    function requestFor(Identity calldata identity, uint8 asset, uint128 target, bytes calldata signature) external {
        bytes32 structHash = keccak256(abi.encode(REQUEST_TYPEHASH, identity, asset, target));
        require(
            SignatureChecker.isValidSignatureNowCalldata(identity.owner, _hashTypedDataV4(structHash), signature),
            BadSignature(identity.owner)
        );
        _request(identity, asset, target);
    }

    /// @inheritdoc IClearingHouse
    function isRunning() public view virtual returns (bool);

    /// @notice The token at a place of the house's list; zero: the coin.
    function assetAt(uint256 asset) public view returns (address) {
        require(asset < assetCount, NoSuchAsset(asset, assetCount));
        if (asset == 0) return _asset0;
        if (asset == 1) return _asset1;
        return asset == 2 ? _asset2 : _asset3;
    }

    /// @inheritdoc IClearingHouse
    function postingHash(uint256 number) public view returns (bytes32) {
        return _postings[number];
    }

    /// @inheritdoc IClearingHouse
    function postingCount() external view returns (uint256) {
        return _head.postings;
    }

    /// @inheritdoc IClearingHouse
    function standing(bytes32 member, uint8 asset) public view returns (uint128 deposited, uint128 requested) {
        Standing storage held = _standings[member][asset];
        return (held.deposited, held.requested);
    }

    function memberOf(Identity memory identity) public pure returns (bytes32) {
        // Garbage recovers to zero: such a signer would sign whatever anybody likes.
        require(identity.signer != address(0) && identity.owner != address(0), NoSuchMember());
        return keccak256(abi.encode(identity.signer, identity.owner));
    }

    function _deposit(Identity memory identity, uint8 asset, uint256 amount) private {
        require(isRunning(), Halted());
        bytes32 member = memberOf(identity);
        uint256 received = _receive(assetAt(asset), amount);
        Standing storage held = _standings[member][asset];
        // A sum of 128 bits or more overflows here, so the amount fits.
        _totals[asset] += uint128(received);
        require(received <= type(uint128).max, WrongValue(received, type(uint128).max));
        held.deposited += uint128(received);
        uint256 number = _post(member, asset, uint128(received), held);
        emit Deposited(member, identity.owner, identity.signer, number, asset, received);
    }

    function _request(Identity memory identity, uint8 asset, uint128 target) private {
        require(isRunning(), Halted());
        require(asset < assetCount, NoSuchAsset(asset, assetCount));
        bytes32 member = memberOf(identity);
        Standing storage held = _standings[member][asset];
        // Only upwards: a request that could be taken back would let a member frame the operator.
        require(target > held.requested, StaleTarget(target, held.requested));
        held.requested = target;
        emit Requested(member, identity.owner, identity.signer, _post(member, asset, 0, held), asset, target);
    }

    function _post(bytes32 member, uint8 asset, uint128 amount, Standing storage held) private returns (uint256) {
        uint64 number = ++_head.postings;
        uint128[] memory totals = new uint128[](assetCount);
        for (uint256 i; i < totals.length; ++i) {
            totals[i] = _totals[i];
        }
        bytes32 previous = _postings[number - 1];
        _postings[number] = Posting(number, previous, member, asset, amount, held.deposited, held.requested, totals)
            .hash();
        return number;
    }

    function _requirePosting(Posting calldata posting) internal view {
        require(posting.number != 0 && posting.hash() == _postings[posting.number], WrongPosting(posting.number));
    }

    function _requireMember(Identity memory identity, bytes32 needed) internal pure {
        bytes32 member = memberOf(identity);
        require(member == needed, WrongMember(member, needed));
    }
}
