// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Books} from "./Books.sol";
import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Balances} from "./libraries/Balances.sol";
import {Bits} from "./libraries/Bits.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Costs} from "./libraries/Costs.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Phases} from "./libraries/Phases.sol";
import {Rewards} from "./libraries/Rewards.sol";
import {Seals} from "./libraries/Seals.sol";
import {Seats} from "./libraries/Seats.sol";
import {Tallies} from "./libraries/Tallies.sol";
import {Acquittal, BURNED, CostEntry, Equivocation, FalseReport, Money, Progress, Terms} from "./types/Game.sol";

/// @title What happens to a game's money: the half of its code that no round waits for
/// @dev Runs in the game's own storage, which calls it by delegation; its own stays empty, and it holds nothing.
contract Bookkeeper is Books {
    using Balances for Balances.Accounts;
    using BlockList for BlockList.Docket;
    using Costs for Costs.Disclosure;
    using Ledger for Ledger.History;
    using Ledger for Progress;
    using Rewards for Rewards.Credits;
    using Seals for Seals.Keys;
    using Seats for Seats.Roster;
    using Tallies for Tallies.Proven;

    /// A header may be signed when w rounds wait, and names the committee of up to two rounds later.
    uint256 private constant EVIDENCE_DELAY = 3;

    function reportEquivocation(Equivocation calldata proof) external direct {
        Terms memory t = _terms();
        _requireWords(11);
        Progress memory progress_ = _requireOpened();
        _requireProofs(t, progress_);
        BlockList.requireProof(proof, _separator(t), _roster.participantAt(proof.seat));
        uint256 twice = _proven.twice;
        uint256 bit = 1 << proof.seat;
        if (_liars(t) & ~twice & bit != 0) {
            // It is on the list already, and no acquittal of a false report spares it the slash any more.
            _proven.twice = twice | bit;
            emit IChainBandit.Accused(proof.seat, uint32(_docket.since[proof.seat]));
        } else {
            if (_names(t)) _proven.struck |= bit;
            emit IChainBandit.Accused(proof.seat, _list(t, progress_, proof.seat));
        }
    }

    function reportFalse(FalseReport calldata proof) external direct {
        Terms memory t = _terms();
        _requireCanonical(abi.encodeCall(IChainBandit.reportFalse, (proof)));
        Progress memory progress_ = _requireOpened();
        _requireProofs(t, progress_);
        if (!_names(t)) revert NotNamed();
        Money memory m = _money();
        bool isSealed = m.sealedGame == 1;
        (uint256 named, uint256 kept, bytes32 said) = Tallies.requireFalse(
            proof,
            Tallies.Against(
                _separator(t),
                _genesis,
                isSealed ? _seals.hashes[proof.seat] : _seed,
                !isSealed || _seals.isRevealed(proof.seat),
                _roster.participantAt(proof.seat),
                m.environment,
                t.arms,
                t.burnIn,
                t.reportBytes
            )
        );
        (uint32 first, uint64 least) = _proven.void(proof, named, kept, said);
        if (_docket.accused >> proof.seat & 1 == 0) {
            emit IChainBandit.Accused(proof.seat, _list(t, progress_, proof.seat));
        }
        emit IChainBandit.Voided(proof.seat, first, least);
    }

    function acquit(Acquittal calldata shown) external direct {
        Terms memory t = _terms();
        _requireWords(8);
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        _proven.acquit(shown, _separator(t), _money().environment, _phases(t));
        emit IChainBandit.Acquitted(shown.seat);
    }

    function settleRewards(uint32 through, bytes calldata pulls) external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireEnvironment(m);
        _requireCanonical(abi.encodeCall(IChainBandit.settleRewards, (through, pulls)));
        Progress memory progress_ = _requireOpened();
        if (progress_.isOver(t.horizon)) _requireShown(t, m, progress_);
        uint256 last = progress_.nextRound - 1;
        if (m.sealedGame == 1) {
            _credits.settleTags(_history, through, last, pulls, t.participants);
            emit IChainBandit.RewardsSettled(through, "");
        } else {
            uint256 burnIn = _paysBurnIn() ? t.burnIn : 0;
            Rewards.Scope memory scope = Rewards.Scope(through, last, t.participants, t.arms, burnIn, _names(t));
            if (_phases(t)) Phases.settle(_credits, _history, _docket, scope, progress_.extra, pulls);
            else _credits.settle(_history, _docket, scope, pulls);
            emit IChainBandit.RewardsSettled(through, _credits.bySeat(t.participants));
        }
    }

    function settleSums(bytes calldata sums) external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireEnvironment(m);
        _requireCanonical(abi.encodeCall(IChainBandit.settleSums, (sums)));
        _requireSealed(m);
        Progress memory progress_ = _requireOver(t);
        _requireShown(t, m, progress_);
        // A game that was opened has a round.
        unchecked {
            uint256 last = progress_.nextRound - 1;
            _credits.settleSums(_history, _docket, last, t.burnIn, sums, t.participants, _names(t));
            emit IChainBandit.RewardsSettled(uint32(last), _credits.bySeat(t.participants));
        }
    }

    function revealSeal(bytes32 sealKey) external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireWords(1);
        _requireSealed(m);
        uint16 seat = _roster.seatOf(msg.sender);
        _requireShown(t, m, _requireOver(t));
        _seals.reveal(seat, sealKey);
        emit IChainBandit.SealRevealed(seat, sealKey);
    }

    function reveal(bytes32 secret, bytes calldata roles, bytes calldata model) external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireEnvironment(m);
        _requireCanonical(abi.encodeCall(IChainBandit.reveal, (secret, roles, model)));
        Progress memory progress_ = _requireOver(t);
        if (m.sealedGame == 1) _requireShown(t, m, progress_);
        else _requireWindow(t, m, progress_, 1);
        if (roles.length != t.participants) revert WrongRolesLength(roles.length, t.participants);
        bytes32 commitment = keccak256(abi.encode(secret, keccak256(roles), keccak256(model)));
        if (commitment != m.secretCommitment) revert WrongSecret(commitment, m.secretCommitment);
        if (m.cost == 1) _disclosure.keepMeans(model, t.arms);
        emit IChainBandit.Revealed(
            _disclosure.reveal(secret, roles, _seed, _history.head, progress_.nextRound - 1, _names(t))
        );
    }

    function settleCosts(CostEntry[] calldata entries) external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireEnvironment(m);
        _requireCanonical(abi.encodeCall(IChainBandit.settleCosts, (entries)));
        Progress memory progress_ = _requireOver(t);
        _requireWindow(t, m, progress_, 1);
        uint256 until = _slash() == 0 ? 0 : _windowEnd(t, m, progress_, 2);
        if (block.number <= until) revert ProofsPending(block.number, until);
        _disclosure.settle(_docket, entries, t, t.burnIn, m.cost == 1);
        emit IChainBandit.CostsSettled(_disclosure.round + 1, _disclosure.costlyRounds);
    }

    function close() external direct {
        Terms memory t = _terms();
        Money memory m = _money();
        Progress memory progress_ = _requireOver(t);
        if (_accounts.closed) revert AlreadyClosed(_accounts.costsVoid);
        bool complete = _disclosure.isComplete(t.burnIn) && _credits.settledThrough + 1 >= progress_.nextRound;
        uint256 deadline = _windowEnd(t, m, progress_, 1);
        uint256 missing = 0;
        if (m.sealedGame == 1) {
            complete = complete && _credits.summed;
            missing = _seals.missing(t.participants);
        }
        // Who is to be acquitted has the second half of the window for it.
        if (!(complete && missing == 0 && _slash() == 0) && block.number <= deadline) {
            revert Unfinished(block.number, deadline);
        }
        uint256 listed = Bits.count(_slashed());
        uint256 left = m.pool - _credits.total(t.participants) * m.weiPerUnit;
        (uint256 paidIn, uint256 paidOut) = _costs(t);
        uint256 burned = complete
            ? _accounts.closeComplete(left, paidIn * m.weiPerUnit, paidOut * m.weiPerUnit)
            : _accounts.closeVoid(left, t.participants - listed);
        // Of 256 seats at most, each in its own stake; what is void was credited, thus in the pool.
        unchecked {
            burned += missing * m.unrevealedPenalty + listed * _slash() + _voided() * m.weiPerUnit;
        }
        emit IChainBandit.Closed(!complete, burned);
        if (burned != 0) Balances.send(BURNED, burned);
    }

    function withdraw() external {
        uint256 amount = _owed(_money(), msg.sender);
        if (amount == 0) revert NothingOwed(msg.sender);
        _accounts.withdrawn[msg.sender] = true;
        emit IChainBandit.Withdrawn(msg.sender, amount);
        Balances.send(msg.sender, amount);
    }

    /// @dev Puts a seat on the block list. Returns from which round on.
    function _list(Terms memory t, Progress memory progress_, uint16 seat) private returns (uint32 since) {
        unchecked {
            since = uint32(progress_.nextRound + EVIDENCE_DELAY + t.unrecorded);
        }
        _docket.add(seat, since);
        progress_.accused = 1;
        _history.store(progress_);
    }

    /// @dev Refuses a proof after its time: the game's end, and with a slash the middle of the settlement window.
    function _requireProofs(Terms memory t, Progress memory progress_) private view {
        if (!progress_.isOver(t.horizon)) return;
        if (_slash() == 0) revert GameIsOver(progress_.overBlock(t.horizon));
        uint256 until = _windowEnd(t, _money(), progress_, 2);
        if (block.number > until) revert ProofsOver(block.number, until);
    }

    /// @dev Units that were credited to seats which do not keep them.
    function _voided() private view returns (uint256 units) {
        uint256 accused = _docket.accused;
        unchecked {
            for (uint256 seat; accused != 0; (++seat, accused >>= 1)) {
                if (accused & 1 == 0) continue;
                uint256 credited = _credits.unitsOf(seat);
                units += credited - _proven.keeps(seat, credited);
            }
        }
    }

    function _requireSealed(Money memory m) private pure {
        if (m.sealedGame == 0) revert NotSealed();
    }

    /// @dev What the costly rounds took from the honest and gave to the others, in units.
    function _costs(Terms memory t) private view returns (uint256 paidIn, uint256 paidOut) {
        unchecked {
            for (uint256 seat; seat < t.participants; ++seat) {
                uint256 change = _disclosure.changeOf(seat);
                if (_disclosure.isMalicious(seat)) paidOut += change;
                else paidIn += change;
            }
        }
    }
}
