// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBytes} from "solady/src/utils/LibBytes.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";
import {Reports} from "./Reports.sol";
import {Reputation} from "./Reputation.sol";

/// @title What a block is, byte by byte
/// @dev The twin of `chain_bandit/protocol/blocks.py` and `submission.py`. A header is: 4 round, 32 parent, 32 blocked,
/// 32 body digest; s reporters, 1 arm, A and B of each arm, s next committee if the game has committees; K uint32 means,
/// M uint16 accuracies. s is the bytes of a set of seats; sets of all arms are 1 and the one set that they share, or 0
/// and K sets. A submitted block is s signers, then in a full game the middle of the header and the body, in a compact
/// one the header from the body digest on; then the signatures. The contract fills in the rest.
library Blocks {
    uint256 private constant KNOWN = 100; // bytes of a header before its middle
    uint256 private constant BOUND = 2e9;
    /// Every other lane of eight uint32, and what lifts a lane above 2 whole rewards over bit 32.
    uint256 private constant EVEN = type(uint256).max / (2 ** 32 + 1);
    uint256 private constant ONES = EVEN / (2 ** 32 - 1);
    uint256 private constant LIFT = ONES * (2 ** 32 - 1 - BOUND);

    /// @dev What of the parameters decides where things lie.
    struct Shape {
        uint256 participants;
        uint256 arms;
        uint256 setBytes;
        uint256 tolerance;
        bool compact;
        bool committees;
    }

    /// @dev A block as read from calldata; `at` is where its signatures begin, `next` where they end.
    struct Found {
        uint256 signers;
        uint256 committee;
        uint256 at;
        uint256 next;
        bytes32 digest;
        bool approved;
        uint256[] accuracies;
    }

    /// @dev Where the parts of a header's middle lie.
    struct Middle {
        uint256 reporters;
        uint256 selectedAt;
        uint256 committee;
        uint256 end;
    }

    /// @notice Reads the block of `round` that begins in `data` at `at`; refuses one that is malformed.
    function read(Shape memory shape, bytes calldata data, uint256 at, uint256 round, bytes32 parent, uint256 blocked)
        internal
        pure
        returns (Found memory found)
    {
        unchecked {
            found.signers = Bits.read(data, at, shape.setBytes);
            at += shape.setBytes;
            uint256 middleAt = shape.compact ? at + 32 : at;
            Middle memory middle = _middle(shape, data, middleAt);
            if (middle.reporters & (blocked | ~Bits.all(shape.participants)) != 0) {
                revert IErrors.UnknownReporters(middle.reporters, blocked);
            }
            found.committee = middle.committee;
            found.at = middle.end
                + (
                    shape.compact
                        ? 4 * shape.arms + 2 * shape.participants
                        : Reports.size(shape.arms, Bits.count(middle.reporters))
                );
            found.next = found.at + 64 * Bits.count(found.signers);
            if (found.next > data.length) revert IErrors.WrongCalldataLength(data.length, found.next);
            bytes memory header = shape.compact
                ? _compact(shape, found, data, middle.end, abi.encodePacked(uint32(round), parent, blocked, data[at:found.at]))
                : _full(
                    shape, found, middle, data, middleAt, abi.encodePacked(uint32(round), parent, blocked)
                );
            found.digest = keccak256(header);
        }
    }

    /// @notice The seats that some B_i of a whole header holds, which a quorum has signed.
    function selected(Shape memory shape, bytes calldata header) internal pure returns (uint256 set) {
        unchecked {
            Middle memory middle = _middle(shape, header, KNOWN);
            uint256 at = middle.selectedAt;
            if (uint8(header[at]) == 1) return Bits.read(header, at + 1, shape.setBytes);
            for (uint256 arm; arm < shape.arms; ++arm) {
                set |= Bits.read(header, at + 1 + arm * shape.setBytes, shape.setBytes);
            }
        }
    }

    function _middle(Shape memory shape, bytes calldata data, uint256 at) private pure returns (Middle memory middle) {
        unchecked {
            uint256 size = shape.setBytes;
            middle.reporters = Bits.read(data, at, size);
            at += size;
            uint256 arm = Bits.read(data, at, 1);
            if (arm >= shape.arms) revert IErrors.UnknownArm(arm, shape.arms);
            at += 1;
            at += _setsBytes(shape, data, at);
            middle.selectedAt = at;
            at += _setsBytes(shape, data, at);
            if (shape.committees) {
                middle.committee = Bits.read(data, at, size);
                at += size;
            }
            middle.end = at;
        }
    }

    function _setsBytes(Shape memory shape, bytes calldata data, uint256 at) private pure returns (uint256) {
        unchecked {
            uint256 flag = Bits.read(data, at, 1);
            if (flag > 1) revert IErrors.UnknownFlag(flag);
            return 1 + shape.setBytes * (flag == 1 ? 1 : shape.arms);
        }
    }

    /// @dev Takes means and accuracies from calldata, where they end the header.
    function _compact(Shape memory shape, Found memory found, bytes calldata data, uint256 at, bytes memory header)
        private
        pure
        returns (bytes memory)
    {
        unchecked {
            uint256 lifted;
            for (uint256 arm; arm < shape.arms; arm += 8) {
                uint256 means = Bits.word(data, at + 4 * arm) & Bits.first(shape.arms - arm, 32);
                lifted |= ((means & EVEN) + LIFT) | (((means >> 32) & EVEN) + LIFT);
            }
            found.approved = lifted & (ONES << 32) == 0;
            at += 4 * shape.arms;
            found.accuracies = new uint256[](Reputation.words(shape.participants));
            for (uint256 i; i < found.accuracies.length; ++i) {
                uint256 lanes = Bits.first(shape.participants - i * Reputation.LANES, 16);
                found.accuracies[i] = Bits.word(data, at + 32 * i) & lanes;
            }
            return header;
        }
    }

    /// @dev Computes means and accuracies from the body, and puts the header together.
    function _full(
        Shape memory shape,
        Found memory found,
        Middle memory middle,
        bytes calldata data,
        uint256 middleAt,
        bytes memory known
    ) private pure returns (bytes memory) {
        uint256[] memory means;
        (means, found.accuracies, found.approved) = Reports.evaluate(
            Reports.Source(
                shape.participants, shape.arms, shape.setBytes, shape.tolerance, middle.reporters, middle.selectedAt, middle.end
            ),
            data
        );
        return abi.encodePacked(
            known,
            keccak256(data[middle.end:found.at]),
            data[middleAt:middle.end],
            LibBytes.truncate(abi.encodePacked(means), 4 * shape.arms),
            LibBytes.truncate(abi.encodePacked(found.accuracies), 2 * shape.participants)
        );
    }
}
