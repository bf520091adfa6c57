// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";

/// @title Who is owed what, in wei, once the game is closed
/// @dev The twin of `chain_bandit/protocol/settlement.py`. What is owed sums to stakes plus pool less what is burned.
library Balances {
    struct Accounts {
        bool closed;
        bool costsVoid;
        uint256 share; // what everybody not on the block list gets of the pool when costs are void
        uint256 environment;
        mapping(address => bool) withdrawn;
    }

    /// @notice Closes a game whose reveal and settlements are complete. Gives what is burned.
    /// @param left The pool less all rewards.
    /// @param paidIn What the costly rounds take from the honest.
    /// @param paidOut What they give to the others.
    function closeComplete(Accounts storage accounts, uint256 left, uint256 paidIn, uint256 paidOut)
        internal
        returns (uint256 burned)
    {
        accounts.closed = true;
        if (paidIn > paidOut) burned = paidIn - paidOut;
        accounts.environment = left + paidIn - paidOut - burned;
    }

    /// @notice Closes a game that was left unfinished: the rest of the pool is shared by so many. Gives what is burned.
    function closeVoid(Accounts storage accounts, uint256 left, uint256 sharing) internal returns (uint256 burned) {
        accounts.closed = true;
        accounts.costsVoid = true;
        if (sharing == 0) return left;
        accounts.share = left / sharing;
        burned = left % sharing;
    }

    /// @notice Sends wei, or reverts.
    function send(address account, uint256 amount) internal {
        // slither-disable-next-line low-level-calls -- wei to any account, with all gas; success checked
        (bool sent,) = account.call{value: amount}("");
        if (!sent) revert IErrors.TransferFailed(account, amount);
    }
}
