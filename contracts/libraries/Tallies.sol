// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {MerkleProofLib} from "solady/src/utils/MerkleProofLib.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {Acquittal, FalseReport} from "../types/Game.sol";
import {Bits} from "./Bits.sol";
import {Certificates} from "./Certificates.sol";

/// @title Proofs of false reports: a report that says anything but what follows from the tally that it names
/// @dev A tally is what a seat was given up to a round: uint64 credited units, K uint32 counts, K uint64 totals. The
/// environment signs a Merkle root of all tallies of the rounds that it settles, of a sealed game once, of all rounds.
/// Of a report in force the payload ends with the round whose tally it rests on.
library Tallies {
    uint256 private constant CREDITED_BYTES = 8;
    uint256 private constant COUNT_BYTES = 4;
    uint256 private constant TOTAL_BYTES = 8;

    struct Proven {
        uint256 struck; // seats that equivocation put on the block list: those that a false report did validate on
        uint256 twice; // those of the others on it that are proven to have equivocated as well
        uint256 acquitted; // seats with a proof of which the environment had signed two tallies
        mapping(uint256 => uint256) first; // of a seat: the first proven round, 32 bits the round named, 64 units kept
        mapping(uint256 => bytes32) tallies; // what its receipt says of the tally that the proof rests on
    }

    /// @dev What a game knows that a proof is held against.
    struct Against {
        bytes32 domain;
        bytes32 genesis;
        bytes32 key; // that the salts of its counts follow from: the game's seed, of a sealed game the seat's own
        bool opens; // whether that is known, else nothing is said of counts
        address participant;
        address environment;
        uint256 arms;
        uint256 burnIn;
        uint256 reportBytes;
    }

    /// @notice Refuses anything but proof, and gives the round that the report names, units credited by then, and what
    /// the receipt of that round says of its tally. Only the arm that the proof names is compared, so that gas hardly
    /// depends on which one it is.
    function requireFalse(FalseReport calldata proof, Against memory a)
        internal
        view
        returns (uint256 named, uint256 kept, bytes32 said)
    {
        (uint256 counts, uint256 size) = _sizes(a.arms);
        if (proof.report.length != a.reportBytes || proof.tally.length != size) {
            revert IErrors.ProofMalformed(proof.report.length, proof.tally.length);
        }
        bytes32 digest = Certificates.statement(
            a.domain,
            proof.round,
            proof.parent,
            Certificates.PHASE_REPORT,
            Certificates.ROLE_COMMANDER,
            proof.seat,
            keccak256(proof.report)
        );
        if (Certificates.signer(digest, uint256(proof.r), uint256(proof.vs)) != uint160(a.participant)) {
            revert IErrors.InvalidSignature(proof.seat, a.participant);
        }
        named = Bits.read(proof.report, 4 * a.arms, 4);
        // Else a liar could keep what it earned after its lies, by a report that nobody else ever saw.
        // Of an earlier round than the last of the burn-in nobody need have a receipt to be acquitted by.
        if (proof.round < a.burnIn || named >= proof.round || named + 1 < a.burnIn) {
            revert IErrors.RoundOutOfRange(proof.round, named);
        }
        _requireTally(proof, named, a);
        if (_isTrue(proof, a, counts)) revert IErrors.ReportIsTrue(proof.seat, proof.round);
        kept = Bits.read(proof.tally, 0, CREDITED_BYTES);
        said = keccak256(proof.tally[CREDITED_BYTES:]);
    }

    /// @notice Voids what a seat earns after a proven tally. Of several proofs the earliest round and the least that is
    /// kept count; one that changes neither is refused.
    function void(Proven storage proven, FalseReport calldata proof, uint256 named, uint256 kept, bytes32 said)
        internal
        returns (uint32, uint64)
    {
        uint256 seat = proof.seat;
        uint256 round = proof.round;
        uint256 before = proven.first[seat];
        if (before != 0) {
            uint256 least = before >> 64;
            bool less = uint32(before) > round || least > kept;
            if (!less || proven.acquitted >> seat & 1 == 1) revert IErrors.AlreadyProven(seat, uint32(before));
            round = FixedPointMathLib.min(uint32(before), round);
            kept = FixedPointMathLib.min(least, kept);
        }
        proven.first[seat] = round | named << 32 | kept << 64;
        proven.tallies[seat] = said;
        return (uint32(round), uint64(kept));
    }

    /// @notice Clears a seat for which the environment had signed another tally in the round that its report named.
    /// @param phases Whether receipts are of phases.
    function acquit(
        Proven storage proven,
        Acquittal calldata shown,
        bytes32 domain,
        address environment,
        bool phases
    ) internal {
        uint256 seat = shown.seat;
        uint256 first = proven.first[seat];
        if (!_lies(proven, seat, first) || shown.tally == proven.tallies[seat]) {
            revert IErrors.NothingProven(seat, proven.tallies[seat]);
        }
        bytes32 content = keccak256(
            phases
                ? abi.encodePacked(shown.arm, shown.pulls, shown.reward, shown.tally)
                : abi.encodePacked(shown.arm, uint32(shown.reward), shown.tally)
        );
        bytes32 digest = Certificates.statement(
            domain,
            uint32(first >> 32),
            shown.parent,
            Certificates.PHASE_REWARD,
            Certificates.ROLE_ENVIRONMENT,
            seat,
            content
        );
        if (Certificates.signer(digest, uint256(shown.r), uint256(shown.vs)) != uint160(environment)) {
            revert IErrors.InvalidSignature(seat, environment);
        }
        proven.acquitted |= 1 << seat;
    }

    /// @notice Units that a seat keeps of those that it was credited.
    function keeps(Proven storage proven, uint256 seat, uint256 credited) internal view returns (uint256) {
        uint256 first = proven.first[seat];
        uint256 most = first >> 64;
        return _lies(proven, seat, first) && most < credited ? most : credited;
    }

    /// @dev Whether a false report of a seat is proven and it was not acquitted.
    function _lies(Proven storage proven, uint256 seat, uint256 first) private view returns (bool) {
        return first != 0 && proven.acquitted >> seat & 1 == 0;
    }

    /// @dev Bytes of a tally up to its totals, and of all of it.
    function _sizes(uint256 arms) private pure returns (uint256 counts, uint256 all) {
        unchecked {
            counts = CREDITED_BYTES + COUNT_BYTES * arms;
            all = counts + TOTAL_BYTES * arms;
        }
    }

    /// @dev Refuses a tally that the environment did not sign.
    function _requireTally(FalseReport calldata proof, uint256 named, Against memory a) private view {
        bytes32 leaf = keccak256(abi.encodePacked(uint32(named), proof.seat, proof.tally));
        bytes32 digest = Certificates.statement(
            a.domain,
            proof.through,
            a.genesis,
            Certificates.PHASE_REWARD,
            Certificates.ROLE_TALLIES,
            0,
            proof.root
        );
        bool signed =
            Certificates.signer(digest, uint256(proof.rootR), uint256(proof.rootVs)) == uint160(a.environment);
        if (!signed || !MerkleProofLib.verifyCalldata(proof.path, proof.root, leaf)) {
            revert IErrors.TallyNotSigned(proof.seat, named);
        }
    }

    /// @dev Whether the report says total over count of the arm that the proof names. Of an arm from K on: whether it
    /// commits to the counts of the tally, as far as that is known. What the proof does not name is not looked at.
    function _isTrue(FalseReport calldata proof, Against memory a, uint256 totalsAt) private pure returns (bool) {
        uint256 arm = proof.arm;
        if (arm >= a.arms) {
            bytes32 salt = keccak256(abi.encodePacked(a.key, "counts", proof.round, proof.seat));
            bytes32 commitment = keccak256(abi.encodePacked(proof.tally[CREDITED_BYTES:totalsAt], salt));
            return !a.opens || bytes32(Bits.word(proof.report, 4 * a.arms + 4)) == commitment;
        }
        unchecked {
            uint256 count = Bits.read(proof.tally, CREDITED_BYTES + COUNT_BYTES * arm, COUNT_BYTES);
            uint256 total = Bits.read(proof.tally, totalsAt + TOTAL_BYTES * arm, TOTAL_BYTES);
            return Bits.read(proof.report, 4 * arm, 4) == FixedPointMathLib.rawDiv(total, count);
        }
    }
}
