// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

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

    /// @notice The set in `size` big-endian bytes of `data` from `at` on; the caller has checked the length.
    function read(bytes calldata data, uint256 at, uint256 size) internal pure returns (uint256) {
        unchecked {
            return uint256(bytes32(data[at:at + size])) >> (256 - 8 * size);
        }
    }
}
