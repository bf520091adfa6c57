// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";

/// @title An account that withdraws once more while it is paid
contract Reenters {
    bool private again;

    receive() external payable {
        if (again) return;
        again = true;
        (bool done,) = msg.sender.call(abi.encodeCall(IChainBandit.withdraw, ()));
        done;
    }
}
