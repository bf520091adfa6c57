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
import {APPROVED, EXPLORATION, Equivocation, Progress, REJECTED, SKIP} from "./types/Game.sol";
import {Views} from "./Views.sol";

/// @title How rounds end, and what their ends do to reputations, committees and the block list
abstract contract Records is Views {
    using BlockList for BlockList.Docket;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Seats for Seats.Roster;

    uint256 private constant SELECTOR_BYTES = 4;
    /// A header may be signed when w rounds wait, and names the committee of up to two rounds later.
    uint256 private constant EVIDENCE_DELAY = 3;

    /// @dev The open round as a transaction works on it: loaded once, stored once.
    struct Tip {
        Progress progress;
        bytes32 head;
        uint8 kind; // of the last record
        uint256[] reputations;
        uint256 blocked; // D(t) of the open round
        uint256 committee; // of the open round, block list or not
    }

    uint256 private immutable CHAIN_ID;
    bytes32 private immutable SEPARATOR;

    constructor() {
        CHAIN_ID = block.chainid;
        SEPARATOR = Certificates.separator(game);
    }

    /// @inheritdoc IChainBandit
    function submitBlocks() external override direct {
        Tip memory tip = _load();
        Blocks.Shape memory shape = _shape();
        // slither-disable-next-line uninitialized-local -- every block fills it in
        Blocks.Found memory found;
        found.accuracies = new uint256[](tip.reputations.length);
        bytes memory keys = Seats.keys();
        uint256 at = SELECTOR_BYTES;
        do {
            uint256 round = tip.progress.nextRound;
            if (round > HORIZON) revert GameIsOver(block.number);
            Blocks.read(shape, found, msg.data, at, round, tip.head, tip.blocked);
            at = found.end;
            if (found.signers != 0) _check(tip, keys, found.digest, found.signers, msg.data, found.signaturesAt);
            else if (at >= msg.data.length & UNSIGNED) revert CertificateMissing(tip.progress.nextRound);
            Reputation.move(tip.reputations, found.accuracies);
            _record(tip, found.approved ? APPROVED : REJECTED, found.digest, found.committee);
            if (DRAWS_COMMANDERS) _checkCommanders(tip, found.commanders);
        } while (at < msg.data.length);
        _store(tip);
    }

    /// @inheritdoc IChainBandit
    function skip(uint256 committee_, uint256 signers, bytes calldata signatures) external override direct {
        _requireCanonical(abi.encodeCall(IChainBandit.skip, (committee_, signers, signatures)));
        Tip memory tip = _load();
        _check(tip, Seats.keys(), 0, signers, signatures, 0);
        if (signatures.length != Certificates.SIGNATURE_BYTES * Bits.count(signers)) {
            revert WrongSignaturesLength(signatures.length, Certificates.SIGNATURE_BYTES * Bits.count(signers));
        }
        _skip(tip, committee_);
    }

    /// @inheritdoc IChainBandit
    function skipAfterDeadline(uint256 committee_) external override direct {
        _requireWords(1);
        Tip memory tip = _load();
        uint256 deadline = uint256(tip.progress.lastRecordBlock) + SKIP_DEADLINE;
        if (tip.progress.nextRound == BURN_IN) deadline += BURN_IN_BLOCKS;
        if (block.number <= deadline) revert DeadlineNotPassed(block.number, deadline);
        _skip(tip, committee_);
    }

    /// @inheritdoc IChainBandit
    function reportEquivocation(Equivocation calldata proof) external override direct {
        _requireWords(11);
        Progress memory progress_ = _requireRunning();
        BlockList.requireProof(proof, _separator(), _roster.participantAt(proof.seat));
        uint256 since = progress_.nextRound + EVIDENCE_DELAY + UNRECORDED;
        _docket.add(proof.seat, since);
        progress_.accused = 1;
        _history.store(progress_);
        emit Accused(proof.seat, uint32(since));
    }

    function _skip(Tip memory tip, uint256 committee_) private {
        if (committee_ != 0 && !COMMITTEES) revert CommitteeMalformed(committee_, 0, 0);
        Reputation.penalise(tip.reputations, tip.committee & ~tip.blocked, SKIP_PENALTY);
        _record(tip, SKIP, 0, committee_);
        _store(tip);
    }

    /// @dev Ends the open round, and the next one too when failures call for an exploration.
    /// @param committee_ Who validates the next round that has validators; none are named where everybody does.
    function _record(Tip memory tip, uint8 kind, bytes32 header, uint256 committee_) private {
        _end(tip, kind, header);
        if (kind != APPROVED && tip.progress.explorationDue(FAILURE_LIMIT, HORIZON)) _end(tip, EXPLORATION, 0);
        if (!COMMITTEES) return;
        uint256 eligible = Bits.all(PARTICIPANTS) & ~tip.blocked;
        if (SORTITION != 0) {
            Committees.checkDrawn(committee_, eligible, tip.kind <= REJECTED);
        } else {
            Committees.check(
                tip.reputations,
                committee_,
                eligible,
                Committees.size(PARTICIPANTS, VALIDATORS, tip.progress.skips),
                Committees.roundSeed(_seed, tip.progress.nextRound)
            );
        }
        tip.committee = committee_;
    }

    /// @dev Who commands validates, too; who was drawn, the quorum vouches for.
    function _checkCommanders(Tip memory tip, uint256 commanders) private pure {
        uint256 members = tip.committee & ~tip.blocked;
        if (commanders & ~members != 0) revert CommandersMalformed(commanders, members);
    }

    function _end(Tip memory tip, uint8 kind, bytes32 header) private {
        uint256 round = tip.progress.nextRound;
        tip.head = Ledger.headAfter(tip.head, round, kind, header);
        tip.kind = kind;
        _history.advance(tip.progress, kind);
        if (tip.progress.accused == 0) return;
        uint256 fresh;
        (tip.blocked, fresh) = _docket.blocked(round + 1);
        Reputation.penalise(tip.reputations, fresh, EVIDENCE_PENALTY);
    }

    /// @dev Refuses anything but a quorum's signatures on `content` in the open round.
    function _check(
        Tip memory tip,
        bytes memory keys,
        bytes32 content,
        uint256 signers,
        bytes calldata data,
        uint256 at
    ) private view {
        uint256 members = tip.committee & ~tip.blocked;
        bytes32 digest = Certificates.vote(_separator(), tip.progress.nextRound, tip.head, content);
        Certificates.check(keys, members, _quorum(Bits.count(members)), digest, signers, data, at);
    }

    function _load() private view returns (Tip memory tip) {
        tip.progress = _requireRunning();
        tip.head = _history.head;
        tip.reputations = _loadReputations();
        tip.committee = COMMITTEES ? _committee : Bits.all(PARTICIPANTS);
        // slither-disable-next-line unused-return -- who is fresh was penalised by the last record
        if (tip.progress.accused != 0) (tip.blocked,) = _docket.blocked(tip.progress.nextRound);
    }

    function _store(Tip memory tip) private {
        tip.progress.lastRecordBlock = block.number;
        _history.head = tip.head;
        _history.store(tip.progress);
        for (uint256 i; i < tip.reputations.length; ++i) {
            _reputations[i] = tip.reputations[i];
        }
        if (COMMITTEES) _committee = tip.committee;
        emit Recorded(uint32(tip.progress.nextRound - 1), tip.kind, tip.head);
    }

    /// @dev The EIP-712 domain, computed anew after a fork that changed the chain id.
    function _separator() private view returns (bytes32) {
        return block.chainid == CHAIN_ID ? SEPARATOR : Certificates.separator(game);
    }
}
