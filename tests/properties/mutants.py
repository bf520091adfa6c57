"""Faults planted in the real code, one at a time: each is something that somebody could have written.

A mutant is where it is planted, and what stands there instead, made of what stood there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chain_bandit.actors.messages import ENVIRONMENT, RELAYER, Answer, CertifiedBlock, Send
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.seat import Seat
from chain_bandit.actors.validator import Validator
from chain_bandit.consensus import broadcast as broadcast_module
from chain_bandit.consensus import certificate as certificate_module
from chain_bandit.consensus.broadcast import Claim, Drop, Frame, HeaderExchange, SignedBroadcast
from chain_bandit.consensus.certificate import Certificate, Vote, Votes
from chain_bandit.consensus.echo import GROUP, Echo, EchoBroadcast
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector, VectorBroadcast
from chain_bandit.network.round_timer import RoundTimer, Timeliness
from chain_bandit.nodes.node import Node
from chain_bandit.nodes.seat import SeatRole
from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, Slot, statement_content
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.proposal import readable_header
from verification.schedules import adversary as adversary_module
from verification.schedules import invariants as invariants_module
from verification.schedules.play import Playing

MUTANTS: dict[str, tuple[tuple[Any, ...], str, Any]] = {}


def mutant(*where: Any) -> Any:
    """Plant what the function gives, called with what stood there, at the last name of each owner before it."""
    *owners, name = where

    def add(make: Any) -> Any:
        MUTANTS[make.__name__] = (tuple(owners), name, make)
        return make

    return add


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The fault stands while the context is open."""
    owners, attribute, make = MUTANTS[name]
    was = vars(owners[0])[attribute]
    function = was.__func__ if isinstance(was, staticmethod) else was
    made = make(function)
    try:
        for owner in owners:
            setattr(owner, attribute, staticmethod(made) if isinstance(was, staticmethod) else made)
        yield
    finally:
        for owner in owners:
            setattr(owner, attribute, was)


# The signed broadcast. A machine that accepts one step longer, with the chain length to match, is no mutant: such a
# chain holds the signature of an honest validator that relayed the value in time.


@mutant(SignedBroadcast, "relays")
def no_relay(_):
    return lambda self: self._fresh.clear()


@mutant(SignedBroadcast, "on_claim")
def stops_one_step_early(real):
    return lambda self, step, claim: real(self, step, claim) if step < self._last_step else Drop.LATE


@mutant(SignedBroadcast, "_fault")
def no_length_test(real):
    return lambda self, step, claim: real(self, 0, claim)


@mutant(SignedBroadcast, "_fault")
def length_test_off_by_one(real):
    return lambda self, step, claim: real(self, max(step - 1, 0), claim)


@mutant(SignedBroadcast, "_fault")
def signers_need_not_be_distinct(real):
    def fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        once = {seat: signature for seat, signature in claim.relays if seat != claim.instance}
        return real(self, 0, claim._replace(relays=tuple(once.items())))

    return fault


@mutant(SignedBroadcast, "_fault")
def the_commander_counts_as_its_own_relay(real):
    def fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        others = tuple(pair for pair in claim.relays if pair[0] != claim.instance)
        return real(self, min(step, len(others)), claim._replace(relays=others))

    return fault


@mutant(SignedBroadcast, "_fault")
def chain_need_not_start_with_the_commander(real):
    def fault(self, step, claim):
        reason = real(self, step, claim)
        if reason is not Drop.BAD_SIGNATURE:
            return reason
        digest = self._relay_digest(claim)
        fine = all(self._verifier.is_signed_by(self._addresses[seat], digest, s) for seat, s in claim.relays)
        return None if fine else reason

    return fault


@mutant(SignedBroadcast, "on_claim")
def stores_only_the_first_value(real):
    def on_claim(self, step, claim):
        if 0 <= claim.instance < len(self._held) and self._held[claim.instance]:
            return Drop.ENOUGH
        return real(self, step, claim)

    return on_claim


@mutant(SignedBroadcast, "_fault")
def relays_are_counted_unchecked(real):
    def fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        return real(self, 0, claim._replace(relays=()))

    return fault


@mutant(SignedBroadcast, "_fault")
def only_the_last_relay_is_checked(real):
    def fault(self, step, claim):
        if len(claim.relays) < step:
            return Drop.SHORT_CHAIN
        return real(self, 0, claim._replace(relays=claim.relays[-1:]))

    return fault


@mutant(SignedBroadcast, "_fault")
def no_signature_is_checked(real):
    def fault(self, step, claim):
        reason = real(self, step, claim)
        return None if reason is Drop.BAD_SIGNATURE else reason

    return fault


@mutant(SignedBroadcast, "_fault")
def content_of_any_size(real):
    def fault(self, step, claim):
        size, self._content_bytes = self._content_bytes, len(claim.content)
        try:
            return real(self, step, claim)
        finally:
            self._content_bytes = size

    return fault


@mutant(SignedBroadcast, "_is_enough")
def stops_at_two_signatures_of_one_content(_):
    return lambda held, claim: len(held) >= 2


@mutant(broadcast_module, "MOST_VALUES")
def keeps_a_third_header(_):
    return 3


@mutant(SignedBroadcast, "_is_enough")
def keeps_every_value(_):
    return lambda held, claim: False


@mutant(SignedBroadcast, "outcome")
def takes_the_first_of_several_values(_):
    return lambda self, instance: next(iter(self._held[instance].values()), None)


@mutant(SignedBroadcast, "equivocations")
def accuses_who_signed_one_content_twice(_):
    def equivocations(self):
        twice = []
        for instance, held in enumerate(self._held):
            one, *rest = held.values() or [None]
            if rest:
                twice.append(
                    Equivocation(self._slot, self.phase, Role.COMMANDER, instance, one.content, one.signature,
                                 rest[0].content, rest[0].signature)
                )  # fmt: skip
        return twice

    return equivocations


@mutant(SignedBroadcast, "equivocations")
def keeps_no_proof(_):
    return lambda self: []


@mutant(SignedBroadcast, "_hold")
def accuses_an_honest_relay(real):
    """Takes a relay's signature for the commander's."""

    def hold(self, key, claim):
        real(self, key, claim)
        for seat, signature in claim.relays[:1]:
            if self._held[seat]:
                self._held[seat].setdefault((claim.content, signature), Claim(seat, claim.content, signature))

    return hold


@mutant(SignedBroadcast, "_with_relay")
def relays_only_its_own_signature(real):
    def with_relay(self, claim):
        made = real(self, claim)
        return made._replace(relays=made.relays[-1:])

    return with_relay


@mutant(SignedBroadcast, "_with_relay")
def relays_grow_without_end(real):
    """Passes on all that it was given, and a signature twice."""

    def with_relay(self, claim):
        made = real(self, claim)
        return made._replace(relays=(*made.relays, made.relays[-1]))

    return with_relay


@mutant(SignedBroadcast, "relays")
def relays_one_value_a_step(real):
    def relays(self):
        del self._fresh[1:]
        return real(self)

    return relays


@mutant(SignedBroadcast, "relays")
def relays_all_it_holds_in_every_step(real):
    def relays(self):
        self._fresh = [claim for held in self._held for claim in held.values() if claim.instance != self._seat]
        return real(self)

    return relays


@mutant(SignedBroadcast, "on_frame")
def stops_at_the_first_bad_claim_of_a_frame(real):
    def on_frame(self, step, frame):
        for claim in frame.claims:
            reason = self.on_claim(step, claim)
            if reason is not None:
                return [reason]
        return []

    return on_frame


@mutant(SignedBroadcast, "_key")
def a_report_is_its_content_whatever_the_signature(_):
    return lambda self, claim: (claim.content, b"")


# Reports that are relayed to validators that lack them.


@mutant(EchoBroadcast, "pushes")
def pushes_nothing(_):
    def pushes(self):
        self._fresh.clear()
        return []

    return pushes


@mutant(EchoBroadcast, "pushes")
def pushes_only_once(real):
    def pushes(self):
        done, self._pushed = getattr(self, "_pushed", False), True
        return [] if done else real(self)

    return pushes


@mutant(EchoBroadcast, "pushes")
def pushes_to_the_first_who_lacks_it(real):
    return lambda self: [(to[:1], frame) for to, frame in real(self)]


@mutant(EchoBroadcast, "pushes")
def pushes_the_first_that_somebody_lacks(real):
    return lambda self: [(to, Frame(frame.phase, frame.claims[:1])) for to, frame in real(self)]


@mutant(EchoBroadcast, "pushes")
def pushes_all_it_holds_in_every_step(real):
    def pushes(self):
        self._fresh = [claim for held in self._held for claim in held.values() if claim.instance != self._seat]
        return real(self)

    return pushes


@mutant(EchoBroadcast, "pushes")
def pushes_without_its_own_signature(real):
    def pushes(self):
        made = real(self)
        return [
            (to, Frame(frame.phase, tuple(claim._replace(relays=claim.relays[:-1]) for claim in frame.claims)))
            for to, frame in made
        ]

    return pushes


@mutant(EchoBroadcast, "pushes")
def only_who_said_so_holds_a_second_value(real):
    """Takes a value that came after the echo for known wherever the first one is."""

    def pushes(self):
        self._fresh = [claim for claim in self._fresh if self._is_first(claim)]
        return real(self)

    return pushes


@mutant(Seat, "on_message")
def drops_an_early_echo_and_pushes_to_nobody_without_one(real):
    """As one would without the rule that a lost echo is no reason to push nothing."""

    def on_message(self, sender, message):
        if isinstance(message, Echo) and self._step < 1:
            return []
        answers = real(self, sender, message)
        heard = self.validator.reports._heard
        for peer in [peer for peer in heard if self._step and peer not in self.validator.reports._echoes]:
            del heard[peer]
        return answers

    return on_message


@mutant(EchoBroadcast, "_matches")
def believes_masks_whatever_the_tags(_):
    return lambda self, echo, mask, firsts: echo.single


@mutant(EchoBroadcast, "_matches")
def one_tag_that_fits_stands_for_all(real):
    def matches(self, echo, mask, firsts):
        return echo.single if real(self, echo, mask, firsts) else 0

    return matches


@mutant(EchoBroadcast, "_tag")
def a_tag_binds_the_first_value_of_its_group(real):
    def tag(salt, single, group, firsts):
        within = single & (1 << GROUP) - 1 << GROUP * group
        made = real(salt, within & -within, group, firsts)
        return made if real(salt, single, group, firsts) is not None else None

    return tag


@mutant(EchoBroadcast, "_firsts")
def a_tag_does_not_bind_the_signature(_):
    def firsts(self):
        values = (next(iter(held.values()), None) for held in self._held)
        return [claim and keccak(claim.content) for claim in values]

    return firsts


@mutant(EchoBroadcast, "echo")
def two_signatures_of_one_content_count_as_several(real):
    """Two who hold two signatures each, of different contents, then prove nothing."""

    def echo(self):
        several = mask(instance for instance, held in enumerate(self._held) if len(held) > 1)
        return real(self)._replace(several=several)

    return echo


@mutant(EchoBroadcast, "echo")
def says_that_it_holds_several_of_whom_it_holds_none(real):
    def echo(self):
        none = mask(instance for instance, held in enumerate(self._held) if not held)
        made = real(self)
        return made._replace(several=made.several | none)

    return echo


@mutant(EchoBroadcast, "on_echo")
def an_echo_of_one_is_of_all(real):
    def on_echo(self, sender, echo):
        for peer in range(len(self._held)):
            real(self, peer, echo)
        return real(self, sender, echo)

    return on_echo


@mutant(EchoBroadcast, "on_frame")
def whoever_is_named_in_a_chain_holds_the_value(real):
    """Though nobody checked the chain."""

    def on_frame(self, step, frame, sender=-1):
        drops = real(self, step, frame, sender)
        for claim in frame.claims:
            for seat, _ in claim.relays:
                if self._is_peer(seat):
                    self._heard.setdefault(seat, set()).add(claim[:3])
        return drops

    return on_frame


@mutant(EchoBroadcast, "asked")
def a_chain_may_be_one_short(real):
    return lambda self, step: max(real(self, step) - 1, 0)


@mutant(EchoBroadcast, "asked")
def asks_for_a_relay_in_the_step_of_the_echo(_):
    """And so for more in the next than those who accepted before it can have."""
    return lambda self, step: step


@mutant(EchoBroadcast, "__init__")
def the_exchange_is_one_step_short(real):
    def init(self, *given):
        real(self, *given)
        self._last_step -= 1

    return init


# Headers that are not relayed.


@mutant(HeaderExchange, "unlike")
def shows_no_header_unlike_its_own(_):
    return lambda self, content: self._fresh.clear()


@mutant(HeaderExchange, "unlike")
def shows_the_headers_like_its_own(_):
    def unlike(self, content):
        shown = tuple(claim for claim in self._fresh if claim.content == content)
        return Frame(self.phase, shown) if shown else None

    return unlike


@mutant(HeaderExchange, "unlike")
def shows_the_first_header_unlike_its_own(real):
    def unlike(self, content):
        self._fresh = [claim for claim in self._fresh if claim.content != content][:1]
        return real(self, content)

    return unlike


@mutant(HeaderExchange, "unlike")
def shows_a_header_as_its_own(real):
    def unlike(self, content):
        frame = real(self, content)
        return frame and Frame(self.phase, tuple(claim._replace(instance=self._seat) for claim in frame.claims))

    return unlike


@mutant(HeaderExchange, "on_claim")
def keeps_a_header_that_came_with_the_votes(_):
    return lambda self, step, claim: SignedBroadcast.on_claim(self, 0, claim)


@mutant(HeaderExchange, "on_claim")
def takes_no_header_with_the_votes(real):
    return lambda self, step, claim: Drop.LATE if step else real(self, step, claim)


@mutant(HeaderExchange, "on_claim")
def takes_a_header_with_the_votes_for_its_commanders_only_one(real):
    """The latest stands, and nothing is proven."""

    def on_claim(self, step, claim):
        if step and 0 <= claim.instance < len(self._held):
            self._held[claim.instance].clear()
        return SignedBroadcast.on_claim(self, 0, claim)

    return on_claim


@mutant(HeaderExchange, "on_claim")
def a_header_with_the_votes_needs_no_signature(real):
    def on_claim(self, step, claim):
        held = self._held[claim.instance] if step and 0 <= claim.instance < len(self._held) else {}
        if held and self._key(claim) not in held and len(claim.content) == 32 and not self._is_enough(held, claim):
            self._hold(self._key(claim), claim)
            return None
        return real(self, step, claim)

    return on_claim


# What is signed.


def without(**fixed: Any) -> Any:
    """Digests that do not bind some of what they should."""

    def make(real):
        def digest(self, phase, role, instance, content):
            bound = {name: value for name, value in fixed.items() if hasattr(self, name)}
            slot = replace(self, **bound)
            return real(
                slot, fixed.get("phase", phase), fixed.get("role", role), fixed.get("instance", instance), content
            )

        return digest

    return make


for field, value in (
    ("round", 1), ("parent", bytes(32)), ("separator", bytes(32)), ("phase", Phase.BLOCK), ("role", Role.RELAY),
    ("instance", 0),
):  # fmt: skip
    MUTANTS[f"digest_without_{field}"] = ((Slot,), "digest", without(**{field: value}))


@mutant(broadcast_module, adversary_module, invariants_module, "broadcast_value")
def relays_of_a_report_do_not_bind_its_signature(_):
    return lambda phase, content, signature: content


# Votes and certificates.


@mutant(Votes, "on_vote")
def votes_are_counted_unchecked(_):
    def on_vote(self, vote):
        if vote.seat < 0 or not self._validators >> vote.seat & 1:
            return False
        self._by_content.setdefault(vote.content, {})[vote.seat] = vote.signature
        return True

    return on_vote


@mutant(Votes, "on_vote")
def votes_of_seats_that_are_none_count(real):
    def on_vote(self, vote):
        if vote.seat >= len(self._addresses):
            self._by_content.setdefault(vote.content, {})[vote.seat] = vote.signature
            return True
        return real(self, vote)

    return on_vote


@mutant(Votes, "on_vote")
def the_first_vote_of_a_seat_is_its_only_one(real):
    def on_vote(self, vote):
        return not any(vote.seat in votes for votes in self._by_content.values()) and real(self, vote)

    return on_vote


@mutant(certificate_module, "MOST_CONTENTS")
def keeps_every_vote(_):
    return 100


@mutant(Votes, "certificate")
def certifies_one_short_of_a_quorum(real):
    def certificate(self, content):
        votes = self._by_content.get(content, {})
        if len(votes) < self._quorum - 1:
            return None
        members = sorted(votes)[: self._quorum - 1]
        return Certificate(content, mask(members), b"".join(votes[seat] for seat in members))

    return certificate


@mutant(Votes, "certificate")
def adds_up_votes_for_anything(real):
    def certificate(self, content):
        votes = {seat: s for each in self._by_content.values() for seat, s in each.items()}
        members = sorted(votes)[: self._quorum]
        if len(members) < self._quorum:
            return None
        return Certificate(content, mask(members), b"".join(votes[seat] for seat in members))

    return certificate


@mutant(Votes, "certificate")
def a_certificate_of_everybody_or_none(real):
    def certificate(self, content):
        return real(self, content) if len(self._by_content.get(content, {})) == len(self._addresses) else None

    return certificate


@mutant(Votes, "equivocations")
def votes_prove_nothing(_):
    return lambda self: []


@mutant(Votes, "other_than")
def keeps_votes_unlike_its_own_to_itself(_):
    return lambda self, content: []


@mutant(Certificate, "holds")
def a_certificate_holds_whoever_signed_it(_):
    def holds(self, slot, addresses, validators, quorum, verifier):
        return len(seats(self.signers)) >= quorum

    return holds


@mutant(Certificate, "holds")
def one_signature_holds_for_all(real):
    def holds(self, slot, addresses, validators, quorum, verifier):
        members = seats(self.signers)
        digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, self.content)
        given = {self.signatures[i : i + 64] for i in range(0, len(self.signatures), 64)}
        return len(members) >= quorum and all(
            any(verifier.is_signed_by(address, digest, signature) for address in addresses) for signature in given
        )

    return holds


@mutant(Certificate, "holds")
def a_certificate_holds_one_short_of_a_quorum(real):
    return lambda self, slot, addresses, validators, quorum, verifier: real(
        self, slot, addresses, validators, quorum - 1, verifier
    )


@mutant(Parameters, "quorum")
def a_quorum_is_half(_):
    return lambda self, validators: validators // 2


# Evidence.


@mutant(Equivocation, "proves")
def evidence_is_believed(_):
    return lambda self, addresses, verifier: True


@mutant(Equivocation, "proves")
def two_signatures_of_one_content_prove(_):
    def proves(self, addresses, verifier):
        return all(is_said(self, addresses, verifier))

    return proves


@mutant(Equivocation, "proves")
def one_signature_proves(_):
    def proves(self, addresses, verifier):
        return self.content != self.other_content and any(is_said(self, addresses, verifier))

    return proves


@mutant(Equivocation, "proves")
def a_relay_proves_like_a_commander(_):
    def proves(self, addresses, verifier):
        relays = replace(self, role=Role.RELAY)
        return self.content != self.other_content and all(
            said or any(is_said_by(relays, which, addresses[self.instance], i, verifier) for i in range(len(addresses)))
            for which, said in enumerate(is_said(self, addresses, verifier))
        )

    return proves


def is_said(proof, addresses, verifier):
    instance = 0 if proof.role is Role.SIGNER else proof.instance
    return [is_said_by(proof, which, addresses[proof.instance], instance, verifier) for which in (0, 1)]


def is_said_by(proof, which, address, instance, verifier):
    content = proof.other_content if which else proof.content
    signature = proof.other_signature if which else proof.signature
    value = statement_content(proof.phase, content) if proof.role is not Role.RELAY else content
    return verifier.is_signed_by(address, proof.slot.digest(proof.phase, proof.role, instance, value), signature)


# The validator.


@mutant(Validator, "_vote")
def signs_whatever_a_commander_says(real):
    def vote(self):
        for commander in self._commanders:
            claim = self.blocks.outcome(commander)
            if claim is not None:
                self.digest = claim.content
                break
        return real(self)

    return vote


@mutant(Validator, "_vote")
def hears_the_first_commander_alone(real):
    def vote(self):
        commanders, self._commanders = self._commanders, self._commanders[:1]
        try:
            return real(self)
        finally:
            self._commanders = commanders

    return vote


@mutant(Validator, "_vote")
def signs_no_block_as_well(real):
    def vote(self):
        sends = real(self)
        digest = self.slot.digest(Phase.BLOCK, Role.SIGNER, 0, NO_BLOCK)
        return [*sends, Send(self._others, Vote(self.seat, NO_BLOCK, self._signer.sign(digest)))]

    return vote


@mutant(Validator, "on_vote")
def changes_its_vote_with_the_others(real):
    def on_vote(self, vote):
        real(self, vote)
        if vote.content != self.signed and self.votes.certificate(self.signed) is None:
            self.signed = vote.content
            digest = self.slot.digest(Phase.BLOCK, Role.SIGNER, 0, vote.content)
            self.votes.on_vote(Vote(self.seat, vote.content, self._signer.sign(digest)))

    return on_vote


@mutant(Validator, "_propose")
def proposes_twice_when_it_hears_of_another_block(real):
    def propose(self):
        sends = real(self)
        heard = [key for held in self.blocks._held for key in held if key[0] != self.digest]
        return [*sends, *([Send(self._others, self.blocks.open(heard[0][0]))] if heard else [])]

    return propose


@mutant(Validator, "_propose")
def says_another_block_under_the_signature_of_its_own(real):
    """Which proves nothing, and which nobody believes."""

    def propose(self):
        sends = real(self)
        own = [claim._replace(content=keccak(claim.content)) for claim in self.blocks._held[self.seat].values()]
        return [*sends, *(Send(self._others, Frame(Phase.BLOCK, (claim,))) for claim in own)]

    return propose


@mutant(Validator, "_ask")
def leaves_out_the_last_report(real):
    """Like everybody else, so that all agree on a block without it."""

    def ask(self):
        outcome, last = self.reports.outcome, self.rules.parameters.participants - 1
        while outcome(last) is None:
            last -= 1
        self.reports.outcome = lambda seat: None if seat == last else outcome(seat)
        try:
            return real(self)
        finally:
            self.reports.outcome = outcome

    return ask


@mutant(Validator, "_ask")
def takes_a_report_that_it_holds_two_of(real):
    def ask(self):
        outcome = self.reports.outcome
        self.reports.outcome = lambda seat: next(iter(self.reports._held[seat].values()), None)
        try:
            return real(self)
        finally:
            self.reports.outcome = outcome

    return ask


@mutant(Validator, "on_frame")
def counts_steps_of_the_round_in_the_second_phase(_):
    def on_frame(self, sender, step, frame):
        if frame.phase is Phase.REPORT:
            self.drops += self.reports.on_frame(step, frame, sender)
        else:
            self.drops += self.blocks.on_frame(step, frame)

    return on_frame


@mutant(Validator, "begin")
def remembers_the_votes_of_the_last_round(real):
    def begin(self, ledger):
        before = getattr(self, "votes", None)
        real(self, ledger)
        if before is not None and before._slot != self.slot:
            self.votes._by_content.update(before._by_content)

    return begin


@mutant(Seat, "on_message")
def believes_bits_from_anybody(real):
    def on_message(self, sender, message):
        if isinstance(message, Answer):
            self.validator.on_answer(message)
            return []
        return real(self, sender, message)

    return on_message


@mutant(Seat, "on_message")
def votes_count_for_whoever_sends_them(real):
    """Takes the sender for the seat that signed, so that what is passed on does not count."""

    def on_message(self, sender, message):
        if isinstance(message, Vote) and message.seat != sender and sender < self.rules.parameters.participants:
            return []
        return real(self, sender, message)

    return on_message


@mutant(Seat, "on_message")
def takes_a_frame_only_from_its_commander(real):
    def on_message(self, sender, message):
        if isinstance(message, Frame) and any(claim.instance != sender for claim in message.claims):
            return []
        return real(self, sender, message)

    return on_message


@mutant(Relayer, "on_message")
def takes_any_certificate(_):
    def on_message(self, sender, message):
        if isinstance(message, CertifiedBlock):
            self.block = message
        elif isinstance(message, Certificate):
            self.skip = message

    return on_message


@mutant(Rules, "certified_header")
def a_block_need_not_fit_its_certificate(_):
    def certified_header(self, ledger, block, verifier):
        return readable_header(block.header, self.parameters)

    return certified_header


@mutant(Validator, "_certified")
def passes_no_certificate_on(_):
    return lambda self: [Send((ENVIRONMENT, RELAYER), self.votes.certificate(NO_BLOCK))] if not self.block else []


# Who comes back.


@mutant(Playing, "die")
def who_comes_back_plays_the_round_again(_):
    def die(self, number, step):
        seat = self.honest[number]
        seat.begin(self.adversary.ledger)
        for again in range(step + 1):
            self.network.send(number, seat.on_tick(again))

    return die


# The loop of nodes, which the schedules of `verification/schedules/nodes.py` play.

_BEFORE = frozenset(MUTANTS)


@mutant(Node, "_until")
def sleeps_to_the_deadline_though_others_are_ahead(_):
    """As it was: a seat that withholds its last envelope from another makes the rest go on without that one."""

    def until(self, missing, is_over):
        while missing() and (left := self._round_timer.deadline - self._now()) > 0:
            if self._ahead and is_over():
                return True
            yield from self._take(left)
        return False

    return until


@mutant(Node, "_ahead")
def never_notices_that_others_are_ahead(_):
    return property(lambda self: frozenset())


@mutant(Node, "_until")
def leaves_a_round_on_the_word_of_one_who_is_ahead(real):
    def until(self, missing, is_over):
        while missing() and (left := self._round_timer.deadline - self._now()) > 0:
            if self._ahead:
                return True
            yield from self._take(left)
        return False

    return until


@mutant(Node, "_until")
def a_deadline_counts_from_the_beginning_of_the_step(_):
    def until(self, missing, is_over):
        deadline = self._now() + self._bound
        while missing() and (left := deadline - self._now()) > 0:
            if self._ahead and is_over():
                return True
            yield from self._take(min(left, 0.02) if self._ahead else left)
        return False

    return until


@mutant(Node, "_soon")
def drops_what_comes_early(_):
    return property(lambda self: ())


@mutant(Node, "_begin")
def forgets_what_came_early_as_a_round_begins(real):
    def begin(self):
        self._held.clear()
        real(self)

    return begin


@mutant(Node, "_handle")
def asks_the_chain_ever_more_seldom_whatever_others_say(real):
    class Seldom(Node):
        _longest = property(lambda self: 8 * self._bound)

    def handle(self, *given):
        self.__class__, look_at, pause = Seldom, self._look_at, self._pause
        real(self, *given)
        self._look_at, self._pause = look_at, pause

    return handle


@mutant(Node, "_may_speak")
def who_comes_back_speaks_in_the_same_round(_):
    return property(lambda self: True)


@mutant(RoundTimer, "deadline")
def a_step_is_over_when_it_should_begin(_):
    return property(lambda self: self._began + self.step * self._bound)


@mutant(RoundTimer, "deadline")
def deadlines_are_too_near(_):
    return property(lambda self: self._began + (self.step + 1) * self._bound / 2)


@mutant(RoundTimer, "missing")
def a_step_is_over_without_the_last(real):
    def missing(self, among=None):
        found = real(self, among)
        return found if len(found) > 1 else frozenset()

    return missing


@mutant(RoundTimer, "missing")
def a_quorum_of_voices_ends_a_step(real):
    def missing(self, among=None):
        enough = len(self._voters & self._in.get(self.step, set())) >= self._least
        return frozenset(self._asked) if enough else real(self, among)

    return missing


@mutant(Timeliness, "awaited")
def waits_for_nobody(_):
    return lambda self, among, round_: frozenset()


@mutant(Timeliness, "lapsed")
def the_lapse_of_one_is_that_of_all(real):
    def lapsed(self, peers, round_):
        if peers:
            real(self, range(10), round_)

    return lapsed


@mutant(RoundTimer, "present")
def whoever_spoke_last_is_not_expected_again(_):
    def present(self):
        heard = list(self._in.get(self.step, ()))
        return (self.heard | self._awaited) - set(heard[-1:])

    return property(present)


@mutant(Validator, "on_late")
def forgets_what_was_said_of_the_last_round(_):
    return lambda self, message: None


@mutant(SeatRole, "take")
def takes_for_told_what_its_last_step_brings(real):
    def take(self, sender, round_, message):
        said = real(self, sender, round_, message)
        return said if round_ < self._ledger.round else [post for post in said if not isinstance(post[1], Equivocation)]

    return take


@mutant(Validator, "is_settled")
def is_settled_before_reports_are_agreed(_):
    return property(lambda self: self._at >= self.rules.schedule.compare or self._compared is not None)


@mutant(Validator, "is_ready")
def goes_on_without_the_bits(_):
    return property(lambda self: self.is_settled)


OF_NODES = frozenset(MUTANTS) - _BEFORE


# Certified vectors.

_PLAIN = frozenset(MUTANTS)


@mutant(VectorBroadcast, "on_vector")
def a_vector_needs_no_chain(real):
    return lambda self, sender, step, vector: (
        real(self, sender, min(step, 3), vector) if step <= self._last_vector else Drop.LATE
    )


@mutant(VectorBroadcast, "on_vector")
def a_vector_s_chain_one_short(real):
    return lambda self, sender, step, vector: (
        real(self, sender, max(step - 1, 2), vector) if step <= self._last_vector else Drop.LATE
    )


@mutant(VectorBroadcast, "on_vector")
def takes_vectors_one_step_less(real):
    return lambda self, sender, step, vector: (
        real(self, sender, step, vector) if step < self._last_vector else Drop.LATE
    )


@mutant(VectorBroadcast, "on_vector")
def one_flag_is_everybody_s(real):
    def on_vector(self, sender, step, vector):
        if not vector.signers:
            self._holders.update(self._peers)
        return real(self, sender, step, vector)

    return on_vector


@mutant(VectorBroadcast, "on_vector")
def a_relay_may_count_twice(real):
    def on_vector(self, sender, step, vector):
        by = dict(vector.relays)
        if by and len(by) < len(vector.relays):
            vector, step = vector._replace(relays=tuple(by.items())), 3
        return real(self, sender, step, vector)

    return on_vector


@mutant(VectorBroadcast, "_handed_on")
def stops_without_handing_on(_):
    def handed_on(self):
        self._chain = None
        return []

    return handed_on


@mutant(VectorBroadcast, "_handed_on")
def hands_on_without_its_own_signature(real):
    return lambda self: [(to, vector._replace(relays=vector.relays[:-1])) for to, vector in real(self)]


@mutant(VectorBroadcast, "_handed_on")
def hands_on_without_values(real):
    return lambda self: [(to, vector._replace(values=())) for to, vector in real(self)]


@mutant(VectorBroadcast, "outcome")
def a_certified_vector_does_not_win(_):
    return EchoBroadcast.outcome


@mutant(VectorBroadcast, "_take")
def drops_a_third_content_of_a_certified_vector(real):
    def take(self, values, certificate, chain):
        held = [(self._held[instance], claim) for instance, claim in values.items()]
        if all(self._key(claim) in have or not self._is_enough(have, claim) for have, claim in held):
            real(self, values, certificate, chain)

    return take


@mutant(VectorBroadcast, "__init__")
def a_quorum_of_echoes_one_short(real):
    return lambda self, *given: real(self, *given[:-1], given[-1] - 1)


@mutant(VectorBroadcast, "said")
def echoes_count_for_ever(real):
    def said(self, step):
        content = self._content
        made = real(self, step)
        self._content = self._content or content
        if step > 2 and self._vector is None and (found := self._certified()) is not None:
            self._take(self._echoed, found, ())
        return made

    return said


@mutant(VectorBroadcast, "said")
def says_that_it_holds_what_it_does_not(real):
    def said(self, step):
        made = real(self, step)
        return [*made, (self._peers, Vector(self._slot.round))] if step == 2 and self._vector is None else made

    return said


@mutant(Certificate, "holds")
def a_vector_s_certificate_is_not_looked_at(real):
    return lambda self, *given: len(given) == 6 or real(self, *given)


@mutant(Validator, "on_vote")
def tells_of_no_vote_once_it_is_done(real):
    def on_vote(self, vote):
        real(self, vote)
        return []

    return on_vote


OF_VECTORS = frozenset(MUTANTS) - _PLAIN


@mutant(Validator, "on_tick")
def asks_for_bits_as_soon_as_it_holds_a_vector(real):
    def on_tick(self, step):
        if self._compared is None and self.reports.is_certified:
            self._compared = step
        return real(self, step)

    return on_tick


OF_VECTORS_OF_NODES = frozenset(MUTANTS) - _PLAIN - OF_VECTORS
