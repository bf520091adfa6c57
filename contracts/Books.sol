// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Direct} from "./Direct.sol";
import {Balances} from "./libraries/Balances.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seals} from "./libraries/Seals.sol";
import {Seats} from "./libraries/Seats.sol";
import {Tallies} from "./libraries/Tallies.sol";
import {Rules} from "./Rules.sol";
import {Money, Progress, Terms} from "./types/Game.sol";

/// @title What is remembered of a game, and the guards that rest on it
abstract contract Books is Direct, Rules {
    using Balances for Balances.Accounts;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seals for Seals.Keys;
    using Seats for Seats.Roster;
    using Tallies for Tallies.Proven;

    Ledger.History internal _history;
    // slither-disable-start uninitialized-state,constable-states,unused-state -- each half of the code uses some
    mapping(uint256 => uint256) internal _reputations;
    uint256 internal _committee; // of the open round; unused where everybody validates
    BlockList.Docket internal _docket;
    Seats.Roster internal _roster;
    Rewards.Credits internal _credits;
    Costs.Disclosure internal _disclosure;
    Balances.Accounts internal _accounts;
    bytes32 internal _genesis;
    bytes32 internal _seed;
    Seals.Keys internal _seals; // unused in an open game
    Tallies.Proven internal _proven;
    // slither-disable-end uninitialized-state,constable-states,unused-state

    function _requireEnvironment(Money memory m) internal view {
        if (msg.sender != m.environment) revert NotEnvironment(msg.sender, m.environment);
    }

    /// @dev Wei that an account can withdraw now.
    function _owed(Money memory m, address account) internal view returns (uint256) {
        bool refunded = _progress().endBlock == 0 && block.number > m.openUntil;
        if (_accounts.withdrawn[account] || !(refunded || _accounts.closed)) return 0;
        if (account == m.environment) return refunded ? m.pool : _accounts.environment;
        uint256 deposit = _roster.weightOf(account) * m.stake; // nothing of whoever has no seat
        return refunded || deposit == 0 ? deposit : _due(m, _roster.seatOf(account), deposit);
    }

    /// @dev What a closed game owes a seat. One stake covers any change, penalty and slash taken from it.
    function _due(Money memory m, uint16 seat, uint256 deposit) private view returns (uint256 due) {
        uint256 units = _credits.unitsOf(seat);
        bool listed = false;
        if (_docket.accused >> seat & 1 == 1) {
            listed = _slashed() >> seat & 1 == 1;
            units = _proven.keeps(seat, units);
        }
        due = deposit + units * m.weiPerUnit;
        if (listed) due -= _slash();
        if (m.sealedGame == 1 && !_seals.isRevealed(seat)) due -= m.unrevealedPenalty;
        if (_accounts.costsVoid) return listed ? due : due + _accounts.share;
        uint256 change = _disclosure.changeOf(seat) * m.weiPerUnit;
        return _disclosure.isMalicious(seat) ? due + change : due - change;
    }

    /// @dev Who loses the slash: everybody with a proof against it but who was acquitted of the only one.
    function _slashed() internal view returns (uint256 accused) {
        accused = _docket.accused;
        if (accused != 0) accused &= _proven.struck | _proven.twice | ~_proven.acquitted;
    }

    /// @dev Whom a false report put on the block list.
    function _liars(Terms memory t) internal view returns (uint256) {
        return _names(t) ? _docket.accused & ~_proven.struck : 0;
    }

    function _requireOpening(Money memory m) internal view {
        if (_genesis != 0) revert AlreadyOpened(_genesis);
        if (block.number > m.openUntil) revert OpeningMissed(block.number, m.openUntil);
    }

    /// @dev Where the game stands.
    function _progress() internal view returns (Progress memory progress_) {
        _loadProgress(progress_);
    }

    function _loadProgress(Progress memory progress_) internal view {
        _history.load(progress_);
    }

    function _requireOpened() internal view returns (Progress memory progress_) {
        _loadOpened(progress_);
    }

    function _loadOpened(Progress memory progress_) internal view {
        _loadProgress(progress_);
        if (progress_.endBlock == 0) revert NotOpened(block.number, _money().openUntil);
    }

    function _loadRunning(Terms memory t, Progress memory progress_) internal view {
        _loadOpened(progress_);
        if (progress_.isOver(t.horizon)) revert GameIsOver(progress_.overBlock(t.horizon));
    }

    function _requireOver(Terms memory t) internal view returns (Progress memory progress_) {
        progress_ = _requireOpened();
        if (!progress_.isOver(t.horizon)) revert GameNotOver(progress_.nextRound, block.number, progress_.endBlock);
    }

    /// @dev Refuses what comes after a part of the settlement window.
    function _requireWindow(Terms memory t, Money memory m, Progress memory progress_, uint256 part) internal view {
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        uint256 deadline = _windowEnd(t, m, progress_, part);
        if (block.number > deadline) revert WindowPassed(block.number, deadline);
    }

    /// @dev Refuses what shows everybody's receipts after the time that leaves for proofs of false reports.
    function _requireShown(Terms memory t, Money memory m, Progress memory progress_) internal view {
        _requireWindow(t, m, progress_, _names(t) ? 4 : 1);
    }

    /// @dev The last block of the settlement window of a game that is over. Where false reports can be proven, rewards
    /// are settled in its first quarter, in which a sealed game is opened too; with a slash proofs are taken in its
    /// first half, and costs settled after it.
    function _windowEnd(Terms memory t, Money memory m, Progress memory progress_, uint256 part)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            return progress_.overBlock(t.horizon) + m.settlementWindow / part;
        }
    }
}
