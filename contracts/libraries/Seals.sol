// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";

/// @title The sealing keys of a sealed game: registered by their hash, revealed after the game
library Seals {
    uint256 private constant HASH_AT = 33; // in the keys that a participant registers

    struct Keys {
        uint256 revealed; // seats
        mapping(uint256 => bytes32) hashes; // of a revealed key the key itself
    }

    /// @notice Keeps the hash of a seat's sealing key, from all the keys that it registers.
    function register(Keys storage seals, uint256 seat, bytes calldata more) internal {
        seals.hashes[seat] = bytes32(more[HASH_AT:]);
    }

    /// @notice Takes a seat's key, once.
    function reveal(Keys storage seals, uint256 seat, bytes32 key) internal {
        if (isRevealed(seals, seat)) revert IErrors.SealAlreadyRevealed(seat);
        bytes32 hash = keccak256(abi.encode(key));
        if (hash != seals.hashes[seat]) revert IErrors.WrongSealKey(seat, hash, seals.hashes[seat]);
        seals.revealed |= 1 << seat;
        seals.hashes[seat] = key;
    }

    /// @notice Whether a seat revealed its key.
    function isRevealed(Keys storage seals, uint256 seat) internal view returns (bool) {
        return seals.revealed >> seat & 1 == 1;
    }

    /// @notice How many of the seats did not.
    function missing(Keys storage seals, uint256 participants) internal view returns (uint256) {
        unchecked {
            return participants - Bits.count(seals.revealed);
        }
    }
}
