"""Certified vectors: an echo broadcast that ends as soon as a quorum has signed the same vector (docs/consensus.md).

Every validator signs with its echo the vector of what it singly holds. A quorum's signatures on one vector certify it,
and under two thirds no round has two certified vectors. A validator that holds one in step 1 is done: it declares so at
tick 2, and at tick 3 relays the vector, with its own signature, to those that have not. In step s a vector counts only
if it carries at least max(1, s - 2) relays; nothing is accepted after step m + 3. A certified vector is the outcome;
without one the broadcast's own is.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chain_bandit.consensus.broadcast import Claim, Drop, Frame
from chain_bandit.consensus.certificate import Certificate, Vote, Votes
from chain_bandit.consensus.echo import Echo, EchoBroadcast
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.digests import keccak, word
from chain_bandit.protocol.messages import Phase, Role, Slot, broadcast_value
from chain_bandit.protocol.units import MAX_PARTICIPANTS

NO_SEAT = MAX_PARTICIPANTS
"""Of which instance a vector is relayed: of no single one."""


class Vector(NamedTuple):
    """A certified vector on its way; without signers it only declares that its sender holds one.

    Attributes:
        single: mask of the instances that have an outcome.
        values: those that its receiver has not shown to hold; of the others what the receiver accepted first.
        signers, signatures: of the validators that certified it, see `Certificate`.
        relays: (seat, signature) of each relay so far.
    """

    round: int
    single: int = 0
    values: tuple[Claim, ...] = ()
    signers: int = 0
    signatures: bytes = b""
    relays: tuple[tuple[int, bytes], ...] = ()


def vector_content(values: Mapping[int, Claim]) -> bytes:
    """The hash of which instances have an outcome, and which."""
    said = (broadcast_value(Phase.REPORT, *values[instance][1:3]) for instance in sorted(values))
    return keccak(word(sum(1 << instance for instance in values)), *said)


class VectorBroadcast(EchoBroadcast):
    """One validator's state of the reports of one round, see `EchoBroadcast`.

    Args:
        quorum: how many equal echoes certify a vector: such that two quorums share an honest validator.
    """

    def __init__(
        self,
        slot: Slot,
        seat: int,
        addresses: Sequence[bytes],
        commanders: int,
        validators: int,
        content_bytes: int,
        relay_rounds: int,
        signer: Signer,
        verifier: Verifier,
        quorum: int,
    ) -> None:
        super().__init__(
            slot, seat, addresses, commanders, validators, content_bytes, relay_rounds, signer, verifier
        )
        self._last_vector = relay_rounds + 3
        self._alike = Votes(slot, addresses, validators, quorum, verifier, Phase.REPORT)
        self._quorum = quorum
        self._echoed: dict[int, Claim] = {}
        self._alike_echoes: set[int] = set()
        """By identity: those of the vector that was echoed here."""
        self._single, self._values = 0, list[bytes | None]()
        self._content: bytes | None = None
        """Of what was echoed, while echoes count."""
        self._vector: dict[int, Claim] | None = None
        self._certificate: Certificate | None = None
        self._chain: tuple[tuple[int, bytes], ...] | None = None
        """Relays of the vector that was accepted, until it is handed on."""
        self._holders: set[int] = set()
        self._checked: set[int] = set()
        """Whose vector's signatures were checked: the honest hand on one, and it takes n and more to refuse one."""

    @property
    def is_certified(self) -> bool:
        """Whether this validator holds a certified vector."""
        return self._vector is not None

    def echo(self) -> Echo:
        """What is held, with a signature on the part of it that has an outcome."""
        echo = super().echo()
        self._echoed = {
            instance: next(iter(held.values())) for instance, held in enumerate(self._held) if len(held) == 1
        }
        self._single, self._values = echo.single, self._values_of(self._echoed)
        content = self._content = vector_content(self._echoed)
        signature = self._signer.state(self._slot, Phase.REPORT, Role.SIGNER, 0, content)
        self._alike.on_vote(Vote(self._seat, content, signature))
        for peer, early in self._echoes.items():
            self._count(peer, early)
        return echo._replace(signature=signature)

    def on_echo(self, sender: int, echo: Echo) -> Drop | None:
        """So too whether it is of the same vector as this validator's own."""
        reason = super().on_echo(sender, echo)
        if reason is None:
            self._count(sender, echo)
        return reason

    def said(self, step: int) -> list[tuple[tuple[int, ...], Echo | Frame | Vector]]:
        """So too that a vector is certified, in step 2, and from step 3 on the vector."""
        said: list[tuple[tuple[int, ...], Echo | Frame | Vector]] = list(super().said(step))
        if step == 2:
            found = self._certified()
            self._content = None
            if self._vector is None and found is not None:
                self._take(self._echoed, found, ())
            if self._vector is not None:
                said.append((self._peers, Vector(self._slot.round)))
        elif 2 < step <= self._last_vector and self._chain is not None:
            said += self._handed_on()
        return said

    def on_claim(self, step: int, claim: Claim) -> Drop | None:
        """Accept the claim, or return why not: beside a certified vector it is evidence alone."""
        if self._vector is not None and 0 <= claim.instance < len(self._held) and not self._held[claim.instance]:
            return Drop.PROVES_NOTHING
        return super().on_claim(step, claim)

    def on_vector(self, sender: int, step: int, vector: Vector) -> Drop | None:
        """Take in that a validator holds a vector, and the vector; or return why not."""
        if not self._is_peer(sender):
            return Drop.UNKNOWN_SEAT
        if vector.round != self._slot.round or vector.single >> len(self._held):
            return Drop.BAD_VECTOR
        self._heard.setdefault(sender, set())
        self._holders.add(sender)
        if not vector.signers or self._vector is not None:
            return Drop.KNOWN if vector.signers else None
        if step > self._last_vector:
            return Drop.LATE
        asked = max(1, step - 2)
        relaying = {seat for seat, _ in vector.relays}
        if len(vector.relays) < asked:
            return Drop.SHORT_CHAIN
        if len(relaying) != len(vector.relays):
            return Drop.REPEATED_SIGNER
        if any(seat < 0 or not self._validators >> seat & 1 for seat in relaying):
            return Drop.UNKNOWN_SEAT
        if sender in self._checked:
            return Drop.KNOWN
        self._checked.add(sender)
        values = self._completed(vector)
        if values is None:
            return Drop.BAD_VECTOR
        certificate = Certificate(vector_content(values), vector.signers, vector.signatures)
        if not certificate.holds(
            self._slot, self._addresses, self._validators, self._quorum, self._verifier, Phase.REPORT
        ):
            return Drop.BAD_SIGNATURE
        digest = self._relay_of(certificate)
        for seat, signature in vector.relays:
            if not self._verifier.is_signed_by(self._addresses[seat], digest, signature):
                return Drop.BAD_SIGNATURE
        self._take(values, certificate, vector.relays[:asked])
        return None

    def outcome(self, instance: int) -> Claim | None:
        """As the certified vector has it, else as the broadcast."""
        return super().outcome(instance) if self._vector is None else self._vector.get(instance)

    @property
    def is_settled(self) -> bool:
        """Whether it holds a certified vector, or will at tick 2."""
        return self._vector is not None or self._certified() is not None

    @property
    def is_unanimous(self) -> bool:
        """Whether a quorum has echoed one value of every commander, and nobody has echoed anything else so far."""
        is_all = self._single == self._commanders and len(self._alike_echoes) == len(self._echoes)
        return is_all and self.is_settled

    def _count(self, peer: int, echo: Echo) -> None:
        """Take an echo of the vector that was echoed here for a signature on it."""
        if self._content is None or echo.single != self._single:
            return
        if super()._matches(echo, self._single, self._values) == self._single and self._alike.on_vote(
            Vote(peer, self._content, echo.signature)
        ):
            self._alike_echoes.add(id(echo))

    def _matches(self, echo: Echo, mask: int, firsts: Sequence[bytes | None]) -> int:
        """Of what is held here, which need not be hashed again for peers that echoed the same."""
        return echo.single if id(echo) in self._alike_echoes else super()._matches(echo, mask, firsts)

    def _certified(self) -> Certificate | None:
        """The certificate of the vector that was echoed here, where a quorum has echoed it in time."""
        return None if self._content is None else self._alike.certificate(self._content)

    def _values_of(self, claims: Mapping[int, Claim]) -> list[bytes | None]:
        values: list[bytes | None] = [None] * len(self._held)
        for instance, claim in claims.items():
            values[instance] = broadcast_value(self.phase, claim.content, claim.signature)
        return values

    def _completed(self, vector: Vector) -> dict[int, Claim] | None:
        """All values of a vector, some from what is held here; None where one is missing, or is no value."""
        values: dict[int, Claim] = {}
        for claim in vector.values:
            is_asked = claim.instance >= 0 and (vector.single & self._commanders) >> claim.instance & 1
            if not is_asked or claim.instance in values or claim.relays or self._fault(0, claim) is not None:
                return None
            values[claim.instance] = claim
        for instance, held in enumerate(self._held):
            if vector.single >> instance & 1 and instance not in values:
                if not held or not self._commanders >> instance & 1:
                    return None
                values[instance] = next(iter(held.values()))
        return values

    def _take(self, values: dict[int, Claim], certificate: Certificate, chain: tuple[tuple[int, bytes], ...]) -> None:
        """The outcome is this vector; a value of it that is not held is evidence beside another."""
        self._vector, self._certificate, self._chain = dict(values), certificate, chain
        for instance, claim in values.items():
            held, key = self._held[instance], self._key(claim)
            if key not in held and not self._is_enough(held, claim):
                self._hold(key, claim)

    def _handed_on(self) -> list[tuple[tuple[int, ...], Vector]]:
        """The vector to each validator that sent something and has not declared that it holds one."""
        found, chain, vector = self._certificate, self._chain, self._vector
        self._chain = None
        lacking = [peer for peer in self._heard if peer not in self._holders]
        if not lacking or found is None or chain is None or vector is None:
            return []
        signature = self._signer.sign(self._relay_of(found))
        relays = (*chain, (self._seat, signature))
        single, firsts = sum(1 << instance for instance in vector), self._values_of(vector)
        to: dict[int, list[int]] = {}
        for peer in lacking:
            echo = self._echoes.get(peer)
            shows = 0 if echo is None else EchoBroadcast._matches(self, echo, single, firsts) & single
            to.setdefault(shows, []).append(peer)
        return [
            (
                tuple(peers),
                Vector(
                    self._slot.round, single,
                    tuple(claim._replace(relays=()) for i, claim in sorted(vector.items()) if not shown >> i & 1),
                    found.signers, found.signatures, relays,
                ),
            )
            for shown, peers in to.items()
        ]  # fmt: skip

    def _relay_of(self, certificate: Certificate) -> bytes:
        return self._slot.digest(Phase.REPORT, Role.RELAY, NO_SEAT, certificate.content)

    def _is_wellformed(self, echo: Echo) -> bool:
        return super()._is_wellformed(echo._replace(signature=b"")) and bool(echo.signature)
