// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {EfficientHashLib} from "solady/src/utils/EfficientHashLib.sol";

import {APPROVED, EXPLORATION, Progress, SKIP} from "../types/Game.sol";

/// @title The chain of records, one a round
library Ledger {
    uint256 private constant MOST_EXTRA = 2 ** 23 - 1; // games with phases are shorter

    struct History {
        bytes32 head;
        uint256 packed; // the progress
        mapping(uint256 => uint256) approvals; // 256 rounds a word, all but the 64 that `progress` holds
    }

    /// @notice The digest of the history up to a record.
    function headAfter(bytes32 parent, uint256 round, uint8 kind, bytes32 header) internal pure returns (bytes32) {
        return EfficientHashLib.hash(parent, bytes32(round << 8 | kind), header);
    }

    /// @notice Loads where the game stands into `p`: what a function returns is memory of its own, written twice.
    function load(History storage history, Progress memory p) internal view {
        uint256 packed = history.packed;
        p.nextRound = uint32(packed);
        p.failures = uint16(packed >> 32);
        p.skips = uint8(packed >> 48);
        p.explorations = uint32(packed >> 56);
        p.lastRecordBlock = uint40(packed >> 88);
        p.endBlock = uint40(packed >> 128);
        p.accused = packed >> 168 & 1;
        p.extra = packed >> 169 & MOST_EXTRA;
        p.approvals = packed >> 192;
    }

    /// @notice Keeps where the game stands.
    function store(History storage history, Progress memory p) internal {
        history.packed = p.nextRound | p.failures << 32 | p.skips << 48 | p.explorations << 56
            | p.lastRecordBlock << 88 | p.endBlock << 128 | p.accused << 168 | p.extra << 169
            | p.approvals << 192;
    }

    /// @notice Moves `p` past its open round. Approvals of rounds 64 i to 64 i + 63 are noted in the progress until the
    /// last of them is recorded, and then in a word of their own, so that most records write to one slot less.
    function advance(History storage history, Progress memory p, uint8 kind) internal {
        unchecked {
            uint256 round = p.nextRound;
            if (kind == APPROVED) {
                p.approvals |= 1 << (round & 63);
                p.failures = 0;
                p.skips = 0;
            } else if (kind == EXPLORATION) {
                p.failures = 0;
                ++p.explorations;
            } else {
                ++p.failures;
                p.skips = kind == SKIP ? (p.skips == type(uint8).max ? p.skips : p.skips + 1) : 0;
            }
            if (round & 63 == 63) {
                if (p.approvals != 0) history.approvals[round >> 8] |= p.approvals << (round & 192);
                p.approvals = 0;
            }
            p.nextRound = round + 1;
        }
    }

    /// @notice The number of the open round's first pull; the round itself without phases.
    function time(Progress memory p) internal pure returns (uint256) {
        unchecked {
            return p.nextRound + p.extra;
        }
    }

    /// @notice Whether the last record is the failure that also records an exploration round.
    function explorationDue(Progress memory p, uint256 failureLimit, uint256 horizon)
        internal
        pure
        returns (bool)
    {
        return p.failures >= failureLimit && time(p) <= horizon;
    }

    /// @notice Which of the rounds 256 `word` to 256 `word` + 255 ended in an approved block, a bit each.
    function approvalsOf(History storage history, uint256 word) internal view returns (uint256 set) {
        unchecked {
            set = history.approvals[word];
            uint256 packed = history.packed;
            uint256 open = uint32(packed);
            if (open >> 8 == word) set |= (packed >> 192) << (open & 192);
        }
    }

    /// @notice Whether a round ended in an approved block.
    function isApproved(History storage history, uint256 round) internal view returns (bool) {
        return approvalsOf(history, round >> 8) >> (round & 255) & 1 == 1;
    }

    /// @notice Whether no further round can be recorded.
    function isOver(Progress memory p, uint256 horizon) internal view returns (bool) {
        return time(p) > horizon || (p.endBlock != 0 && block.number > p.endBlock);
    }

    /// @notice The chain block at which the game ended, once it has.
    function overBlock(Progress memory p, uint256 horizon) internal pure returns (uint256) {
        return time(p) > horizon ? p.lastRecordBlock : p.endBlock;
    }
}
