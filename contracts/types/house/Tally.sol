// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The top of a Merkle sum tree, docs/clearing.md §2: every node commits to the sums of both its halves.
/// @param sums A word per asset, two totals in each: `high uint128 | low uint128`.
struct Tally {
    uint256 depth;
    bytes32 node;
    uint256[] sums;
}

using Tallies for Tally global;

/// @dev A node is `keccak256(left | sums of left | right | sums of right)`, an empty leaf is zero and sums to zero.
library Tallies {
    error TallyOverflow();
    /// @notice The path does not fit the positions it is for.
    error WrongPath(uint256 given, uint256 used);
    error UnsortedPosition(uint256 position);

    function hash(Tally memory tally) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(tally.depth, tally.node, tally.sums));
    }

    function empty(uint256 assets) internal pure returns (Tally memory tally) {
        tally.sums = new uint256[](assets);
    }

    function isEqual(Tally memory tally, Tally memory other) internal pure returns (bool) {
        return tally.hash() == other.hash();
    }

    /// @notice How deep a tree is whose leaves have such a path.
    function depthOf(bytes32[] calldata path, uint256[] memory sums) internal pure returns (uint256) {
        return path.length / (1 + sums.length);
    }

    /// @notice The top above one leaf of a tree whose depth is the path's. `sums` are overwritten.
    /// @dev Assembly, since an answer climbs two trees of twenty levels: half of what `fold` takes, calldata included.
    function climb(
        uint256 position,
        bytes32 leaf,
        uint256[] memory sums,
        bytes32[] calldata path
    ) internal pure returns (Tally memory tally) {
        uint256 depth = depthOf(path, sums);
        require(path.length == depth * (1 + sums.length), WrongPath(path.length, depth * (1 + sums.length)));
        require(position >> depth == 0, WrongPath(position, depth));
        bytes32 node = leaf;
        bool overflow;
        assembly ("memory-safe") {
            let width := shl(5, mload(sums))
            let size := add(width, 0x20)
            let pair := mload(0x40)
            let next := path.offset
            for {
                let level := 0
            } lt(level, depth) {
                level := add(level, 1)
            } {
                let odd := and(shr(level, position), 1)
                let own := add(pair, mul(odd, size))
                let other := add(pair, mul(iszero(odd), size))
                mstore(own, node)
                mcopy(add(own, 0x20), add(sums, 0x20), width)
                calldatacopy(other, next, size)
                next := add(next, size)
                node := keccak256(pair, shl(1, size))
                for {
                    let at := 0x20
                } lt(at, size) {
                    at := add(at, 0x20)
                } {
                    let a := mload(add(own, at))
                    let sum := add(a, mload(add(other, at)))
                    // A carry out of either half makes that half smaller than what went in.
                    overflow := or(overflow, or(lt(sum, a), lt(shl(128, sum), shl(128, a))))
                    mstore(add(sums, at), sum)
                }
            }
        }
        require(!overflow, TallyOverflow());
        return Tally(depth, node, sums);
    }

    /// @notice Puts a leaf and its sums into row `index`.
    function write(uint256[] memory rows, uint256 index, bytes32 leaf, uint256[] memory sums) internal pure {
        uint256 place = index * (1 + sums.length);
        rows[place] = uint256(leaf);
        for (uint256 i; i < sums.length; ++i) {
            rows[place + 1 + i] = sums[i];
        }
    }

    /// @notice The top above several leaves at once.
    /// @param positions Where they are, ascending; overwritten.
    /// @param rows Each leaf with its sums; overwritten.
    /// @param path The rows that are missing on the way, level by level, from the left.
    function fold(
        uint256[] memory positions,
        uint256[] memory rows,
        uint256 depth,
        bytes32[] calldata path
    ) internal pure returns (Tally memory tally) {
        for (uint256 i = 1; i < positions.length; ++i) {
            require(positions[i - 1] < positions[i], UnsortedPosition(positions[i]));
        }
        uint256 stride = rows.length / positions.length;
        Fold memory state = Fold(positions, rows, new uint256[](2 * stride), positions.length, stride, 0);
        for (uint256 level; level < depth; ++level) {
            _foldLevel(state, path);
        }
        require(
            state.used == path.length && state.count == 1 && positions[0] == 0,
            WrongPath(path.length, state.used)
        );
        tally = Tally(depth, bytes32(rows[0]), new uint256[](stride - 1));
        for (uint256 i = 1; i < stride; ++i) {
            tally.sums[i - 1] = rows[i];
        }
    }

    /// @param pair Room for both halves of a node.
    /// @param count Rows that are left on this level.
    /// @param used Words of the path that are used up.
    struct Fold {
        uint256[] positions;
        uint256[] rows;
        uint256[] pair;
        uint256 count;
        uint256 stride;
        uint256 used;
    }

    function _foldLevel(Fold memory state, bytes32[] calldata path) private pure {
        uint256 kept;
        uint256[] memory positions = state.positions;
        for (uint256 i; i < state.count; ++kept) {
            uint256 position = positions[i];
            bool paired = position & 1 == 0 && i + 1 < state.count && positions[i + 1] == position + 1;
            _load(state, i, position & 1);
            if (paired) {
                _load(state, i + 1, 1);
            } else {
                require(state.used + state.stride <= path.length, WrongPath(path.length, state.used + state.stride));
                _loadPath(state, path, 1 - (position & 1));
            }
            _join(state, kept);
            positions[kept] = position >> 1;
            i += paired ? 2 : 1;
        }
        state.count = kept;
    }

    function _load(Fold memory state, uint256 row_, uint256 half) private pure {
        (uint256[] memory pair, uint256[] memory rows, uint256 stride) = (state.pair, state.rows, state.stride);
        assembly ("memory-safe") {
            let size := shl(5, stride)
            mcopy(add(add(pair, 0x20), mul(half, size)), add(add(rows, 0x20), mul(row_, size)), size)
        }
    }

    function _loadPath(Fold memory state, bytes32[] calldata path, uint256 half) private pure {
        (uint256[] memory pair, uint256 stride, uint256 used) = (state.pair, state.stride, state.used);
        assembly ("memory-safe") {
            let size := shl(5, stride)
            calldatacopy(add(add(pair, 0x20), mul(half, size)), add(path.offset, shl(5, used)), size)
        }
        state.used = used + stride;
    }

    /// @dev Assembly, since this runs in every node.
    function _join(Fold memory state, uint256 row_) private pure {
        (uint256[] memory pair, uint256[] memory rows, uint256 stride) = (state.pair, state.rows, state.stride);
        bool overflow;
        assembly ("memory-safe") {
            let size := shl(5, stride)
            let left := add(pair, 0x20)
            let to := add(add(rows, 0x20), mul(row_, size))
            mstore(to, keccak256(left, shl(1, size)))
            for {
                let at := 0x20
            } lt(at, size) {
                at := add(at, 0x20)
            } {
                let a := mload(add(left, at))
                let sum := add(a, mload(add(left, add(size, at))))
                // A carry out of either half makes that half smaller than what went in.
                overflow := or(overflow, or(lt(sum, a), lt(shl(128, sum), shl(128, a))))
                mstore(add(to, at), sum)
            }
        }
        require(!overflow, TallyOverflow());
    }
}
