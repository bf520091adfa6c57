// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "./interfaces/IErrors.sol";
import {IRules} from "./interfaces/IRules.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Bits} from "./libraries/Bits.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Reports} from "./libraries/Reports.sol";
import {ODDS, Parameters} from "./types/Game.sol";

/// @title What is fixed at deployment: parameters, commitments, the environment. No storage is read for them.
abstract contract Rules is IErrors, IRules {
    uint16 internal immutable PARTICIPANTS;
    uint8 internal immutable ARMS;
    uint32 internal immutable HORIZON;
    uint32 internal immutable BURN_IN;
    uint16 internal immutable VALIDATORS;
    uint16 private immutable LIARS;
    uint16 private immutable ATTACKERS;
    uint32 private immutable THRESHOLD;
    uint8 private immutable AGGREGATION;
    uint32 private immutable DELTA;
    uint8 private immutable QUORUM_CHOICE;
    uint16 internal immutable FAILURE_LIMIT;
    uint64 private immutable C1_NUMERATOR;
    uint64 private immutable C1_DENOMINATOR;
    uint8 private immutable C1_PER_REPORT;
    uint8 private immutable BODY_MODE;
    uint16 internal immutable UNRECORDED;
    uint32 private immutable TOLERANCE;
    uint16 internal immutable SKIP_PENALTY;
    uint16 internal immutable EVIDENCE_PENALTY;
    uint8 internal immutable COST;
    uint128 internal immutable SORTITION;
    uint128 private immutable PROBING;
    uint128 private immutable COMMANDERS;
    uint64 internal immutable WEI_PER_UNIT;
    uint128 internal immutable STAKE;
    uint32 private immutable OPENING_DEADLINE;
    uint32 internal immutable SKIP_DEADLINE;
    uint32 internal immutable BURN_IN_BLOCKS;
    uint32 internal immutable GAME_BLOCKS;
    uint32 internal immutable SETTLEMENT_WINDOW;
    uint8 internal immutable SEALED;
    uint128 internal immutable UNREVEALED_PENALTY;

    /// Whether some participants only participate: `_committee` then says who does more.
    bool internal immutable COMMITTEES;
    /// Where in calldata blocks without signers may end: nowhere with committees, since a block that no quorum signed
    /// would choose who certifies the next; else before its end, for the last block's quorum vouches for them.
    uint256 internal immutable UNSIGNED;
    /// Whether headers name the next round's commanders.
    bool internal immutable DRAWS_COMMANDERS;
    uint256 private immutable MAJORITY_FLOOR;
    uint256 private immutable REPORT_BYTES;
    uint256 private immutable SUCCESSORS;
    uint256 internal immutable OPEN_UNTIL;
    bytes32 internal immutable SALT_COMMITMENT;
    bytes32 internal immutable SECRET_COMMITMENT;

    /// @inheritdoc IRules
    address public immutable override environment;
    /// @inheritdoc IRules
    uint256 public immutable override pool;
    /// @inheritdoc IRules
    bytes32 public immutable override game;

    constructor(
        Parameters memory p,
        bytes32 saltCommitment,
        bytes32 secretCommitment,
        address environment_,
        uint256 pool_
    ) {
        (PARTICIPANTS, VALIDATORS) = (p.participants, p.validators);
        ARMS = p.arms;
        HORIZON = p.horizon;
        BURN_IN = p.burnIn;
        LIARS = p.liars;
        ATTACKERS = p.attackers;
        THRESHOLD = p.threshold;
        AGGREGATION = p.aggregation;
        DELTA = p.delta;
        QUORUM_CHOICE = p.quorumChoice;
        FAILURE_LIMIT = p.failureLimit;
        C1_NUMERATOR = p.c1Numerator;
        C1_DENOMINATOR = p.c1Denominator;
        C1_PER_REPORT = p.c1PerReport;
        BODY_MODE = p.bodyMode;
        UNRECORDED = p.unrecorded;
        TOLERANCE = p.tolerance;
        SKIP_PENALTY = p.skipPenalty;
        EVIDENCE_PENALTY = p.evidencePenalty;
        COST = p.cost;
        SORTITION = p.sortition;
        PROBING = p.probing;
        COMMANDERS = p.commanders;
        WEI_PER_UNIT = p.weiPerUnit;
        STAKE = p.stake;
        OPENING_DEADLINE = p.openingDeadline;
        SKIP_DEADLINE = p.skipDeadline;
        BURN_IN_BLOCKS = p.burnInBlocks;
        GAME_BLOCKS = p.gameBlocks;
        SETTLEMENT_WINDOW = p.settlementWindow;
        SEALED = p.sealedGame;
        UNREVEALED_PENALTY = p.unrevealedPenalty;
        COMMITTEES = p.validators != p.participants || p.sortition != 0;
        UNSIGNED = COMMITTEES ? 0 : type(uint256).max;
        DRAWS_COMMANDERS = p.commanders != ODDS;
        REPORT_BYTES = Reports.contentBytes(p.arms, p.sortition != 0 || DRAWS_COMMANDERS, p.sealedGame == 1);
        SUCCESSORS = (COMMITTEES ? Blocks.COMMITTEE : 0) | (DRAWS_COMMANDERS ? Blocks.COMMANDERS : 0);
        MAJORITY_FLOOR = Assumptions.majorityFloor(p);
        OPEN_UNTIL = block.number + p.openingDeadline;
        SALT_COMMITMENT = saltCommitment;
        SECRET_COMMITMENT = secretCommitment;
        environment = environment_;
        pool = pool_;
        game = keccak256(abi.encode(p, saltCommitment, secretCommitment));
    }

    /// @inheritdoc IRules
    function parameters() external view override returns (Parameters memory) {
        return Parameters({
            participants: PARTICIPANTS,
            validators: VALIDATORS,
            arms: ARMS,
            horizon: HORIZON,
            burnIn: BURN_IN,
            liars: LIARS,
            attackers: ATTACKERS,
            threshold: THRESHOLD,
            aggregation: AGGREGATION,
            delta: DELTA,
            quorumChoice: QUORUM_CHOICE,
            failureLimit: FAILURE_LIMIT,
            c1Numerator: C1_NUMERATOR,
            c1Denominator: C1_DENOMINATOR,
            c1PerReport: C1_PER_REPORT,
            bodyMode: BODY_MODE,
            unrecorded: UNRECORDED,
            tolerance: TOLERANCE,
            skipPenalty: SKIP_PENALTY,
            evidencePenalty: EVIDENCE_PENALTY,
            cost: COST,
            sortition: SORTITION,
            probing: PROBING,
            commanders: COMMANDERS,
            weiPerUnit: WEI_PER_UNIT,
            stake: STAKE,
            openingDeadline: OPENING_DEADLINE,
            skipDeadline: SKIP_DEADLINE,
            burnInBlocks: BURN_IN_BLOCKS,
            gameBlocks: GAME_BLOCKS,
            settlementWindow: SETTLEMENT_WINDOW,
            sealedGame: SEALED,
            unrevealedPenalty: UNREVEALED_PENALTY
        });
    }

    /// @dev Signatures that certify a block of so many validators.
    function _quorum(uint256 validators_) internal view returns (uint256) {
        return Assumptions.quorum(validators_, ATTACKERS, QUORUM_CHOICE, MAJORITY_FLOOR);
    }

    /// @dev What decides where the parts of a block lie.
    function _shape() internal view returns (Blocks.Shape memory) {
        return Blocks.Shape({
            participants: PARTICIPANTS,
            arms: ARMS,
            setBytes: (uint256(PARTICIPANTS) + 7) / 8,
            reportBytes: REPORT_BYTES,
            derivedBytes: 4 * uint256(ARMS) + 2 * uint256(PARTICIPANTS),
            nobody: ~Bits.all(PARTICIPANTS),
            tolerance: TOLERANCE,
            compact: BODY_MODE == 1,
            successors: SUCCESSORS
        });
    }
}
