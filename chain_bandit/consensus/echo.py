"""Echo broadcast of reports: SM(m) with one echo step, in which a value is relayed only to validators that lack it.

Step 0: a commander signs its value and sends it. Tick 1: every validator states in one message of which commanders
it holds what (`Echo`). From tick 2 on it sends each value that it accepted since, with its own signature, to each peer
that has not shown to hold it. In step s a claim counts only if it carries at least s distinct valid signatures, the
commander's first, and at least one. Nothing is accepted after step m + 1. One value held at the end is the outcome.

Proofs: docs/consensus.md.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chain_bandit.consensus.broadcast import Claim, Drop, Frame, SignedBroadcast
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Slot, broadcast_value

GROUP = 8
"""Instances that share a tag: one value that a peer does not know makes it send so many values less one for nothing."""

SALT_BYTES = TAG_BYTES = 8

Value = tuple[int, bytes, bytes]


class Echo(NamedTuple):
    """What a validator holds of all reports, in the words of its channel: it is not signed, and proves nothing.

    Attributes:
        single: mask of the instances of which exactly one value is held.
        several: of those of which two contents are, which is a proof and no outcome.
        salt: which nobody could know before, so that nobody could make values of one tag.
        tags: of each group of instances the hash of salt and values singly held.
        signature: on all values singly held, where a quorum's certify them (`consensus.vector`); else empty.
    """

    round: int
    single: int
    several: int
    salt: bytes
    tags: bytes
    signature: bytes = b""


def groups(count: int) -> int:
    """Tags of an echo."""
    return -(-count // GROUP)


class EchoBroadcast(SignedBroadcast):
    """One validator's state of the reports of one round, see `SignedBroadcast`.

    Args:
        relay_rounds: m; without any there is no echo either.
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
    ) -> None:
        super().__init__(
            Phase.REPORT, slot, seat, addresses, commanders, validators, content_bytes,
            relay_rounds + 1 if relay_rounds else 0, signer, verifier,
        )  # fmt: skip
        self._peers = tuple(other for other in seats(validators) if other != seat)
        self._echoes: dict[int, Echo] = {}
        self._heard: dict[int, set[Value]] = {}

    @property
    def is_certified(self) -> bool:
        """Whether nothing can change the outcomes any more, before the last step: see `consensus.vector`."""
        return False

    @property
    def is_settled(self) -> bool:
        """Whether that is so as soon as the open step ends."""
        return False

    @property
    def is_unanimous(self) -> bool:
        """Whether besides nobody seems to hold anything else."""
        return False

    def asked(self, step: int) -> int:
        """One fewer than in SM(m): the first step after the commander's is the echo's."""
        return max(step - 1, 0)

    def said(self, step: int) -> Sequence[tuple[tuple[int, ...], Any]]:
        """What goes to whom at the tick of a step: the echo, then `pushes`."""
        if not 1 <= step <= self._last_step:
            return []
        return [(self._peers, self.echo())] if step == 1 else self.pushes()

    def echo(self) -> Echo:
        """What is held, for all other validators."""
        single = several = 0
        for instance, held in enumerate(self._held):
            if len(held) == 1:
                single |= 1 << instance
            elif len({claim.content for claim in held.values()}) > 1:
                several |= 1 << instance
        salt = self._signer.salt(self._slot)[:SALT_BYTES]
        firsts = self._firsts()
        tags = (self._tag(salt, single, group, firsts) or b"" for group in range(groups(len(self._held))))
        return Echo(self._slot.round, single, several, salt, b"".join(tags))

    def on_echo(self, sender: int, echo: Echo) -> Drop | None:
        """Take a validator's first echo of the round, however early or late it comes, or return why not."""
        if not self._is_peer(sender):
            return Drop.UNKNOWN_SEAT
        self._heard.setdefault(sender, set())
        if echo.round != self._slot.round or not self._is_wellformed(echo):
            return Drop.BAD_ECHO
        if sender in self._echoes:
            return Drop.KNOWN
        self._echoes[sender] = echo
        return None

    def on_frame(self, step: int, frame: Frame, sender: int = -1) -> list[Drop]:
        """Take in claims, and that their sender holds them."""
        drops = super().on_frame(step, frame)
        if self._is_peer(sender):
            self._heard.setdefault(sender, set()).update(frame.values & self._accepted)
        return drops

    def pushes(self) -> list[tuple[tuple[int, ...], Frame]]:
        """The values accepted since the last call, each to those peers that sent something and have not shown it.

        A peer with two contents needs no third. A peer that sent something but no valid echo is sent all: the echo
        may be lost.
        """
        fresh, self._fresh = self._fresh, []
        if not fresh:
            return []
        firsts, mask, rest = self._firsts(), 0, False
        for claim in fresh:
            if self._is_first(claim):
                mask |= 1 << claim.instance
            else:
                rest = True
        to: dict[tuple[int, ...], list[int]] = {}
        for peer, sent in self._heard.items():
            shown = 1 << peer
            echo = self._echoes.get(peer)
            if echo is not None:
                shown |= echo.several | self._matches(echo, mask, firsts)
            if mask & ~shown or rest:
                due = tuple(
                    place for place, claim in enumerate(fresh)
                    if not self._is_shown(claim, peer, echo, shown) and claim[:3] not in sent
                )  # fmt: skip
                if due:
                    to.setdefault(due, []).append(peer)
        signed = {place: self._with_relay(fresh[place]) for place in sorted(set().union(*to))}
        return [(tuple(peers), Frame(self.phase, tuple(signed[place] for place in due))) for due, peers in to.items()]

    def _is_peer(self, seat: int) -> bool:
        return seat >= 0 and seat != self._seat and bool(self._validators >> seat & 1)

    def _is_wellformed(self, echo: Echo) -> bool:
        most = len(self._held)
        return (
            not (echo.single | echo.several) >> most
            and not echo.single & echo.several
            and len(echo.salt) == SALT_BYTES
            and len(echo.tags) == TAG_BYTES * groups(most)
            and not echo.signature
        )

    def _is_first(self, claim: Claim) -> bool:
        return next(iter(self._held[claim.instance])) == self._key(claim)

    def _is_shown(self, claim: Claim, peer: int, echo: Echo | None, shown: int) -> bool:
        """Whether it has shown to hold the claim. Its echo shows no instance's second value, unless it holds two."""
        if claim.instance == peer or (echo is not None and echo.several >> claim.instance & 1):
            return True
        return bool(shown >> claim.instance & 1) and self._is_first(claim)

    def _firsts(self) -> list[bytes | None]:
        """By instance: the value that was accepted first."""
        found: list[bytes | None] = []
        for held in self._held:
            claim = next(iter(held.values()), None)
            found.append(claim and broadcast_value(self.phase, claim.content, claim.signature))
        return found

    def _matches(self, echo: Echo, mask: int, firsts: Sequence[bytes | None]) -> int:
        """Of the instances of a mask those of which the echo shows the value that is held first here."""
        shown = 0
        for group in range(groups(len(firsts))):
            within = echo.single & (1 << GROUP) - 1 << GROUP * group
            if within & mask:
                tag = self._tag(echo.salt, echo.single, group, firsts)
                if tag is not None and tag == echo.tags[TAG_BYTES * group : TAG_BYTES * (group + 1)]:
                    shown |= within
        return shown

    @staticmethod
    def _tag(salt: bytes, single: int, group: int, firsts: Sequence[bytes | None]) -> bytes | None:
        """The tag of the values singly held in a group; None where one of them is not known here."""
        values = []
        for instance in range(GROUP * group, min(GROUP * (group + 1), len(firsts))):
            if single >> instance & 1:
                value = firsts[instance]
                if value is None:
                    return None
                values.append(value)
        return keccak(salt, *values)[:TAG_BYTES]
