// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";

/// @title What a quorum signs, and that it did
library Certificates {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant STATEMENT_TYPE =
        keccak256("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)");
    uint256 private constant PHASE_BLOCK = 2;
    uint256 private constant ROLE_SIGNER = 3;

    /// @notice EIP-712 domain separator of a game at this contract on this chain.
    function separator(bytes32 game) internal view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("chain_bandit"), keccak256("1"), block.chainid, address(this), game)
        );
    }

    /// @notice What a validator signs to certify `content` (a header's digest, or zero for no block) in its round.
    function statement(bytes32 domain, uint256 round, bytes32 parent, bytes32 content)
        internal
        pure
        returns (bytes32)
    {
        return MessageHashUtils.toTypedDataHash(
            domain, keccak256(abi.encode(STATEMENT_TYPE, round, parent, PHASE_BLOCK, ROLE_SIGNER, 0, content))
        );
    }

    /// @notice Refuses anything but valid signatures of `digest` by `signers`, a quorum of the seats.
    /// @param signatures EIP-2098 compact, low s, one a signer by ascending seat.
    function check(
        address[] storage seats,
        uint256 quorum,
        bytes32 digest,
        uint256 signers,
        bytes calldata signatures
    ) internal view {
        unchecked {
            uint256 participants = seats.length;
            if (signers >> participants != 0) revert IErrors.UnknownSigners(signers, participants);
            uint256 count = Bits.count(signers);
            if (count < quorum) revert IErrors.QuorumMissing(count, quorum);
            if (signatures.length != 64 * count) {
                revert IErrors.WrongSignaturesLength(signatures.length, 64 * count);
            }
            // slither-disable-next-line uninitialized-local -- starts at zero
            uint256 at;
            for (uint256 seat; signers != 0; (++seat, signers >>= 1)) {
                if (signers & 1 == 0) continue;
                address participant = seats[seat];
                // slither-disable-next-line unused-return -- the third value only explains a failure
                (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(
                    digest, bytes32(signatures[at:]), bytes32(signatures[at + 32:])
                );
                if (failure != ECDSA.RecoverError.NoError || signer != participant) {
                    revert IErrors.InvalidSignature(seat, participant);
                }
                at += 64;
            }
        }
    }
}
