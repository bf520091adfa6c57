// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {APPROVED, REJECTED} from "../../contracts/types/Game.sol";
import {vm} from "./Vm.sol";

/// @title How a block, and a skip, are encoded, signed and submitted: the only place in the suite that knows
/// @dev Written from `docs/protocol.md`, not from `contracts/`: what it encodes, the contract must take.
library Blocks {
    uint256 internal constant BOUND = 2e9;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)");
    bytes32 private constant STATEMENT_TYPE =
        keccak256("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)");

    struct Slot {
        uint256 chainId;
        address at;
        bytes32 game;
        uint32 round;
        bytes32 parent;
    }

    struct Content {
        bytes header;
        bytes body;
    }

    /// @notice Some block of this slot: who reported, what is selected and what the means are, all by `seed`.
    function some(Slot memory slot, uint256 participants, uint256 arms, bool approved, uint256 seed)
        internal
        pure
        returns (Content memory)
    {
        uint256 reporters = seed % 2 ** participants;
        bytes memory body = filler(bits(reporters) * (4 * arms + 96), seed);
        uint256 size = (participants + 7) / 8;
        bytes memory header = bytes.concat(
            bytes4(slot.round), slot.parent, keccak256(body), set(reporters, size), bytes1(uint8(seed % arms))
        );
        for (uint256 i; i < 2 * arms; ++i) {
            header = bytes.concat(header, set(uint256(keccak256(abi.encode(seed, i))) % 2 ** participants, size));
        }
        uint256 high = seed % arms;
        for (uint256 arm; arm < arms; ++arm) {
            uint256 mean = uint256(keccak256(abi.encode(seed, "mean", arm))) % (BOUND + 1);
            if (seed & 256 != 0) mean = BOUND;
            if (!approved && arm == high) mean = seed & 512 == 0 ? BOUND + 1 : type(uint32).max;
            header = bytes.concat(header, bytes4(uint32(mean)));
        }
        return Content(header, body);
    }

    /// @notice The digest of a block that its record keeps.
    function digest(Content memory content) internal pure returns (bytes32) {
        return keccak256(content.header);
    }

    /// @notice Whether a block's record costs somebody who is selected: the seats that some B_i of the header holds.
    function selected(bytes memory header, uint256 participants, uint256 arms) internal pure returns (uint256 held) {
        uint256 size = (participants + 7) / 8;
        uint256 at = 69 + size * (1 + arms);
        for (uint256 i; i < arms; ++i) {
            uint256 one;
            for (uint256 j; j < size; ++j) {
                one = one << 8 | uint8(header[at++]);
            }
            held |= one;
        }
    }

    /// @notice The digest of the history after a record.
    function headAfter(bytes32 parent, uint32 round, uint8 kind, bytes32 header) internal pure returns (bytes32) {
        return keccak256(bytes.concat(parent, bytes4(round), bytes1(kind), header));
    }

    function kindOf(bool approved) internal pure returns (uint8) {
        return approved ? APPROVED : REJECTED;
    }

    /// @notice What validators sign under `content` (a block's digest, or zero for a skip) in a slot.
    function statement(Slot memory slot, bytes32 content) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPE, keccak256("chain_bandit"), keccak256("1"), slot.chainId, slot.at, slot.game)
        );
        bytes32 struct_ =
            keccak256(abi.encode(STATEMENT_TYPE, uint256(slot.round), slot.parent, 2, 3, 0, content));
        return keccak256(bytes.concat(hex"1901", domain, struct_));
    }

    /// @notice EIP-2098 signatures of the keys in `signers`, by ascending seat.
    function signatures(uint256[] memory keys, uint256 signers, bytes32 what) internal pure returns (bytes memory all) {
        for (uint256 seat; seat < keys.length; ++seat) {
            if (signers >> seat & 1 == 1) all = bytes.concat(all, compact(keys[seat], what));
        }
    }

    function compact(uint256 key, bytes32 what) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, what);
        return bytes.concat(r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    /// @notice Calldata that submits one block.
    function submission(Content memory content, uint256 signers, bytes memory signatures_)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(IChainBandit.submitBlock, (content.header, content.body, signers, signatures_));
    }

    /// @notice Calldata that records a round without a block.
    function skip(uint256 signers, bytes memory signatures_) internal pure returns (bytes memory) {
        return abi.encodeCall(IChainBandit.skip, (signers, signatures_));
    }

    function bits(uint256 members) internal pure returns (uint256 count) {
        for (; members != 0; members &= members - 1) {
            ++count;
        }
    }

    function set(uint256 members, uint256 size) internal pure returns (bytes memory all) {
        all = abi.encodePacked(members << (256 - 8 * size));
        assembly {
            mstore(all, size)
        }
    }

    function filler(uint256 length, uint256 seed) internal pure returns (bytes memory all) {
        all = new bytes(length);
        for (uint256 at; at < length; at += 32) {
            bytes32 word = keccak256(abi.encode(seed, at));
            if (length - at < 32) word &= bytes32(type(uint256).max << (256 - 8 * (length - at)));
            assembly {
                mstore(add(add(all, 32), at), word)
            }
        }
    }
}
