// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";

/// @title Who sits where
library Seats {
    struct Roster {
        address[] seats;
        mapping(address => uint256) ordinal; // seat + 1; 0 for whoever has none
    }

    /// @notice Gives `account` the next of `places` seats.
    function take(Roster storage roster, address account, uint256 places) internal returns (uint16 seat) {
        uint256 taken = roster.ordinal[account];
        if (taken != 0) revert IErrors.AlreadyJoined(account, uint16(taken - 1));
        uint256 joined = roster.seats.length;
        if (joined == places) revert IErrors.SeatsFilled(places);
        roster.seats.push(account);
        roster.ordinal[account] = joined + 1;
        return uint16(joined);
    }

    /// @notice seed_0 = keccak(all addresses by seat, salt), once all `places` are taken.
    function seed(Roster storage roster, bytes32 salt, uint256 places) internal view returns (bytes32) {
        uint256 joined = roster.seats.length;
        if (joined != places) revert IErrors.SeatsMissing(joined, places);
        // slither-disable-next-line uninitialized-local -- starts empty
        bytes memory packed;
        for (uint256 seat; seat < joined; ++seat) {
            packed = bytes.concat(packed, bytes20(roster.seats[seat]));
        }
        return keccak256(bytes.concat(packed, salt));
    }

    /// @notice Whether an account has a seat.
    function holds(Roster storage roster, address account) internal view returns (bool) {
        return roster.ordinal[account] != 0;
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
