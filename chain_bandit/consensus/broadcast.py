"""Signed broadcast: Lamport's SM(m), one instance a commander, at one validator (protocol.md: Consensus).

Step 0: a commander signs its value and sends it. In step r a claim counts only if it carries at least r + 1
distinct valid signatures, the commander's first. A validator that accepts a new value adds its own signature and
relays it in the next step. Nothing is accepted after step m. One value held at the end is the outcome; none or several
are no outcome.

Reports are relayed only to validators that lack them: `consensus.echo`. Where every validator commands, the block
phase needs no relays at all: `HeaderExchange`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value
from chain_bandit.protocol.messages import statement_content as plainly_stated
from chain_bandit.protocol.within_a_round import kept_within_a_round

statement_content = kept_within_a_round(512)(plainly_stated)
"""Kept, since in one process every validator asks for the same; here contents have the one size that they may have."""

MOST_VALUES = 2
"""Values kept and relayed a commander: two leave no outcome, more add nothing but proof, see `_is_enough`."""


class Claim(NamedTuple):
    """A commander's value with the signatures that vouch for it; a tuple, for thousands are made in a round.

    Attributes:
        instance: the commander's seat.
        content: a report's bytes (phase REPORT) or a header's digest (phase BLOCK).
        signature: the commander's.
        relays: (seat, signature) of each relay so far.
    """

    instance: int
    content: bytes
    signature: bytes
    relays: tuple[tuple[int, bytes], ...] = ()


_VALUE = itemgetter(0, 1, 2)


@dataclass(frozen=True)
class Frame:
    """All claims that one sender sends in one step of one phase."""

    phase: Phase
    claims: tuple[Claim, ...]

    @cached_property
    def values(self) -> frozenset[tuple[int, bytes, bytes]]:
        """What is claimed: (instance, content, signature) of each."""
        return frozenset(map(_VALUE, self.claims))


class Drop(StrEnum):
    """Why a claim was not accepted."""

    KNOWN = "value already held"
    ENOUGH = "two values already held, and nothing more to prove"
    LATE = "arrived after the last step"
    SHORT_CHAIN = "fewer signatures than the step asks for"
    UNKNOWN_SEAT = "names a seat that may not command, or relay"
    REPEATED_SIGNER = "one signer counted twice"
    WRONG_SIZE = "content of the wrong size"
    BAD_SIGNATURE = "a signature is not its signer's"
    BAD_ECHO = "an echo that no validator sends, or of another round"
    BAD_VECTOR = "a vector of another round, or with a value missing"
    PROVES_NOTHING = "came when headers are evidence alone, and no other of its commander is held"


class SignedBroadcast:
    """One validator's state of one phase of one round: the instance of SM(m) of every commander.

    Args:
        commanders, validators: masks of the seats that may command, and of those that relay.
    """

    def __init__(
        self,
        phase: Phase,
        slot: Slot,
        seat: int,
        addresses: Sequence[bytes],
        commanders: int,
        validators: int,
        content_bytes: int,
        relay_rounds: int,
        signer: Signer,
        verifier: Verifier,
    ) -> None:
        self.phase = phase
        self._slot, self._seat, self._addresses = slot, seat, addresses
        self._commanders, self._validators = commanders, validators
        self._content_bytes, self._last_step = content_bytes, relay_rounds
        self._signer, self._verifier = signer, verifier
        self._held: list[dict[tuple[bytes, bytes], Claim]] = [{} for _ in addresses]
        self._accepted: set[tuple[int, bytes, bytes]] = set()
        self._fresh: list[Claim] = []

    def admit(self, seat: int) -> None:
        """One more seat may command: its proof was not known before."""
        self._commanders |= 1 << seat

    def open(self, content: bytes) -> Frame:
        """Step 0 as commander: sign the content and hold it."""
        stated = statement_content(self.phase, content)
        signature = self._signer.state(self._slot, self.phase, Role.COMMANDER, self._seat, stated)
        claim = Claim(self._seat, content, signature)
        self._hold(self._key(claim), claim)
        return Frame(self.phase, (claim,))

    def on_frame(self, step: int, frame: Frame) -> list[Drop]:
        """Take in the claims of a frame that arrived in `step`; the reasons for those dropped."""
        drops: list[Drop] = []
        accepted = self._accepted
        if len(frame.claims) > 1 and frame.values <= accepted:
            return drops  # nearly everything that relays bring: not worth a reason, nor a call
        for claim in frame.claims:
            if _VALUE(claim) not in accepted:
                reason = self.on_claim(step, claim)
                if reason is not None:
                    drops.append(reason)
        return drops

    def asked(self, step: int) -> int:
        """How many relays a claim needs that arrives in a step."""
        return step

    def on_claim(self, step: int, claim: Claim) -> Drop | None:
        """Accept the claim, or return why not."""
        if claim.instance < 0 or not self._commanders >> claim.instance & 1:
            return Drop.UNKNOWN_SEAT
        held, key = self._held[claim.instance], self._key(claim)
        if held:
            if key in held:
                return Drop.KNOWN
            if step <= self._last_step and self._is_enough(held, claim):
                return Drop.ENOUGH
        if step > self._last_step:
            return Drop.LATE
        asked = self.asked(step)
        reason = self._fault(asked, claim)
        if reason is None:
            self._hold(key, claim)
            if len(claim.relays) > asked:  # with one's own, the next step asks for no more: no chain is beyond m + 1
                claim = claim._replace(relays=claim.relays[:asked])
            self._fresh.append(claim)
        return reason

    def relays(self) -> Frame | None:
        """The values accepted since the last call, each with this validator's signature added; None without any."""
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return None
        return Frame(self.phase, tuple(self._with_relay(claim) for claim in fresh))

    def outcome(self, instance: int) -> Claim | None:
        """The commander's value when exactly one is held, else None."""
        held = self._held[instance]
        return next(iter(held.values())) if len(held) == 1 else None

    def equivocations(self) -> list[Equivocation]:
        """Proof against every commander that signed two different contents in its slot."""
        proofs = []
        for instance, held in enumerate(self._held):
            if len(held) < 2:
                continue
            contents = {claim.content: claim.signature for claim in held.values()}
            if len(contents) > 1:
                (one, first), (other, second) = sorted(contents.items())[:2]
                proofs.append(
                    Equivocation(self._slot, self.phase, Role.COMMANDER, instance, one, first, other, second)
                )
        return proofs

    def _hold(self, key: tuple[bytes, bytes], claim: Claim) -> None:
        self._held[claim.instance][key] = claim
        self._accepted.add(_VALUE(claim))

    def _key(self, claim: Claim) -> tuple[bytes, bytes]:
        """What is agreed on: a report with its signature, a header's digest alone."""
        return (claim.content, claim.signature if self.phase is Phase.REPORT else b"")

    @staticmethod
    def _is_enough(held: Mapping[tuple[bytes, bytes], Claim], claim: Claim) -> bool:
        """Two values are, but for two signatures of one content, which prove nothing: a second content then does."""
        if len(held) < MOST_VALUES:
            return False
        contents = {other.content for other in held.values()}
        return len(contents) > 1 or claim.content in contents

    def _fault(self, asked: int, claim: Claim) -> Drop | None:
        if len(claim.content) != self._content_bytes:
            return Drop.WRONG_SIZE
        if len(claim.relays) < asked:
            return Drop.SHORT_CHAIN
        if claim.relays:  # most claims come from their commander, before anybody relays
            signers = {claim.instance, *(seat for seat, _ in claim.relays)}
            if len(signers) != 1 + len(claim.relays):
                return Drop.REPEATED_SIGNER
            if any(seat < 0 or not self._validators >> seat & 1 for seat, _ in claim.relays):
                return Drop.UNKNOWN_SEAT
        commander = self._slot.digest(
            self.phase, Role.COMMANDER, claim.instance, statement_content(self.phase, claim.content)
        )
        if not self._verifier.is_signed_by(self._addresses[claim.instance], commander, claim.signature):
            return Drop.BAD_SIGNATURE
        if claim.relays:
            relay = self._relay_digest(claim)
            for seat, signature in claim.relays:
                if not self._verifier.is_signed_by(self._addresses[seat], relay, signature):
                    return Drop.BAD_SIGNATURE
        return None

    def _relay_digest(self, claim: Claim) -> bytes:
        value = broadcast_value(self.phase, claim.content, claim.signature)
        return self._slot.digest(self.phase, Role.RELAY, claim.instance, value)

    def _with_relay(self, claim: Claim) -> Claim:
        signature = self._signer.sign(self._relay_digest(claim))
        return Claim(claim.instance, claim.content, claim.signature, (*claim.relays, (self._seat, signature)))


class HeaderExchange(SignedBroadcast):
    """Header digests where every validator commands: each sends its own once, then shows whatever is unlike it.

    A validator with a block holds its own header, which is all that its vote needs, so no relay could change a vote.
    What is shown is for evidence: of two contents that two honest validators took from one commander at least one is
    unlike the block that both computed, so it is shown, and the holder of the other can prove it (docs/consensus.md).
    """

    def __init__(
        self, slot: Slot, seat: int, addresses: Sequence[bytes], validators: int, signer: Signer, verifier: Verifier
    ) -> None:
        super().__init__(Phase.BLOCK, slot, seat, addresses, validators, validators, 32, 0, signer, verifier)

    def on_claim(self, step: int, claim: Claim) -> Drop | None:
        """Accept the claim, or return why not: from step 1 on as evidence alone, for which it is never too late."""
        if step and 0 <= claim.instance < len(self._held) and not self._held[claim.instance]:
            return Drop.PROVES_NOTHING
        return super().on_claim(0, claim)

    def unlike(self, content: bytes) -> Frame | None:
        """The headers of step 0 that are of another content, as their commanders signed them; None without any."""
        shown = tuple(claim for claim in self._fresh if claim.content != content)
        self._fresh = []
        return Frame(self.phase, shown) if shown else None
