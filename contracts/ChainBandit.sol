// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IChainBandit} from "./interfaces/IChainBandit.sol";
import {Bits} from "./libraries/Bits.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Reputation} from "./libraries/Reputation.sol";
import {Seals} from "./libraries/Seals.sol";
import {Seats} from "./libraries/Seats.sol";
import {Records} from "./Records.sol";
import {Acquittal, CostEntry, Equivocation, FalseReport, MAX_WEIGHT, Money, Progress, Terms} from "./types/Game.sol";

/// @title One game of chain_bandit
contract ChainBandit is Records {
    using Ledger for Ledger.History;
    using Seals for Seals.Keys;
    using Seats for Seats.Roster;

    address private immutable BOOKKEEPER;

    /// @param bookkeeper The other half of the code.
    // slither-disable-next-line missing-zero-check -- with another one this code has an address that everybody refuses
    constructor(address bookkeeper) {
        BOOKKEEPER = bookkeeper;
    }

    /// @inheritdoc IChainBandit
    function join(bytes calldata keys) external payable override direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireCanonical(abi.encodeCall(IChainBandit.join, (keys)));
        _requireOpening(m);
        if (msg.sender == m.environment) revert EnvironmentCannotJoin(msg.sender);
        uint256 heaviest = t.sortition == 0 ? 1 : MAX_WEIGHT;
        (uint16 seat, uint256 weight) = _roster.take(msg.sender, keys, heaviest, t.participants);
        if (msg.value != weight * m.stake) revert WrongStake(msg.value, weight * m.stake);
        if (t.sortition != 0 || _drawsCommanders(t)) _roster.claim(seat, keys);
        if (m.sealedGame == 1) _seals.register(seat, keys);
        emit Joined(seat, msg.sender);
    }

    /// @inheritdoc IChainBandit
    function open(bytes32 salt) external override direct {
        Terms memory t = _terms();
        Money memory m = _money();
        _requireEnvironment(m);
        _requireOpening(m);
        bytes32 commitment = keccak256(abi.encode(salt));
        if (commitment != m.saltCommitment) revert WrongSalt(commitment, m.saltCommitment);
        bytes32 seed = _roster.settle(salt, t.participants);
        bytes32 genesis_ = keccak256(abi.encode(t.game, seed));
        (_seed, _genesis, _history.head) = (seed, genesis_, genesis_);
        // slither-disable-next-line uninitialized-local -- all else starts at zero
        Progress memory progress_;
        progress_.nextRound = t.burnIn;
        progress_.lastRecordBlock = block.number;
        progress_.endBlock = block.number + m.gameBlocks;
        _history.store(progress_);
        for (uint256 i; i < Reputation.words(t.participants); ++i) {
            _reputations[i] = Reputation.start();
        }
        if (_committees(t)) _committee = Bits.all(t.participants);
        _credits.settledThrough = uint32(t.burnIn);
        emit Opened(genesis_);
    }

    /// @inheritdoc IChainBandit
    function reportEquivocation(Equivocation calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function reportFalse(FalseReport calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function acquit(Acquittal calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function settleRewards(uint32, bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function settleSums(bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function revealSeal(bytes32) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function reveal(bytes32, bytes calldata, bytes calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function settleCosts(CostEntry[] calldata) external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function close() external override {
        _bookkeeping();
    }

    /// @inheritdoc IChainBandit
    function withdraw() external override {
        _bookkeeping();
    }

    /// @dev Has the bookkeeper do what was called for, here.
    function _bookkeeping() private {
        _requireGame();
        // slither-disable-next-line unused-return -- none of these calls returns anything
        Address.functionDelegateCall(BOOKKEEPER, msg.data);
    }
}
