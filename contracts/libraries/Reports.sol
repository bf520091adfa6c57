// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {UNIT} from "../types/Game.sol";
import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";
import {Reputation} from "./Reputation.sol";

/// @title The global estimators and everybody's accuracy, from the reports in a block's body
/// @dev The twin of `aggregation.global_means` and `reputation.accuracies` in Python. Body: K uint32 radii; for each
/// reporter K uint32 estimators, 32 commitment, 64 signature. Eight uint32 lanes are worked on at a time; every value
/// is below 2**31, so that bit 31 of a lane tells which of two is larger.
library Reports {
    uint256 private constant BESIDE = 96; // commitment and signature
    uint256 private constant ONES = type(uint256).max / type(uint32).max;
    uint256 private constant HIGH = ONES << 31;
    uint256 private constant LOW = ONES * (2 ** 31 - 1);
    uint256 private constant LIFT = ONES * (2 ** 31 - 1 - UNIT);
    /// Every other lane, and ones at every fourth of them, to add up eight lanes.
    uint256 private constant EVEN = type(uint256).max / (2 ** 32 + 1);
    uint256 private constant WIDE_ONES = EVEN / (2 ** 32 - 1);

    struct Source {
        uint256 participants;
        uint256 arms;
        uint256 setBytes;
        uint256 tolerance;
        uint256 reporters;
        uint256 selectedAt; // where B_i of the arms lie in calldata
        uint256 bodyAt;
    }

    /// @notice Bytes of a body.
    function size(uint256 arms, uint256 reporters) internal pure returns (uint256) {
        unchecked {
            return 4 * arms + reporters * (4 * arms + BESIDE);
        }
    }

    /// @notice The means, eight a word; the accuracies, sixteen a word; and whether every B_i holds somebody.
    function evaluate(Source memory source, bytes calldata data)
        internal
        pure
        returns (uint256[] memory means, uint256[] memory accuracies, bool approved)
    {
        unchecked {
            uint256 words = (source.arms + 7) / 8;
            means = new uint256[](words);
            uint256[] memory radii = new uint256[](words);
            uint256 excess;
            for (uint256 i; i < words; ++i) {
                radii[i] = Bits.word(data, source.bodyAt + 32 * i) & Bits.first(source.arms - 8 * i, 32);
                excess |= radii[i];
            }
            if (excess & HIGH != 0) revert IErrors.EstimatorOutOfRange();
            approved = _aggregate(source, data, means, radii);
            accuracies = _accuracies(source, data, means, radii);
        }
    }

    /// @dev Fills in the mean of each arm over B_i, all ones where B_i is empty; the radius then takes in everything.
    function _aggregate(Source memory source, bytes calldata data, uint256[] memory means, uint256[] memory radii)
        private
        pure
        returns (bool approved)
    {
        unchecked {
            uint256[] memory places = _places(source);
            uint256 at = source.selectedAt + 1;
            uint256 step = Bits.read(data, source.selectedAt, 1) == 1 ? 0 : source.setBytes;
            uint256 bytesOfSet = source.setBytes;
            uint256 reporters = source.reporters;
            approved = true;
            for (uint256 arm; arm < source.arms; (++arm, at += step)) {
                uint256 set = Bits.read(data, at, bytesOfSet);
                if (set & ~reporters != 0) revert IErrors.SelectedWithoutReport(arm, set, reporters);
                uint256 shift = 224 - 32 * (arm & 7);
                if (set == 0) {
                    approved = false;
                    means[arm >> 3] |= uint256(type(uint32).max) << shift;
                    radii[arm >> 3] |= (2 ** 31 - 1) << shift;
                    continue;
                }
                uint256 sum;
                uint256 members;
                uint256 offset = 4 * arm;
                for (uint256 seat; set != 0; (++seat, set >>= 1)) {
                    if (set & 1 == 0) continue;
                    sum += Bits.word(data, places[seat] + offset) >> 224;
                    ++members;
                }
                means[arm >> 3] |= (sum / members) << shift;
            }
        }
    }

    function _accuracies(Source memory source, bytes calldata data, uint256[] memory means, uint256[] memory radii)
        private
        pure
        returns (uint256[] memory accuracies)
    {
        unchecked {
            accuracies = new uint256[](Reputation.words(source.participants));
            uint256 at = source.bodyAt + 4 * source.arms;
            uint256 step = 4 * source.arms + BESIDE;
            uint256 last = means.length - 1;
            uint256 lastLanes = Bits.first(source.arms - 8 * last, 32);
            uint256 reporters = source.reporters;
            for (uint256 seat; reporters != 0; (++seat, reporters >>= 1)) {
                if (reporters & 1 == 0) continue;
                uint256 beyond;
                for (uint256 i; i <= last; ++i) {
                    uint256 report = Bits.word(data, at + 32 * i);
                    if (i == last) report &= lastLanes;
                    if ((report + LIFT) & HIGH != 0 || report & HIGH != 0) revert IErrors.EstimatorOutOfRange();
                    beyond += _beyond(report, means[i] & LOW, radii[i]);
                }
                accuracies[seat >> 4] |= Reputation.lane(_accuracy(source, beyond), seat);
                at += step;
            }
        }
    }

    /// @dev The sum over eight lanes of what |report - mean| exceeds the radius by, spread over four wide lanes.
    function _beyond(uint256 report, uint256 mean, uint256 radius) private pure returns (uint256) {
        unchecked {
            uint256 over = (report | HIGH) - mean;
            uint256 under = (mean | HIGH) - report;
            uint256 above = _spread(over & HIGH);
            uint256 apart = (over & above) | (under & ~above & LOW);
            uint256 left = (apart & LOW | HIGH) - radius;
            uint256 outside = left & _spread(left & HIGH);
            return (outside & EVEN) + ((outside >> 32) & EVEN);
        }
    }

    /// @dev From bit 31 of each lane to the 31 bits below it.
    function _spread(uint256 high) private pure returns (uint256) {
        unchecked {
            return high - (high >> 31);
        }
    }

    function _accuracy(Source memory source, uint256 beyond) private pure returns (uint256) {
        unchecked {
            uint256 distance = ((beyond * WIDE_ONES) >> 192) / source.arms;
            if (distance >= source.tolerance) return 0;
            return Reputation.FULL * (source.tolerance - distance) / source.tolerance;
        }
    }

    /// @dev Where in calldata the report of each seat begins.
    function _places(Source memory source) private pure returns (uint256[] memory places) {
        unchecked {
            places = new uint256[](source.participants);
            uint256 at = source.bodyAt + 4 * source.arms;
            uint256 step = 4 * source.arms + BESIDE;
            uint256 reporters = source.reporters;
            for (uint256 seat; reporters != 0; (++seat, reporters >>= 1)) {
                if (reporters & 1 == 0) continue;
                places[seat] = at;
                at += step;
            }
        }
    }
}
