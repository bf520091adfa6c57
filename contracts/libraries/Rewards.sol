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
    uint256 private constant LANES = 4;

    struct Credits {
        uint32 settledThrough;
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
        return uint64(credits.units[seat / LANES] >> _shift(seat));
    }

    /// @notice Rewards credited to every seat, as `settleSums` takes them.
    function bySeat(Credits storage credits, uint256 participants) internal view returns (bytes memory) {
        uint256[] memory words = new uint256[]((participants + LANES - 1) / LANES);
        for (uint256 i; i < words.length; ++i) {
            words[i] = credits.units[i];
        }
        return LibBytes.truncate(abi.encodePacked(words), SUM_BYTES * participants);
    }

    /// @notice Rewards credited to all seats.
    function total(Credits storage credits, uint256 participants) internal view returns (uint256 sum) {
        for (uint256 seat; seat < participants; ++seat) {
            sum += unitsOf(credits, seat);
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
        uint256 from = credits.settledThrough;
        if (scope.through <= from) revert IErrors.AlreadySettled(scope.through, from);
        if (scope.through > scope.last) revert IErrors.RoundNotRecorded(scope.through, scope.last);
        uint256 rowBytes = Pulls.SIZE * scope.participants;
        uint256 rows = from == scope.burnIn ? from : 0;
        uint256 paid = rows + _approved(history, from + 1, scope.through);
        _requireLength(paid * rowBytes, pulls.length, rowBytes, scope.named);
        if (rows != 0) _observe(credits, scope, pulls, rowBytes);

        uint256[] memory added = Pulls.none(scope.participants);
        uint256 accused = docket.accused;
        uint256 waiting = scope.burnIn == 0 ? 0 : credits.waiting;
        uint256 approvals = history.approvalsOf((from + 1) >> 8);
        for (uint256 round = from + 1; round <= scope.through; ++round) {
            if (round & 255 == 0) approvals = history.approvalsOf(round >> 8);
            if (approvals >> (round & 255) & 1 == 0) continue;
            bytes calldata row = pulls[rows * rowBytes:];
            Pulls.add(added, row, scope.participants, scope.arms, round);
            if (accused != 0) _checkBlocked(docket, accused, row, round);
            if (waiting != 0) waiting = _release(credits, waiting, row);
            if (++rows % Pulls.MOST_ROUNDS == 0) {
                _credit(credits.units, added, scope.participants);
                added = Pulls.none(scope.participants);
            }
        }
        _credit(credits.units, added, scope.participants);
        credits.settledThrough = uint32(scope.through);
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
        uint256 from = credits.settledThrough;
        if (through <= from) revert IErrors.AlreadySettled(through, from);
        if (through > last) revert IErrors.RoundNotRecorded(through, last);
        uint256 expected = _approved(history, from + 1, through) * TAG_BYTES * participants;
        if (tags.length != expected) revert IErrors.WrongPullsLength(tags.length, expected);
        credits.settledThrough = uint32(through);
    }

    /// @notice Credits what each seat earned in all rounds up to `last`: at most a whole reward for each approved one
    /// after `burnIn` before it was on the block list.
    function settleSums(
        Credits storage credits,
        Ledger.History storage history,
        BlockList.Docket storage docket,
        uint256 last,
        uint256 burnIn,
        bytes calldata sums,
        uint256 participants
    ) internal {
        if (credits.summed) revert IErrors.AlreadySummed();
        if (credits.settledThrough < last) revert IErrors.SumsMissing(credits.settledThrough, last);
        if (sums.length != SUM_BYTES * participants) {
            revert IErrors.WrongPullsLength(sums.length, SUM_BYTES * participants);
        }
        uint256 most = UNIT * _approved(history, burnIn + 1, last);
        for (uint256 seat; seat < participants; ++seat) {
            uint256 since = docket.since[seat];
            uint256 most_ = since == 0 || since > last ? most : UNIT * _approved(history, burnIn + 1, since - 1);
            uint256 sum = Bits.read(sums, SUM_BYTES * seat, SUM_BYTES);
            if (sum > most_) revert IErrors.SumTooLarge(seat, sum, most_);
            credits.units[seat / LANES] |= sum << _shift(seat);
        }
        credits.summed = true;
    }

    /// @dev Who is on the block list has pulled nothing.
    function _checkBlocked(BlockList.Docket storage docket, uint256 accused, bytes calldata row, uint256 round)
        private
        view
    {
        for (uint256 seat; accused != 0; (++seat, accused >>= 1)) {
            if (accused & 1 == 0 || docket.since[seat] > round) continue;
            if (uint8(row[Pulls.SIZE * seat]) != NO_PULL) revert IErrors.BlockedPull(round, seat);
        }
    }

    /// @dev Adds up the rows of rounds 1 to L, which everybody is credited with its next pull.
    function _observe(Credits storage credits, Scope memory scope, bytes calldata pulls, uint256 rowBytes) private {
        uint256[] memory added = Pulls.none(scope.participants);
        for (uint256 round = 1; round <= scope.burnIn; ++round) {
            Pulls.add(added, pulls[(round - 1) * rowBytes:], scope.participants, scope.arms, round);
            if (round % Pulls.MOST_ROUNDS == 0) {
                _credit(credits.observed, added, scope.participants);
                added = Pulls.none(scope.participants);
            }
        }
        _credit(credits.observed, added, scope.participants);
        credits.waiting = Bits.all(scope.participants);
    }

    /// @dev Credits the burn-in of all seats that pull in a row. Returns who waits still.
    function _release(Credits storage credits, uint256 waiting, bytes calldata row) private returns (uint256 left) {
        left = waiting;
        for (uint256 seat; waiting != 0; (++seat, waiting >>= 1)) {
            if (waiting & 1 == 0 || uint8(row[Pulls.SIZE * seat]) == NO_PULL) continue;
            left ^= 1 << seat;
            uint256 word = seat / LANES;
            credits.units[word] += uint256(uint64(credits.observed[word] >> _shift(seat))) << _shift(seat);
        }
        credits.waiting = left;
    }

    function _credit(mapping(uint256 => uint256) storage words, uint256[] memory added, uint256 participants) private {
        unchecked {
            for (uint256 seat; seat < participants;) {
                uint256 word = seat / LANES;
                uint256 units = words[word];
                for (; seat / LANES == word && seat < participants; ++seat) {
                    units += Pulls.sum(added, seat) << _shift(seat);
                }
                words[word] = units;
            }
        }
    }

    function _shift(uint256 seat) private pure returns (uint256) {
        unchecked {
            return 64 * (LANES - 1 - seat % LANES);
        }
    }

    /// @dev Whoever proves anything checks root and signature; rows of rounds that are not paid have no use but there.
    function _requireLength(uint256 paid, uint256 length, uint256 rowBytes, bool named) private pure {
        uint256 expected = named ? paid + ROOT_BYTES : paid;
        if (length == expected) return;
        if (!named || length < expected || (length - expected) % rowBytes != 0) {
            revert IErrors.WrongPullsLength(length, expected);
        }
    }

    /// @dev How many rounds from `first` to `last` were approved.
    function _approved(Ledger.History storage history, uint256 first, uint256 last)
        private
        view
        returns (uint256 approved)
    {
        if (last < first) return 0;
        for (uint256 word = first >> 8; word <= last >> 8; ++word) {
            uint256 set = history.approvalsOf(word);
            if (word == first >> 8) set &= type(uint256).max << (first & 255);
            if (word == last >> 8) set &= type(uint256).max >> (255 - (last & 255));
            approved += Bits.count(set);
        }
    }
}
