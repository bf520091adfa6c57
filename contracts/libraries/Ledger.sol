// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {APPROVED, EXPLORATION, Progress, SKIP} from "../types/Game.sol";

/// @title The chain of records, one a round
library Ledger {
    struct History {
        bytes32 head;
        Progress progress;
        mapping(uint256 => uint256) approvals; // 256 rounds a word, all but the 64 that `progress` holds
    }

    /// @notice The digest of the history up to a record.
    function headAfter(bytes32 parent, uint256 round, uint8 kind, bytes32 header) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(parent, uint32(round), kind, header));
    }

    /// @notice Moves `progress` past its open round. Rounds 64 i to 64 i + 63 are noted in the progress until the last
    /// of them is recorded, and then in a word of their own, so that most records write to one slot less.
    function advance(History storage history, Progress memory progress, uint8 kind) internal {
        unchecked {
            uint256 round = progress.nextRound;
            if (kind == APPROVED) progress.approvals |= uint64(1 << (round & 63));
            if (round & 63 == 63) {
                if (progress.approvals != 0) {
                    history.approvals[round >> 8] |= uint256(progress.approvals) << (round & 192);
                }
                progress.approvals = 0;
            }
            ++progress.nextRound;
            progress.lastRecordBlock = uint40(block.number);
            if (kind == SKIP) {
                if (progress.skips != type(uint8).max) ++progress.skips;
            } else if (kind != EXPLORATION) {
                progress.skips = 0;
            }
            if (kind == APPROVED) {
                progress.failures = 0;
            } else if (kind == EXPLORATION) {
                progress.failures = 0;
                ++progress.explorations;
            } else {
                ++progress.failures;
            }
        }
    }

    /// @notice Whether the last record is the failure that also records an exploration round.
    function explorationDue(Progress memory progress, uint256 failureLimit, uint256 horizon)
        internal
        pure
        returns (bool)
    {
        return progress.failures >= failureLimit && progress.nextRound <= horizon;
    }

    /// @notice Which of the rounds 256 `word` to 256 `word` + 255 ended in an approved block, a bit each.
    function approvalsOf(History storage history, uint256 word) internal view returns (uint256 set) {
        unchecked {
            set = history.approvals[word];
            uint256 open = history.progress.nextRound;
            if (open >> 8 == word) set |= uint256(history.progress.approvals) << (open & 192);
        }
    }

    /// @notice Whether a round ended in an approved block.
    function isApproved(History storage history, uint256 round) internal view returns (bool) {
        return approvalsOf(history, round >> 8) >> (round & 255) & 1 == 1;
    }

    /// @notice Whether no further round can be recorded.
    function isOver(Progress memory progress, uint256 horizon) internal view returns (bool) {
        return progress.nextRound > horizon || (progress.endBlock != 0 && block.number > progress.endBlock);
    }

    /// @notice The chain block at which the game ended, once it has.
    function overBlock(Progress memory progress, uint256 horizon) internal pure returns (uint256) {
        return progress.nextRound > horizon ? progress.lastRecordBlock : progress.endBlock;
    }
}
