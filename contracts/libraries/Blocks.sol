// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";

/// @title What a block is, byte by byte
/// @dev Header: 4 round, 32 parent, 32 body digest, s reporters, 1 arm, K s candidates, K s selected, K uint32 means,
/// where s is the bytes of a set of seats. Body: for each reporter K uint32, 32 commitment, 64 signature.
library Blocks {
    uint256 private constant FIXED = 69;
    uint256 private constant BOUND = 2e9;
    /// Every other lane of eight uint32, and what lifts a lane above 2 whole rewards over bit 32.
    uint256 private constant LANES = type(uint256).max / (2 ** 32 + 1);
    uint256 private constant ONES = LANES / (2 ** 32 - 1);
    // slither-disable-next-line divide-before-multiply -- exact: ONES is a row of ones
    uint256 private constant LIFT = ONES * (2 ** 32 - 1 - BOUND);

    /// @notice Bytes of a set of seats.
    function setBytes(uint256 participants) internal pure returns (uint256) {
        return (participants + 7) / 8;
    }

    /// @notice The only length of a header.
    function headerBytes(uint256 participants, uint256 arms) internal pure returns (uint256) {
        return FIXED + setBytes(participants) * (1 + 2 * arms) + 4 * arms;
    }

    /// @notice Refuses a header or a body that is malformed or does not extend record `round` - 1.
    function check(
        bytes calldata header,
        bytes calldata body,
        uint256 participants,
        uint256 arms,
        uint256 round,
        bytes32 parent
    ) internal pure {
        unchecked {
            uint256 size = setBytes(participants);
            if (header.length != headerBytes(participants, arms)) {
                revert IErrors.WrongHeaderLength(header.length, headerBytes(participants, arms));
            }
            uint256 claimed = uint32(bytes4(header[:4]));
            if (claimed != round) revert IErrors.WrongRound(claimed, round);
            if (bytes32(header[4:36]) != parent) revert IErrors.WrongParent(bytes32(header[4:36]), parent);
            uint256 reporters = Bits.read(header, 68, size);
            if (reporters >> participants != 0) revert IErrors.UnknownReporters(reporters, participants);
            uint256 arm = uint8(header[68 + size]);
            if (arm >= arms) revert IErrors.UnknownArm(arm, arms);
            uint256 length = Bits.count(reporters) * (4 * arms + 96);
            if (body.length != length) revert IErrors.WrongBodyLength(body.length, length);
            bytes32 digest = keccak256(body);
            if (digest != bytes32(header[36:68])) revert IErrors.WrongBody(digest, bytes32(header[36:68]));
        }
    }

    /// @notice b_t: whether every mean of a checked header is at most 2. Eight means a word, in two halves.
    function approves(bytes calldata header, uint256 arms) internal pure returns (bool) {
        unchecked {
            // slither-disable-next-line uninitialized-local -- starts at zero
            uint256 lifted;
            for (uint256 at = header.length - 4 * arms; at < header.length; at += 32) {
                uint256 means = uint256(bytes32(header[at:]));
                lifted |= ((means & LANES) + LIFT) | (((means >> 32) & LANES) + LIFT);
            }
            return lifted & (ONES << 32) == 0;
        }
    }

    /// @notice The seats that some B_i of a checked header holds.
    function selected(bytes calldata header, uint256 participants, uint256 arms) internal pure returns (uint256 set) {
        unchecked {
            uint256 size = setBytes(participants);
            uint256 end = header.length - 4 * arms;
            for (uint256 at = end - arms * size; at < end; at += size) {
                set |= Bits.read(header, at, size);
            }
        }
    }
}
