// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DynamicArrayLib} from "solady/src/utils/DynamicArrayLib.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {Terms} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {Headers} from "./Headers.sol";
import {Reports} from "./Reports.sol";

/// @title What a block is, byte by byte
/// @dev The twin of `chain_bandit/protocol/blocks.py` and `submission.py`. A header is: 4 round, 32 parent, 32
/// blocked, 32 body digest; s reporters, 1 arm, A and B of each arm, s next committee and s next commanders if the
/// game has any; the type of an extension, 0 for none, 1 for what rules keep behind its length, uint16, 2 for the
/// pulls that the block decides, uint32; K uint32 means, M uint16 accuracies. s is the bytes of a set of seats; sets
/// of all arms are 1 and the one set that they share, or 0 and K sets. A submitted block is s signers, then in a
/// compact game the header from the body digest on, in a full one the middle of the header, means and accuracies if
/// the quorum vouches for them, and the body; then the signatures. The contract fills in the rest.
library Blocks {
    uint256 private constant COMPACT = 1;
    uint256 internal constant COMMITTEE = 1;
    uint256 internal constant COMMANDERS = 2;
    uint256 internal constant NAMED = 4; // the committee is the header's word
    uint256 internal constant WEIGHED = 8; // accuracies are the reputations
    uint256 internal constant KEPT = 16; // the header's extension holds what rules keep
    uint256 internal constant PHASES = 32; // it holds the block's pulls; no flag is above, and not both
    uint256 private constant MOST_STATE = 4096; // bytes
    uint256 private constant BOUND = 2e9;
    /// Every other lane of eight uint32, and what lifts a lane above 2 whole rewards over bit 32.
    uint256 private constant EVEN = type(uint256).max / (2 ** 32 + 1);
    uint256 private constant ONES = EVEN / (2 ** 32 - 1);
    // slither-disable-next-line divide-before-multiply -- exact: ONES is a row of ones
    uint256 private constant LIFT = ONES * (2 ** 32 - 1 - BOUND);

    /// @dev A block as read from calldata.
    struct Found {
        uint256 signers;
        uint256 reporters;
        uint256 selectedAt; // where B_i of the arms lie
        uint256 committee;
        uint256 commanders;
        uint256 length; // in a game with phases
        uint256 signaturesAt;
        uint256 end;
        bytes32 digest;
        bool approved;
        uint256[] accuracies;
    }

    /// @notice Reads the block of `round` that begins in `data` at `at`; refuses one that is malformed.
    /// @param found What is filled in; its accuracies hold a word for every sixteen seats.
    function read(
        Terms memory t,
        Found memory found,
        bytes calldata data,
        uint256 at,
        uint256 round,
        bytes32 parent,
        uint256 blocked
    ) internal pure {
        unchecked {
            bool compact = t.bodyMode == COMPACT;
            uint256 size = t.setBytes;
            uint256 signers = Bits.read(data, at, size);
            at += size;
            uint256 middleAt = compact ? at + 32 : at;
            uint256 middleEnd = _middle(t, found, data, middleAt);
            uint256 reporters = found.reporters;
            if (reporters & (blocked | t.nobody) != 0) revert IErrors.UnknownReporters(reporters, blocked);
            uint256 headerEnd = middleEnd + t.derivedBytes;
            uint256 signaturesAt = headerEnd;
            if (!compact) signaturesAt += Reports.size(t.arms, t.reportBytes, Bits.count(reporters));
            found.signers = signers;
            found.signaturesAt = signaturesAt;
            uint256 end = signers == 0 ? signaturesAt : signaturesAt + 64 * Bits.count(signers);
            if (end > data.length) revert IErrors.WrongCalldataLength(data.length, end);
            found.end = end;
            if (headerEnd != middleEnd) {
                _readDerived(t, found, data, middleEnd);
                found.digest = compact
                    ? Headers.digest(round, parent, blocked, data, at, signaturesAt)
                    : Headers.digest(round, parent, blocked, data, middleAt, headerEnd, found.signaturesAt);
                return;
            }
            uint256[] memory means = _derive(t, found, data, middleEnd);
            found.digest = Headers.digest(
                t, round, parent, blocked, data, middleAt, middleEnd, found.signaturesAt, means, found.accuracies
            );
        }
    }

    /// @notice Of a whole header that a quorum has signed what costs rest on: the seats that some B_i holds, the honest
    /// arm, the estimator of that arm, and how often it was pulled.
    function outcome(Terms memory t, bytes calldata header)
        internal
        pure
        returns (uint256 set, uint256 arm, uint256 mean, uint256 length)
    {
        unchecked {
            // slither-disable-next-line uninitialized-local -- filled in below
            Found memory found;
            arm = Bits.read(header, Headers.KNOWN + t.setBytes, 1);
            mean = Bits.read(header, _middle(t, found, header, Headers.KNOWN) + 4 * arm, 4);
            length = t.successors & PHASES == 0 ? 1 : found.length;
            uint256 at = found.selectedAt;
            uint256 sets = Bits.read(header, at, 1) == 1 ? 1 : t.arms;
            for (uint256 i; i < sets; ++i) {
                set |= Bits.read(header, at + 1 + i * t.setBytes, t.setBytes);
            }
        }
    }

    /// @dev Finds the parts of a header's middle, and where it ends.
    function _middle(Terms memory t, Found memory found, bytes calldata data, uint256 at)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 size = t.setBytes;
            found.reporters = Bits.read(data, at, size);
            at += size;
            uint256 arm = Bits.read(data, at, 1);
            if (arm >= t.arms) revert IErrors.UnknownArm(arm, t.arms);
            ++at;
            at += _setsBytes(t, size, data, at);
            found.selectedAt = at;
            at += _setsBytes(t, size, data, at);
            if (t.successors != 0) return _successors(t, found, data, at);
            uint256 kind = Bits.read(data, at, 1);
            if (kind != 0) revert IErrors.UnknownExtension(kind);
            return at + 1;
        }
    }

    /// @dev What a header says of the next round, and its extension: what rules keep, of which nothing counts here.
    function _successors(Terms memory t, Found memory found, bytes calldata data, uint256 at)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 size = t.setBytes;
            uint256 successors = t.successors;
            if (successors & COMMITTEE != 0) {
                found.committee = Bits.read(data, at, size);
                at += size;
            }
            if (successors & COMMANDERS != 0) {
                found.commanders = Bits.read(data, at, size);
                at += size;
            }
            return _extension(successors, found, data, at);
        }
    }

    /// @dev Passes over what rules keep, or takes note of the block's pulls.
    function _extension(uint256 successors, Found memory found, bytes calldata data, uint256 at)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 kind = Bits.read(data, at, 1);
            if (kind != (successors < KEPT ? 0 : successors < PHASES ? 1 : 2)) revert IErrors.UnknownExtension(kind);
            if (kind == 0) return at + 1;
            if (kind == 2) {
                found.length = Bits.read(data, at + 1, 4);
                return at + 5;
            }
            uint256 length = Bits.read(data, at + 1, 2);
            if (length > MOST_STATE) revert IErrors.StateTooLong(length, MOST_STATE);
            return at + 3 + length;
        }
    }

    function _setsBytes(Terms memory t, uint256 size, bytes calldata data, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 flag = Bits.read(data, at, 1);
            if (flag > 1) revert IErrors.UnknownFlag(flag);
            return 1 + (flag == 1 ? size : size * t.arms);
        }
    }

    /// @dev Takes means and accuracies from calldata.
    function _readDerived(Terms memory t, Found memory found, bytes calldata data, uint256 at) private pure {
        unchecked {
            uint256 left = 4 * t.arms;
            uint256 lifted;
            for (; left > 32; left -= 32) {
                lifted |= _lifted(Bits.word(data, at));
                at += 32;
            }
            lifted |= _lifted(Bits.read(data, at, left) << (256 - 8 * left));
            found.approved = lifted & (ONES << 32) == 0;
            at += left;
            uint256[] memory accuracies = found.accuracies;
            left = 2 * t.participants;
            uint256 i;
            for (; left > 32; left -= 32) {
                // slither-disable-next-line unused-return -- the array itself
                DynamicArrayLib.set(accuracies, i, Bits.word(data, at));
                ++i;
                at += 32;
            }
            // slither-disable-next-line unused-return -- as above
            DynamicArrayLib.set(accuracies, i, Bits.read(data, at, left) << (256 - 8 * left));
        }
    }

    /// @dev Bit 32 of a wide lane is set where one of eight means is above 2 whole rewards.
    function _lifted(uint256 means) private pure returns (uint256) {
        unchecked {
            return ((means & EVEN) + LIFT) | (((means >> 32) & EVEN) + LIFT);
        }
    }

    /// @dev Computes means and accuracies from the body.
    function _derive(Terms memory t, Found memory found, bytes calldata data, uint256 bodyAt)
        private
        pure
        returns (uint256[] memory means)
    {
        (means, found.approved) = Reports.evaluate(
            Reports.Source({
                arms: t.arms,
                setBytes: t.setBytes,
                step: t.reportBytes + Reports.SIGNATURE_BYTES,
                tolerance: t.tolerance,
                reporters: found.reporters,
                selectedAt: found.selectedAt,
                bodyAt: bodyAt
            }),
            data,
            found.accuracies
        );
    }
}
