"""Signed statements: one EIP-712 type, a slot and a content (docs/protocol.md, Bytes)."""

from chain_bandit.paranoid.words import keccak, uint

REPORT, BLOCK, REWARD = 1, 2, 3
"""Phases."""
COMMANDER, SIGNER, ENVIRONMENT, TALLIES = 1, 3, 5, 7
"""Roles."""
SIGNED_ONCE = ((REPORT, COMMANDER), (BLOCK, COMMANDER), (BLOCK, SIGNER))
"""Where a key makes one statement in a slot."""

_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
_STATEMENT = b"Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)"


def separator(chain_id: int, contract: bytes, game: bytes) -> bytes:
    """The hash of the domain."""
    named = keccak(b"chain_bandit") + keccak(b"2")
    return keccak(keccak(_DOMAIN), named, uint(chain_id, 32), bytes(12), contract, game)


def statement(domain: bytes, round_: int, parent: bytes, phase: int, role: int, instance: int, content: bytes) -> bytes:
    """The hash that is signed."""
    slot = uint(round_, 32) + parent + uint(phase, 32) + uint(role, 32) + uint(instance, 32)
    return keccak(b"\x19\x01", domain, keccak(keccak(_STATEMENT), slot, content))
