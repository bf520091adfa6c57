// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seats} from "./libraries/Seats.sol";
import {Rules} from "./Rules.sol";
import {Parameters, Progress} from "./types/Game.sol";

/// @title What the contract remembers of a game, who may read it, and the guards that rest on it
abstract contract Books is Rules {
    using Balances for Balances.Accounts;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seats for Seats.Roster;

    Ledger.History internal _history;
    Seats.Roster internal _roster;
    Rewards.Credits internal _credits;
    Costs.Disclosure internal _disclosure;
    Balances.Accounts internal _accounts;
    bytes32 internal _genesis;
    bytes32 internal _seed;

    /// @dev Lets in only what a transaction's own calldata says, so that blocks alone are enough to audit a game.
    modifier direct() {
        _requireDirect();
        _;
    }

    modifier onlyEnvironment() {
        if (msg.sender != environment) revert NotEnvironment(msg.sender, environment);
        _;
    }

    constructor(Parameters memory parameters_, bytes32 saltCommitment, bytes32 secretCommitment)
        payable
        Rules(parameters_, saltCommitment, secretCommitment)
    {}

    /// @inheritdoc IChainBandit
    function genesis() external view override returns (bytes32) {
        return _genesis;
    }

    /// @inheritdoc IChainBandit
    function head() external view override returns (bytes32) {
        return _history.head;
    }

    /// @inheritdoc IChainBandit
    function nextRound() external view override returns (uint32) {
        return _history.progress.nextRound;
    }

    /// @inheritdoc IChainBandit
    function progress() external view override returns (Progress memory) {
        return _history.progress;
    }

    /// @inheritdoc IChainBandit
    function seatOf(address participant) external view override returns (uint16) {
        return _roster.seatOf(participant);
    }

    /// @inheritdoc IChainBandit
    function participantAt(uint16 seat) external view override returns (address) {
        return _roster.participantAt(seat);
    }

    /// @inheritdoc IChainBandit
    function settledThrough() external view override returns (uint32) {
        return _credits.settledThrough;
    }

    /// @inheritdoc IChainBandit
    function isApproved(uint32 round) external view override returns (bool) {
        return _history.isApproved(round);
    }

    /// @inheritdoc IChainBandit
    function isOver() external view override returns (bool) {
        return _history.progress.isOver(HORIZON);
    }

    /// @inheritdoc IChainBandit
    function opened() external view override returns (bool) {
        return _history.progress.endBlock != 0;
    }

    /// @inheritdoc IChainBandit
    function closed() external view override returns (bool) {
        return _accounts.closed;
    }

    /// @inheritdoc IChainBandit
    function owed(address account) public view override returns (uint256) {
        // slither-disable-next-line incorrect-equality -- zero is the value before the opening
        bool refunded = _history.progress.endBlock == 0 && block.number > OPEN_UNTIL;
        if (_accounts.withdrawn[account] || !(refunded || _accounts.closed)) return 0;
        if (account == environment) return refunded ? pool : _accounts.environment;
        if (!_roster.holds(account)) return 0;
        if (refunded) return STAKE;
        uint16 seat = _roster.seatOf(account);
        uint256 reward = _credits.unitsOf(seat) * WEI_PER_UNIT;
        return _accounts.ofParticipant(STAKE + reward, _disclosure.isMalicious(seat));
    }

    function _requireCanonical(bytes memory expected) internal pure {
        if (keccak256(msg.data) != keccak256(expected)) revert NonCanonicalCalldata(msg.data.length, expected.length);
    }

    /// @dev An account without code that is also the origin made this very call: nobody in between, no delegation.
    /// The origin is asked for no authority: it only rules out a caller in between.
    function _requireDirect() internal view {
        // solhint-disable-next-line avoid-tx-origin
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotDirect(msg.sender);
    }

    function _requireOpening() internal view {
        if (_genesis != 0) revert AlreadyOpened(_genesis);
        if (block.number > OPEN_UNTIL) revert OpeningMissed(block.number, OPEN_UNTIL);
    }

    function _requireOpened() internal view returns (Progress memory progress_) {
        progress_ = _history.progress;
        // slither-disable-next-line incorrect-equality -- zero is the value before the opening
        if (progress_.endBlock == 0) revert NotOpened(block.number, OPEN_UNTIL);
    }

    function _requireRunning() internal view returns (Progress memory progress_) {
        progress_ = _requireOpened();
        if (progress_.isOver(HORIZON)) revert GameIsOver(progress_.overBlock(HORIZON));
    }

    function _requireOver() internal view returns (Progress memory progress_) {
        progress_ = _requireOpened();
        if (!progress_.isOver(HORIZON)) revert GameNotOver(progress_.nextRound, block.number, progress_.endBlock);
    }

    function _requireWindow(Progress memory progress_) internal view {
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        uint256 deadline = progress_.overBlock(HORIZON) + SETTLEMENT_WINDOW;
        if (block.number > deadline) revert WindowPassed(block.number, deadline);
    }

    function _requireQuorum(
        uint256 round,
        bytes32 parent,
        bytes32 content,
        uint256 signers,
        bytes calldata signatures
    ) internal view {
        bytes32 statement = Certificates.statement(_separator(), round, parent, content);
        Certificates.check(_roster.seats, QUORUM, statement, signers, signatures);
    }
}
