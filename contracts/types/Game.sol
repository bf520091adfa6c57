// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// How a round ended.
uint8 constant APPROVED = 1;
uint8 constant REJECTED = 2;
uint8 constant SKIP = 3;
uint8 constant EXPLORATION = 4;

// One whole reward, in units of 1e-9.
uint256 constant UNIT = 1e9;
// The arm that settlement writes for a participant that did not pull.
uint256 constant NO_PULL = 255;
// Probabilities of draws are integers over this.
uint256 constant ODDS = 2 ** 64;
uint256 constant MAX_ARMS = 254;
uint256 constant MAX_PARTICIPANTS = 256;
// The most trials of a seat in the draw of validators, and the most stakes that it deposits.
uint256 constant MAX_WEIGHT = 1024;
// Trust classes: what the quorum vouches for. Bits of the kinds of rules, as numbered in Python, and three more.
uint256 constant COMPUTED = 3; // means and accuracies, which the contract computes from a full body where it is 0
uint256 constant SELECTED = 4; // who validates or commands
uint256 constant WEIGHTS = 32; // reputations are what headers say; else these move them
uint256 constant STATE = 64; // headers carry what rules keep
uint256 constant CHOSEN = 128; // headers name validators whom a rule chose
// Where wei go that nobody may have: a surplus of costs, the dust of a division.
address constant BURNED = 0x000000000000000000000000000000000000dEaD;

/// @dev Every number that decides a game; its ABI encoding is bound by the game's digest.
struct Parameters {
    uint16 participants; // M
    uint16 validators; // N, the best by reputation; M for everybody
    uint8 arms; // K
    uint32 horizon; // T, the last round
    uint32 burnIn; // L, a multiple of K
    uint16 liars; // f, assumed bound
    uint16 attackers; // m, assumed bound
    uint32 threshold; // k of k * n > n_ref
    bytes32 rules; // keccak of their declaration, which the creation's data end with
    uint8 attested; // trust classes: 1 where the quorum vouches for the outcome
    uint16 payload; // integers in a report: an estimator an arm, and a round where false reports can be proven
    uint8 quorumChoice; // 0 majority, 1 two thirds
    uint16 failureLimit; // failed rounds in a row before an exploration
    uint64 c1Numerator;
    uint64 c1Denominator;
    uint8 c1PerReport; // 1 when C1 is further divided by |B_i|
    uint8 bodyMode; // 0 full, 1 compact
    uint16 unrecorded; // w, the most rounds that wait to be recorded while the next is signed
    uint32 tolerance; // units of distance from which a report earns no reputation
    uint16 skipPenalty;
    uint16 evidencePenalty;
    uint8 cost; // of a costly round: 0 c, 1 c times the squared distance of estimator and mean
    uint128 sortition; // chance of one trial of a draw over 2**64; 0 for none
    uint128 probing; // chance to command in rounds up to L, over 2**64; 2**64 for everybody who validates
    uint128 commanders; // the same after round L
    uint64 weiPerUnit;
    uint128 stake; // wei that every participant deposits, as often as it weighs
    uint32 openingDeadline; // in chain blocks, as all below
    uint32 skipDeadline;
    uint32 burnInBlocks;
    uint32 gameBlocks;
    uint32 settlementWindow;
    uint8 sealedGame; // 1: reports carry the last receipt sealed, settlement receipt tags
    uint128 unrevealedPenalty; // wei that a participant loses which does not reveal its sealing key; 0 unless sealed
    Reserved reserved;
}

/// @dev Parameters beyond the paper, some of later versions: all but `slash`, `growth` and `paidBurnIn` are 0.
struct Reserved {
    uint128 slash; // wei that a participant loses which is proven to have signed two contents in one slot, or to lie
    uint128 findersFee; // wei of it for the finder
    uint32 growth; // of phases, in units: pulls that a block decides, over those of its arm before
    uint8 paidBurnIn; // 1: rewards of rounds up to L are paid
    uint16 dimension; // of a contextual game's estimate
    uint8 rewardSource; // 0 the environment's receipts, 1 self-declared
    bytes32 participantsRoot; // of the list of those who may join
    bytes32 extension; // digest of what else there is
}

/// @dev Where the game stands; Ledger keeps it in one storage slot.
struct Progress {
    uint256 nextRound;
    uint256 failures; // failed rounds in a row
    uint256 skips; // skips in a row, exploration rounds aside
    uint256 explorations;
    uint256 lastRecordBlock; // the opening's block before the first record
    uint256 endBlock; // the last chain block that may record; 0 before the opening
    uint256 accused; // 1 once anybody was proven guilty
    uint256 approvals; // of the 64 rounds around the open one, see Ledger
    uint256 extra; // pulls of phases so far, beyond one a round
}

/// @dev One record of the history, handed back when costs are settled.
struct CostEntry {
    bytes32 parent;
    uint8 kind;
    bool costly;
    bytes header; // empty for a record without a block
}

/// @dev Two contents signed by one seat in one slot. Signatures are EIP-2098 compact.
struct Equivocation {
    uint16 seat;
    uint32 round;
    bytes32 parent;
    uint8 phase; // 1 report, 2 block
    uint8 role; // 1 commander or reporter, 3 block signer
    bytes32 content;
    bytes32 r;
    bytes32 vs;
    bytes32 otherContent;
    bytes32 otherR;
    bytes32 otherVs;
}

/// @dev A report that does not follow from the tally that it names, see Tallies. Signatures are EIP-2098 compact.
struct FalseReport {
    uint16 seat;
    uint32 round;
    bytes32 parent;
    bytes report;
    bytes32 r;
    bytes32 vs;
    bytes tally; // uint64 credited, K uint32 counts, K uint64 totals
    uint32 through; // of the settlement whose tallies have this root
    bytes32 root;
    bytes32 rootR; // the environment's signature
    bytes32 rootVs;
    bytes32[] path; // from the tally to the root
    uint8 arm; // whose mean is false; K or more: the commitment to counts is
}

/// @dev A receipt whose tally is not the one that a proof against its holder rests on.
struct Acquittal {
    uint16 seat;
    bytes32 parent;
    uint8 arm;
    uint32 pulls; // of a phase; 1 in a game without them
    uint64 reward;
    bytes32 tally;
    bytes32 r; // the environment's signature
    bytes32 vs;
}

/// @dev What the code of a game ends with, in four parts, `Reserved` the last. What a record of a round needs comes
/// first, as words.
struct Terms {
    uint256 participants;
    uint256 arms;
    uint256 horizon;
    uint256 burnIn;
    uint256 validators;
    uint256 attackers;
    uint256 quorumChoice;
    uint256 majorityFloor; // see Assumptions
    uint256 failureLimit;
    uint256 unrecorded;
    uint256 tolerance;
    uint256 skipPenalty;
    uint256 evidencePenalty;
    uint256 sortition;
    uint256 skipDeadline;
    uint256 burnInBlocks;
    uint256 bodyMode;
    uint256 setBytes; // of a set of seats
    uint256 reportBytes; // of a report's content, without its signature
    uint256 derivedBytes; // of means and accuracies in calldata, which the quorum vouches for
    uint256 nobody; // bits that stand for no seat
    uint256 successors; // what headers say of rounds to come, see Blocks
    uint256 chainId;
    bytes32 separator; // EIP-712 domain on that chain
    bytes32 game; // keccak of parameters and commitments
}

/// @dev What opening, settlement and withdrawals need.
struct Money {
    address environment;
    uint256 pool;
    uint256 weiPerUnit;
    uint256 stake;
    uint256 cost;
    uint256 sealedGame;
    uint256 unrevealedPenalty;
    uint256 openUntil;
    uint256 gameBlocks;
    uint256 settlementWindow;
    bytes32 saltCommitment;
    bytes32 secretCommitment;
}

/// @dev What only those outside the contract act by.
struct Assumed {
    uint16 liars;
    uint32 threshold;
    bytes32 rules;
    uint8 attested;
    uint16 payload;
    uint64 c1Numerator;
    uint64 c1Denominator;
    uint8 c1PerReport;
    uint128 probing;
    uint128 commanders;
    uint32 openingDeadline;
}
