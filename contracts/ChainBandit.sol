// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {LibRLP} from "solady/src/utils/LibRLP.sol";

import {Bookkeeper} from "./Bookkeeper.sol";
import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Bits} from "./libraries/Bits.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Seals} from "./libraries/Seals.sol";
import {Seats} from "./libraries/Seats.sol";
import {Records} from "./Records.sol";
import {Rules} from "./Rules.sol";
import {CostEntry, MAX_WEIGHT, Parameters, Progress} from "./types/Game.sol";

/// @title One game of chain_bandit
contract ChainBandit is Records {
    using Ledger for Ledger.History;
    using Seals for Seals.Keys;
    using Seats for Seats.Roster;

    constructor(Parameters memory parameters_, bytes32 saltCommitment, bytes32 secretCommitment)
        payable
        Rules(parameters_, saltCommitment, secretCommitment, msg.sender, msg.value)
    {
        Assumptions.check(parameters_, msg.value);
        // Its address follows from this one's, see `_bookkeeping`.
        new Bookkeeper(parameters_, saltCommitment, secretCommitment, msg.sender, msg.value);
    }

    /// @inheritdoc IChainBandit
    function join(bytes calldata keys) external payable override direct {
        _requireCanonical(abi.encodeCall(IChainBandit.join, (keys)));
        _requireOpening();
        if (msg.sender == environment) revert EnvironmentCannotJoin(msg.sender);
        uint256 heaviest = SORTITION == 0 ? 1 : MAX_WEIGHT;
        (uint16 seat, uint256 weight) = _roster.take(msg.sender, keys, heaviest, PARTICIPANTS);
        if (msg.value != weight * STAKE) revert WrongStake(msg.value, weight * STAKE);
        if (SORTITION != 0 || DRAWS_COMMANDERS) _roster.claim(seat, keys);
        if (SEALED == 1) _seals.register(seat, keys);
        emit Joined(seat, msg.sender);
    }

    /// @inheritdoc IChainBandit
    function open(bytes32 salt) external override direct onlyEnvironment {
        _requireOpening();
        bytes32 commitment = keccak256(abi.encode(salt));
        if (commitment != SALT_COMMITMENT) revert WrongSalt(commitment, SALT_COMMITMENT);
        bytes32 seed = _roster.settle(salt, PARTICIPANTS);
        bytes32 genesis_ = keccak256(abi.encode(game, seed));
        (_seed, _genesis, _history.head) = (seed, genesis_, genesis_);
        // slither-disable-next-line uninitialized-local -- all else starts at zero
        Progress memory progress_;
        progress_.nextRound = BURN_IN;
        progress_.lastRecordBlock = block.number;
        progress_.endBlock = block.number + GAME_BLOCKS;
        _history.store(progress_);
        for (uint256 i; i < Reputation.words(PARTICIPANTS); ++i) {
            _reputations[i] = Reputation.start();
        }
        if (COMMITTEES) _committee = Bits.all(PARTICIPANTS);
        _credits.settledThrough = BURN_IN;
        emit Opened(genesis_);
    }

    /// @inheritdoc IChainBandit
    function settleRewards(uint32, bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function settleSums(bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function revealSeal(bytes32) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function reveal(bytes32, bytes calldata, bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function settleCosts(CostEntry[] calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function close() external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function withdraw() external override {
        _bookkeeping();
    }

    /// @dev Has the bookkeeper, the first contract that this one created, do what was called for, here.
    function _bookkeeping() private {
        // slither-disable-next-line unused-return -- none of these calls returns anything
        Address.functionDelegateCall(LibRLP.computeAddress(address(this), 1), msg.data);
    }
}
