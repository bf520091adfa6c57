// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBytes} from "solady/src/utils/LibBytes.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {NO_PULL, UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {BlockList} from "./BlockList.sol";
import {Ledger} from "./Ledger.sol";
import {Pulls} from "./Pulls.sol";

/// @title What the environment says everybody earned, credited in units
library Rewards {
    using Ledger for Ledger.History;

    uint256 private constant TAG_BYTES = 8;
    uint256 private constant ROOT_BYTES = 96; // of a root of tallies and its signature
    uint256 private constant SUM_BYTES = 8;
    uint256 internal constant LANES = 4;

    struct Credits {
        uint32 settledThrough;
        uint32 settledExtra; // of a game with phases: pulls beyond one a round up to there
        bool summed; // of a sealed game: whether it has paid
        mapping(uint256 => uint256) units; // four uint64 a word, the lowest seat's highest: T rewards of 1e9 fit
        mapping(uint256 => uint256) observed; // in the same way, of a burn-in that is paid
        uint256 waiting; // seats that are credited that with their next pull
    }

    /// @dev What a settlement is of.
    struct Scope {
        uint256 through;
        uint256 last; // the last recorded round
        uint256 participants;
        uint256 arms;
        uint256 burnIn; // L where rewards up to it are paid, else 0
        bool named; // whether reports name what they rest on: a root of tallies follows
    }

    /// @notice Rewards credited to a seat.
    function unitsOf(Credits storage credits, uint256 seat) internal view returns (uint256) {
        return uint64(credits.units[seat / LANES] >> shift(seat));
    }

    /// @notice Rewards credited to every seat, as `settleSums` takes them.
    function bySeat(Credits storage credits, uint256 participants) internal view returns (bytes memory) {
        uint256[] memory words = new uint256[]((participants + LANES - 1) / LANES);
        unchecked {
            for (uint256 i; i < words.length; ++i) {
                words[i] = credits.units[i];
            }
        }
        return LibBytes.truncate(abi.encodePacked(words), SUM_BYTES * participants);
    }

    /// @notice Rewards credited to all seats.
    function total(Credits storage credits, uint256 participants) internal view returns (uint256 sum) {
        unchecked {
            for (uint256 seat; seat < participants; ++seat) {
                sum += unitsOf(credits, seat);
            }
        }
    }

    /// @notice Credits the pulls of every approved round after the settled ones and up to `through`.
    /// @param docket Who earns nothing any more, and since when.
    /// @param pulls Rows of these rounds, of a paid burn-in the first time after those of rounds 1 to L.
    function settle(
        Credits storage credits,
        Ledger.History storage history,
        BlockList.Docket storage docket,
        Scope memory scope,
        bytes calldata pulls
    ) internal {
        uint256 from = advance(credits, scope.through, scope.last);
        uint256 rowBytes = Pulls.SIZE * scope.participants;
        uint256 round = from == scope.burnIn ? 0 : from; // before the first row
        uint256 rows = 0;
        unchecked {
            uint256 paid = approved(history, from + 1, scope.through) + from - round;
            requireLength(paid * rowBytes, pulls.length, rowBytes, scope.named);
        }
        uint256[] memory added = Pulls.none(scope.participants);
        uint256 accused = docket.accused;
        uint256 waiting = scope.burnIn == 0 ? 0 : round == from ? credits.waiting : Bits.all(scope.participants);
        uint256 approvals = history.approvalsOf((from + 1) >> 8);
        // Rounds fit 32 bits, and rows of them 43.
        unchecked {
            while (round < scope.through) {
                ++round;
                bool whole = round == from || round == scope.through;
                if (round & 255 == 0) (approvals, whole) = (history.approvalsOf(round >> 8), true);
                if (round <= from || approvals >> (round & 255) & 1 == 1) {
                    bytes calldata row = pulls[rows * rowBytes:];
                    Pulls.add(added, row, scope.participants, scope.arms, round);
                    if (round > from && accused | waiting != 0) {
                        waiting = _noteSeats(credits, docket, accused, waiting, row, round);
                    }
                    ++rows;
                }
                if (!whole) continue; // lanes hold the sum of 1,024 rounds
                _credit(round > from ? credits.units : credits.observed, added, scope.participants);
                added = Pulls.none(scope.participants);
            }
        }
        if (scope.burnIn != 0) credits.waiting = waiting;
    }

    /// @notice Takes note of the receipt tags of every approved round after the settled ones and up to `through`. They
    /// lie in calldata: who holds the receipts, or learns the secret after the game, checks them there.
    function settleTags(
        Credits storage credits,
        Ledger.History storage history,
        uint256 through,
        uint256 last,
        bytes calldata tags,
        uint256 participants
    ) internal {
        uint256 from = advance(credits, through, last);
        uint256 rowBytes = TAG_BYTES * participants;
        requireLength(approved(history, from + 1, through) * rowBytes, tags.length, rowBytes, false);
    }

    /// @notice Credits what each seat earned in all rounds up to `last`: at most a whole reward for each approved one
    /// after `burnIn` before it was on the block list.
    /// @param named Whether reports name what they rest on: a root of the tallies of all rounds follows the sums.
    function settleSums(
        Credits storage credits,
        Ledger.History storage history,
        BlockList.Docket storage docket,
        uint256 last,
        uint256 burnIn,
        bytes calldata sums,
        uint256 participants,
        bool named
    ) internal {
        if (credits.summed) revert IErrors.AlreadySummed();
        if (credits.settledThrough < last) revert IErrors.SumsMissing(credits.settledThrough, last);
        unchecked {
            uint256 length = SUM_BYTES * participants + (named ? ROOT_BYTES : 0);
            if (sums.length != length) revert IErrors.WrongPullsLength(sums.length, length);
            uint256 most = UNIT * approved(history, burnIn + 1, last);
            for (uint256 seat; seat < participants; ++seat) {
                uint256 since = docket.since[seat];
                uint256 most_ = since == 0 || since > last ? most : UNIT * approved(history, burnIn + 1, since - 1);
                uint256 sum = Bits.read(sums, SUM_BYTES * seat, SUM_BYTES);
                if (sum > most_) revert IErrors.SumTooLarge(seat, sum, most_);
                credits.units[seat / LANES] |= sum << shift(seat);
            }
        }
        credits.summed = true;
    }

    /// @dev Moves on to the settlement of later rounds. Returns up to which there was one before.
    function advance(Credits storage credits, uint256 through, uint256 last) internal returns (uint256 from) {
        from = credits.settledThrough;
        if (through <= from) revert IErrors.AlreadySettled(through, from);
        if (through > last) revert IErrors.RoundNotRecorded(through, last);
        credits.settledThrough = uint32(through);
    }

    /// @dev Who is on the block list has pulled nothing; whoever waits for the burn-in gets it with a pull. Returns who
    /// waits still.
    function _noteSeats(
        Credits storage credits,
        BlockList.Docket storage docket,
        uint256 accused,
        uint256 waiting,
        bytes calldata row,
        uint256 round
    ) private returns (uint256 left) {
        left = waiting;
        unchecked {
            uint256 seats = accused | waiting;
            for (uint256 seat; seats != 0; (++seat, seats >>= 1)) {
                if (seats & 1 == 0 || Bits.read(row, Pulls.SIZE * seat, 1) == NO_PULL) continue;
                if (accused >> seat & 1 == 1 && docket.since[seat] <= round) revert IErrors.BlockedPull(round, seat);
                if (waiting >> seat & 1 == 0) continue;
                left ^= 1 << seat;
                uint256 lane = uint256(type(uint64).max) << shift(seat);
                credits.units[seat / LANES] += credits.observed[seat / LANES] & lane;
            }
        }
    }

    function _credit(mapping(uint256 => uint256) storage words, uint256[] memory added, uint256 participants) private {
        unchecked {
            for (uint256 seat; seat < participants;) {
                uint256 word = seat / LANES;
                uint256 units = words[word];
                for (; seat / LANES == word && seat < participants; ++seat) {
                    units += Pulls.sum(added, seat) << shift(seat);
                }
                words[word] = units;
            }
        }
    }

    function shift(uint256 seat) internal pure returns (uint256) {
        unchecked {
            return 64 * (LANES - 1 - seat % LANES);
        }
    }

    /// @dev Whoever proves anything checks root and signature; rows of rounds that are not paid have no use but there.
    function requireLength(uint256 paid, uint256 length, uint256 rowBytes, bool named) internal pure {
        uint256 expected = named ? paid + ROOT_BYTES : paid;
        if (length == expected) return;
        if (!named || length < expected || (length - expected) % rowBytes != 0) {
            revert IErrors.WrongPullsLength(length, expected);
        }
    }

    /// @dev How many rounds from `first` to `last` were approved.
    function approved(Ledger.History storage history, uint256 first, uint256 last)
        internal
        view
        returns (uint256 rounds)
    {
        if (last < first) return 0;
        unchecked {
            for (uint256 word = first >> 8; word <= last >> 8; ++word) {
                uint256 set = history.approvalsOf(word);
                if (word == first >> 8) set &= type(uint256).max << (first & 255);
                if (word == last >> 8) set &= type(uint256).max >> (255 - (last & 255));
                rounds += Bits.count(set);
            }
        }
    }
}
