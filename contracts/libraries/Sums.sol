// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ITokens} from "../interfaces/ITokens.sol";
import {LARGEST, NONE, Terms} from "../types/Agreement.sol";
import {Bits} from "./Bits.sol";

/// @title What the shares of an epoch came to, and the token that follows
/// @dev The twin of `chain_bandit/protocol/agreement/body.py`: 32 bytes of the dealings' digest, 32 of the seed that
/// groups are drawn by, a byte with their number, 44 bytes a group (its seats, the sum of their tokens), 12 bytes for
/// each sum of each validator, group by group, and where credits are kept 4 bytes a participant.
library Sums {
    uint256 private constant GROUPS_AT = 65;
    uint256 private constant GROUP_BYTES = 44;
    uint256 private constant SUM_BYTES = 12;
    uint256 private constant NET_BYTES = 4;

    /// @notice The median of the groups' means, and everybody in a group. `left`: who may be in one.
    function read(Terms memory terms, bytes calldata body, uint256 left)
        internal
        pure
        returns (uint256 agreed, uint256 counted)
    {
        uint256 groups = _groups(terms, body);
        uint256[] memory means = new uint256[](groups);
        uint256 found = 0;
        for (uint256 group; group < groups; ++group) {
            uint256 at = GROUPS_AT + GROUP_BYTES * group;
            uint256 members = Bits.word(body, at);
            uint256 free = left & ~counted;
            if (members & ~free != 0) revert ITokens.UnknownMembers(members, free);
            uint256 size = Bits.count(members);
            if (size < 2) revert ITokens.GroupTooSmall(members);
            counted |= members;
            uint256 total = Bits.read(body, at + 32, SUM_BYTES);
            if (total == NONE) continue;
            if (total > size * LARGEST) revert ITokens.TotalTooLarge(total, size * LARGEST);
            _insert(means, found, total / size);
            ++found;
        }
        if (found == 0) revert ITokens.NothingAgreed();
        agreed = (means[(found - 1) / 2] + means[found / 2]) / 2;
    }

    /// @notice The closest to `agreed` up to `most` that is at most `step` from `last`.
    function clamped(Terms memory terms, uint256 agreed, uint256 last) internal pure returns (uint256) {
        uint256 least = last > terms.step ? last - terms.step : 0;
        uint256 highest = last + terms.step < terms.most ? last + terms.step : terms.most;
        if (agreed < least) return least;
        return agreed > highest ? highest : agreed;
    }

    /// @notice How many tokens a participant was sent, less those that were taken from it: in a step one at most for
    /// what others ask, and one either way for what they answer.
    function net(Terms memory terms, bytes calldata body, uint256 seat) internal pure returns (int256 tokens) {
        uint256 at = body.length - NET_BYTES * (terms.participants - seat);
        tokens = int32(uint32(Bits.read(body, at, NET_BYTES)));
        int256 steps = int256(uint256(terms.steps));
        if (tokens > 2 * steps || tokens < -steps) revert ITokens.NetTooLarge(seat, tokens);
    }

    function _groups(Terms memory terms, bytes calldata body) private pure returns (uint256 groups) {
        groups = Bits.read(body, GROUPS_AT - 1, 1);
        if (groups == 0 || groups > terms.groups) revert ITokens.GroupsOutOfRange(groups, terms.groups);
        uint256 expected = GROUPS_AT + groups * (GROUP_BYTES + SUM_BYTES * terms.validators);
        if (terms.steps != 0) expected += NET_BYTES * terms.participants;
        if (body.length != expected) revert ITokens.BodyMalformed(body.length, expected);
    }

    /// @dev Puts a value where it belongs among the first `size`, which ascend.
    function _insert(uint256[] memory values, uint256 size, uint256 value) private pure {
        while (size != 0 && values[size - 1] > value) {
            values[size] = values[size - 1];
            --size;
        }
        values[size] = value;
    }
}
