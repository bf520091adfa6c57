// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Acquittal, CostEntry, Equivocation, FalseReport, Progress} from "../types/Game.sol";
import {IErrors} from "./IErrors.sol";
import {IRules} from "./IRules.sol";

/// @title One game of chain_bandit: seats, records of rounds, rewards, costs, money
/// @notice The contract confirms what a quorum of the participants has signed, keeps one record a round, and pays.
/// In a full game it computes means and accuracies from the reports in calldata; their signatures and the comparison
/// bits the quorum vouches for, and any auditor checks them. In a compact game the body lies beside the chain.
/// Whatever changes a game, `withdraw` apart, is called by an account without code and by nobody in between.
/// @dev Byte formats are those of `chain_bandit/protocol`; sets of seats are integers whose bit p stands for seat p.
interface IChainBandit is IErrors, IRules {
    /// @notice A participant took a seat; seats are numbered in the order of joining.
    // slither-disable-next-line unindexed-event-address -- readers take all events: a topic buys nothing
    event Joined(uint16 seat, address participant);
    /// @notice The environment opened its salt: the game runs, and its first parent is `genesis`.
    event Opened(bytes32 genesis);
    /// @notice Rounds up to `round`, which ended in a record of `kind`, are recorded; `head` is the history's digest.
    event Recorded(uint32 round, uint8 kind, bytes32 head);
    /// @notice The same where only some validate: seats `committee` validate the next round.
    event RecordedWithCommittee(uint32 round, uint8 kind, bytes32 head, uint256 committee);
    /// @notice Seat `seat` is proven to have misbehaved; it is on the block list from round `since` on.
    event Accused(uint16 seat, uint32 since);
    /// @notice Reports of `seat` from `round` on are proven false: it keeps `kept` units of its rewards.
    event Voided(uint16 seat, uint32 round, uint64 kept);
    /// @notice The environment signed two tallies for one receipt of `seat`: no proof of a false report counts.
    event Acquitted(uint16 seat);
    /// @notice All approved rounds up to `through` are settled; `sums` is what each seat was credited since the
    /// opening, a uint64 in units, or empty as long as a sealed game has credited nothing.
    event RewardsSettled(uint32 through, bytes sums);
    /// @notice A participant revealed the key of its sealed records.
    event SealRevealed(uint16 seat, bytes32 sealKey);
    /// @notice The environment revealed secret, roles and model; `cost` is the hidden cost in units.
    event Revealed(uint32 cost);
    /// @notice All records from the last one down to `downTo` are handed back; `costlyRounds` of them so far cost.
    event CostsSettled(uint32 downTo, uint32 costlyRounds);
    /// @notice The accounts are final; `burned` wei were destroyed.
    event Closed(bool costsVoid, uint256 burned);
    /// @notice An account took all it is owed.
    // slither-disable-next-line unindexed-event-address -- as above
    event Withdrawn(address account, uint256 amount);

    /// @notice Takes the next seat, before the game opens, for exactly as many stakes as its weight.
    /// @param keys 33 bytes: the participant's VRF key, compressed, no other seat's where anything is drawn; 32 bytes:
    /// the hash of its sealing key; 2 bytes: its weight, the trials of its draws as validator, 1 to 1024, 1 where
    /// validators are not drawn. Whether keys are keys shows when they are used; all of it enters the game's seed.
    function join(bytes calldata keys) external payable;

    /// @notice Opens the game: the environment shows the salt it committed to, once all seats are filled.
    function open(bytes32 salt) external;

    /// @notice Records one block or several in a row, each approved when every mean is at most 2, else rejected.
    /// @dev The blocks follow the selector, packed as `Blocks` says; nothing else may follow. Where everybody
    /// validates, a block without signers is vouched for by the next one that has a quorum's signatures, since that
    /// one's header holds its digest. Where there are committees it is refused: its own round's certifies every block.
    function submitBlocks() external;

    /// @notice Records that the round ended without a block, on a quorum's signatures over the zero content.
    /// @param committee_ Who validates the next round with validators; zero where everybody does.
    /// @param signatures 64 bytes (r, then s with the parity in its top bit) a signer, by ascending seat.
    function skip(uint256 committee_, uint256 signers, bytes calldata signatures) external;

    /// @notice Records that the round ended without a block, once the deadline since the last record has passed.
    function skipAfterDeadline(uint256 committee_) external;

    /// @notice Puts a participant on the block list for two contents that it signed in one slot. Pays nothing.
    /// @dev Counts from round t + 3 + w on, t the open round and w the rounds that may wait while the next is signed.
    /// With a slash proofs are taken until the first half of the settlement window ends.
    function reportEquivocation(Equivocation calldata proof) external;

    /// @notice Proves that a report does not follow from what its author was given, in a game whose reports name that.
    /// Puts it on the block list as `reportEquivocation` does, and voids its rewards after the round that it names.
    /// @dev The proof names the arm whose mean is false, or K or more where the commitment to counts is: no other is
    /// compared. Where that one is true the call reverts with `ReportIsTrue`, whatever else is false.
    function reportFalse(FalseReport calldata proof) external;

    /// @notice Shows that the environment signed another tally than the one that a proof against a seat rests on.
    function acquit(Acquittal calldata shown) external;

    /// @notice Credits the rewards of every approved round after the last settled one and up to `through`.
    /// @param pulls For each approved round, in order, a uint8 arm and a uint32 reward of every seat; in a sealed game
    /// the 8 bytes of every seat's receipt tag, which credit nothing yet. Where the burn-in is paid rounds 1 to L come
    /// before them the first time, and are credited with a seat's first pull after L. Where reports name what they rest
    /// on there follow a root of tallies, the environment's signature of it, and the pulls of rounds that are not paid.
    function settleRewards(uint32 through, bytes calldata pulls) external;

    /// @notice Credits what every seat of a sealed game earned, once, after the last round's tags are settled.
    /// @param sums A uint64 a seat, in units. Where reports name what they rest on there follow a root of the tallies
    /// of all rounds, and the environment's signature of it.
    function settleSums(bytes calldata sums) external;

    /// @notice Publishes the key of the caller's sealed records, after the game and within the settlement window.
    /// A seat that does not loses the penalty. Where false reports can be proven the window's first quarter is for it.
    function revealSeal(bytes32 sealKey) external;

    /// @notice Opens the environment's commitment after the game.
    /// @param roles One byte a seat: bit 0 lies, bit 1 attacks the consensus.
    /// @param model The encoded reward model.
    function reveal(bytes32 secret, bytes calldata roles, bytes calldata model) external;

    /// @notice Hands back records, newest first, and says which rounds cost the honest.
    function settleCosts(CostEntry[] calldata entries) external;

    /// @notice Fixes what everybody is owed: with costs if all is settled, without if the window has passed. A sealed
    /// game also waits, within the window, for every sealing key.
    function close() external;

    /// @notice Pays the caller all it is owed.
    function withdraw() external;

    /// @notice The parent of the first record; zero before the opening.
    function genesis() external view returns (bytes32);

    /// @notice The digest of the history; zero before the opening.
    function head() external view returns (bytes32);

    /// @notice The open round; zero before the opening, T + 1 after the last record.
    function nextRound() external view returns (uint32);

    /// @notice The open round, the failures in a row, and the chain blocks that deadlines count from.
    function progress() external view returns (Progress memory);

    /// @notice Signatures that certify the open round's block.
    function quorum() external view returns (uint256);

    /// @notice Who validates a round, by ascending address; only the open round's validators are known.
    function validators(uint32 round) external view returns (address[] memory);

    /// @notice The best `count` seats by reputation that are not on the block list, the best first.
    function committee(uint256 count) external view returns (uint16[] memory);

    /// @notice The reputation of every seat, 0 to 65535.
    function reputations() external view returns (uint16[] memory);

    /// @notice The block list of the open round, as a set of seats.
    function blocked() external view returns (uint256);

    /// @notice The first round in which a seat is on the block list; 0 for never.
    function blockedFrom(uint16 seat) external view returns (uint256);

    /// @notice The first round with a proven false report of a seat; 0 for none.
    function provenFrom(uint16 seat) external view returns (uint256);

    /// @notice The round whose tally the last proof against a seat rests on: an acquittal takes its receipt of it.
    function provenBy(uint16 seat) external view returns (uint256);

    /// @notice The seats that a false report put on the block list, as a set: these validate on.
    function liars() external view returns (uint256);

    /// @notice The seat of a participant.
    function seatOf(address participant) external view returns (uint16);

    /// @notice The participant in a seat.
    function participantAt(uint16 seat) external view returns (address);

    /// @notice The last round whose rewards are credited; L, which pays nothing, right after the opening.
    function settledThrough() external view returns (uint32);

    /// @notice Whether a round ended in an approved block.
    function isApproved(uint32 round) external view returns (bool);

    /// @notice Wei that an account can withdraw now.
    function owed(address account) external view returns (uint256);

    /// @notice Whether the game was opened and has ended.
    function isOver() external view returns (bool);

    /// @notice Whether the salt was opened.
    function opened() external view returns (bool);

    /// @notice Whether the accounts are final.
    function closed() external view returns (bool);
}
