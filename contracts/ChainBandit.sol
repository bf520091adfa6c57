// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Bits} from "./libraries/Bits.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seats} from "./libraries/Seats.sol";
import {Records} from "./Records.sol";
import {BURNED, CostEntry, Parameters, Progress} from "./types/Game.sol";

/// @title One game of chain_bandit
contract ChainBandit is Records {
    using Balances for Balances.Accounts;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seats for Seats.Roster;

    constructor(Parameters memory parameters_, bytes32 saltCommitment, bytes32 secretCommitment)
        payable
        Records(parameters_, saltCommitment, secretCommitment)
    {}

    /// @inheritdoc IChainBandit
    function join() external payable override direct {
        _requireOpening();
        if (msg.sender == environment) revert EnvironmentCannotJoin(msg.sender);
        if (msg.value != STAKE) revert WrongStake(msg.value, STAKE);
        emit Joined(_roster.take(msg.sender, PARTICIPANTS), msg.sender);
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
        if (VALIDATORS != PARTICIPANTS) _committee = Bits.all(PARTICIPANTS);
        _credits.settledThrough = BURN_IN;
        emit Opened(genesis_);
    }

    /// @inheritdoc IChainBandit
    function settleRewards(uint32 through, bytes calldata pulls) external override direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleRewards, (through, pulls)));
        Progress memory progress_ = _requireOpened();
        if (progress_.isOver(HORIZON)) _requireWindow(progress_);
        _credits.settle(_history, _docket, through, pulls, PARTICIPANTS, ARMS);
        emit RewardsSettled(through);
    }

    /// @inheritdoc IChainBandit
    function reveal(bytes32 secret, bytes calldata roles, bytes calldata model)
        external
        override
        direct
        onlyEnvironment
    {
        _requireCanonical(abi.encodeCall(IChainBandit.reveal, (secret, roles, model)));
        Progress memory progress_ = _requireOver();
        _requireWindow(progress_);
        if (roles.length != PARTICIPANTS) revert WrongRolesLength(roles.length, PARTICIPANTS);
        bytes32 commitment = keccak256(abi.encode(secret, keccak256(roles), keccak256(model)));
        if (commitment != SECRET_COMMITMENT) revert WrongSecret(commitment, SECRET_COMMITMENT);
        if (COST == 1) _disclosure.keepMeans(model, ARMS);
        emit Revealed(_disclosure.reveal(secret, roles, _seed, _history.head, progress_.nextRound - 1));
    }

    /// @inheritdoc IChainBandit
    function settleCosts(CostEntry[] calldata entries) external override direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleCosts, (entries)));
        _requireWindow(_requireOver());
        _disclosure.settle(_docket, entries, _shape(), BURN_IN, COST == 1);
        emit CostsSettled(_disclosure.round + 1, _disclosure.costlyRounds);
    }

    /// @inheritdoc IChainBandit
    function close() external override direct {
        Progress memory progress_ = _requireOver();
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        bool complete = _disclosure.isComplete(BURN_IN) && _credits.settledThrough + 1 >= progress_.nextRound;
        uint256 deadline = progress_.overBlock(HORIZON) + SETTLEMENT_WINDOW;
        if (!complete && block.number <= deadline) revert Unfinished(block.number, deadline);
        uint256 left = pool - _credits.total(PARTICIPANTS) * WEI_PER_UNIT;
        (uint256 paidIn, uint256 paidOut) = _costs();
        uint256 burned = complete
            ? _accounts.closeComplete(left, paidIn * WEI_PER_UNIT, paidOut * WEI_PER_UNIT)
            : _accounts.closeVoid(left, PARTICIPANTS - Bits.count(_docket.accused));
        emit Closed(!complete, burned);
        if (burned != 0) Balances.send(BURNED, burned);
    }

    /// @inheritdoc IChainBandit
    function withdraw() external override {
        uint256 amount = owed(msg.sender);
        if (amount == 0) revert NothingOwed(msg.sender);
        _accounts.withdrawn[msg.sender] = true;
        emit Withdrawn(msg.sender, amount);
        Balances.send(msg.sender, amount);
    }

    /// @inheritdoc IChainBandit
    function revealCounts(bytes32 saltKey) external override direct {
        uint16 seat = _roster.seatOf(msg.sender);
        _requireOver();
        emit CountsRevealed(seat, saltKey);
    }

    /// @dev What the costly rounds took from the honest and gave to the others, in units.
    function _costs() private view returns (uint256 paidIn, uint256 paidOut) {
        for (uint256 seat; seat < PARTICIPANTS; ++seat) {
            uint256 change = _disclosure.changeOf(seat);
            if (_disclosure.isMalicious(seat)) paidOut += change;
            else paidIn += change;
        }
    }
}
