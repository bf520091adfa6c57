"""Block signatures: at most one of {block, no block} a slot from each validator, a quorum is a certificate."""

from collections.abc import Sequence
from dataclasses import dataclass

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, mask, seats
from chain_bandit.protocol.messages import Phase, Role, Slot

MOST_CONTENTS = 2
"""Contents kept a seat: two prove it false, more add nothing."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A validator's signature on a header's digest, or on `NO_BLOCK`."""

    seat: int
    content: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """A quorum's signatures on one content of one slot: a mask of seats, their signatures by ascending seat."""

    content: bytes
    signers: int
    signatures: bytes

    def holds(
        self, slot: Slot, addresses: Sequence[bytes], validators: int, quorum: int, verifier: Verifier,
        phase: Phase = Phase.BLOCK,
    ) -> bool:
        """Whether a quorum of the mask `validators` signed the content in the slot: the rule of the contract."""
        if self.signers < 0 or self.signers & ~validators:
            return False
        members = seats(self.signers)
        if len(members) < quorum or len(self.signatures) != SIGNATURE_BYTES * len(members):
            return False
        digest = slot.digest(phase, Role.SIGNER, 0, self.content)
        return all(
            verifier.is_signed_by(
                addresses[seat], digest, self.signatures[i * SIGNATURE_BYTES : (i + 1) * SIGNATURE_BYTES]
            )
            for i, seat in enumerate(members)
        )


class Votes:
    """The block signatures of one slot that one participant holds."""

    def __init__(
        self, slot: Slot, addresses: Sequence[bytes], validators: int, quorum: int, verifier: Verifier,
        phase: Phase = Phase.BLOCK,
    ) -> None:
        self._phase = phase
        self._slot, self._addresses, self._validators = slot, addresses, validators
        self._quorum, self._verifier = quorum, verifier
        self._by_content: dict[bytes, dict[int, bytes]] = {}

    def on_vote(self, vote: Vote) -> bool:
        """Take in a vote; False when its signature is not its seat's or it is known."""
        if vote.seat < 0 or not self._validators >> vote.seat & 1 or len(vote.content) != 32:
            return False
        same, known = self._by_content.get(vote.content), self._by_content.values()
        if same is not None and vote.seat in same:
            return False
        if len(known) >= MOST_CONTENTS and sum(vote.seat in votes for votes in known) >= MOST_CONTENTS:
            return False
        digest = self._slot.digest(self._phase, Role.SIGNER, 0, vote.content)
        if not self._verifier.is_signed_by(self._addresses[vote.seat], digest, vote.signature):
            return False
        self._by_content.setdefault(vote.content, {})[vote.seat] = vote.signature
        return True

    def certificate(self, content: bytes) -> Certificate | None:
        """A certificate of the lowest quorum of seats that signed `content`, or None while there is none."""
        votes = self._by_content.get(content, {})
        if len(votes) < self._quorum:
            return None
        members = sorted(votes)[: self._quorum]
        return Certificate(content, mask(members), b"".join(votes[seat] for seat in members))

    def other_than(self, content: bytes) -> list[Vote]:
        """The votes for anything else: with another vote of the same seat each proves equivocation."""
        return [
            Vote(seat, other, signature)
            for other, votes in sorted(self._by_content.items())
            if other != content
            for seat, signature in sorted(votes.items())
        ]

    def equivocations(self) -> list[Equivocation]:
        """Proof against every seat that signed two contents in the slot."""
        signed: dict[int, list[tuple[bytes, bytes]]] = {}
        for content, votes in sorted(self._by_content.items()):
            for seat, signature in votes.items():
                signed.setdefault(seat, []).append((content, signature))
        return [
            Equivocation(self._slot, Phase.BLOCK, Role.SIGNER, seat, *pairs[0], *pairs[1])
            for seat, pairs in sorted(signed.items())
            if len(pairs) > 1
        ]
