// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @title A payee whose behaviour the test sets
contract Payee {
    enum Mood {
        Takes,
        Reverts,
        BurnsGas,
        ReturnsMegabyte,
        RevertsWithMegabyte
    }

    Mood public mood;
    uint256 public spare;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    receive() external payable {
        if (mood == Mood.Takes) return;
        if (mood == Mood.Reverts) revert("no");
        while (mood == Mood.BurnsGas) ++spare;
        bool failing = mood == Mood.RevertsWithMegabyte;
        assembly {
            if failing {
                revert(0, 1048576)
            }
            return(0, 1048576)
        }
    }
}

/// @title A payee that makes a prepared call as soon as it is paid, and remembers how that went; unprepared it refuses coins
contract Reentrant {
    // One slot, since a push leaves gas for little more than one.
    address public target;
    bool public called;
    bool public ok;
    /// @dev The first word of what came back.
    bytes32 public result;
    uint256 public value;
    bytes public data;

    function prepare(address target_, bytes calldata data_, uint256 value_) external {
        (target, data, value, called) = (target_, data_, value_, false);
    }

    receive() external payable {
        require(target != address(0), "not prepared");
        enter();
    }

    function enter() public {
        if (called) return;
        bytes memory back;
        called = true;
        (ok, back) = target.call{value: value}(data);
        result = bytes32(back);
    }
}

/// @title An ERC-1271 wallet whose answer the test sets
contract Wallet {
    enum Mood {
        No,
        Yes,
        Reverts,
        BurnsGas,
        ReturnsMegabyte
    }

    Mood public mood;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mood == Mood.Yes) return this.isValidSignature.selector;
        if (mood == Mood.Reverts) revert("no");
        while (mood == Mood.BurnsGas) {}
        if (mood == Mood.ReturnsMegabyte) {
            assembly {
                return(0, 1048576)
            }
        }
        return 0;
    }

    receive() external payable {}
}
