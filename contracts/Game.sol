// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibClone} from "solady/src/utils/LibClone.sol";

import {IErrors} from "./interfaces/IErrors.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Bits} from "./libraries/Bits.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Reports} from "./libraries/Reports.sol";
import {Assumed, Money, ODDS, Parameters, Terms} from "./types/Game.sol";

/// @title The creation of a game: a clone of the shared code (EIP-1167 with arguments) whose own ends with its terms
/// @dev Everything that the terms say follows from the creation's transaction: who has checked its data knows the game.
contract Game {
    uint256 private constant CREATION_BYTES = 10; // of a clone's creation code before its code

    /// @param implementation The shared code.
    constructor(address implementation, Parameters memory p, bytes32 saltCommitment, bytes32 secretCommitment)
        payable
    {
        if (implementation.code.length == 0) revert IErrors.ModuleMissing(implementation);
        Assumptions.check(p, msg.value);
        bytes memory fixed_ = bytes.concat(
            abi.encode(_terms(p, keccak256(abi.encode(p, saltCommitment, secretCommitment)))),
            abi.encode(_money(p, saltCommitment, secretCommitment)),
            abi.encode(_assumed(p))
        );
        bytes memory creation = LibClone.initCode(implementation, fixed_);
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            return(add(creation, add(32, CREATION_BYTES)), sub(mload(creation), CREATION_BYTES))
        }
    }

    function _terms(Parameters memory p, bytes32 game) private view returns (Terms memory) {
        bool committees = p.validators != p.participants || p.sortition != 0;
        bool commanders = p.commanders != ODDS;
        return Terms({
            participants: p.participants,
            arms: p.arms,
            horizon: p.horizon,
            burnIn: p.burnIn,
            validators: p.validators,
            attackers: p.attackers,
            quorumChoice: p.quorumChoice,
            majorityFloor: Assumptions.majorityFloor(p),
            failureLimit: p.failureLimit,
            unrecorded: p.unrecorded,
            tolerance: p.tolerance,
            skipPenalty: p.skipPenalty,
            evidencePenalty: p.evidencePenalty,
            sortition: p.sortition,
            skipDeadline: p.skipDeadline,
            burnInBlocks: p.burnInBlocks,
            bodyMode: p.bodyMode,
            setBytes: (uint256(p.participants) + 7) / 8,
            reportBytes: Reports.contentBytes(p.arms, p.sortition != 0 || commanders, p.sealedGame == 1),
            derivedBytes: 4 * uint256(p.arms) + 2 * uint256(p.participants),
            nobody: ~Bits.all(p.participants),
            successors: (committees ? Blocks.COMMITTEE : 0) | (commanders ? Blocks.COMMANDERS : 0),
            chainId: block.chainid,
            separator: Certificates.separator(game),
            game: game
        });
    }

    function _money(Parameters memory p, bytes32 saltCommitment, bytes32 secretCommitment)
        private
        view
        returns (Money memory)
    {
        return Money({
            environment: msg.sender,
            pool: msg.value,
            weiPerUnit: p.weiPerUnit,
            stake: p.stake,
            cost: p.cost,
            sealedGame: p.sealedGame,
            unrevealedPenalty: p.unrevealedPenalty,
            openUntil: block.number + p.openingDeadline,
            gameBlocks: p.gameBlocks,
            settlementWindow: p.settlementWindow,
            saltCommitment: saltCommitment,
            secretCommitment: secretCommitment
        });
    }

    function _assumed(Parameters memory p) private pure returns (Assumed memory) {
        return Assumed({
            liars: p.liars,
            threshold: p.threshold,
            aggregation: p.aggregation,
            delta: p.delta,
            c1Numerator: p.c1Numerator,
            c1Denominator: p.c1Denominator,
            c1PerReport: p.c1PerReport,
            probing: p.probing,
            commanders: p.commanders,
            openingDeadline: p.openingDeadline
        });
    }
}
