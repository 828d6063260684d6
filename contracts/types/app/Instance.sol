// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {cursorAt} from "../Cursor.sol";
import {hashOf} from "../Hash.sol";

/// @title The packed instance of an app: `app address | endBy uint40 | budget uint32 | nonce uint128 | N x seat address`
/// @dev Reads stay inside because `id` has checked the length and callers index below `seats`.
library Instances {
    uint256 internal constant MAX_SEATS = 16;
    uint256 private constant HEAD = 45;
    uint256 private constant SEAT = 20;

    error MalformedInstance(uint256 length);

    /// @notice Checks the form and names it.
    function id(bytes calldata instance, uint256 chainId) internal view returns (bytes32) {
        uint256 count = seats(instance);
        require(
            count > 1 && count <= MAX_SEATS && instance.length == HEAD + SEAT * count,
            MalformedInstance(instance.length)
        );
        return hashOf(bytes32(chainId), bytes32(uint256(uint160(address(this)))), keccak256(instance));
    }

    function seats(bytes calldata instance) internal pure returns (uint256) {
        unchecked {
            // An instance that is too short has a great many seats and is refused for it.
            return (instance.length - HEAD) / SEAT;
        }
    }

    function app(bytes calldata instance) internal pure returns (address) {
        return address(uint160(cursorAt(instance).uintAt(20)));
    }

    /// @notice From this second on nobody moves.
    function endBy(bytes calldata instance) internal pure returns (uint256) {
        return cursorAt(instance).skip(20).uintAt(5);
    }

    /// @notice Seconds for all moves of a seat together.
    function budget(bytes calldata instance) internal pure returns (uint256) {
        return cursorAt(instance).skip(25).uintAt(4);
    }

    function signer(bytes calldata instance, uint256 seat) internal pure returns (address) {
        unchecked {
            // At most 16 seats.
            return address(uint160(cursorAt(instance).skip(HEAD + SEAT * seat).uintAt(SEAT)));
        }
    }
}
