// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibClone} from "solady/src/utils/LibClone.sol";

import {IErrors} from "./interfaces/IErrors.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Bits} from "./libraries/Bits.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Reports} from "./libraries/Reports.sol";
import {Assumed, CHOSEN, COMPUTED, Money, ODDS, Parameters, STATE, Terms, WEIGHTS} from "./types/Game.sol";

/// @title The creation of a game: a clone of the shared code (EIP-1167 with arguments) whose own ends with its terms
/// @dev Everything that the terms say follows from the creation's transaction: who has checked its data knows the game.
// slither-disable-next-line locked-ether -- this code is gone after the creation: what it left behind pays out
contract Game {
    uint256 private constant CREATION_BYTES = 10; // of a clone's creation code before its code

    /// @param implementation The shared code.
    /// @param rules The declaration of the game's rules, for those outside: here only its digest counts.
    // slither-disable-next-line assembly -- a constructor returns other code than its own by nothing else
    constructor(
        address implementation,
        Parameters memory p,
        bytes32 saltCommitment,
        bytes32 secretCommitment,
        bytes memory rules
    ) payable {
        if (implementation.code.length == 0) revert IErrors.ModuleMissing(implementation);
        if (keccak256(rules) != p.rules) revert IErrors.WrongRules(keccak256(rules), p.rules);
        Assumptions.check(p, msg.value);
        bytes memory fixed_ = bytes.concat(
            abi.encode(_terms(p, keccak256(abi.encode(p, saltCommitment, secretCommitment)))),
            abi.encode(_money(p, saltCommitment, secretCommitment)),
            abi.encode(_assumed(p)),
            abi.encode(p.reserved)
        );
        bytes memory creation = LibClone.initCode(implementation, fixed_);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            return(add(creation, add(32, CREATION_BYTES)), sub(mload(creation), CREATION_BYTES))
        }
    }

    function _terms(Parameters memory p, bytes32 game) private view returns (Terms memory t) {
        bool named = p.sortition != 0 || p.attested & CHOSEN != 0;
        bool committees = p.validators != p.participants || named;
        bool commanders = p.commanders != ODDS;
        t.participants = p.participants;
        t.arms = p.arms;
        t.horizon = p.horizon;
        t.burnIn = p.burnIn;
        t.validators = p.validators;
        t.attackers = p.attackers;
        t.quorumChoice = p.quorumChoice;
        t.majorityFloor = Assumptions.majorityFloor(p);
        t.failureLimit = p.failureLimit;
        t.unrecorded = p.unrecorded;
        t.tolerance = p.tolerance;
        t.skipPenalty = p.skipPenalty;
        t.evidencePenalty = p.evidencePenalty;
        t.sortition = p.sortition;
        t.skipDeadline = p.skipDeadline;
        t.burnInBlocks = p.burnInBlocks;
        t.bodyMode = p.bodyMode;
        t.setBytes = (uint256(p.participants) + 7) / 8;
        t.reportBytes = Reports.contentBytes(p.payload, p.sortition != 0 || commanders, p.sealedGame == 1);
        t.derivedBytes = p.attested & COMPUTED == 0 ? 0 : 4 * uint256(p.arms) + 2 * uint256(p.participants);
        t.nobody = ~Bits.all(p.participants);
        t.successors = (committees ? Blocks.COMMITTEE : 0) | (commanders ? Blocks.COMMANDERS : 0)
            | (named ? Blocks.NAMED : 0) | (p.attested & STATE != 0 ? Blocks.KEPT : 0)
            | (p.attested & WEIGHTS != 0 ? Blocks.WEIGHED : 0) | (p.reserved.growth != 0 ? Blocks.PHASES : 0);
        t.chainId = block.chainid;
        t.separator = Certificates.separator(game);
        t.game = game;
    }

    function _money(Parameters memory p, bytes32 saltCommitment, bytes32 secretCommitment)
        private
        view
        returns (Money memory m)
    {
        m.environment = msg.sender;
        m.pool = msg.value;
        m.weiPerUnit = p.weiPerUnit;
        m.stake = p.stake;
        m.cost = p.cost;
        m.sealedGame = p.sealedGame;
        m.unrevealedPenalty = p.unrevealedPenalty;
        m.openUntil = block.number + p.openingDeadline;
        m.gameBlocks = p.gameBlocks;
        m.settlementWindow = p.settlementWindow;
        m.saltCommitment = saltCommitment;
        m.secretCommitment = secretCommitment;
    }

    function _assumed(Parameters memory p) private pure returns (Assumed memory a) {
        a.liars = p.liars;
        a.threshold = p.threshold;
        a.rules = p.rules;
        a.attested = p.attested;
        a.payload = p.payload;
        a.c1Numerator = p.c1Numerator;
        a.c1Denominator = p.c1Denominator;
        a.c1PerReport = p.c1PerReport;
        a.probing = p.probing;
        a.commanders = p.commanders;
        a.openingDeadline = p.openingDeadline;
    }
}
