"""The one codec of what is signed: an EIP-712 statement, that is a slot and its content (protocol.md: Consensus).

Every signature is on a `Statement`; nothing signed in one slot can be replayed in another.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from chain_bandit.protocol.digests import ZERO, keccak, uint, uints, word
from chain_bandit.protocol.ruleset import FORMAT
from chain_bandit.protocol.units import Counts
from chain_bandit.protocol.within_a_round import kept_within_a_round


class Phase(IntEnum):
    """Which part of a round a statement belongs to."""

    REPORT = 1
    BLOCK = 2
    REWARD = 3
    COMPARISON = 4


class Role(IntEnum):
    """The role in which the signer signs."""

    COMMANDER = 1
    """Opens a signed broadcast: a reporter in phase REPORT, a commander in phase BLOCK."""
    RELAY = 2
    SIGNER = 3
    """Certifies a block, or that there is none."""
    PULLER = 4
    ENVIRONMENT = 5
    PARTY = 6
    """Computes the comparison bits with others."""
    TALLIES = 7
    """The environment: binds what everybody was given, once a settlement."""


NO_BLOCK = ZERO
"""The content of a signature on "no block in this round"."""

_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_STATEMENT_TYPE = keccak(
    b"Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)"
)
_NAME, _VERSION = keccak(b"chain_bandit"), keccak(b"%d" % FORMAT)


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a game lives: chain id, contract (20 bytes) and game digest (32 bytes)."""

    chain_id: int
    contract: bytes
    game: bytes

    def separator(self) -> bytes:
        """EIP-712 domain separator."""
        return keccak(_DOMAIN_TYPE, _NAME, _VERSION, word(self.chain_id), bytes(12), self.contract, self.game)


@dataclass(frozen=True, slots=True)
class Slot:
    """Round, parent record and instance (a seat), less phase and role, which each statement adds.

    Attributes:
        stage: which of a round's broadcasts of one phase it is of. Signatures have it in `parent`; a journal, which
            holds a key to one statement whatever the parent, tells stages apart by this.
    """

    separator: bytes
    round: int
    parent: bytes
    stage: int = field(default=0, compare=False)

    def digest(self, phase: Phase, role: Role, instance: int, content: bytes) -> bytes:
        """The 32 bytes that are signed: EIP-712 over (round, parent, phase, role, instance, content)."""
        return _digest(self.separator, self.round, self.parent, phase, role, instance, content)


@kept_within_a_round(1024)  # in one process every validator asks for the same few hundred digests of a round
def _digest(
    separator: bytes, round_: int, parent: bytes, phase: Phase, role: Role, instance: int, content: bytes
) -> bytes:
    statement = keccak(_STATEMENT_TYPE, word(round_), parent, word(phase), word(role), word(instance), content)
    return keccak(b"\x19\x01", separator, statement)


def commitment(counts: Counts, salt: bytes) -> bytes:
    """The commitment to a participant's pull counts: keccak(K uint32, salt). It hides them while the salt is secret."""
    return keccak(uints(counts, 4), salt)


def commitment_salt(key: bytes, round_: int, seat: int) -> bytes:
    """The salt of a seat's count commitment in a round.

    Args:
        key: its sealing key, so that one revealed key opens everything. In an open game seed_0: counts
            follow from the pulls that are settled there, so that anybody may open the commitment.
    """
    return keccak(key, b"counts", uint(round_, 4), uint(seat, 2))


def tally(counts: Counts, totals: tuple[int, ...]) -> bytes:
    """What makes receipts cumulative: keccak of all counts (uint32) and reward sums (uint64) so far."""
    return keccak(uints(counts, 4), uints(totals, 8))


def pull_content(arm: int) -> bytes:
    """Content of a signed pull."""
    return keccak(uint(arm, 1))


def receipt_content(arm: int, reward: int, tally_digest: bytes, count: int | None = None) -> bytes:
    """Content of a receipt: arm, reward in units, tally after it; in a game with phases arm, pulls, rewards, tally."""
    if count is None:
        return keccak(uint(arm, 1), uint(reward, 4), tally_digest)
    return keccak(uint(arm, 1), uint(count, 4), uint(reward, 8), tally_digest)


@kept_within_a_round(512)  # asked for by every validator, like `_digest`
def broadcast_value(phase: Phase, content: bytes, signature: bytes) -> bytes:
    """What a signed broadcast agrees on: a report together with its signature, or a header's digest."""
    return keccak(content, signature) if phase is Phase.REPORT else content


def statement_content(phase: Phase, content: bytes) -> bytes:
    """What the commander of a broadcast signs: the hash of a report's bytes, or a header's digest."""
    return keccak(content) if phase is Phase.REPORT else content
