// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {DynamicArrayLib} from "solady/src/utils/DynamicArrayLib.sol";

/// @title How close everybody's reports were to what was validated, remembered
/// @dev The twin of `chain_bandit/protocol/reputation.py`. Sixteen uint16 lanes a word, the lowest seat in the highest.
library Reputation {
    uint256 internal constant FULL = type(uint16).max;
    uint256 internal constant LANES = 16;
    uint256 private constant START = 2 ** 15;
    uint256 private constant MEMORY = 3;
    uint256 private constant ONES = type(uint256).max / type(uint16).max;
    /// What may remain of a lane that was shifted by `MEMORY`.
    // slither-disable-next-line divide-before-multiply -- exact: ONES is a row of ones
    uint256 private constant KEPT = ONES * (type(uint16).max >> MEMORY);

    /// @notice Words that hold a lane for each seat.
    function words(uint256 participants) internal pure returns (uint256) {
        unchecked {
            return (participants + LANES - 1) / LANES;
        }
    }

    /// @notice What everybody begins with: a word of lanes.
    function start() internal pure returns (uint256) {
        return ONES * START;
    }

    /// @notice Moves all reputations an eighth of the way to their accuracies, both floored.
    function move(uint256[] memory reputations, uint256[] memory accuracies) internal pure {
        unchecked {
            uint256 count = reputations.length;
            for (uint256 i; i < count; ++i) {
                uint256 sixteen = DynamicArrayLib.get(reputations, i);
                uint256 accurate = DynamicArrayLib.get(accuracies, i);
                uint256 moved = sixteen - ((sixteen >> MEMORY) & KEPT) + ((accurate >> MEMORY) & KEPT);
                // slither-disable-next-line unused-return -- the array itself
                DynamicArrayLib.set(reputations, i, moved);
            }
        }
    }

    /// @notice Sets all reputations to weights.
    function set(uint256[] memory reputations, uint256[] memory weights) internal pure {
        unchecked {
            for (uint256 i; i < reputations.length; ++i) {
                // slither-disable-next-line unused-return -- the array itself
                DynamicArrayLib.set(reputations, i, DynamicArrayLib.get(weights, i));
            }
        }
    }

    /// @notice The reputation of a seat.
    function ofSeat(uint256[] memory reputations, uint256 seat) internal pure returns (uint256) {
        unchecked {
            return uint16(reputations[seat / LANES] >> _shift(seat));
        }
    }

    /// @notice Takes `penalty` from each of `seats`, never below zero.
    function penalise(uint256[] memory reputations, uint256 seats, uint256 penalty) internal pure {
        unchecked {
            for (uint256 seat; seats != 0; (++seat, seats >>= 1)) {
                if (seats & 1 == 0) continue;
                uint256 had = ofSeat(reputations, seat);
                reputations[seat / LANES] -= (had < penalty ? had : penalty) << _shift(seat);
            }
        }
    }

    function _shift(uint256 seat) private pure returns (uint256) {
        unchecked {
            return 240 - 16 * (seat % LANES);
        }
    }
}
