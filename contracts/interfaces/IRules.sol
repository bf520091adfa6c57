// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Parameters} from "../types/Game.sol";

/// @title What is fixed when a game is deployed
interface IRules {
    /// @notice The parameters that the game was deployed with.
    function parameters() external view returns (Parameters memory);

    /// @notice Who deployed the game and owns rewards, roles and cost.
    function environment() external view returns (address);

    /// @notice Wei that the environment put in.
    function pool() external view returns (uint256);

    /// @notice The game's identity: keccak of parameters and commitments.
    function game() external view returns (bytes32);
}
