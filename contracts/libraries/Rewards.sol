// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {NO_PULL} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {BlockList} from "./BlockList.sol";
import {Ledger} from "./Ledger.sol";
import {Pulls} from "./Pulls.sol";

/// @title What the environment says everybody earned, credited in units
library Rewards {
    using Ledger for Ledger.History;

    struct Credits {
        uint32 settledThrough;
        mapping(uint256 => uint256) units; // four uint64 a word: T rewards of at most 1e9 fit
    }

    /// @notice Rewards credited to a seat.
    function unitsOf(Credits storage credits, uint256 seat) internal view returns (uint256) {
        return uint64(credits.units[seat >> 2] >> ((seat & 3) * 64));
    }

    /// @notice Rewards credited to all seats.
    function total(Credits storage credits, uint256 participants) internal view returns (uint256 sum) {
        for (uint256 seat; seat < participants; ++seat) {
            sum += unitsOf(credits, seat);
        }
    }

    /// @notice Credits the pulls of every approved round after the settled ones and up to `through`.
    /// @param docket Who earns nothing any more, and since when.
    function settle(
        Credits storage credits,
        Ledger.History storage history,
        BlockList.Docket storage docket,
        uint256 through,
        bytes calldata pulls,
        uint256 participants,
        uint256 arms
    ) internal {
        uint256 from = credits.settledThrough;
        if (through <= from) revert IErrors.AlreadySettled(through, from);
        uint256 last = history.progress().nextRound - 1;
        if (through > last) revert IErrors.RoundNotRecorded(through, last);
        _checkLength(history, from + 1, through, pulls.length, Pulls.SIZE * participants);

        uint256[] memory sums = Pulls.none(participants);
        // slither-disable-next-line uninitialized-local -- starts at zero
        uint256 added;
        uint256 accused = docket.accused;
        uint256 approvals = history.approvalsOf((from + 1) >> 8);
        for (uint256 round = from + 1; round <= through; ++round) {
            if (round & 255 == 0) approvals = history.approvalsOf(round >> 8);
            if (approvals >> (round & 255) & 1 == 0) continue;
            bytes calldata row = pulls[added * Pulls.SIZE * participants:];
            Pulls.add(sums, row, participants, arms, round);
            if (accused != 0) _checkBlocked(docket, accused, row, round);
            if (++added % Pulls.MOST_ROUNDS == 0) {
                _credit(credits, sums, participants);
                sums = Pulls.none(participants);
            }
        }
        _credit(credits, sums, participants);
        credits.settledThrough = uint32(through);
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

    function _credit(Credits storage credits, uint256[] memory sums, uint256 participants) private {
        for (uint256 word; 4 * word < participants; ++word) {
            uint256 units = credits.units[word];
            for (uint256 seat = 4 * word; seat < 4 * word + 4 && seat < participants; ++seat) {
                units += Pulls.sum(sums, seat) << ((seat & 3) * 64);
            }
            credits.units[word] = units;
        }
    }

    function _checkLength(
        Ledger.History storage history,
        uint256 first,
        uint256 last,
        uint256 length,
        uint256 bytesPerRound
    ) private view {
        // slither-disable-next-line uninitialized-local -- starts at zero
        uint256 approved;
        for (uint256 word = first >> 8; word <= last >> 8; ++word) {
            uint256 set = history.approvalsOf(word);
            if (word == first >> 8) set &= type(uint256).max << (first & 255);
            if (word == last >> 8) set &= type(uint256).max >> (255 - (last & 255));
            approved += Bits.count(set);
        }
        if (length != approved * bytesPerRound) {
            revert IErrors.WrongPullsLength(length, approved * bytesPerRound);
        }
    }
}
