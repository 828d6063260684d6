// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A payout that no payee and no token can block
/// @dev Assembly: a gas cap, and no more than one word of what the callee returns is copied.
library Push {
    /// @dev Enough for a Safe or a logging proxy to receive coins.
    uint256 private constant COIN_GAS = 50_000;
    /// @dev Enough for tokens behind proxies with rebasing books.
    uint256 private constant TOKEN_GAS = 200_000;

    /// @notice The caller gave so little gas that the payee might fail only for the lack of it.
    error TooLittleGas(uint256 left, uint256 needed);

    /// @return ok Whether `amount` of `asset` has arrived at `to`; false: keep it for its owner to claim.
    function send(address asset, address to, uint256 amount) internal returns (bool ok) {
        return asset == address(0) ? _coin(to, amount) : _token(asset, to, amount);
    }

    function _coin(address to, uint256 amount) private returns (bool ok) {
        _requireGas(COIN_GAS);
        assembly ("memory-safe") {
            ok := call(COIN_GAS, to, amount, 0, 0, 0, 0)
        }
    }

    function _token(address token, address to, uint256 amount) private returns (bool ok) {
        _requireGas(TOKEN_GAS);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x00, 0xa9059cbb000000000000000000000000) // transfer(address,uint256)
            mstore(0x14, to)
            mstore(0x34, amount)
            ok := call(TOKEN_GAS, token, 0, 0x10, 0x44, 0x00, 0x20)
            // Tokens without a return value (USDT) must at least have code; others must return exactly true.
            switch returndatasize()
            case 0 {
                ok := and(ok, gt(extcodesize(token), 0))
            }
            default {
                ok := and(ok, and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)))
            }
            mstore(0x40, free)
        }
    }

    /// @dev A call gets at most 63/64 of what is left (EIP-150); sending coins costs up to 36,600 before the callee starts.
    function _requireGas(uint256 cap) private view {
        uint256 needed = cap + cap / 32 + 40_000;
        require(gasleft() >= needed, TooLittleGas(gasleft(), needed));
    }
}
