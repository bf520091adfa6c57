"""A validator: agrees on reports, on the block, and signs at most one of {block, no block} (Algorithms 2 and 3)."""

from collections.abc import Mapping

from chain_bandit.actors.messages import (
    COMPARISON,
    ENVIRONMENT,
    RELAYER,
    Answer,
    CertifiedBlock,
    Question,
    Send,
)
from chain_bandit.actors.rules import Rules
from chain_bandit.consensus.broadcast import Drop, Frame, HeaderExchange, SignedBroadcast
from chain_bandit.consensus.certificate import Vote, Votes
from chain_bandit.consensus.echo import Echo, EchoBroadcast
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.consensus.vector import Vector, VectorBroadcast
from chain_bandit.crypto.keys import Signer
from chain_bandit.crypto.verify import Verifier
from chain_bandit.protocol.blocks import Header, Report, SignedReport, round_seed, seats
from chain_bandit.protocol.ledger import Ledger, commanders, reporters, validators
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role
from chain_bandit.protocol.proposal import Bits, encoded_header, propose, readable_report


class Validator:
    """The consensus half of a seat, for one round at a time: `begin`, then ticks and messages."""

    def __init__(self, rules: Rules, seat: int, signer: Signer, verifier: Verifier) -> None:
        self.rules, self.seat, self._signer, self._verifier = rules, seat, signer, verifier
        self._open: tuple[SignedBroadcast, Votes] | None = None

    def begin(self, ledger: Ledger) -> None:
        """Open the next round; of the last one headers and votes are kept, as evidence."""
        rules, slot, self._before = self.rules, self.rules.slot(ledger), self._open
        self.ledger, self.slot = ledger, slot
        reporting, members, commanding = (
            reporters(rules.parameters, ledger), validators(ledger), commanders(ledger)
        )  # fmt: skip
        self._reporters, self._validators, self._commanders = map(seats, (reporting, members, commanding))
        self._others = seats(members & ~(1 << self.seat))
        setting = (
            slot, self.seat, rules.addresses, reporting, members, rules.parameters.report_bytes,
            rules.schedule.relay_rounds, self._signer, self._verifier,
        )  # fmt: skip
        quorum = rules.quorum(ledger)
        self.reports = VectorBroadcast(*setting, quorum) if rules.certified else EchoBroadcast(*setting)
        self.blocks = (
            SignedBroadcast(
                Phase.BLOCK, slot, self.seat, rules.addresses, commanding, members, 32, rules.schedule.header_relays,
                self._signer, self._verifier,
            )
            if rules.schedule.header_relays
            else HeaderExchange(slot, self.seat, rules.addresses, members, self._signer, self._verifier)
        )  # fmt: skip
        self.votes = Votes(slot, rules.addresses, members, quorum, self._verifier)
        self._open = self.blocks, self.votes
        self._compared = None if rules.schedule.certified else rules.schedule.compare
        self._shown: list[Vote] = []
        self.done, self._at = False, 0
        self.drops: list[Drop] = []
        self.agreed: dict[int, SignedReport] = {}
        self.hashes: dict[int, bytes] = {}
        self.bits: Mapping[int, Bits] | None = None
        self.block: tuple[Header, bytes, bytes] | None = None
        self.digest = self.signed = NO_BLOCK

    def report(self, report: Report) -> list[Send]:
        """Step 0: the seat's own report as commander of its broadcast."""
        return [Send(self._others, self.reports.open(report.encode()))]

    def on_tick(self, step: int) -> list[Send]:
        """What to send in `step`, after everything that arrived before it: nothing by a non-validator."""
        schedule = self.rules.schedule
        if self.done or self.seat not in self._validators:
            return []
        said = [Send(to, message) for to, message in self.reports.said(step)]
        is_agreed = step == schedule.latest or self.reports.is_certified
        if self._compared is None and is_agreed and step >= schedule.compare:  # a vector may be shown before
            self._compared = step
        if self._compared is None or step < self._compared:
            return said
        self._at = schedule.compare + step - self._compared
        return said + self._decide(self._at, step == schedule.steps - 1)

    def on_frame(self, sender: int, step: int, frame: Frame) -> None:
        """Claims that arrived in `step` of the round."""
        if frame.phase is Phase.REPORT:
            self.drops += self.reports.on_frame(step, frame, sender)
        elif frame.phase is Phase.BLOCK:
            opened = step if self._compared is None else self._compared + 1
            self.drops += self.blocks.on_frame(max(step - opened, 0), frame)

    def on_echo(self, sender: int, echo: Echo) -> None:
        """The echo of a validator: what it holds."""
        reason = self.reports.on_echo(sender, echo)
        if reason is not None:
            self.drops.append(reason)

    def on_vector(self, sender: int, step: int, vector: Vector) -> None:
        """What a quorum echoed, or that a validator has it."""
        if isinstance(self.reports, VectorBroadcast):
            reason = self.reports.on_vector(sender, step, vector)
            if reason is not None:
                self.drops.append(reason)

    def on_answer(self, answer: Answer) -> None:
        """The comparison bits of this round."""
        if answer.round == self.ledger.round:
            self.bits = answer.bits

    def on_vote(self, vote: Vote) -> list[Send]:
        """Another validator's block signature; once this one is done, it passes on at once what is unlike its own."""
        is_new = self.votes.on_vote(vote)
        return [Send(self._others, vote)] if is_new and self.done and vote.content != self.signed else []

    def on_late(self, message: Frame | Vote) -> None:
        """A header or vote that was sent in the last round and arrives in this one: it may prove something."""
        if self._before is None:
            return
        blocks, votes = self._before
        if isinstance(message, Vote):
            votes.on_vote(message)
        elif message.phase is Phase.BLOCK:
            blocks.on_frame(self.rules.schedule.steps, message)

    @property
    def is_ready(self) -> bool:
        """Whether this validator is settled, and what the open step is for is there: bits, or a certificate.

        Steps in which others may still send what proves an equivocation are awaited, unless all sent the same.
        """
        schedule, is_early = self.rules.schedule, self.reports.is_settled and self._at <= self.rules.schedule.compare
        if not self.is_settled or (is_early and not self.reports.is_unanimous):
            return False
        if self._at == schedule.compare:
            return self.bits is not None
        return self._at < schedule.vote or bool(self._certified())

    @property
    def is_settled(self) -> bool:
        """Whether nothing that others still send in the steps of the round can change this validator's block.

        Reports are agreed; headers that are relayed count until the vote.
        """
        schedule = self.rules.schedule
        agreed = schedule.vote if schedule.header_relays else schedule.compare
        return self.reports.is_settled or self._at >= agreed

    def equivocations(self) -> list[Equivocation]:
        """Every proof of equivocation that this validator holds of the round."""
        return [*self.reports.equivocations(), *self.blocks.equivocations(), *self.votes.equivocations()]

    def late_equivocations(self) -> list[Equivocation]:
        """Those that its headers and votes of the last round make."""
        return [proof for held in self._before or () for proof in held.equivocations()]

    def _decide(self, step: int, last: bool) -> list[Send]:
        """What follows the agreement on reports, by the steps of a round in which that came at the earliest."""
        schedule = self.rules.schedule
        if step == schedule.compare:
            return self._ask()
        if step == schedule.propose:
            return self._propose()
        if step < schedule.vote:
            frame = self.blocks.relays()
            return [Send(self._others, frame)] if frame else []
        if step == schedule.vote:
            return self._vote()
        certified = self._certified()
        self.done = last or bool(certified)
        return [*self._unlike(), *certified]

    def _ask(self) -> list[Send]:
        """Agree on reports and on what they prove, then ask for the bits on what they commit to."""
        rules, commitments = self.rules, {}
        draws, seed = rules.parameters.draws, round_seed(self.ledger.seed, self.ledger.round + 1)
        for seat in self._reporters:
            claim = self.reports.outcome(seat)
            if claim is None:
                continue
            report = readable_report(claim.content, rules.parameters, self.ledger.round, self.ledger.failures)
            if report is not None:
                self.agreed[seat] = SignedReport(claim.content, claim.signature, report)
                commitments[seat] = report.commitment
                proven = self._verifier.drawn_hash(rules.vrf_keys[seat], seed, report.proof) if draws else None
                if proven is not None:
                    self.hashes[seat] = proven
        return [Send((COMPARISON,), Question(self.ledger.round, commitments))]

    def _propose(self) -> list[Send]:
        """Compute the block of the round, and as a commander send its digest; without comparison bits there is none."""
        if self.bits is None:
            return []
        rules = self.rules
        header, body = propose(rules.parameters, self.ledger, self.agreed, self.bits, self.hashes)
        encoded, self.digest = encoded_header(header, rules.parameters)
        self.block = header, encoded, body
        return [Send(self._others, self.blocks.open(self.digest))] if self.seat in self._commanders else []

    def _vote(self) -> list[Send]:
        """Sign the block when some commander's outcome is the value computed here, else sign that there is none.

        The mode over commanders counts only values equal to one's own (protocol.md: Consensus), so one is enough. Where
        headers are not relayed, those unlike one's own are shown with it.
        """
        outcomes = map(self.blocks.outcome, self._commanders)
        heard = any(claim is not None and claim.content == self.digest for claim in outcomes)
        self.signed = self.digest if heard else NO_BLOCK
        signature = self._signer.state(self.slot, Phase.BLOCK, Role.SIGNER, 0, self.signed)
        vote = Vote(self.seat, self.signed, signature)
        self.votes.on_vote(vote)
        unlike = self.blocks.unlike(self.digest) if isinstance(self.blocks, HeaderExchange) else None
        return [Send(self._others, said) for said in (vote, unlike) if said is not None]

    def _unlike(self) -> list[Send]:
        """Votes unlike one's own that were not passed on before.

        That detects a validator that voted one thing here and another there: somebody then holds both.
        """
        unlike = [vote for vote in self.votes.other_than(self.signed) if vote not in self._shown]
        self._shown += unlike
        return [Send(self._others, vote) for vote in unlike]

    def _certified(self) -> list[Send]:
        """A certificate for its receivers, the environment and the relayer."""
        if self.block is not None:
            certificate = self.votes.certificate(self.digest)
            if certificate is not None:
                _, header, body = self.block
                return [Send((ENVIRONMENT, RELAYER), CertifiedBlock(header, body, certificate))]
        none = self.votes.certificate(NO_BLOCK)
        return [Send((RELAYER,), none)] if none is not None else []
