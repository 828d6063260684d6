// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A plain token that anybody can make
contract Token is ERC20("Token", "TKN") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title USDT's way: moves money, returns nothing
contract NoReturnToken is Token {
    function transfer(address to, uint256 amount) public override returns (bool) {
        super.transfer(to, amount);
        _returnNothing();
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount);
        _returnNothing();
    }

    function _returnNothing() private pure {
        assembly {
            return(0, 0)
        }
    }
}

/// @title Burns a tenth of every transfer
contract FeeToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(0), amount / 10);
    }
}

/// @title Takes money out of every account's balance
contract RebasingToken is Token {
    uint256 public percent = 100;

    function rebase(uint256 percent_) external {
        percent = percent_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return (super.balanceOf(account) * percent) / 100;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, (amount * 100) / percent);
    }
}

/// @title What a call of `transfer` does is set by the test
contract MoodyToken is Token {
    enum Mood {
        Good,
        ReturnsFalse,
        ReturnsShort,
        ReturnsTwo,
        ReturnsMegabyte,
        Reverts,
        RevertsWithMegabyte,
        BurnsGas
    }

    Mood public mood;
    mapping(address => bool) public blocked;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function block_(address account, bool yes) external {
        blocked[account] = yes;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (mood == Mood.ReturnsFalse) return false;
        if (mood == Mood.ReturnsShort) _return(31, false);
        if (mood == Mood.ReturnsTwo) _return(32, false);
        if (mood == Mood.ReturnsMegabyte) _return(1 << 20, false);
        if (mood == Mood.RevertsWithMegabyte) _return(1 << 20, true);
        if (mood == Mood.Reverts) revert("paused");
        while (mood == Mood.BurnsGas) {}
        return super.transfer(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from] && !blocked[to], "blacklisted");
        super._update(from, to, amount);
    }

    function _return(uint256 size, bool failing) private pure {
        assembly {
            mstore(0, 2)
            if failing {
                revert(0, size)
            }
            return(0, size)
        }
    }
}

/// @title Calls somebody after every transfer, before it returns
contract HookToken is Token {
    address public hook;
    bytes public hookData;

    function setHook(address hook_, bytes calldata data) external {
        (hook, hookData) = (hook_, data);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (hook == address(0) || from == address(0)) return;
        (bool ok, bytes memory reason) = hook.call(hookData);
        if (ok) return;
        assembly {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}

contract PermitToken is Token, ERC20Permit("Token") {}

/// @title EIP-3009's `receiveWithAuthorization`
contract AuthorizationToken is PermitToken {
    bytes32 private constant TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    mapping(address => mapping(bytes32 => bool)) public authorizationState;

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        require(msg.sender == to, "caller must be the payee");
        require(block.timestamp > validAfter && block.timestamp < validBefore, "not valid now");
        require(!authorizationState[from][nonce], "used");
        bytes32 hash = keccak256(abi.encode(TYPEHASH, from, to, value, validAfter, validBefore, nonce));
        require(ECDSA.recover(_hashTypedDataV4(hash), v, r, s) == from, "invalid signature");
        authorizationState[from][nonce] = true;
        _transfer(from, to, value);
    }
}
