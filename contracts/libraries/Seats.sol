// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBytes} from "solady/src/utils/LibBytes.sol";
import {LibRLP} from "solady/src/utils/LibRLP.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {IErrors} from "../interfaces/IErrors.sol";

/// @title Who sits where
/// @dev From the opening on all keys also lie in the code of a contract of their own, the only one that the
/// game creates: reading them all costs about as much there as two of them in storage.
library Seats {
    uint256 private constant KEY_BYTES = 20;
    uint256 private constant VRF_BYTES = 33;
    uint256 private constant WEIGHT_AT = 65; // after the hash of the sealing key
    uint256 private constant REGISTERED_BYTES = 67;
    uint256 private constant ORDINAL_BITS = 16;

    struct Roster {
        address[] seats;
        mapping(address => uint256) ordinal; // seat + 1, and above it the weight; 0 for whoever has none
        bytes32 registered; // keccak of this before the last joining, and of the keys that came with it
        mapping(bytes32 => uint256) drawer; // seat + 1 by the keccak of a VRF key; kept where anything is drawn
    }

    /// @notice Gives `account` the next of `places` seats.
    /// @param more The other keys that it registers, and its weight.
    /// @param heaviest The most that a weight may be.
    function take(Roster storage roster, address account, bytes calldata more, uint256 heaviest, uint256 places)
        internal
        returns (uint16 seat, uint256 weight)
    {
        if (more.length != REGISTERED_BYTES) revert IErrors.WrongKeysLength(more.length, REGISTERED_BYTES);
        weight = uint16(bytes2(more[WEIGHT_AT:]));
        if (weight == 0 || weight > heaviest) revert IErrors.WeightOutOfRange(weight, heaviest);
        uint256 taken = roster.ordinal[account];
        if (taken != 0) revert IErrors.AlreadyJoined(account, uint16(taken - 1));
        uint256 joined = roster.seats.length;
        if (joined == places) revert IErrors.SeatsFilled(places);
        roster.seats.push(account);
        roster.ordinal[account] = weight << ORDINAL_BITS | joined + 1;
        roster.registered = keccak256(bytes.concat(roster.registered, more));
        seat = uint16(joined);
    }

    /// @notice Keeps a seat's VRF key for it alone: who shares one is drawn together.
    /// @param more All that it registers besides its account.
    function claim(Roster storage roster, uint256 seat, bytes calldata more) internal {
        bytes32 hash = keccak256(more[:VRF_BYTES]);
        uint256 taken = roster.drawer[hash];
        if (taken != 0) revert IErrors.VrfKeyOfAnotherSeat(taken - 1);
        roster.drawer[hash] = seat + 1;
    }

    /// @notice Fixes the seats once all `places` are taken. Gives seed_0 = keccak(all addresses by seat, the digest of
    /// all other keys, salt).
    function settle(Roster storage roster, bytes32 salt, uint256 places) internal returns (bytes32) {
        uint256 joined = roster.seats.length;
        if (joined != places) revert IErrors.SeatsMissing(joined, places);
        // slither-disable-next-line uninitialized-local -- starts empty
        bytes memory packed;
        for (uint256 seat; seat < joined; ++seat) {
            packed = bytes.concat(packed, bytes20(roster.seats[seat]));
        }
        // slither-disable-next-line unused-return -- `keys` computes where they lie
        SSTORE2.write(packed);
        return keccak256(bytes.concat(packed, roster.registered, salt));
    }

    /// @notice The keys of all seats of a game that was opened, for `key`.
    function keys() internal view returns (bytes memory) {
        return SSTORE2.read(LibRLP.computeAddress(address(this), 1));
    }

    /// @notice The key of a seat that exists.
    function key(bytes memory keys_, uint256 seat) internal pure returns (uint256) {
        unchecked {
            return uint256(LibBytes.load(keys_, KEY_BYTES * seat)) >> 96;
        }
    }

    /// @notice The weight of an account's seat; 0 of whoever has none.
    function weightOf(Roster storage roster, address account) internal view returns (uint256) {
        return roster.ordinal[account] >> ORDINAL_BITS;
    }

    /// @notice The seat of an account that has one.
    function seatOf(Roster storage roster, address account) internal view returns (uint16) {
        uint256 taken = roster.ordinal[account];
        if (taken == 0) revert IErrors.NotParticipant(account);
        return uint16(taken - 1);
    }

    /// @notice Who has a seat that is taken.
    function participantAt(Roster storage roster, uint256 seat) internal view returns (address) {
        uint256 joined = roster.seats.length;
        if (seat >= joined) revert IErrors.SeatEmpty(seat, joined);
        return roster.seats[seat];
    }
}
