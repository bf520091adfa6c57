// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Books} from "./Books.sol";
import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seats} from "./libraries/Seats.sol";
import {APPROVED, BURNED, CostEntry, EXPLORATION, Parameters, Progress, REJECTED, SKIP} from "./types/Game.sol";

/// @title One game of chain_bandit
contract ChainBandit is Books {
    using Balances for Balances.Accounts;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seats for Seats.Roster;

    constructor(Parameters memory parameters_, bytes32 saltCommitment, bytes32 secretCommitment)
        payable
        Books(parameters_, saltCommitment, secretCommitment)
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
        bytes32 seed = _roster.seed(salt, PARTICIPANTS);
        bytes32 genesis_ = keccak256(abi.encode(game, seed));
        (_seed, _genesis, _history.head) = (seed, genesis_, genesis_);
        _history.progress = Progress(BURN_IN, 0, 0, uint64(block.number), uint64(block.number + GAME_BLOCKS));
        _credits.settledThrough = BURN_IN;
        emit Opened(genesis_);
    }

    /// @inheritdoc IChainBandit
    function submitBlock(bytes calldata header, bytes calldata body, uint256 signers, bytes calldata signatures)
        external
        override
        direct
    {
        _requireCanonical(abi.encodeCall(IChainBandit.submitBlock, (header, body, signers, signatures)));
        Progress memory progress_ = _requireRunning();
        bytes32 parent = _history.head;
        Blocks.check(header, body, PARTICIPANTS, ARMS, progress_.nextRound, parent);
        bytes32 digest = keccak256(header);
        _requireQuorum(progress_.nextRound, parent, digest, signers, signatures);
        _record(progress_, parent, Blocks.approves(header, ARMS) ? APPROVED : REJECTED, digest);
    }

    /// @inheritdoc IChainBandit
    function skip(uint256 signers, bytes calldata signatures) external override direct {
        _requireCanonical(abi.encodeCall(IChainBandit.skip, (signers, signatures)));
        Progress memory progress_ = _requireRunning();
        bytes32 parent = _history.head;
        _requireQuorum(progress_.nextRound, parent, 0, signers, signatures);
        _record(progress_, parent, SKIP, 0);
    }

    /// @inheritdoc IChainBandit
    function skipAfterDeadline() external override direct {
        Progress memory progress_ = _requireRunning();
        uint256 deadline = uint256(progress_.lastRecordBlock) + SKIP_DEADLINE;
        // slither-disable-next-line incorrect-equality -- a number that only the contract counts
        if (progress_.nextRound == BURN_IN) deadline += BURN_IN_BLOCKS;
        if (block.number <= deadline) revert DeadlineNotPassed(block.number, deadline);
        _record(progress_, _history.head, SKIP, 0);
    }

    /// @inheritdoc IChainBandit
    function settleRewards(uint32 through, bytes calldata pulls) external override direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleRewards, (through, pulls)));
        Progress memory progress_ = _requireOpened();
        if (progress_.isOver(HORIZON)) _requireWindow(progress_);
        _credits.settle(_history, through, pulls, PARTICIPANTS, ARMS);
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
        emit Revealed(_disclosure.reveal(secret, roles, _seed, _history.head, progress_.nextRound - 1));
    }

    /// @inheritdoc IChainBandit
    function settleCosts(CostEntry[] calldata entries) external override direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleCosts, (entries)));
        _requireWindow(_requireOver());
        _disclosure.settle(entries, PARTICIPANTS, ARMS, BURN_IN);
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
        uint256 burned = complete
            ? _accounts.closeComplete(left, _disclosure.total() * WEI_PER_UNIT, PARTICIPANTS, _disclosure.malicious)
            : _accounts.closeVoid(left, PARTICIPANTS);
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

    /// @dev Ends the open round, and the next one too when failures call for an exploration.
    function _record(Progress memory progress_, bytes32 parent, uint8 kind, bytes32 header) private {
        uint32 round = progress_.nextRound;
        bytes32 head_ = progress_.advance(parent, kind, header);
        if (kind == APPROVED) _history.approve(round);
        emit Recorded(round, kind, head_);
        if (progress_.explorationDue(FAILURE_LIMIT, HORIZON)) {
            head_ = progress_.advance(head_, EXPLORATION, 0);
            emit Recorded(round + 1, EXPLORATION, head_);
        }
        _history.head = head_;
        _history.progress = progress_;
    }
}
