// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title What blocks do to reputations and committees, one number at a time
/// @dev Written from `docs/protocol.md`: no lanes, no masks of bits within words, no unchecked arithmetic.
library Model {
    uint256 internal constant FULL = 65535;
    uint256 internal constant NOBODY = 4294967295; // the mean over an empty B_i

    function has(uint256 set, uint256 seat) internal pure returns (bool) {
        return (set / 2 ** seat) % 2 == 1;
    }

    function bits(uint256 set) internal pure returns (uint256 count) {
        for (; set != 0; set &= set - 1) {
            ++count;
        }
    }

    /// @notice Algorithm 4: the floored mean of each arm over its B_i. `reports` by seat, empty without a report.
    function means(uint256[][] memory reports, uint256[] memory selected) internal pure returns (uint256[] memory all) {
        all = new uint256[](selected.length);
        for (uint256 arm; arm < selected.length; ++arm) {
            uint256 sum;
            uint256 count;
            for (uint256 seat; seat < reports.length; ++seat) {
                if (!has(selected[arm], seat)) continue;
                sum += reports[seat][arm];
                ++count;
            }
            all[arm] = count == 0 ? NOBODY : sum / count;
        }
    }

    /// @notice G of the mean over arms of what |report - mean| exceeds the arm's radius by.
    function accuracies(uint256[][] memory reports, uint256[] memory agreed, uint256[] memory radii, uint256 tolerance)
        internal
        pure
        returns (uint256[] memory all)
    {
        all = new uint256[](reports.length);
        for (uint256 seat; seat < reports.length; ++seat) {
            if (reports[seat].length == 0) continue;
            uint256 beyond;
            for (uint256 arm; arm < agreed.length; ++arm) {
                uint256 said = reports[seat][arm];
                if (agreed[arm] == NOBODY) continue;
                uint256 apart = said > agreed[arm] ? said - agreed[arm] : agreed[arm] - said;
                if (apart > radii[arm]) beyond += apart - radii[arm];
            }
            uint256 distance = beyond / agreed.length;
            if (distance < tolerance) all[seat] = FULL * (tolerance - distance) / tolerance;
        }
    }

    function moved(uint256[] memory old, uint256[] memory accurate) internal pure returns (uint256[] memory all) {
        all = new uint256[](old.length);
        for (uint256 seat; seat < old.length; ++seat) {
            all[seat] = old[seat] - old[seat] / 8 + accurate[seat] / 8;
        }
    }

    function penalised(uint256[] memory old, uint256 seats, uint256 penalty)
        internal
        pure
        returns (uint256[] memory all)
    {
        all = new uint256[](old.length);
        for (uint256 seat; seat < old.length; ++seat) {
            uint256 taken = has(seats, seat) ? penalty : 0;
            all[seat] = old[seat] > taken ? old[seat] - taken : 0;
        }
    }

    /// @notice min(M, N 2**k) after k skips in a row.
    function size(uint256 participants, uint256 validators, uint256 skips) internal pure returns (uint256) {
        for (; skips != 0 && validators < participants; --skips) {
            validators *= 2;
        }
        return validators < participants ? validators : participants;
    }

    function roundSeed(bytes32 seed, uint256 round) internal pure returns (bytes32) {
        return keccak256(bytes.concat(seed, bytes4(uint32(round))));
    }

    /// @notice The `count` best of `eligible`, one after the other: by reputation, then by keccak(seed_t, seat).
    function best(uint256[] memory reputations, uint256 eligible, uint256 count, bytes32 seed)
        internal
        pure
        returns (uint256 set)
    {
        bytes32[] memory ties = new bytes32[](reputations.length);
        for (uint256 seat; seat < ties.length; ++seat) {
            ties[seat] = keccak256(bytes.concat(seed, bytes2(uint16(seat))));
        }
        for (uint256 taken; taken < count && set != eligible; ++taken) {
            uint256 top = type(uint256).max;
            for (uint256 seat; seat < reputations.length; ++seat) {
                if (!has(eligible, seat) || has(set, seat)) continue;
                if (top == type(uint256).max || reputations[seat] > reputations[top]) top = seat;
                else if (reputations[seat] == reputations[top] && ties[seat] < ties[top]) top = seat;
            }
            set += 2 ** top;
        }
    }
}
