// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "./interfaces/IErrors.sol";
import {IRules} from "./interfaces/IRules.sol";
import {Assumptions} from "./libraries/Assumptions.sol";
import {Blocks} from "./libraries/Blocks.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Assumed, Money, Parameters, Reserved, Terms} from "./types/Game.sol";

/// @title What is fixed at deployment: parameters, commitments, the environment. The code of a game ends with it.
/// @dev A game is a clone (see Game): this code runs in its storage, and finds the terms behind the clone's own.
abstract contract Rules is IErrors, IRules {
    // Of the code: the clone's own 45 bytes, then 25 words, 12, 11 and 8.
    uint256 private constant TERMS_AT = 45;
    uint256 private constant TERMS_BYTES = 800;
    uint256 private constant MONEY_AT = 845;
    uint256 private constant MONEY_BYTES = 384;
    uint256 private constant ASSUMED_AT = 1229;
    uint256 private constant ASSUMED_BYTES = 352;
    uint256 private constant RESERVED_AT = 1581;
    uint256 private constant RESERVED_BYTES = 256;

    address private immutable MODULE = address(this);

    /// @inheritdoc IRules
    function parameters() external view override returns (Parameters memory p) {
        _fromTerms(p, _terms());
        _fromMoney(p, _money());
        _fromAssumed(p);
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

    // slither-disable-next-line assembly -- `address(this).code` copies all of the code before any part is decoded
    function _terms() internal view returns (Terms memory t) {
        _requireGame();
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), t, TERMS_AT, TERMS_BYTES)
        }
    }

    // slither-disable-next-line assembly -- as above
    function _money() internal view returns (Money memory m) {
        _requireGame();
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), m, MONEY_AT, MONEY_BYTES)
        }
    }

    /// @dev Wei that a seat loses with a proof against it: the first reserved word.
    // slither-disable-next-line assembly -- as above
    function _slash() internal view returns (uint256 slash) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), 0, RESERVED_AT, 32)
            slash := mload(0)
        }
    }

    /// @dev Whether rewards of rounds 1 to L are paid.
    // slither-disable-next-line assembly -- as above
    function _paysBurnIn() internal view returns (bool paid) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), 0, add(RESERVED_AT, 96), 32)
            paid := mload(0)
        }
    }

    /// @dev Whether reports name what they rest on: their payload has one integer more than arms.
    // slither-disable-next-line assembly -- as above
    function _names(Terms memory t) internal view returns (bool) {
        uint256 payload = 0;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), 0, add(ASSUMED_AT, 128), 32)
            payload := mload(0)
        }
        return payload != t.arms;
    }

    /// @dev Refuses a call of the shared code itself, which has no terms.
    function _requireGame() internal view {
        if (address(this) == MODULE) revert NotAGame(MODULE);
    }

    /// @dev Whether some participants only participate: `_committee` then says who does more.
    function _committees(Terms memory t) internal pure returns (bool) {
        return t.successors & Blocks.COMMITTEE != 0;
    }

    /// @dev Whether blocks say how often their arm is pulled.
    function _phases(Terms memory t) internal pure returns (bool) {
        return t.successors & Blocks.PHASES != 0;
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

    function _fromTerms(Parameters memory p, Terms memory t) private pure {
        p.participants = uint16(t.participants);
        p.validators = uint16(t.validators);
        p.arms = uint8(t.arms);
        p.horizon = uint32(t.horizon);
        p.burnIn = uint32(t.burnIn);
        p.attackers = uint16(t.attackers);
        p.quorumChoice = uint8(t.quorumChoice);
        p.failureLimit = uint16(t.failureLimit);
        p.bodyMode = uint8(t.bodyMode);
        p.unrecorded = uint16(t.unrecorded);
        p.tolerance = uint32(t.tolerance);
        p.skipPenalty = uint16(t.skipPenalty);
        p.evidencePenalty = uint16(t.evidencePenalty);
        p.sortition = uint128(t.sortition);
        p.skipDeadline = uint32(t.skipDeadline);
        p.burnInBlocks = uint32(t.burnInBlocks);
    }

    function _fromMoney(Parameters memory p, Money memory m) private pure {
        p.cost = uint8(m.cost);
        p.weiPerUnit = uint64(m.weiPerUnit);
        p.stake = uint128(m.stake);
        p.gameBlocks = uint32(m.gameBlocks);
        p.settlementWindow = uint32(m.settlementWindow);
        p.sealedGame = uint8(m.sealedGame);
        p.unrevealedPenalty = uint128(m.unrevealedPenalty);
    }

    // slither-disable-next-line assembly -- as above
    function _fromAssumed(Parameters memory p) private view {
        Assumed memory a;
        Reserved memory r = p.reserved;
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            extcodecopy(address(), a, ASSUMED_AT, ASSUMED_BYTES)
            extcodecopy(address(), r, RESERVED_AT, RESERVED_BYTES)
        }
        p.liars = a.liars;
        p.threshold = a.threshold;
        p.rules = a.rules;
        p.attested = a.attested;
        p.payload = a.payload;
        p.c1Numerator = a.c1Numerator;
        p.c1Denominator = a.c1Denominator;
        p.c1PerReport = a.c1PerReport;
        p.probing = a.probing;
        p.commanders = a.commanders;
        p.openingDeadline = a.openingDeadline;
    }
}
