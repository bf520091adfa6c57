// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBytes} from "solady/src/utils/LibBytes.sol";

/// @title Sets of seats in a word
library Bits {
    /// @notice How many seats a set holds, 0 to 256: sums of ever wider lanes.
    function count(uint256 set) internal pure returns (uint256) {
        unchecked {
            set -= (set >> 1) & (type(uint256).max / 3);
            set = (set & (type(uint256).max / 5)) + ((set >> 2) & (type(uint256).max / 5));
            set = (set + (set >> 4)) & (type(uint256).max / 17);
            set = (set + (set >> 8)) & (type(uint256).max / 257);
            // slither-disable-next-line divide-before-multiply -- exact: 65535 divides 2**256 - 1
            return (set * (type(uint256).max / 65535)) >> 240;
        }
    }

    /// @notice The set of all of so many seats, 1 to 256.
    function all(uint256 seats) internal pure returns (uint256) {
        unchecked {
            return type(uint256).max >> (256 - seats);
        }
    }

    /// @notice The set in `size` big-endian bytes of `data` from `at` on; zeros stand beyond its end.
    function read(bytes calldata data, uint256 at, uint256 size) internal pure returns (uint256) {
        unchecked {
            return uint256(LibBytes.loadCalldata(data, at)) >> (256 - 8 * size);
        }
    }

    /// @notice The 32 bytes of `data` from `at` on; zeros stand beyond its end.
    function word(bytes calldata data, uint256 at) internal pure returns (uint256) {
        return uint256(LibBytes.loadCalldata(data, at));
    }

    /// @notice A word whose first `lanes` of so many bits are set.
    function first(uint256 lanes, uint256 bits) internal pure returns (uint256) {
        unchecked {
            return lanes * bits >= 256 ? type(uint256).max : ~(type(uint256).max >> (lanes * bits));
        }
    }
}
