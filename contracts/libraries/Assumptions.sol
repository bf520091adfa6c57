// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {
    CHOSEN,
    COMPUTED,
    MAX_ARMS,
    MAX_PARTICIPANTS,
    ODDS,
    Parameters,
    Reserved,
    SELECTED,
    STATE,
    UNIT,
    WEIGHTS
} from "../types/Game.sol";

/// @title Every inequality that a deployment is refused by, and the numbers derived from M and m
/// @dev The twin of `check_contract` in `chain_bandit/protocol/assumptions.py`. What depends on the game's rules is not
/// asked here: nodes refuse such a game, and the audit finds it.
library Assumptions {
    uint256 private constant MOST_GROWTH = 4e9;
    uint256 private constant LEAST_WINDOW = 8; // of settlement, with a slash

    /// @notice Signatures needed from so many validators, of which up to `attackers` may misbehave.
    /// @param floor_ What a majority exceeds however few validate, see `majorityFloor`.
    function quorum(uint256 validators, uint256 attackers, uint256 choice, uint256 floor_)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            if (choice == 1) return (validators + attackers) / 2 + 1;
            uint256 half = validators / 2;
            return (half > floor_ ? half : floor_) + 1;
        }
    }

    /// @notice max(m, floor(E / 2)), E = M p the members that sortition draws on average where each weight is 1; exact.
    /// Weights are not known before the seats are taken, and draw more: this is the least that E can be.
    function majorityFloor(Parameters memory p) internal pure returns (uint256) {
        uint256 half = uint256(p.participants) * p.sortition / (2 * ODDS);
        return half > p.attackers ? half : p.attackers;
    }

    /// @notice Wei that cover the dearest cost a participant can owe: T whole rewards.
    function minimumStake(Parameters memory p) internal pure returns (uint256) {
        return uint256(p.horizon) * UNIT * p.weiPerUnit;
    }

    /// @notice Wei that cover every reward and every cost paid out: 2 M T whole rewards.
    function minimumPool(Parameters memory p) internal pure returns (uint256) {
        return 2 * uint256(p.participants) * minimumStake(p);
    }

    /// @notice Refuses a game that is outside of the theorems whatever its rules are, or that could not pay.
    function check(Parameters memory p, uint256 pool) internal pure {
        _checkSizes(p);
        _checkChoices(p);
        _checkFaults(p);
        _checkDraws(p);
        _checkLengths(p);
        uint256 least = minimumStake(p) + p.unrevealedPenalty + p.reserved.slash;
        if (p.weiPerUnit == 0) revert IErrors.UnitNotPositive(p.weiPerUnit);
        if (p.stake < least) revert IErrors.StakeTooSmall(p.stake, least);
        least = minimumPool(p);
        if (pool < least) revert IErrors.PoolTooSmall(pool, least);
    }

    function _checkSizes(Parameters memory p) private pure {
        if (p.participants < 2 || p.participants > MAX_PARTICIPANTS) {
            revert IErrors.ParticipantsOutOfRange(p.participants, 2, MAX_PARTICIPANTS);
        }
        if (p.arms == 0 || p.arms > MAX_ARMS) revert IErrors.ArmsOutOfRange(p.arms, 1, MAX_ARMS);
        if (p.threshold < 2) revert IErrors.ThresholdTooLow(p.threshold, 2);
        if (p.c1Numerator == 0 || p.c1Denominator == 0) {
            revert IErrors.ExplorationNotPositive(p.c1Numerator, p.c1Denominator);
        }
        if (p.unrecorded == 0 || p.tolerance == 0 || p.skipPenalty == 0) {
            revert IErrors.ReputationMalformed(p.unrecorded, p.tolerance, p.skipPenalty);
        }
        if (p.failureLimit == 0) revert IErrors.FailureLimitTooLow(p.failureLimit, 1);
    }

    function _checkChoices(Parameters memory p) private pure {
        if (p.quorumChoice > 1 || p.c1PerReport > 1 || p.bodyMode > 1 || p.cost > 1) {
            revert IErrors.UnknownChoice(p.quorumChoice, p.c1PerReport, p.bodyMode, p.cost);
        }
        uint256 classes = _classes(p);
        if (p.attested != classes) revert IErrors.WrongClasses(p.attested, classes);
        Reserved memory r = p.reserved;
        // A proof of a false report takes a report that names its receipt's round.
        bool named = p.payload == p.arms + 1 && r.slash != 0;
        if (p.payload != p.arms && !named) revert IErrors.WrongPayload(p.payload, p.arms);
        uint256 numbers = uint256(r.findersFee) | r.dimension | r.rewardSource;
        bytes32 bits = bytes32(numbers) | r.participantsRoot | r.extension;
        if (bits != 0) revert IErrors.NotSupported(bits);
        // The settlements of a sealed game do not say what anybody pulled.
        if (r.paidBurnIn > 1 - p.sealedGame % 2) revert IErrors.NotSupported(bytes32(uint256(r.paidBurnIn)));
        if (r.growth != 0) _checkPhases(p, classes);
        if (p.sealedGame > 1 || (p.sealedGame == 0 && p.unrevealedPenalty != 0)) {
            revert IErrors.SealMalformed(p.sealedGame, p.unrevealedPenalty);
        }
    }

    /// @dev Who validates and commands the round after a phase must not hang on one block; T fits what progress keeps.
    function _checkPhases(Parameters memory p, uint256 classes) private pure {
        bool all = p.validators == p.participants && classes & (SELECTED | STATE) == 0;
        uint256 growth = p.reserved.growth;
        if (!all || p.sealedGame != 0 || growth > MOST_GROWTH || p.horizon >= 2 ** 23) {
            revert IErrors.PhasesMisplaced(growth, p.horizon);
        }
    }

    /// @dev What body and draws imply, and what the game's rules ask for: weights in place of accuracies are attested.
    function _classes(Parameters memory p) private pure returns (uint256 classes) {
        classes = p.attested & (COMPUTED | WEIGHTS | STATE | CHOSEN);
        if (p.bodyMode == 1 || classes & (COMPUTED | WEIGHTS) != 0) classes |= COMPUTED;
        if (p.sortition != 0 || p.commanders != ODDS || classes & CHOSEN != 0) classes |= SELECTED;
    }

    function _checkFaults(Parameters memory p) private pure {
        uint256 participants = p.participants;
        if (participants < uint256(p.attackers) + 2) revert IErrors.TooManyAttackers(participants, p.attackers);
        if (participants < 2 * uint256(p.liars) + p.attackers + 1) {
            revert IErrors.TooFewReports(participants, p.liars, p.attackers);
        }
        if (p.validators <= 2 * uint256(p.attackers) || p.validators > participants) {
            revert IErrors.ValidatorsOutOfRange(p.validators, 2 * uint256(p.attackers) + 1, participants);
        }
        _checkQuorum(p, p.validators);
        _checkQuorum(p, participants);
    }

    function _checkQuorum(Parameters memory p, uint256 validators) private pure {
        uint256 needed = quorum(validators, p.attackers, p.quorumChoice, majorityFloor(p));
        if (needed > validators - p.attackers) revert IErrors.QuorumUnreachable(needed, validators, p.attackers);
    }

    function _checkDraws(Parameters memory p) private pure {
        if (p.commanders == 0 || p.commanders > p.probing || p.probing > ODDS) {
            revert IErrors.CommandersOutOfRange(p.commanders, p.probing, ODDS);
        }
        if (p.sortition == 0) return;
        if (p.sortition > ODDS) revert IErrors.SortitionOutOfRange(p.sortition, ODDS);
        if (p.validators != p.participants || p.quorumChoice != 0 || p.attested & CHOSEN != 0) {
            revert IErrors.SortitionMisplaced(p.validators, p.participants, p.quorumChoice);
        }
        uint256 expected = uint256(p.participants) * p.sortition;
        uint256 least = (2 * uint256(p.attackers) + 1) * ODDS;
        if (expected < least) revert IErrors.CommitteesTooSmall(expected, least);
    }

    function _checkLengths(Parameters memory p) private pure {
        if (p.burnIn % p.arms != 0 || p.burnIn < 2 * uint256(p.arms)) {
            revert IErrors.BurnInMalformed(p.burnIn, p.arms);
        }
        if (p.burnIn >= p.horizon || p.horizon == type(uint32).max) {
            revert IErrors.HorizonOutOfRange(p.horizon, p.burnIn);
        }
        if (p.openingDeadline == 0 || p.skipDeadline == 0 || p.gameBlocks == 0 || p.settlementWindow == 0) {
            revert IErrors.BlocksNotPositive(p.openingDeadline, p.skipDeadline, p.gameBlocks, p.settlementWindow);
        }
        // Rewards, proofs, costs and acquittals have a quarter each.
        if (p.reserved.slash != 0 && p.settlementWindow < LEAST_WINDOW) {
            revert IErrors.WindowTooShort(p.settlementWindow, LEAST_WINDOW);
        }
    }
}
