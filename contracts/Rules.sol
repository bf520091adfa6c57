// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "./interfaces/IErrors.sol";
import {IRules} from "./interfaces/IRules.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Assumed, Money, Parameters, Terms} from "./types/Game.sol";

/// @title What is fixed at deployment: parameters, commitments, the environment. The code of a game ends with it.
/// @dev A game is a clone (see Game): this code runs in its storage, and finds the terms behind the clone's own.
abstract contract Rules is IErrors, IRules {
    // Of the code: the clone's own 45 bytes, then 25 words, 12 and 10.
    uint256 private constant TERMS_AT = 45;
    uint256 private constant TERMS_BYTES = 800;
    uint256 private constant MONEY_AT = 845;
    uint256 private constant MONEY_BYTES = 384;
    uint256 private constant ASSUMED_AT = 1229;
    uint256 private constant ASSUMED_BYTES = 320;

    address private immutable MODULE = address(this);

    /// @inheritdoc IRules
    function parameters() external view override returns (Parameters memory) {
        Terms memory t = _terms();
        Money memory m = _money();
        Assumed memory a;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), a, ASSUMED_AT, ASSUMED_BYTES)
        }
        return Parameters({
            participants: uint16(t.participants),
            validators: uint16(t.validators),
            arms: uint8(t.arms),
            horizon: uint32(t.horizon),
            burnIn: uint32(t.burnIn),
            liars: a.liars,
            attackers: uint16(t.attackers),
            threshold: a.threshold,
            aggregation: a.aggregation,
            delta: a.delta,
            quorumChoice: uint8(t.quorumChoice),
            failureLimit: uint16(t.failureLimit),
            c1Numerator: a.c1Numerator,
            c1Denominator: a.c1Denominator,
            c1PerReport: a.c1PerReport,
            bodyMode: uint8(t.bodyMode),
            unrecorded: uint16(t.unrecorded),
            tolerance: uint32(t.tolerance),
            skipPenalty: uint16(t.skipPenalty),
            evidencePenalty: uint16(t.evidencePenalty),
            cost: uint8(m.cost),
            sortition: uint128(t.sortition),
            probing: a.probing,
            commanders: a.commanders,
            weiPerUnit: uint64(m.weiPerUnit),
            stake: uint128(m.stake),
            openingDeadline: a.openingDeadline,
            skipDeadline: uint32(t.skipDeadline),
            burnInBlocks: uint32(t.burnInBlocks),
            gameBlocks: uint32(m.gameBlocks),
            settlementWindow: uint32(m.settlementWindow),
            sealedGame: uint8(m.sealedGame),
            unrevealedPenalty: uint128(m.unrevealedPenalty)
        });
    }

    /// @inheritdoc IRules
    function environment() external view override returns (address) {
        return _money().environment;
    }

    /// @inheritdoc IRules
    function pool() external view override returns (uint256) {
        return _money().pool;
    }

    /// @inheritdoc IRules
    function game() external view override returns (bytes32) {
        return _terms().game;
    }

    function _terms() internal view returns (Terms memory t) {
        _requireGame();
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), t, TERMS_AT, TERMS_BYTES)
        }
    }

    function _money() internal view returns (Money memory m) {
        _requireGame();
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), m, MONEY_AT, MONEY_BYTES)
        }
    }

    /// @dev Refuses a call of the shared code itself, which has no terms.
    function _requireGame() internal view {
        if (address(this) == MODULE) revert NotAGame(MODULE);
    }

    /// @dev Whether some participants only participate: `_committee` then says who does more.
    function _committees(Terms memory t) internal pure returns (bool) {
        return t.successors & Blocks.COMMITTEE != 0;
    }

    /// @dev Whether headers name the next round's commanders.
    function _drawsCommanders(Terms memory t) internal pure returns (bool) {
        return t.successors & Blocks.COMMANDERS != 0;
    }

    /// @dev The EIP-712 domain, computed anew after a fork that changed the chain id.
    function _separator(Terms memory t) internal view returns (bytes32) {
        return block.chainid == t.chainId ? t.separator : Certificates.separator(t.game);
    }

    /// @dev Signatures that certify a block of so many validators.
    function _quorum(Terms memory t, uint256 validators_) internal pure returns (uint256) {
        return Assumptions.quorum(validators_, t.attackers, t.quorumChoice, t.majorityFloor);
    }
}
