// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ICondition} from "../../../contracts/interfaces/ICondition.sol";

/// @title Answers with whatever its data says
contract EchoCondition is ICondition {
    function evaluate(bytes calldata data, bytes calldata) external pure returns (uint256) {
        return abi.decode(data, (uint256));
    }
}

/// @title Answers with raw bytes of the witness
contract RawCondition {
    function evaluate(bytes calldata, bytes calldata witness) external pure returns (uint256) {
        bytes memory raw = witness;
        assembly {
            return(add(raw, 0x20), mload(raw))
        }
    }
}

contract RevertingCondition is ICondition {
    function evaluate(bytes calldata, bytes calldata) external pure returns (uint256) {
        revert("no answer yet");
    }
}

contract LoopingCondition is ICondition {
    function evaluate(bytes calldata, bytes calldata) external pure returns (uint256) {
        while (true) {}
        return 0;
    }
}

/// @title Says one thing with much gas and another with little
contract GasCondition is ICondition {
    function evaluate(bytes calldata, bytes calldata) external view returns (uint256) {
        return gasleft() > 100_000 ? 1e18 : 0;
    }
}

/// @title Calls somebody while it is asked
contract ReentrantCondition is ICondition {
    address private immutable target;

    constructor(address target_) {
        target = target_;
    }

    function evaluate(bytes calldata data, bytes calldata) external view returns (uint256) {
        (bool ok, ) = target.staticcall(data);
        return ok ? 1e18 : 0;
    }
}
