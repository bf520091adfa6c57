// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";
import {Ledger} from "./Ledger.sol";
import {Pulls} from "./Pulls.sol";

/// @title What the environment says everybody earned, credited in units
library Rewards {
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
    function settle(
        Credits storage credits,
        Ledger.History storage history,
        uint256 through,
        bytes calldata pulls,
        uint256 participants,
        uint256 arms
    ) internal {
        uint256 from = credits.settledThrough;
        if (through <= from) revert IErrors.AlreadySettled(through, from);
        uint256 last = history.progress.nextRound - 1;
        if (through > last) revert IErrors.RoundNotRecorded(through, last);
        _checkLength(history, from + 1, through, pulls.length, Pulls.SIZE * participants);

        uint256[] memory sums = Pulls.none(participants);
        // slither-disable-next-line uninitialized-local -- starts at zero
        uint256 added;
        uint256 approvals = history.approvals[from >> 8];
        for (uint256 round = from + 1; round <= through; ++round) {
            if (round & 255 == 0) approvals = history.approvals[round >> 8];
            if (approvals >> (round & 255) & 1 == 0) continue;
            Pulls.add(sums, pulls[added * Pulls.SIZE * participants:], participants, arms, round);
            if (++added % Pulls.MOST_ROUNDS == 0) {
                _credit(credits, sums, participants);
                sums = Pulls.none(participants);
            }
        }
        _credit(credits, sums, participants);
        credits.settledThrough = uint32(through);
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
            uint256 set = history.approvals[word];
            if (word == first >> 8) set &= type(uint256).max << (first & 255);
            if (word == last >> 8) set &= type(uint256).max >> (255 - (last & 255));
            approved += Bits.count(set);
        }
        if (length != approved * bytesPerRound) {
            revert IErrors.WrongPullsLength(length, approved * bytesPerRound);
        }
    }
}
