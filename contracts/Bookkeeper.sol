// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Books} from "./Books.sol";
import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Bits} from "./libraries/Bits.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seals} from "./libraries/Seals.sol";
import {Seats} from "./libraries/Seats.sol";
import {Rules} from "./Rules.sol";
import {BURNED, CostEntry, Parameters, Progress} from "./types/Game.sol";

/// @title What happens to a game's money: the half of its code that no round waits for
/// @dev Runs in the game's own storage, which calls it by delegation; its own stays empty, and it holds nothing.
contract Bookkeeper is Books {
    using Balances for Balances.Accounts;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seals for Seals.Keys;
    using Seats for Seats.Roster;

    constructor(
        Parameters memory parameters_,
        bytes32 saltCommitment,
        bytes32 secretCommitment,
        address environment_,
        uint256 pool_
    ) Rules(parameters_, saltCommitment, secretCommitment, environment_, pool_) {}

    function settleRewards(uint32 through, bytes calldata pulls) external direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleRewards, (through, pulls)));
        Progress memory progress_ = _requireOpened();
        if (progress_.isOver(HORIZON)) _requireWindow(progress_);
        if (SEALED == 1) _credits.settleTags(_history, through, pulls, PARTICIPANTS);
        else _credits.settle(_history, _docket, through, pulls, PARTICIPANTS, ARMS);
        emit IChainBandit.RewardsSettled(through);
    }

    function settleSums(bytes calldata sums) external direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleSums, (sums)));
        _requireSealed();
        Progress memory progress_ = _requireOver();
        _requireWindow(progress_);
        _credits.settleSums(_history, _docket, progress_.nextRound - 1, BURN_IN, sums, PARTICIPANTS);
        emit IChainBandit.SumsSettled(_credits.total(PARTICIPANTS));
    }

    function revealSeal(bytes32 sealKey) external direct {
        _requireWords(1);
        _requireSealed();
        uint16 seat = _roster.seatOf(msg.sender);
        _requireWindow(_requireOver());
        _seals.reveal(seat, sealKey);
        emit IChainBandit.SealRevealed(seat, sealKey);
    }

    function reveal(bytes32 secret, bytes calldata roles, bytes calldata model)
        external
       
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
        emit IChainBandit.Revealed(_disclosure.reveal(secret, roles, _seed, _history.head, progress_.nextRound - 1));
    }

    function settleCosts(CostEntry[] calldata entries) external direct onlyEnvironment {
        _requireCanonical(abi.encodeCall(IChainBandit.settleCosts, (entries)));
        _requireWindow(_requireOver());
        _disclosure.settle(_docket, entries, _shape(), BURN_IN, COST == 1);
        emit IChainBandit.CostsSettled(_disclosure.round + 1, _disclosure.costlyRounds);
    }

    function close() external direct {
        Progress memory progress_ = _requireOver();
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        bool complete = _disclosure.isComplete(BURN_IN) && _credits.settledThrough + 1 >= progress_.nextRound;
        uint256 deadline = progress_.overBlock(HORIZON) + SETTLEMENT_WINDOW;
        uint256 missing = 0;
        if (SEALED == 1) {
            complete = complete && _credits.summed;
            missing = _seals.missing(PARTICIPANTS);
        }
        if (!(complete && missing == 0) && block.number <= deadline) revert Unfinished(block.number, deadline);
        uint256 left = pool - _credits.total(PARTICIPANTS) * WEI_PER_UNIT;
        (uint256 paidIn, uint256 paidOut) = _costs();
        uint256 burned = complete
            ? _accounts.closeComplete(left, paidIn * WEI_PER_UNIT, paidOut * WEI_PER_UNIT)
            : _accounts.closeVoid(left, PARTICIPANTS - Bits.count(_docket.accused));
        burned += missing * UNREVEALED_PENALTY;
        emit IChainBandit.Closed(!complete, burned);
        if (burned != 0) Balances.send(BURNED, burned);
    }

    function withdraw() external {
        uint256 amount = _owed(msg.sender);
        if (amount == 0) revert NothingOwed(msg.sender);
        _accounts.withdrawn[msg.sender] = true;
        emit IChainBandit.Withdrawn(msg.sender, amount);
        Balances.send(msg.sender, amount);
    }

    function _requireSealed() private view {
        if (SEALED == 0) revert NotSealed();
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
