// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @dev What docs/protocol.md says, once more and plainly: nothing here comes from the contracts under test.

struct Party {
    uint256 key;
    address signer;
    uint256 ownerKey;
    address owner;
}

/// @dev A ledger as a test holds it; `generation` and `base` are the test's own account of where it stands.
struct Ledger {
    Party[] party;
    bytes channel;
    bytes32 id;
    address asset;
    uint256 generation;
    uint256[] base;
}

struct Leg {
    uint256 to;
    bytes32 key;
}

struct Transfer {
    uint256 amount;
    uint256 deadline;
    uint256 refundTo;
    Leg[] legs;
}

struct State {
    uint256 lane;
    uint256 version;
    int256[] credits;
    uint256 locked;
    Transfer[] transfers;
    /// @dev Instead of `transfers`, where a test writes the list itself.
    bytes32 root;
}

/// @dev An empty signature stands for the sender's own.
struct Signed {
    State state;
    bytes[] sigs;
}

struct Part {
    uint256 member;
    uint256 amount;
    address to;
    bytes32 toChannel;
    uint256 toMember;
    bytes target;
}

struct Withdrawal {
    uint256 seq;
    Part[] parts;
    bool closing;
    uint256 validUntil;
    uint256 dispute;
}

/// @dev A lane's transfers as they are shown: a position that is not shown stands as its leaf.
struct List {
    uint256 lane;
    Transfer[] transfers;
    bool[] shown;
    bool[] gone;
}

struct Reserve {
    uint256 lane;
    uint256 locked;
    uint256 reserved;
    bytes32 root;
}

/// @title Hashes of docs/protocol.md §1 to §4
library Hash {
    bytes32 private constant STATE = keccak256(
        "State(bytes32 channelId,address asset,uint16 generation,uint8 lane,uint64 version,int256[] credits,uint256 locked,bytes32 transfersRoot)"
    );
    bytes32 private constant PART = keccak256(
        "Part(uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember)"
    );
    bytes32 private constant WITHDRAWAL = keccak256(
        "Withdrawal(bytes32 channelId,address asset,uint16 generation,uint16 seq,Part[] parts,bool closing,uint64 validUntil,uint64 dispute)Part(uint8 member,uint256 amount,address to,bytes32 toChannel,uint8 toMember)"
    );
    bytes32 private constant DOMAIN = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );

    function domain(uint256 chainId, address adjudicator) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("Tallystick"), keccak256("1"), chainId, adjudicator));
    }

    function digest(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"01", left, right));
    }

    function batch(bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Batch(bytes32 root)"), root));
    }

    function channelId(bytes memory channel, uint256 chainId, address adjudicator) internal pure returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(chainId, adjudicator, keccak256(channel)));
        return bytes32(((uint256(hash) >> 8) << 8) | ((channel.length - 20) / 40));
    }

    function state(Ledger memory l, State memory s) internal pure returns (bytes32) {
        bytes32 credits = keccak256(abi.encodePacked(s.credits));
        return
            keccak256(
                abi.encode(STATE, l.id, l.asset, l.generation, s.lane, s.version, credits, s.locked, transfersRoot(s))
            );
    }

    function laneWord(Ledger memory l, State memory s) internal pure returns (uint256) {
        return (s.version << 192) | uint192(uint256(state(l, s)));
    }

    function withdrawal(Ledger memory l, Withdrawal memory w) internal pure returns (bytes32) {
        bytes32[] memory parts = new bytes32[](w.parts.length);
        for (uint256 i; i < parts.length; ++i) {
            Part memory p = w.parts[i];
            parts[i] = keccak256(abi.encode(PART, p.member, p.amount, p.to, p.toChannel, p.toMember));
        }
        bytes32 hash = keccak256(abi.encodePacked(parts));
        return
            keccak256(
                abi.encode(WITHDRAWAL, l.id, l.asset, l.generation, w.seq, hash, w.closing, w.validUntil, w.dispute)
            );
    }

    function transfer(Transfer memory t) internal pure returns (bytes32) {
        return keccak256(Wire.transfer(t));
    }

    function transfersRoot(State memory s) internal pure returns (bytes32) {
        if (s.locked == 0 || s.root != 0) return s.root;
        return listRoot(s.transfers, new bool[](s.transfers.length));
    }

    /// @dev `gone` are the positions that have been divided already.
    function listRoot(Transfer[] memory transfers, bool[] memory gone) internal pure returns (bytes32) {
        bytes32[] memory leaves = new bytes32[](transfers.length);
        for (uint256 i; i < leaves.length; ++i) {
            if (!gone[i]) leaves[i] = transfer(transfers[i]);
        }
        return keccak256(abi.encodePacked(leaves));
    }
}

/// @title Packed calldata of docs/protocol.md §6
library Wire {
    function transfer(Transfer memory t) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint128(t.amount), uint64(t.deadline), uint8(t.refundTo));
        for (uint256 i; i < t.legs.length; ++i) {
            packed = bytes.concat(packed, bytes1(uint8(t.legs[i].to)), t.legs[i].key);
        }
    }

    function signatures(bytes[] memory sigs) internal pure returns (bytes memory packed) {
        for (uint256 i; i < sigs.length; ++i) {
            packed = abi.encodePacked(packed, uint16(sigs[i].length), sigs[i]);
        }
    }

    function state(State memory s) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(s.lane), uint64(s.version), uint112(s.locked));
        if (s.locked > 0) packed = abi.encodePacked(packed, Hash.transfersRoot(s));
        for (uint256 i; i < s.credits.length; ++i) {
            packed = abi.encodePacked(packed, int112(s.credits[i]));
        }
    }

    function states(Signed[] memory list) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(list.length));
        for (uint256 i; i < list.length; ++i) {
            packed = abi.encodePacked(packed, state(list[i].state), signatures(list[i].sigs));
        }
    }

    function part(Part memory p) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(p.member), uint112(p.amount));
        if (p.toChannel == 0 && p.to == address(0)) return abi.encodePacked(packed, uint8(0));
        if (p.toChannel == 0) return abi.encodePacked(packed, uint8(1), p.to);
        if (p.target.length == 0) return abi.encodePacked(packed, uint8(2), p.toChannel, uint8(p.toMember));
        return abi.encodePacked(packed, uint8(3), uint8(p.toMember), uint8((p.target.length - 20) / 40), p.target);
    }

    function withdrawal(
        Withdrawal memory w,
        uint256[] memory base,
        bytes[] memory sigs
    ) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(w.closing, uint16(w.seq), uint64(w.validUntil), uint64(w.dispute));
        if (w.dispute != 0) packed = abi.encodePacked(packed, base);
        packed = abi.encodePacked(packed, uint8(w.parts.length));
        for (uint256 i; i < w.parts.length; ++i) {
            packed = abi.encodePacked(packed, part(w.parts[i]));
        }
        packed = abi.encodePacked(packed, signatures(sigs));
    }

    function transferList(List memory l) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(l.lane), uint16(l.transfers.length));
        for (uint256 i; i < l.transfers.length; ++i) {
            bytes32 leaf = l.gone[i] ? bytes32(0) : Hash.transfer(l.transfers[i]);
            packed =
                l.shown[i]
                    ? abi.encodePacked(packed, uint8(l.transfers[i].legs.length), transfer(l.transfers[i]))
                    : abi.encodePacked(packed, uint8(0), leaf);
        }
    }

    function lists(List[] memory all) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(all.length));
        for (uint256 i; i < all.length; ++i) {
            packed = abi.encodePacked(packed, transferList(all[i]));
        }
    }

    function proof(
        uint256[] memory base,
        State[] memory newest,
        List[] memory shown
    ) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(base);
        for (uint256 i; i < newest.length; ++i) {
            packed = abi.encodePacked(packed, state(newest[i]));
        }
        packed = abi.encodePacked(packed, lists(shown));
    }

    function reserves(Reserve[] memory all) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(all.length));
        for (uint256 i; i < all.length; ++i) {
            Reserve memory r = all[i];
            packed = abi.encodePacked(packed, uint8(r.lane), uint112(r.locked), uint112(r.reserved), r.root);
        }
    }
}
