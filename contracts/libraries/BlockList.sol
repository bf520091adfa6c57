// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "../interfaces/IErrors.sol";
import {Equivocation} from "../types/Game.sol";
import {Certificates} from "./Certificates.sol";

/// @title D(t): who is proven to have signed two contents in one slot
library BlockList {
    struct Docket {
        uint256 accused; // every seat with a proof against it
        mapping(uint256 => uint256) since; // the first round in which the proof against a seat counts
    }

    /// @notice Refuses anything but proof: two different contents, both signed by the seat, as reporter, commander or
    /// block signer of one slot. Relays sign what others said, and two signatures of one content say one thing.
    function requireProof(Equivocation calldata proof, bytes32 domain, address participant) internal view {
        bool commander = proof.role == Certificates.ROLE_COMMANDER
            && (proof.phase == Certificates.PHASE_REPORT || proof.phase == Certificates.PHASE_BLOCK);
        bool signer = proof.role == Certificates.ROLE_SIGNER && proof.phase == Certificates.PHASE_BLOCK;
        if (!commander && !signer) revert IErrors.NoSuchRole(proof.phase, proof.role);
        if (proof.content == proof.otherContent) revert IErrors.SameContent(proof.content);
        uint256 instance = commander ? proof.seat : 0;
        _requireSigned(proof, domain, instance, proof.content, proof.r, proof.vs, participant);
        _requireSigned(proof, domain, instance, proof.otherContent, proof.otherR, proof.otherVs, participant);
    }

    /// @notice Puts a seat on the list, once, from round `since` on.
    function add(Docket storage docket, uint256 seat, uint256 since) internal {
        if (docket.accused >> seat & 1 == 1) revert IErrors.AlreadyAccused(seat, docket.since[seat]);
        docket.accused |= 1 << seat;
        docket.since[seat] = since;
    }

    /// @notice D(t), and those of it whose first round is t.
    function blocked(Docket storage docket, uint256 round) internal view returns (uint256 set, uint256 fresh) {
        unchecked {
            uint256 accused = docket.accused;
            for (uint256 seat; accused != 0; (++seat, accused >>= 1)) {
                if (accused & 1 == 0) continue;
                uint256 since = docket.since[seat];
                if (since <= round) set |= 1 << seat;
                if (since == round) fresh |= 1 << seat;
            }
        }
    }

    function _requireSigned(
        Equivocation calldata proof,
        bytes32 domain,
        uint256 instance,
        bytes32 content,
        bytes32 r,
        bytes32 vs,
        address participant
    ) private view {
        bytes32 digest =
            Certificates.statement(domain, proof.round, proof.parent, proof.phase, proof.role, instance, content);
        if (Certificates.signer(digest, uint256(r), uint256(vs)) != uint160(participant)) {
            revert IErrors.InvalidSignature(proof.seat, participant);
        }
    }
}
