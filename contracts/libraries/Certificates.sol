// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ECDSA} from "solady/src/utils/ECDSA.sol";

import {IErrors} from "../interfaces/IErrors.sol";
import {Bits} from "./Bits.sol";
import {Seats} from "./Seats.sol";

/// @title What is signed, and that a quorum signed it
library Certificates {
    uint256 internal constant SIGNATURE_BYTES = 64;
    uint256 private constant NONE = 256; // no seat
    uint256 internal constant PHASE_REPORT = 1;
    uint256 internal constant PHASE_BLOCK = 2;
    uint256 internal constant ROLE_COMMANDER = 1;
    uint256 internal constant ROLE_SIGNER = 3;
    uint256 internal constant PHASE_REWARD = 3;
    uint256 internal constant ROLE_ENVIRONMENT = 5;
    uint256 internal constant ROLE_TALLIES = 7;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant STATEMENT_TYPE =
        keccak256("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)");
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    /// @notice EIP-712 domain separator of a game at this contract on this chain.
    function separator(bytes32 game) internal view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("chain_bandit"), keccak256("2"), block.chainid, address(this), game)
        );
    }

    /// @notice The digest of one content in one slot.
    function statement(
        bytes32 domain,
        uint256 round,
        bytes32 parent,
        uint256 phase,
        uint256 role,
        uint256 instance,
        bytes32 content
    ) internal pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(
            domain, keccak256(abi.encode(STATEMENT_TYPE, round, parent, phase, role, instance, content))
        );
    }

    /// @notice What a validator signs to certify `content` (a header's digest, or zero for no block) in its round.
    function vote(bytes32 domain, uint256 round, bytes32 parent, bytes32 content) internal pure returns (bytes32) {
        return statement(domain, round, parent, PHASE_BLOCK, ROLE_SIGNER, 0, content);
    }

    /// @notice Refuses anything but valid signatures of `digest` by `signers`, a quorum of `validators`.
    /// @param keys What `Seats.keys` gives.
    /// @param at Where in `data` the signatures begin: compact, low s, one a signer by ascending seat.
    function check(
        bytes memory keys,
        uint256 validators,
        uint256 quorum,
        bytes32 digest,
        uint256 signers,
        bytes calldata data,
        uint256 at
    ) internal view {
        unchecked {
            if (signers & ~validators != 0) revert IErrors.UnknownSigners(signers, validators);
            uint256 count = Bits.count(signers);
            if (count < quorum) revert IErrors.QuorumMissing(count, quorum);
            if (at + SIGNATURE_BYTES * count > data.length) {
                revert IErrors.WrongSignaturesLength(data.length - at, SIGNATURE_BYTES * count);
            }
            uint256 seat = _firstFalse(keys, digest, signers, data, at);
            if (seat != NONE) revert IErrors.InvalidSignature(seat, address(uint160(Seats.key(keys, seat))));
        }
    }

    /// @dev The first of `signers` whose signature `signer` does not give its `Seats.key` for; `NONE` if there is none.
    // slither-disable-next-line assembly -- a quorum pays it once a signer: a hundred gas less than by those two
    function _firstFalse(bytes memory keys, bytes32 digest, uint256 signers, bytes calldata data, uint256 at)
        private
        view
        returns (uint256 seat)
    {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            let free := mload(0x40)
            let place := add(data.offset, at)
            let key := add(keys, 20) // the word that ends with the first one
            seat := NONE
            mstore(0x00, digest)
            for {} signers { signers := shr(1, signers) } {
                if and(signers, 1) {
                    let vs := calldataload(add(place, 32))
                    let s := shl(1, vs) // twice
                    mstore(0x20, add(shr(255, vs), 27))
                    mstore(0x40, calldataload(place))
                    mstore(0x60, shr(1, s))
                    let done := staticcall(gas(), 1, 0x00, 0x80, 0x20, 0x20)
                    // What fails returns nothing, and leaves 27 or 28 there.
                    let wrong := or(iszero(returndatasize()), shl(96, xor(mload(0x20), mload(key))))
                    if or(wrong, iszero(and(done, lt(s, ORDER)))) {
                        seat := div(sub(key, add(keys, 20)), 20)
                        break
                    }
                    place := add(place, SIGNATURE_BYTES)
                }
                key := add(key, 20)
            }
            mstore(0x60, 0)
            mstore(0x40, free)
        }
    }

    /// @notice The key that signed `digest`: zero, which no seat holds, unless the signature is canonical (low s).
    function signer(bytes32 digest, uint256 r, uint256 vs) internal view returns (uint256) {
        unchecked {
            if (vs << 1 >= ORDER) return 0; // twice s, the parity shifted out
        }
        return uint160(ECDSA.tryRecover(digest, bytes32(r), bytes32(vs)));
    }
}
