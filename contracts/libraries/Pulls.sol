// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {NO_PULL, UNIT} from "../types/Game.sol";
import {Bits} from "./Bits.sol";

/// @title The pulls of one round: for each seat a uint8 arm and a uint32 reward; in a game with phases a uint8 arm, a
/// uint32 number of pulls and a uint64 sum of their rewards
/// @dev A settlement holds thousands of pulls. Six of them, lanes of 40 bits, are checked and added at a time.
library Pulls {
    uint256 internal constant SIZE = 5;
    uint256 internal constant PHASE_BYTES = 13;

    uint256 private constant LANES = 6;
    uint256 private constant LANE_BITS = 8 * SIZE;
    uint256 private constant ONES = (2 ** (LANES * LANE_BITS) - 1) / (2 ** LANE_BITS - 1);
    // slither-disable-next-line divide-before-multiply -- exact: ONES is a row of ones
    uint256 private constant REWARDS = ONES * type(uint32).max;
    // slither-disable-next-line divide-before-multiply -- exact, as above
    uint256 private constant ARMS = ONES * type(uint8).max;
    /// What lifts a reward above one unit over bit 32 of its lane.
    // slither-disable-next-line divide-before-multiply -- exact, as above
    uint256 private constant LIFT = ONES * (type(uint32).max - UNIT);

    /// @notice Empty sums of all seats.
    function none(uint256 participants) internal pure returns (uint256[] memory) {
        return new uint256[]((participants + LANES - 1) / LANES);
    }

    /// @notice Adds a round's rewards to the sums of at most 1,024 rounds, which fit their lanes; refuses an
    /// impossible pull.
    function add(uint256[] memory sums, bytes calldata pulls, uint256 participants, uint256 arms, uint256 round)
        internal
        pure
    {
        unchecked {
            uint256 liftArms = ONES * (256 - arms);
            for (uint256 i; i < sums.length; ++i) {
                uint256 six = uint256(bytes32(pulls[i * LANES * SIZE:])) >> (256 - LANES * LANE_BITS);
                uint256 beyond = (i + 1) * LANES;
                if (beyond > participants) six &= type(uint256).max << ((beyond - participants) * LANE_BITS);
                uint256 rewards = six & REWARDS;
                uint256 tooHigh = (rewards + LIFT) & (ONES << 32);
                uint256 noArm = (((six >> 32) & ARMS) + liftArms) & (ONES << 8);
                if (tooHigh | noArm != 0) _check(six, arms, round, i * LANES);
                sums[i] += rewards;
            }
        }
    }

    /// @notice What a seat was given in a phase that lies in `pulls` from `at` on: so many pulls, and their sum.
    function phase(bytes calldata pulls, uint256 at, uint256 arms, uint256 round, uint256 seat)
        internal
        pure
        returns (uint256 count, uint256 sum_)
    {
        unchecked {
            uint256 arm = Bits.read(pulls, at, 1);
            count = Bits.read(pulls, at + 1, 4);
            sum_ = Bits.read(pulls, at + 5, 8);
            bool possible = arm < arms ? count != 0 && sum_ <= count * UNIT : arm == NO_PULL && count | sum_ == 0;
            if (!possible) revert IErrors.InvalidPull(round, seat, arm, sum_);
        }
    }

    /// @notice The sum of one seat.
    function sum(uint256[] memory sums, uint256 seat) internal pure returns (uint256) {
        return _lane(sums[seat / LANES], seat % LANES);
    }

    /// @dev Finds the impossible pull of six, if there is one: `NO_PULL` without a reward is none.
    function _check(uint256 six, uint256 arms, uint256 round, uint256 first) private pure {
        for (uint256 i; i < LANES; ++i) {
            uint256 pull = _lane(six, i);
            uint256 reward = pull & type(uint32).max;
            uint256 arm = pull >> 32;
            bool possible = arm < arms ? reward <= UNIT : arm == NO_PULL && reward == 0;
            if (!possible) revert IErrors.InvalidPull(round, first + i, arm, reward);
        }
    }

    function _lane(uint256 six, uint256 i) private pure returns (uint256) {
        return (six >> ((LANES - 1 - i) * LANE_BITS)) & (2 ** LANE_BITS - 1);
    }
}
