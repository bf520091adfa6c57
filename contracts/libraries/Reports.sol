// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DynamicArrayLib} from "solady/src/utils/DynamicArrayLib.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {Reputation} from "./Reputation.sol";

/// @title The global estimators and everybody's accuracy, from the reports in a block's body
/// @dev The twin of `aggregation.global_means` and `reputation.accuracies` in Python. Body: K uint32 radii; for each
/// reporter its report, which begins with K uint32 estimators, and 64 signature. Eight arms, lanes of 32 bits, are
/// worked on at a time; every value is below 2**31, so that bit 31 of a lane tells which of two is larger.
library Reports {
    uint256 internal constant SIGNATURE_BYTES = 64;
    uint256 private constant LANES = 8;
    uint256 private constant ONES = type(uint256).max / type(uint32).max;
    uint256 private constant HIGH = ONES << 31;
    // slither-disable-next-line divide-before-multiply -- exact: ONES is a row of ones
    uint256 private constant LOW = ONES * (2 ** 31 - 1);
    // slither-disable-next-line divide-before-multiply -- exact, as above
    uint256 private constant LIFT = ONES * (2 ** 31 - 1 - UNIT);
    /// Every other lane, and ones at every fourth of them, to add up wide lanes.
    uint256 private constant EVEN = type(uint256).max / (2 ** 32 + 1);
    uint256 private constant WIDE_ONES = EVEN / (2 ** 32 - 1);

    struct Source {
        uint256 arms;
        uint256 setBytes;
        uint256 step; // bytes from one report to the next
        uint256 tolerance;
        uint256 reporters;
        uint256 selectedAt; // where B_i of the arms lie in calldata
        uint256 bodyAt;
    }

    /// @notice Bytes of a report's content: 81 of a proof where anything is drawn, 21 of a record in a sealed game.
    function contentBytes(uint256 arms, bool draws, bool sealedGame) internal pure returns (uint256) {
        unchecked {
            return 4 * arms + 32 + (draws ? 81 : 0) + (sealedGame ? 21 : 0);
        }
    }

    /// @notice Bytes of a body.
    function size(uint256 arms, uint256 reportBytes, uint256 reporters) internal pure returns (uint256) {
        unchecked {
            return 4 * arms + reporters * (reportBytes + SIGNATURE_BYTES);
        }
    }

    /// @notice The means, eight a word, and whether every B_i holds somebody; fills in `accuracies`, sixteen a word.
    function evaluate(Source memory source, bytes calldata data, uint256[] memory accuracies)
        internal
        pure
        returns (uint256[] memory means, bool approved)
    {
        unchecked {
            means = new uint256[]((source.arms + LANES - 1) / LANES);
            uint256[] memory beyond = new uint256[](Bits.count(source.reporters));
            uint256 nobody = 0;
            for (uint256 i; i < means.length; ++i) {
                (uint256 mean, uint256 empty) = _means(source, data, i);
                means[i] = mean;
                nobody |= empty;
                _addBeyond(source, data, i, mean, empty, beyond);
            }
            approved = nobody == 0;
            _fillAccuracies(source, beyond, accuracies);
        }
    }

    /// @dev The means of eight arms over their B_i; `empty` and the mean are all ones where B_i is empty.
    function _means(Source memory source, bytes calldata data, uint256 i)
        private
        pure
        returns (uint256 means, uint256 empty)
    {
        unchecked {
            (uint256 upper, uint256 lower, uint256 members) = _sums(source, data, i);
            uint256 left = source.arms - LANES * i;
            uint256 end = left < LANES ? 256 - 32 * left : 0;
            for (uint256 shift = 256; shift != end;) {
                shift -= 32;
                // The even arms' sums are the upper ones; both lie in the wide lane that begins at an odd arm's shift.
                uint256 sum = uint64((shift & 32 != 0 ? upper : lower) >> (shift & 192));
                uint256 count = (members >> shift) & type(uint32).max;
                if (count == 0) empty |= uint256(type(uint32).max) << shift;
                else means |= (sum / count) << shift;
            }
            means |= empty;
        }
    }

    /// @dev The sums of eight arms over their B_i, even and odd arms apart in wide lanes, and how many they add up.
    function _sums(Source memory source, bytes calldata data, uint256 i)
        private
        pure
        returns (uint256 upper, uint256 lower, uint256 members)
    {
        unchecked {
            uint256 reporters = source.reporters;
            uint256 step = source.step;
            uint256 at = source.bodyAt + 4 * source.arms + 32 * i;
            uint256 seat = 0;
            do {
                // bit 0 of each lane: whether the seat is in B_i of that lane's arm
                uint256 sets = _transposed(source, data, i, seat);
                members += _counts(sets);
                for (uint256 left = uint32(reporters >> seat); left != 0; left >>= 1) {
                    if (left & 1 == 1) {
                        uint256 report = Bits.word(data, at) & ((sets & ONES) * type(uint32).max);
                        at += step;
                        upper += (report >> 32) & EVEN;
                        lower += report & EVEN;
                    }
                    sets >>= 1;
                }
                seat += 32;
            } while (reporters >> seat != 0);
        }
    }

    /// @dev Of eight arms the 32 seats of B_i from `seat` on, a lane each. Shifted right by up to 31, bit 0 of a lane
    /// still is its own. Refuses a B_i with somebody who did not report.
    function _transposed(Source memory source, bytes calldata data, uint256 i, uint256 seat)
        private
        pure
        returns (uint256 sets)
    {
        unchecked {
            uint256 unheard = ~source.reporters;
            uint256 size_ = source.setBytes;
            uint256 at = source.selectedAt;
            uint256 left = source.arms - LANES * i;
            uint256 end = left < LANES ? 256 - 32 * left : 0;
            uint256 step = 0;
            bool shared = Bits.read(data, at, 1) != 0;
            ++at;
            if (!shared) {
                step = size_;
                at += LANES * i * size_;
            }
            uint256 strangers = 0;
            for (uint256 shift = 256; shift != end; at += step) {
                shift -= 32;
                uint256 set = Bits.read(data, at, size_);
                strangers |= set & unheard;
                sets |= uint256(uint32(set >> seat)) << shift;
            }
            if (strangers != 0) revert IErrors.SelectedWithoutReport(strangers, source.reporters);
        }
    }

    /// @dev How many bits each lane has set: sums of ever wider lanes.
    function _counts(uint256 sets) private pure returns (uint256) {
        unchecked {
            sets -= (sets >> 1) & (type(uint256).max / 3);
            sets = (sets & (type(uint256).max / 5)) + ((sets >> 2) & (type(uint256).max / 5));
            sets = (sets + (sets >> 4)) & (type(uint256).max / 17);
            sets = (sets + (sets >> 8)) & (type(uint256).max / 257);
            return (sets + (sets >> 16)) & (ONES * type(uint16).max);
        }
    }

    /// @dev Adds to each reporter's word of wide lanes what its reports of eight arms exceed mean and radius by.
    function _addBeyond(
        Source memory source,
        bytes calldata data,
        uint256 i,
        uint256 mean,
        uint256 empty,
        uint256[] memory beyond
    ) private pure {
        unchecked {
            uint256 arms = source.arms;
            uint256 lanes = Bits.first(arms - LANES * i, 32);
            uint256 at = source.bodyAt + 32 * i;
            uint256 outOfRange = Bits.word(data, at) & lanes;
            uint256 radius = outOfRange | (empty & LOW); // an empty B_i leaves nothing to be far from
            mean &= LOW;
            at += 4 * arms;
            uint256 step = source.step;
            uint256 reporters = beyond.length;
            for (uint256 reporter; reporter != reporters; ++reporter) {
                uint256 report = Bits.word(data, at) & lanes;
                at += step;
                outOfRange |= report | (report + LIFT);
                uint256 sum = DynamicArrayLib.get(beyond, reporter) + _beyond(report, mean, radius);
                // slither-disable-next-line unused-return -- the array itself
                DynamicArrayLib.set(beyond, reporter, sum);
            }
            if (outOfRange & HIGH != 0) revert IErrors.EstimatorOutOfRange();
        }
    }

    /// @dev The accuracy of every reporter, zero where nobody reported.
    function _fillAccuracies(Source memory source, uint256[] memory beyond, uint256[] memory accuracies)
        private
        pure
    {
        unchecked {
            uint256 arms = source.arms;
            uint256 tolerance = source.tolerance;
            uint256 reporters = source.reporters;
            uint256 reporter = 0;
            for (uint256 word; word < accuracies.length; ++word) {
                uint256 sixteen = 0;
                uint256 shift = 256;
                for (uint256 left = uint16(reporters); left != 0; left >>= 1) {
                    shift -= 16;
                    if (left & 1 == 1) {
                        sixteen |= _accuracy(DynamicArrayLib.get(beyond, reporter), arms, tolerance) << shift;
                        ++reporter;
                    }
                }
                accuracies[word] = sixteen;
                reporters >>= Reputation.LANES;
            }
        }
    }

    /// @dev The sum over eight lanes of what |report - mean| exceeds the radius by, spread over four wide lanes.
    function _beyond(uint256 report, uint256 mean, uint256 radius) private pure returns (uint256) {
        unchecked {
            uint256 over = (report | HIGH) - mean;
            uint256 above = _spread(over & HIGH);
            uint256 apart = (over & above) | (((mean | HIGH) - report) & ~above & LOW);
            uint256 left = (apart | HIGH) - radius;
            uint256 outside = left & _spread(left & HIGH);
            return (outside & EVEN) + ((outside >> 32) & EVEN);
        }
    }

    function _accuracy(uint256 beyond, uint256 arms, uint256 tolerance) private pure returns (uint256) {
        unchecked {
            if (beyond == 0) return Reputation.FULL;
            uint256 distance = ((beyond * WIDE_ONES) >> 192) / arms;
            return distance >= tolerance ? 0 : Reputation.FULL * (tolerance - distance) / tolerance;
        }
    }

    /// @dev From bit 31 of each lane to the 31 bits below it.
    function _spread(uint256 high) private pure returns (uint256) {
        unchecked {
            return high - (high >> 31);
        }
    }
}
