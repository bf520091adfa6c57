// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Bits} from "./libraries/Bits.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Committees} from "./libraries/Committees.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seats} from "./libraries/Seats.sol";
import {Rules} from "./Rules.sol";
import {Parameters, Progress} from "./types/Game.sol";

/// @title What the contract remembers of a game, who may read it, and the guards that rest on it
abstract contract Books is Rules {
    using Balances for Balances.Accounts;
    using BlockList for BlockList.Docket;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seats for Seats.Roster;

    Ledger.History internal _history;
    mapping(uint256 => uint256) internal _reputations;
    uint256 internal _committee; // of the open round; unused where everybody validates
    BlockList.Docket internal _docket;
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
        return uint32(_history.progress().nextRound);
    }

    /// @inheritdoc IChainBandit
    function progress() external view override returns (Progress memory) {
        return _history.progress();
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
    function quorum() external view override returns (uint256) {
        return _quorum(Bits.count(_validators()));
    }

    /// @inheritdoc IChainBandit
    function validators(uint32 round) external view override returns (address[] memory accounts) {
        uint256 open_ = _requireOpened().nextRound;
        if (round != open_) revert RoundNotOpen(round, open_);
        uint256 set = _validators();
        accounts = new address[](Bits.count(set));
        uint256 taken = 0;
        for (uint256 seat; seat < PARTICIPANTS; ++seat) {
            if (set >> seat & 1 == 0) continue;
            address account = _roster.seats[seat];
            uint256 place = taken;
            ++taken;
            for (; place != 0 && account < accounts[place - 1]; --place) {
                accounts[place] = accounts[place - 1];
            }
            accounts[place] = account;
        }
    }

    /// @inheritdoc IChainBandit
    function committee(uint256 count) external view override returns (uint16[] memory seats) {
        uint256 round = _requireOpened().nextRound;
        // slither-disable-next-line unused-return -- only a record asks who is fresh
        (uint256 listed,) = _docket.blocked(round);
        uint256 eligible = Bits.all(PARTICIPANTS) & ~listed;
        uint16[] memory ranked = Committees.ranked(_loadReputations(), eligible, Committees.roundSeed(_seed, round));
        if (count >= ranked.length) return ranked;
        seats = new uint16[](count);
        for (uint256 i; i < count; ++i) {
            seats[i] = ranked[i];
        }
    }

    /// @inheritdoc IChainBandit
    function reputations() external view override returns (uint16[] memory all) {
        uint256[] memory words = _loadReputations();
        all = new uint16[](PARTICIPANTS);
        for (uint256 seat; seat < PARTICIPANTS; ++seat) {
            all[seat] = uint16(Reputation.ofSeat(words, seat));
        }
    }

    /// @inheritdoc IChainBandit
    function blocked() external view override returns (uint256 set) {
        // slither-disable-next-line unused-return -- as above
        (set,) = _docket.blocked(_history.progress().nextRound);
    }

    /// @inheritdoc IChainBandit
    function blockedFrom(uint16 seat) external view override returns (uint256) {
        return _docket.since[seat];
    }

    /// @inheritdoc IChainBandit
    function isApproved(uint32 round) external view override returns (bool) {
        return _history.isApproved(round);
    }

    /// @inheritdoc IChainBandit
    function isOver() external view override returns (bool) {
        return _history.progress().isOver(HORIZON);
    }

    /// @inheritdoc IChainBandit
    function opened() external view override returns (bool) {
        return _history.progress().endBlock != 0;
    }

    /// @inheritdoc IChainBandit
    function closed() external view override returns (bool) {
        return _accounts.closed;
    }

    /// @inheritdoc IChainBandit
    function owed(address account) public view override returns (uint256) {
        bool refunded = _history.progress().endBlock == 0 && block.number > OPEN_UNTIL;
        if (_accounts.withdrawn[account] || !(refunded || _accounts.closed)) return 0;
        if (account == environment) return refunded ? pool : _accounts.environment;
        if (!_roster.holds(account)) return 0;
        if (refunded) return STAKE;
        return _due(_roster.seatOf(account));
    }

    /// @dev What a closed game owes a seat. The stake covers any change taken from it.
    function _due(uint16 seat) private view returns (uint256 due) {
        due = STAKE + _credits.unitsOf(seat) * WEI_PER_UNIT;
        if (_accounts.costsVoid) return _docket.accused >> seat & 1 == 1 ? due : due + _accounts.share;
        uint256 change = _disclosure.changeOf(seat) * WEI_PER_UNIT;
        return _disclosure.isMalicious(seat) ? due + change : due - change;
    }

    /// @dev Who validates the open round.
    function _validators() internal view returns (uint256) {
        // slither-disable-next-line unused-return -- as above
        (uint256 listed,) = _docket.blocked(_history.progress().nextRound);
        return (VALIDATORS == PARTICIPANTS ? Bits.all(PARTICIPANTS) : _committee) & ~listed;
    }

    function _loadReputations() internal view returns (uint256[] memory words) {
        words = new uint256[](Reputation.words(PARTICIPANTS));
        for (uint256 i; i < words.length; ++i) {
            words[i] = _reputations[i];
        }
    }

    function _requireCanonical(bytes memory expected) internal pure {
        if (keccak256(msg.data) != keccak256(expected)) revert NonCanonicalCalldata(msg.data.length, expected.length);
    }

    /// @dev The same for arguments that are words: the decoder has checked their widths.
    function _requireWords(uint256 words) internal pure {
        unchecked {
            uint256 expected = 4 + 32 * words;
            if (msg.data.length != expected) revert NonCanonicalCalldata(msg.data.length, expected);
        }
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
        progress_ = _history.progress();
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
}
