// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";

/// @title Who is owed what, in wei, once the game is closed
/// @dev The twin of `chain_bandit/protocol/settlement.py`. What is owed sums to stakes plus pool less what is burned.
library Balances {
    struct Accounts {
        bool closed;
        bool costsVoid;
        uint256 share; // what every participant gets of the pool when costs are void
        uint256 change; // what the costs took from every honest participant and gave to every other
        uint256 environment;
        mapping(address => bool) withdrawn;
    }

    /// @notice Closes a game whose reveal and settlements are complete. Gives what is burned.
    /// @param left The pool less all rewards.
    /// @param change The hidden cost times the costly rounds.
    function closeComplete(
        Accounts storage accounts,
        uint256 left,
        uint256 change,
        uint256 participants,
        uint256 malicious
    ) internal returns (uint256 burned) {
        uint256 paidIn = change * (participants - Bits.count(malicious));
        uint256 paidOut = change * Bits.count(malicious);
        accounts.closed = true;
        accounts.change = change;
        if (paidIn > paidOut) burned = paidIn - paidOut;
        accounts.environment = left + paidIn - paidOut - burned;
    }

    /// @notice Closes a game that was left unfinished: the rest of the pool is shared. Gives what is burned.
    function closeVoid(Accounts storage accounts, uint256 left, uint256 participants)
        internal
        returns (uint256 burned)
    {
        accounts.closed = true;
        accounts.costsVoid = true;
        accounts.share = left / participants;
        burned = left % participants;
    }

    /// @notice What a participant of a closed game is owed.
    /// @param earned Its stake and its rewards.
    function ofParticipant(Accounts storage accounts, uint256 earned, bool malicious) internal view returns (uint256) {
        uint256 due = earned + accounts.share;
        return malicious ? due + accounts.change : due - accounts.change;
    }

    /// @notice Sends wei, or reverts.
    function send(address account, uint256 amount) internal {
        // slither-disable-next-line low-level-calls -- wei to any account, with all gas; success checked
        (bool sent,) = account.call{value: amount}("");
        if (!sent) revert IErrors.TransferFailed(account, amount);
    }
}
