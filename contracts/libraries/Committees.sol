// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";
import {Reputation} from "./Reputation.sol";

/// @title Who validates a round: the best by reputation, ties by keccak(seed_t, seat); or whom a header names
/// @dev The twin of `chain_bandit/protocol/committee.py`. A transaction brings a committee and has it checked; only
/// the view `best` ranks.
library Committees {
    /// @notice min(M, N 2**k) after k skips in a row.
    function size(uint256 participants, uint256 validators, uint256 skips) internal pure returns (uint256) {
        uint256 grown = validators << (skips < 8 ? skips : 8);
        return grown < participants ? grown : participants;
    }

    /// @notice seed_t = keccak(seed_0, t).
    function roundSeed(bytes32 seed, uint256 round) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(seed, uint32(round)));
    }

    /// @notice Refuses any set but the `wanted` best of `eligible`, or all of it when it is smaller.
    function check(
        uint256[] memory reputations,
        uint256 committee,
        uint256 eligible,
        uint256 wanted,
        bytes32 seed
    ) internal pure {
        unchecked {
            uint256 members = Bits.count(committee);
            uint256 others = eligible & ~committee;
            if (committee & ~eligible != 0 || members > wanted || (members != wanted && others != 0)) {
                _refuse(committee, eligible, wanted);
            }
            if (others == 0) return;
            (uint256 worst, uint256 rival) = _edges(reputations, committee, others);
            if (worst > rival) return;
            if (worst < rival) revert IErrors.CommitteeNotBest(worst, rival);
            _checkTies(reputations, committee, others, worst, seed);
        }
    }

    /// @notice Refuses what a header cannot name: that these were drawn, or chosen by a rule, the quorum vouches for.
    /// @param least How many at least, or all of `eligible` when it is smaller. After a round without a block it is
    /// all of them: then no quorum has named anybody.
    function checkNamed(uint256 committee, uint256 eligible, uint256 least) internal pure {
        unchecked {
            if (committee == 0 || committee & ~eligible != 0 || (least > 1 && Bits.count(committee) < least)) {
                _refuse(committee, eligible, least);
            }
        }
    }

    function _refuse(uint256 committee, uint256 eligible, uint256 wanted) private pure {
        uint256 there = Bits.count(eligible);
        revert IErrors.CommitteeMalformed(committee, eligible, wanted < there ? wanted : there);
    }

    /// @notice The seats of `eligible` in order, the best first.
    function ranked(uint256[] memory reputations, uint256 eligible, bytes32 seed)
        internal
        pure
        returns (uint16[] memory seats)
    {
        seats = new uint16[](Bits.count(eligible));
        uint256 taken = 0;
        for (uint256 seat; seat < 256; ++seat) {
            if (eligible >> seat & 1 == 0) continue;
            uint256 place = taken;
            ++taken;
            for (; place != 0 && _precedes(reputations, seat, seats[place - 1], seed); --place) {
                seats[place] = seats[place - 1];
            }
            seats[place] = uint16(seat);
        }
    }

    /// @dev The lowest reputation inside, and the highest outside.
    function _edges(uint256[] memory reputations, uint256 committee, uint256 others)
        private
        pure
        returns (uint256 worst, uint256 rival)
    {
        unchecked {
            worst = type(uint256).max;
            uint256 eligible = committee | others;
            for (uint256 seat; eligible >> seat != 0; ++seat) {
                uint256 reputation = Reputation.ofSeat(reputations, seat);
                if (committee >> seat & 1 == 1 && reputation < worst) worst = reputation;
                if (others >> seat & 1 == 1 && reputation > rival) rival = reputation;
            }
        }
    }

    /// @dev Of those at the boundary, who is in must come before who is out.
    function _checkTies(
        uint256[] memory reputations,
        uint256 committee,
        uint256 others,
        uint256 boundary,
        bytes32 seed
    ) private pure {
        unchecked {
            uint256 last = 0;
            uint256 first = type(uint256).max;
            for (uint256 seat; (committee | others) >> seat != 0; ++seat) {
                if ((committee | others) >> seat & 1 == 0) continue;
                if (Reputation.ofSeat(reputations, seat) != boundary) continue;
                uint256 tie = _tie(seed, seat);
                if (committee >> seat & 1 == 1) {
                    if (tie > last) last = tie;
                } else if (tie < first) {
                    first = tie;
                }
            }
            if (last > first) revert IErrors.CommitteeNotBest(boundary, boundary);
        }
    }

    function _precedes(uint256[] memory reputations, uint256 seat, uint256 other, bytes32 seed)
        private
        pure
        returns (bool)
    {
        uint256 mine = Reputation.ofSeat(reputations, seat);
        uint256 theirs = Reputation.ofSeat(reputations, other);
        return mine > theirs || (mine == theirs && _tie(seed, seat) < _tie(seed, other));
    }

    function _tie(bytes32 seed, uint256 seat) private pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(seed, uint16(seat))));
    }
}
