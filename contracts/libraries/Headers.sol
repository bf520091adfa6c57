// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Terms} from "../types/Game.sol";

/// @title The digest of a header, put together beyond the memory in use: each block of a batch pays for it
/// @dev What a header is, Blocks says. Of every one the contract knows round, parent and block list. By
/// `abi.encodePacked` a compact round costs two hundred gas more, a full one a thousand.
library Headers {
    uint256 internal constant KNOWN = 100; // bytes of a header before its middle

    /// @notice Of a header that lies in `data` from `at` to `end`, but for what the contract knows.
    // slither-disable-next-line assembly -- as said above
    function digest(uint256 round, bytes32 parent, uint256 blocked, bytes calldata data, uint256 at, uint256 end)
        internal
        pure
        returns (bytes32 result)
    {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let header := mload(0x40)
            let size := sub(end, at)
            mstore(header, shl(224, round))
            mstore(add(header, 4), parent)
            mstore(add(header, 36), blocked)
            calldatacopy(add(header, 68), add(data.offset, at), size)
            result := keccak256(header, add(size, 68))
        }
    }

    /// @notice Of a header whose middle and rest lie in `data` from `at` on, the body behind it from `bodyAt` to `end`.
    function digest(
        uint256 round,
        bytes32 parent,
        uint256 blocked,
        bytes calldata data,
        uint256 at,
        uint256 bodyAt,
        uint256 end
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(uint32(round), parent, blocked, keccak256(data[bodyAt:end]), data[at:bodyAt])
        );
    }

    /// @notice Of a header whose middle lies in `data` from `at` on, the body behind it from `bodyAt` to `end`.
    /// @param means Eight a word, and `accuracies` sixteen a word. The means are let go of, and all behind them.
    // slither-disable-next-line assembly -- as said above
    function digest(
        Terms memory t,
        uint256 round,
        bytes32 parent,
        uint256 blocked,
        bytes calldata data,
        uint256 at,
        uint256 bodyAt,
        uint256 end,
        uint256[] memory means,
        uint256[] memory accuracies
    ) internal pure returns (bytes32 result) {
        unchecked {
            uint256 middleBytes = bodyAt - at;
            uint256 bodyBytes = end - bodyAt;
            uint256 meansBytes = 4 * t.arms;
            uint256 accuraciesBytes = 2 * t.participants;
            // solhint-disable-next-line no-inline-assembly
            assembly ("memory-safe") {
                let header := mload(0x40)
                calldatacopy(header, add(data.offset, bodyAt), bodyBytes)
                mstore(add(header, 68), keccak256(header, bodyBytes))
                mstore(header, shl(224, round))
                mstore(add(header, 4), parent)
                mstore(add(header, 36), blocked)
                let next := add(header, KNOWN)
                calldatacopy(next, add(data.offset, at), middleBytes)
                next := add(next, middleBytes)
                mcopy(next, add(means, 32), meansBytes)
                next := add(next, meansBytes)
                mcopy(next, add(accuracies, 32), accuraciesBytes)
                result := keccak256(header, sub(add(next, accuraciesBytes), header))
                mstore(0x40, means)
            }
        }
    }
}
