// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Books} from "./Books.sol";
import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Bits} from "./libraries/Bits.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Committees} from "./libraries/Committees.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Seats} from "./libraries/Seats.sol";
import {Progress, Terms} from "./types/Game.sol";

/// @title What anybody may read of a game
abstract contract Views is Books, IChainBandit {
    using BlockList for BlockList.Docket;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Seats for Seats.Roster;

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
        return uint32(_progress().nextRound);
    }

    /// @inheritdoc IChainBandit
    function progress() external view override returns (Progress memory) {
        return _progress();
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
        Terms memory t = _terms();
        return _quorum(t, Bits.count(_validators(t)));
    }

    /// @inheritdoc IChainBandit
    function validators(uint32 round) external view override returns (address[] memory accounts) {
        Terms memory t = _terms();
        uint256 open_ = _requireOpened().nextRound;
        if (round != open_) revert RoundNotOpen(round, open_);
        uint256 set = _validators(t);
        accounts = new address[](Bits.count(set));
        uint256 taken = 0;
        for (uint256 seat; seat < t.participants; ++seat) {
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
        Terms memory t = _terms();
        uint256 round = _requireOpened().nextRound;
        // slither-disable-next-line unused-return -- only a record asks who is fresh
        (uint256 listed,) = _docket.blocked(round);
        uint256 eligible = Bits.all(t.participants) & ~(listed & ~_liars(t));
        uint16[] memory ranked = Committees.ranked(_loadReputations(t), eligible, Committees.roundSeed(_seed, round));
        if (count >= ranked.length) return ranked;
        seats = new uint16[](count);
        for (uint256 i; i < count; ++i) {
            seats[i] = ranked[i];
        }
    }

    /// @inheritdoc IChainBandit
    function reputations() external view override returns (uint16[] memory all) {
        Terms memory t = _terms();
        uint256[] memory words = _loadReputations(t);
        all = new uint16[](t.participants);
        for (uint256 seat; seat < t.participants; ++seat) {
            all[seat] = uint16(Reputation.ofSeat(words, seat));
        }
    }

    /// @inheritdoc IChainBandit
    function blocked() external view override returns (uint256 set) {
        // slither-disable-next-line unused-return -- as above
        (set,) = _docket.blocked(_progress().nextRound);
    }

    /// @inheritdoc IChainBandit
    function blockedFrom(uint16 seat) external view override returns (uint256) {
        return _docket.since[seat];
    }

    /// @inheritdoc IChainBandit
    function provenFrom(uint16 seat) external view override returns (uint256) {
        return uint32(_proven.first[seat]);
    }

    /// @inheritdoc IChainBandit
    function provenBy(uint16 seat) external view override returns (uint256) {
        return uint32(_proven.first[seat] >> 32);
    }

    /// @inheritdoc IChainBandit
    function liars() external view override returns (uint256) {
        return _liars(_terms());
    }

    /// @inheritdoc IChainBandit
    function isApproved(uint32 round) external view override returns (bool) {
        return _history.isApproved(round);
    }

    /// @inheritdoc IChainBandit
    function isOver() external view override returns (bool) {
        return _progress().isOver(_terms().horizon);
    }

    /// @inheritdoc IChainBandit
    function opened() external view override returns (bool) {
        return _progress().endBlock != 0;
    }

    /// @inheritdoc IChainBandit
    function closed() external view override returns (bool) {
        return _accounts.closed;
    }

    /// @inheritdoc IChainBandit
    function owed(address account) external view override returns (uint256) {
        return _owed(_money(), account);
    }

    /// @dev Who validates the open round.
    function _validators(Terms memory t) internal view returns (uint256) {
        // slither-disable-next-line unused-return -- as above
        (uint256 listed,) = _docket.blocked(_progress().nextRound);
        return (_committees(t) ? _committee : Bits.all(t.participants)) & ~(listed & ~_liars(t));
    }

    function _loadReputations(Terms memory t) internal view returns (uint256[] memory words) {
        words = new uint256[](Reputation.words(t.participants));
        for (uint256 i; i < words.length; ++i) {
            words[i] = _reputations[i];
        }
    }
}
