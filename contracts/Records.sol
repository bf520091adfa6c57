// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Bits} from "./libraries/Bits.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Committees} from "./libraries/Committees.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Seats} from "./libraries/Seats.sol";
import {
    APPROVED,
    EXPLORATION,
    MAX_PARTICIPANTS,
    Progress,
    REJECTED,
    SKIP,
    Terms
} from "./types/Game.sol";
import {Views} from "./Views.sol";

/// @title How rounds end, and what their ends do to reputations, committees and the block list
abstract contract Records is Views {
    using BlockList for BlockList.Docket;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Seats for Seats.Roster;

    uint256 private constant SELECTOR_BYTES = 4;

    /// @dev The open round as a transaction works on it: loaded once, stored once.
    struct Tip {
        Progress progress;
        bytes32 head;
        uint8 kind; // of the last record
        uint256[] reputations;
        uint256 blocked; // D(t) of the open round
        uint256 spared; // who validates all the same
        uint256 committee; // of the open round, block list or not
    }

    /// @inheritdoc IChainBandit
    function submitBlocks() external override direct {
        Terms memory t = _terms();
        Tip memory tip = _load(t);
        // slither-disable-next-line uninitialized-local -- every block fills it in
        Blocks.Found memory found;
        found.accuracies = new uint256[](tip.reputations.length);
        bytes memory keys = Seats.keys();
        uint256 at = SELECTOR_BYTES;
        // A block without signers is not the last one, and chooses no committee.
        uint256 unsignedUntil = _committees(t) ? 0 : msg.data.length;
        bool weighed = t.successors & Blocks.WEIGHED != 0;
        bool phases = _phases(t);
        do {
            uint256 round = tip.progress.nextRound;
            if (tip.progress.time() > t.horizon) revert GameIsOver(block.number);
            Blocks.read(t, found, msg.data, at, round, tip.head, tip.blocked);
            at = found.end;
            if (found.signers != 0) _check(t, tip, keys, found.digest, found.signers, msg.data, found.signaturesAt);
            else if (at >= unsignedUntil) revert CertificateMissing(round);
            if (!weighed) Reputation.move(tip.reputations, found.accuracies);
            else Reputation.set(tip.reputations, found.accuracies);
            if (phases) _lengthen(t, tip.progress, found);
            _record(t, tip, found.approved ? APPROVED : REJECTED, found.digest, found.committee);
            if (_drawsCommanders(t)) _checkCommanders(tip, found.commanders);
        } while (at < msg.data.length);
        _store(t, tip);
    }

    /// @inheritdoc IChainBandit
    function skip(uint256 committee_, uint256 signers, bytes calldata signatures) external override direct {
        _requireCanonical(abi.encodeCall(IChainBandit.skip, (committee_, signers, signatures)));
        Terms memory t = _terms();
        Tip memory tip = _load(t);
        _check(t, tip, Seats.keys(), 0, signers, signatures, 0);
        if (signatures.length != Certificates.SIGNATURE_BYTES * Bits.count(signers)) {
            revert WrongSignaturesLength(signatures.length, Certificates.SIGNATURE_BYTES * Bits.count(signers));
        }
        _skip(t, tip, committee_);
    }

    /// @inheritdoc IChainBandit
    function skipAfterDeadline(uint256 committee_) external override direct {
        _requireWords(1);
        Terms memory t = _terms();
        Tip memory tip = _load(t);
        uint256 deadline = uint256(tip.progress.lastRecordBlock) + t.skipDeadline;
        if (tip.progress.nextRound == t.burnIn) deadline += t.burnInBlocks;
        if (block.number <= deadline) revert DeadlineNotPassed(block.number, deadline);
        _skip(t, tip, committee_);
    }

    function _skip(Terms memory t, Tip memory tip, uint256 committee_) private {
        if (committee_ != 0 && !_committees(t)) revert CommitteeMalformed(committee_, 0, 0);
        Reputation.penalise(tip.reputations, tip.committee & ~_barred(tip), t.skipPenalty);
        _record(t, tip, SKIP, 0, committee_);
        _store(t, tip);
    }

    /// @dev Ends the open round, and the next one too when failures call for an exploration.
    /// @param committee_ Who validates the next round that has validators; none are named where everybody does.
    function _record(Terms memory t, Tip memory tip, uint8 kind, bytes32 header, uint256 committee_) private {
        _end(t, tip, kind, header);
        if (kind != APPROVED && tip.progress.explorationDue(t.failureLimit, t.horizon)) _end(t, tip, EXPLORATION, 0);
        uint256 successors = t.successors;
        if (successors & Blocks.COMMITTEE == 0) return;
        uint256 eligible = Bits.all(t.participants) & ~_barred(tip);
        if (successors & Blocks.NAMED != 0) {
            if (committee_ != eligible) {
                uint256 least = tip.kind > REJECTED ? MAX_PARTICIPANTS : t.sortition == 0 ? t.validators : 1;
                Committees.checkNamed(committee_, eligible, least);
            }
        } else {
            Committees.check(
                tip.reputations,
                committee_,
                eligible,
                Committees.size(t.participants, t.validators, tip.progress.skips),
                Committees.roundSeed(_seed, tip.progress.nextRound)
            );
        }
        tip.committee = committee_;
    }

    /// @dev Takes note of the pulls of an approved block beyond one: round L has none, and T ends the last phase.
    function _lengthen(Terms memory t, Progress memory progress_, Blocks.Found memory found) private pure {
        unchecked {
            uint256 most = progress_.nextRound == t.burnIn ? 1 : t.horizon + 1 - progress_.time();
            if (found.length == 0 || found.length > most) {
                revert LengthOutOfRange(progress_.nextRound, found.length, most);
            }
            if (found.approved) progress_.extra += found.length - 1;
        }
    }

    /// @dev Who commands validates, too; who was drawn, the quorum vouches for.
    function _checkCommanders(Tip memory tip, uint256 commanders) private pure {
        uint256 members = tip.committee & ~_barred(tip);
        if (commanders & ~members != 0) revert CommandersMalformed(commanders, members);
    }

    function _end(Terms memory t, Tip memory tip, uint8 kind, bytes32 header) private {
        uint256 round = tip.progress.nextRound;
        tip.head = Ledger.headAfter(tip.head, round, kind, header);
        tip.kind = kind;
        _history.advance(tip.progress, kind);
        if (tip.progress.accused == 0) return;
        uint256 fresh;
        (tip.blocked, fresh) = _docket.blocked(round + 1);
        Reputation.penalise(tip.reputations, fresh, t.evidencePenalty);
    }

    /// @dev Refuses anything but a quorum's signatures on `content` in the open round.
    function _check(
        Terms memory t,
        Tip memory tip,
        bytes memory keys,
        bytes32 content,
        uint256 signers,
        bytes calldata data,
        uint256 at
    ) private view {
        uint256 members = tip.committee & ~_barred(tip);
        bytes32 digest = Certificates.vote(_separator(t), tip.progress.nextRound, tip.head, content);
        Certificates.check(keys, members, _quorum(t, Bits.count(members)), digest, signers, data, at);
    }

    function _load(Terms memory t) private view returns (Tip memory tip) {
        _loadRunning(t, tip.progress);
        tip.head = _history.head;
        tip.reputations = _loadReputations(t);
        tip.committee = _committees(t) ? _committee : Bits.all(t.participants);
        if (tip.progress.accused != 0) {
            // slither-disable-next-line unused-return -- who is fresh was penalised by the last record
            (tip.blocked,) = _docket.blocked(tip.progress.nextRound);
            tip.spared = _liars(t);
        }
    }

    /// @dev Who neither validates nor commands the open round, whoever its committee is.
    function _barred(Tip memory tip) private pure returns (uint256) {
        return tip.blocked & ~tip.spared;
    }

    function _store(Terms memory t, Tip memory tip) private {
        tip.progress.lastRecordBlock = block.number;
        _history.head = tip.head;
        _history.store(tip.progress);
        for (uint256 i; i < tip.reputations.length; ++i) {
            _reputations[i] = tip.reputations[i];
        }
        uint32 round = uint32(tip.progress.nextRound - 1);
        if (_committees(t)) {
            _committee = tip.committee;
            emit RecordedWithCommittee(round, tip.kind, tip.head, tip.committee);
        } else {
            emit Recorded(round, tip.kind, tip.head);
        }
    }
}
