// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The most that a token is worth, in units of 1e-9.
uint256 constant LARGEST = 2 ** 53 - 1;
// What stands where a group came to nothing, or a validator gave no sum: no element of the field.
uint256 constant NONE = type(uint96).max;

/// @dev Every number that decides an agreement; its ABI encoding is bound by the digest of the agreement.
struct Terms {
    uint16 participants; // N, in seats 0 to N - 1: share their tokens
    uint16 validators; // V, in seats N to N + V - 1: hold the shares
    uint16 faulty; // f, the most validators that may do anything
    uint16 groups; // the most groups of participants; 1 for the mean of all
    uint64 first; // the token before the first epoch, in units
    uint64 most; // what a token is clamped to
    uint64 step; // the most that it changes in an epoch
    uint16 steps; // of an epoch, in which tokens are sent; 0: no credits are kept
    uint32 deadline; // chain blocks without a record after which anybody may end the epoch
}
