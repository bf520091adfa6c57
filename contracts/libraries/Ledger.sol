// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {APPROVED, EXPLORATION, Progress} from "../types/Game.sol";

/// @title The chain of records, one a round
library Ledger {
    struct History {
        bytes32 head;
        Progress progress;
        mapping(uint256 => uint256) approvals; // 256 rounds a word
    }

    /// @notice The digest of the history up to a record.
    function headAfter(bytes32 parent, uint256 round, uint8 kind, bytes32 header) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(parent, uint32(round), kind, header));
    }

    /// @notice Moves `progress` past its open round, and gives the new head.
    function advance(Progress memory progress, bytes32 parent, uint8 kind, bytes32 header)
        internal
        view
        returns (bytes32)
    {
        unchecked {
            bytes32 head = headAfter(parent, progress.nextRound, kind, header);
            ++progress.nextRound;
            progress.lastRecordBlock = uint64(block.number);
            if (kind == APPROVED) {
                progress.failures = 0;
            } else if (kind == EXPLORATION) {
                progress.failures = 0;
                ++progress.explorations;
            } else {
                ++progress.failures;
            }
            return head;
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

    /// @notice Notes that a round ended in an approved block.
    function approve(History storage history, uint256 round) internal {
        history.approvals[round >> 8] |= 1 << (round & 255);
    }

    /// @notice Whether a round ended in an approved block.
    function isApproved(History storage history, uint256 round) internal view returns (bool) {
        return history.approvals[round >> 8] >> (round & 255) & 1 == 1;
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
