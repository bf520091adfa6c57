// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {BlockList} from "./BlockList.sol";
import {Ledger} from "./Ledger.sol";
import {Pulls} from "./Pulls.sol";
import {Rewards} from "./Rewards.sol";

/// @title What the environment says everybody earned in phases, up to the last recorded round
library Phases {
    using Ledger for Ledger.History;

    /// @notice Credits the pulls of every approved round since the last settlement: of no seat more of them than time
    /// has passed since.
    /// @param extra Pulls beyond one a round so far.
    function settle(
        Rewards.Credits storage credits,
        Ledger.History storage history,
        BlockList.Docket storage docket,
        Rewards.Scope memory scope,
        uint256 extra,
        bytes calldata pulls
    ) internal {
        if (scope.through != scope.last) revert IErrors.NotLastRound(scope.through, scope.last);
        uint256 from = Rewards.advance(credits, scope.through, scope.last);
        uint256 rowBytes = Pulls.PHASE_BYTES * scope.participants;
        uint256 round = from == scope.burnIn ? 0 : from; // before the first row
        unchecked {
            uint256 paid = Rewards.approved(history, from + 1, scope.through) + from - round;
            Rewards.requireLength(paid * rowBytes, pulls.length, rowBytes, scope.named);
            uint256[] memory left = new uint256[](scope.participants);
            for (uint256 seat; seat < left.length; ++seat) {
                left[seat] = scope.through - round + extra - credits.settledExtra;
            }
            credits.settledExtra = uint32(extra);
            uint256 at = 0;
            while (round < scope.through) {
                ++round;
                if (round > from && !history.isApproved(round)) continue;
                for (uint256 seat; seat < left.length; (++seat, at += Pulls.PHASE_BYTES)) {
                    (uint256 count, uint256 sum) = Pulls.phase(pulls, at, scope.arms, round, seat);
                    if (count > left[seat]) revert IErrors.TooManyPulls(round, seat, count, left[seat]);
                    left[seat] -= count;
                    _credit(credits, docket, seat, round, count, sum, round <= from);
                }
            }
        }
    }

    /// @dev Credits what one seat was given in a round; rewards of a burn-in with the first pull after it.
    function _credit(
        Rewards.Credits storage credits,
        BlockList.Docket storage docket,
        uint256 seat,
        uint256 round,
        uint256 count,
        uint256 sum,
        bool burnIn
    ) private {
        if (count == 0) return;
        unchecked {
            uint256 word = seat / Rewards.LANES;
            if (burnIn) {
                credits.observed[word] += sum << Rewards.shift(seat);
                return;
            }
            uint256 since = docket.since[seat];
            if (since != 0 && since <= round) revert IErrors.BlockedPull(round, seat);
            uint256 lane = uint256(type(uint64).max) << Rewards.shift(seat);
            uint256 waits = credits.observed[word] & lane;
            if (waits != 0) credits.observed[word] ^= waits;
            credits.units[word] += (sum << Rewards.shift(seat)) + waits;
        }
    }
}
