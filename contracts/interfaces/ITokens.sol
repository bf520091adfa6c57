// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Terms} from "../types/Agreement.sol";
import {Equivocation} from "../types/Game.sol";

/// @title One token that all participants use, agreed once an epoch
interface ITokens {
    /// @dev Of an epoch that came to nothing `counted` is empty, and the token is the last one.
    event TokenAgreed(uint32 epoch, uint64 token, uint256 counted, bytes32 head);
    event Accused(uint16 seat, uint32 since);

    error SeatsOutOfRange(uint256 participants, uint256 validators);
    error TooManyFaulty(uint256 validators, uint256 faulty);
    error GroupsOutOfRange(uint256 groups, uint256 participants);
    error BoundsMalformed(uint256 first, uint256 most, uint256 step);
    error WrongSeats(uint256 got, uint256 expected);
    error SeatsNotAscending(uint256 seat);
    error BodyMalformed(uint256 got, uint256 expected);
    error UnknownMembers(uint256 members, uint256 left);
    error GroupTooSmall(uint256 members);
    error TotalTooLarge(uint256 total, uint256 most);
    error NetTooLarge(uint256 seat, int256 net);
    error NothingAgreed();

    /// @notice Ends the open epoch by a quorum's word, and agrees on the next token.
    /// @param body What the shares came to, as `chain_bandit/protocol/agreement/body.py` has it; empty for nothing.
    /// @param signers Seats of validators, whose signatures follow by ascending seat, 64 bytes each.
    function agree(bytes calldata body, uint256 signers, bytes calldata signatures) external;

    /// @notice Ends the open epoch with the last token, once the deadline has passed.
    function keepAfterDeadline() external;

    /// @notice Takes proof that a seat signed two contents in one slot: it is left out from the next epoch on.
    function reportEquivocation(Equivocation calldata proof) external;

    /// @notice What is fixed.
    function terms() external view returns (Terms memory);

    /// @notice Identity of the agreement: keccak of terms and seats.
    function agreement() external view returns (bytes32);

    /// @notice The token in use, in units of 1e-9.
    function token() external view returns (uint64);

    /// @notice The open epoch, from 0.
    function nextEpoch() external view returns (uint32);

    /// @notice The digest of all epochs so far.
    function head() external view returns (bytes32);

    /// @notice Signatures that end the open epoch.
    function quorum() external view returns (uint256);

    /// @notice The account in a seat.
    function accountAt(uint16 seat) external view returns (address);

    /// @notice The first epoch that a seat is left out of; 0 for none.
    function blockedFrom(uint16 seat) external view returns (uint256);

    /// @notice Incentive credits of a participant, in units: no money, and nobody pays for them.
    function creditsOf(uint16 seat) external view returns (int256);
}
