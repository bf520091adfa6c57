"""Proof of equivocation: two different contents signed by one key in one slot (protocol.md: Consensus).

Relay signatures are never evidence, nor are two signatures of one content.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.messages import Phase, Role, Slot, statement_content

_ROLES = {(Phase.REPORT, Role.COMMANDER), (Phase.BLOCK, Role.COMMANDER), (Phase.BLOCK, Role.SIGNER)}


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Two contents and signatures of the seat `instance`; for a block signer the seat stands in `instance` too."""

    slot: Slot
    phase: Phase
    role: Role
    instance: int
    content: bytes
    signature: bytes
    other_content: bytes
    other_signature: bytes

    def proves(self, addresses: Sequence[bytes], verifier: Verifier) -> bool:
        """True when both signatures are the accused seat's, over different contents, in a role that can equivocate.

        Of any bytes: a content that the contract could not be given, which takes 32 bytes, proves nothing.
        """
        if (self.phase, self.role) not in _ROLES or not 0 <= self.instance < len(addresses):
            return False
        first, second = self._signed(self.content), self._signed(self.other_content)
        if first == second or len(first) != 32 or len(second) != 32:
            return False
        accused, slot_instance = addresses[self.instance], 0 if self.role is Role.SIGNER else self.instance
        one, other = (self.slot.digest(self.phase, self.role, slot_instance, content) for content in (first, second))
        return verifier.is_signed_by(accused, one, self.signature) and verifier.is_signed_by(
            accused, other, self.other_signature
        )

    def calldata(self) -> tuple[object, ...]:
        """What the contract takes: seat, round, parent, phase, role, then content, r and vs of either signature."""
        signed = (
            (self._signed(content), signature[:32], signature[32:])
            for content, signature in ((self.content, self.signature), (self.other_content, self.other_signature))
        )
        slot = self.slot
        where = (self.instance, slot.round, slot.parent, int(self.phase), int(self.role))
        return where + tuple(part for each in signed for part in each)

    def _signed(self, content: bytes) -> bytes:
        return statement_content(self.phase, content)
