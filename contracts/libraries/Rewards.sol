// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {NO_PULL, UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {Ledger} from "./Ledger.sol";

/// @title What the environment says everybody earned, credited in units
library Rewards {
    uint256 private constant PULL_BYTES = 5;

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

        uint256[] memory earned = new uint256[]((participants + 3) / 4);
        uint256 at;
        for (uint256 round = from + 1; round <= through; ++round) {
            if (!Ledger.isApproved(history, round)) continue;
            for (uint256 seat; seat < participants; ++seat) {
                uint256 reward = _reward(pulls, at, round, seat, arms);
                unchecked {
                    earned[seat >> 2] += reward << ((seat & 3) * 64);
                    at += PULL_BYTES;
                }
            }
        }
        credits.settledThrough = uint32(through);
        for (uint256 word; word < earned.length; ++word) {
            credits.units[word] += earned[word];
        }
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

    function _reward(bytes calldata pulls, uint256 at, uint256 round, uint256 seat, uint256 arms)
        private
        pure
        returns (uint256 reward)
    {
        uint256 pull = uint40(bytes5(pulls[at:]));
        reward = uint32(pull);
        uint256 arm = pull >> 32;
        bool valid = arm < arms ? reward <= UNIT : arm == NO_PULL && reward == 0;
        if (!valid) revert IErrors.InvalidPull(round, seat, arm, reward);
    }
}
