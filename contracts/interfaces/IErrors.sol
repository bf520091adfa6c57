// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Everything that the contract refuses, with what it saw and what it wanted
interface IErrors {
    // Deployment: the inequality that fails, and its two sides.
    error ParticipantsOutOfRange(uint256 participants, uint256 least, uint256 most);
    error ArmsOutOfRange(uint256 arms, uint256 least, uint256 most);
    error ThresholdTooLow(uint256 threshold, uint256 least);
    error ExplorationNotPositive(uint256 numerator, uint256 denominator);
    error WrongRules(bytes32 got, bytes32 expected);
    error UnknownChoice(uint256 quorumChoice, uint256 c1PerReport, uint256 bodyMode, uint256 cost);
    error WrongClasses(uint256 attested, uint256 expected);
    error WrongPayload(uint256 payload, uint256 expected);
    error NotSupported(bytes32 bits); // of the parameters that are 0 in this version, all of them in one word
    error SealMalformed(uint256 sealedGame, uint256 penalty);
    error ReputationMalformed(uint256 unrecorded, uint256 tolerance, uint256 skipPenalty);
    error ValidatorsOutOfRange(uint256 validators, uint256 least, uint256 most);
    error FailureLimitTooLow(uint256 failureLimit, uint256 least);
    error TooManyAttackers(uint256 participants, uint256 attackers);
    error TooFewReports(uint256 participants, uint256 liars, uint256 attackers);
    error QuorumUnreachable(uint256 quorum, uint256 validators, uint256 attackers);
    error CommandersOutOfRange(uint256 commanders, uint256 probing, uint256 most);
    error SortitionOutOfRange(uint256 sortition, uint256 most);
    error SortitionMisplaced(uint256 validators, uint256 participants, uint256 quorumChoice);
    error CommitteesTooSmall(uint256 expected, uint256 least); // over 2**64
    error BurnInMalformed(uint256 burnIn, uint256 arms);
    error HorizonOutOfRange(uint256 horizon, uint256 burnIn);
    error BlocksNotPositive(
        uint256 openingDeadline, uint256 skipDeadline, uint256 gameBlocks, uint256 settlementWindow
    );
    error WindowTooShort(uint256 blocks, uint256 least);
    error PhasesMisplaced(uint256 growth, uint256 horizon);
    error UnitNotPositive(uint256 weiPerUnit);
    error StakeTooSmall(uint256 stake, uint256 least);
    error PoolTooSmall(uint256 pool, uint256 least);

    // Who calls, and when.
    error NotDirect(address sender);
    error NotEnvironment(address caller, address environment);
    error NotParticipant(address account);
    error NonCanonicalCalldata(uint256 got, uint256 expected);
    error EnvironmentCannotJoin(address environment);
    error AlreadyJoined(address participant, uint16 seat);
    error WrongStake(uint256 got, uint256 expected);
    error WrongKeysLength(uint256 got, uint256 expected);
    error WeightOutOfRange(uint256 weight, uint256 most);
    error VrfKeyOfAnotherSeat(uint256 seat);
    error SeatsFilled(uint256 participants);
    error SeatsMissing(uint256 joined, uint256 participants);
    error SeatEmpty(uint256 seat, uint256 joined);
    error OpeningMissed(uint256 blockNumber, uint256 deadline);
    error WrongSalt(bytes32 got, bytes32 expected);
    error AlreadyOpened(bytes32 genesis);
    error NotOpened(uint256 blockNumber, uint256 deadline);
    error GameIsOver(uint256 overBlock);
    error GameNotOver(uint256 nextRound, uint256 blockNumber, uint256 endBlock);
    error WindowPassed(uint256 blockNumber, uint256 deadline);

    // Blocks and skips.
    error RoundNotOpen(uint256 round, uint256 openRound);
    error WrongCalldataLength(uint256 got, uint256 expected);
    error UnknownReporters(uint256 reporters, uint256 blocked);
    error UnknownArm(uint256 arm, uint256 arms);
    error UnknownFlag(uint256 flag);
    error UnknownExtension(uint256 kind);
    error StateTooLong(uint256 bytes_, uint256 most);
    error LengthOutOfRange(uint256 round, uint256 length, uint256 most);
    error EstimatorOutOfRange();
    error SelectedWithoutReport(uint256 strangers, uint256 reporters);
    error UnknownSigners(uint256 signers, uint256 validators);
    error CertificateMissing(uint256 round);
    error QuorumMissing(uint256 got, uint256 quorum);
    error WrongSignaturesLength(uint256 got, uint256 expected);
    error InvalidSignature(uint256 seat, address participant);
    error CommitteeMalformed(uint256 committee, uint256 eligible, uint256 wanted);
    error CommitteeNotBest(uint256 worstInside, uint256 bestOutside);
    error CommandersMalformed(uint256 commanders, uint256 validators);
    error DeadlineNotPassed(uint256 blockNumber, uint256 deadline);

    // Evidence.
    error NoSuchRole(uint256 phase, uint256 role);
    error SameContent(bytes32 content);
    error AlreadyAccused(uint256 seat, uint256 since);
    error NotNamed(); // reports of this game do not name what they rest on
    error ProofsOver(uint256 blockNumber, uint256 until);
    error ProofsPending(uint256 blockNumber, uint256 until);
    error ProofMalformed(uint256 reportBytes, uint256 tallyBytes);
    error TallyNotSigned(uint256 seat, uint256 round);
    error ReportIsTrue(uint256 seat, uint256 round); // as to the arm, or the counts, that the proof names
    error RoundOutOfRange(uint256 round, uint256 named);
    error AlreadyProven(uint256 seat, uint256 round);
    error NothingProven(uint256 seat, bytes32 tally);

    // Settlement.
    error AlreadySettled(uint256 through, uint256 settledThrough);
    error RoundNotRecorded(uint256 round, uint256 lastRecorded);
    error WrongPullsLength(uint256 got, uint256 expected);
    error BlockedPull(uint256 round, uint256 seat);
    error InvalidPull(uint256 round, uint256 seat, uint256 arm, uint256 reward);
    error NotLastRound(uint256 through, uint256 lastRecorded);
    error TooManyPulls(uint256 round, uint256 seat, uint256 pulls, uint256 most);
    error NotSealed();
    error SumTooLarge(uint256 seat, uint256 sum, uint256 most);
    error SumsMissing(uint256 settledThrough, uint256 lastRecorded);
    error AlreadySummed();
    error WrongSealKey(uint256 seat, bytes32 got, bytes32 expected);
    error SealAlreadyRevealed(uint256 seat);
    error AlreadyRevealed(uint256 cost);
    error NotRevealed();
    error WrongSecret(bytes32 got, bytes32 expected);
    error WrongRolesLength(uint256 got, uint256 expected);
    error UnknownRole(uint256 seat, uint256 role);
    error ModelMalformed(uint256 arm, uint256 end);
    error NoRecordLeft(uint256 entry);
    error WrongRecord(uint256 round, bytes32 got, bytes32 expected);
    error CostWithoutLiar(uint256 round, uint256 kind);
    error AlreadyClosed(bool costsVoid);
    error Unfinished(uint256 blockNumber, uint256 deadline);
    error NothingOwed(address account);
    error TransferFailed(address account, uint256 amount);
    /// @notice A game cannot be created before the code that it shares with others.
    error ModuleMissing(address implementation);
    /// @notice The shared code of all games was called itself, not one of them.
    error NotAGame(address module);
}
