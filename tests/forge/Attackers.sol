// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";

/// @title What an account that is owed wei can become, by delegation, before it withdraws
/// @dev `how` is its first storage slot, which the test writes; the code is etched over the account.
contract Attacker {
    enum How {
        TakesIt,
        Withdraws,
        WithdrawsTwice,
        Closes,
        JoinsAndOpens,
        SettlesAndReveals,
        SendsItBack,
        Reverts,
        RevertsWithABomb,
        ReturnsABomb,
        BurnsAllGas,
        DestroysItself,
        WithdrawsThroughAnother
    }

    How public how;
    IChainBandit public game;
    uint256 public calls;

    function become(How how_, IChainBandit game_) external {
        (how, game) = (how_, game_);
    }

    receive() external payable {
        if (++calls > 3) return;
        if (how == How.TakesIt) return;
        if (how == How.Withdraws) _try(abi.encodeCall(IChainBandit.withdraw, ()));
        if (how == How.WithdrawsTwice) {
            _try(abi.encodeCall(IChainBandit.withdraw, ()));
            _try(abi.encodeCall(IChainBandit.withdraw, ()));
        }
        if (how == How.Closes) _try(abi.encodeCall(IChainBandit.close, ()));
        if (how == How.JoinsAndOpens) {
            _try(abi.encodeCall(IChainBandit.join, (new bytes(67))));
            _try(abi.encodeCall(IChainBandit.open, (keccak256("salt"))));
            _try(abi.encodeCall(IChainBandit.skipAfterDeadline, (0)));
        }
        if (how == How.SettlesAndReveals) {
            _try(abi.encodeCall(IChainBandit.settleRewards, (8, "")));
            _try(abi.encodeCall(IChainBandit.reveal, (keccak256("secret"), hex"01020000", "any model")));
        }
        if (how == How.SendsItBack) _mustSend(address(game), msg.value);
        if (how == How.Reverts) revert();
        if (how == How.RevertsWithABomb) {
            assembly {
                revert(0, 100000)
            }
        }
        if (how == How.ReturnsABomb) {
            assembly {
                return(0, 100000)
            }
        }
        if (how == How.BurnsAllGas) {
            assembly {
                invalid()
            }
        }
        if (how == How.DestroysItself) selfdestruct(payable(address(0xbeef)));
        if (how == How.WithdrawsThroughAnother) {
            new Helper(game);
        }
    }

    function _try(bytes memory data) private {
        (bool done,) = address(game).call(data);
        done;
    }

    function _mustSend(address to, uint256 wei_) private {
        (bool done,) = to.call{value: wei_}("");
        require(done);
    }
}

/// @title An account without code yet, in its own constructor: msg.sender.code.length is zero
contract Helper {
    constructor(IChainBandit game) payable {
        (bool done,) = address(game).call(abi.encodeCall(IChainBandit.withdraw, ()));
        done;
        (done,) = address(game).call(abi.encodeCall(IChainBandit.close, ()));
        (done,) = address(game).call(abi.encodeCall(IChainBandit.skipAfterDeadline, (0)));
    }
}

/// @title Wei that nobody can refuse: a contract that is destroyed in the transaction that made it
contract Force {
    constructor(address to) payable {
        selfdestruct(payable(to));
    }
}

/// @title Code in the place of the implementation that somebody may replace, or destroy
contract Upgradable {
    function upgradeTo(address to) external {
        bytes32 slot = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
        assembly {
            sstore(slot, to)
        }
    }

    function destroy() external {
        selfdestruct(payable(msg.sender));
    }
}

/// @title A bookkeeper that keeps what is settled where the head of the history lies
contract Misplaced {
    uint256 private settledThrough;

    function settleRewards(uint32 through, bytes calldata) external {
        settledThrough = through;
    }
}
