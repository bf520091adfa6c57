// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {NO_PULL, UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {Ledger} from "./Ledger.sol";

/// @title What the environment says everybody earned, credited in units
library Rewards {
    uint256 private constant PULL_BYTES = 5;
    uint256 private constant PULLS_PER_WORD = 6;

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
        _checkLength(history, from + 1, through, pulls.length, PULL_BYTES * participants);

        uint256[] memory earned = new uint256[](participants);
        uint256 at;
        uint256 approvals = history.approvals[from >> 8];
        for (uint256 round = from + 1; round <= through; ++round) {
            if (round & 255 == 0) approvals = history.approvals[round >> 8];
            if (approvals >> (round & 255) & 1 == 0) continue;
            _addRound(earned, pulls[at:], round, arms);
            at += PULL_BYTES * participants;
        }
        credits.settledThrough = uint32(through);
        for (uint256 seat; seat < participants; ++seat) {
            credits.units[seat >> 2] += earned[seat] << ((seat & 3) * 64);
        }
    }

    /// @dev Adds one round's pulls, six a word: there are thousands of them in a settlement.
    function _addRound(uint256[] memory earned, bytes calldata pulls, uint256 round, uint256 arms) private pure {
        unchecked {
            uint256 seats = earned.length;
            uint256 seat;
            while (seat < seats) {
                uint256 word = uint256(bytes32(pulls[seat * PULL_BYTES:]));
                uint256 end = seat + PULLS_PER_WORD < seats ? seat + PULLS_PER_WORD : seats;
                for (; seat < end; ++seat) {
                    uint256 reward = (word >> 216) & type(uint32).max;
                    if (word >> 248 >= arms || reward > UNIT) _requireNoPull(word >> 248, reward, round, seat);
                    earned[seat] += reward;
                    word <<= 8 * PULL_BYTES;
                }
            }
        }
    }

    function _requireNoPull(uint256 arm, uint256 reward, uint256 round, uint256 seat) private pure {
        if (arm != NO_PULL || reward != 0) revert IErrors.InvalidPull(round, seat, arm, reward);
    }

    function _checkLength(
        Ledger.History storage history,
        uint256 first,
        uint256 last,
        uint256 length,
        uint256 bytesPerRound
    ) private view {
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
