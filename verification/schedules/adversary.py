"""Rushing adversary: all corrupt seats' keys, every sent message, the last act of a step, and a list of acts to do."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from chain_bandit.actors.messages import COMPARISON, RELAYER, Answer, CertifiedBlock, Message, Send
from chain_bandit.actors.seat import Seat
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.echo import SALT_BYTES, TAG_BYTES, Echo, EchoBroadcast, groups
from chain_bandit.consensus.vector import NO_SEAT, Vector, VectorBroadcast, vector_content
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, mask
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import NO_BLOCK, Phase, Role, Slot, broadcast_value, statement_content
from verification.schedules.acts import (
    Act,
    Ballot,
    Certify,
    Echoing,
    Face,
    FaultSchedule,
    Flood,
    Forgery,
    Hand,
    Release,
    Reuse,
    Seal,
    SignatureChain,
    Twins,
    Vectoring,
    Whisper,
)
from verification.schedules.stage import ScheduleStage

SeatSignature = tuple[int, bytes]
_MOVES = Release | Reuse | Echoing | Vectoring | Ballot | Certify | Whisper | Flood


class SendAs(NamedTuple):
    """A message of a corrupt seat, which its channel names."""

    seat: int
    to: tuple[int, ...]
    message: Message


class ByzantineAdversary:
    """Acts once a step, after all honest seats.

    Attributes:
        corrupt: seats that are corrupted by now.
        overheard, votes: every signature of the open round that anybody sent, by what it is of.
        used: how often each move was made.
    """

    def __init__(
        self, stage: ScheduleStage, schedule: FaultSchedule, honest: Mapping[int, Seat], used: Counter[str]
    ) -> None:  # fmt: skip
        self._stage, self._signers, self._honest = stage, stage.signers, honest
        self._everybody = range(schedule.size.validators)
        self.corrupt = sorted(schedule.corrupt)
        self._rng = random.Random(schedule.order)
        self._acts: dict[tuple[int, int], list[Act]] = {}
        for act in schedule.acts:
            if isinstance(act, _MOVES):
                self._acts.setdefault((act.round, act.step), []).append(act)
        self.used = used

    def begin(self, round_: int, ledger: Ledger) -> None:
        """The next round opens."""
        self._round, self.ledger, self.slot = round_, ledger, self._stage.rules.slot(ledger)
        self.overheard: dict[Phase, dict[Claim, dict[int, bytes]]] = {Phase.REPORT: {}, Phase.BLOCK: {}}
        self.votes: dict[bytes, dict[int, bytes]] = {}
        self.echoes: list[Echo] = []
        self.vectors: dict[int, bytes] = {}

    def hear(self, message: Message) -> None:
        """Pool every signature that anybody sends."""
        match message:
            case Frame(phase=phase, claims=claims):
                pool = self.overheard[phase]
                for claim in claims:
                    value = Claim(*claim[:3]) if claim.relays else claim
                    pool.setdefault(value, {}).update(claim.relays)
            case Echo():
                self.echoes.append(message)
            case Vector(relays=relays):
                self.vectors.update(relays)
            case Vote(seat=seat, content=content, signature=signature):
                self.votes.setdefault(content, {}).setdefault(seat, signature)

    def on_message(self, sender: int, message: Message) -> None:
        """Ignored: it was overheard when it was sent."""

    def on_tick(self, step: int) -> list[Send | SendAs]:
        """What its acts of the step come to."""
        sends: list[Send | SendAs] = []
        for act in self._acts.get((self._round, step), ()):
            sends += self._made(act)
        return sends

    def _made(self, act: Act) -> Iterable[Send | SendAs]:
        match act:
            case Release(seat=seat, phase=phase, chain=chain) if seat in self.corrupt:
                claim = self._value(phase, seat, act.content, act.choice)
                self.overheard[phase].setdefault(claim, {})
                return [SendAs(seat, act.victims, Frame(phase, (self._dressed(phase, claim, act.step, chain),)))]
            case Echoing(seat=seat, victims=victims) if seat in self.corrupt:
                return [SendAs(seat, victims, self._echo_signed(act))]
            case Vectoring(seat=seat, victims=victims) if seat in self.corrupt:
                return [SendAs(seat, victims, vector) for vector in self._vectors(act)]
            case Reuse(phase=phase, chain=chain) if self.corrupt and self.overheard[phase]:
                known = list(self.overheard[phase])
                claim = known[act.pick % len(known)]
                return self._frames(act.victims, phase, self._dressed(phase, claim, act.step, chain))
            case Ballot():
                return [Send(act.victims, self._vote(act))] if self.corrupt else []
            case Certify():
                return self._certificate(act)
            case Whisper(victims=victims):
                bits = {seat: (seat % 2 == 0,) * self._stage.rules.parameters.arms for seat in self._everybody}
                return [Send(victims, Answer(self.ledger.round, bits))]
            case Flood(phase=phase, victims=victims, amount=amount):
                size = self._size(phase)
                junk = [
                    Claim(k % len(self._everybody), uint(k, 4) + bytes(size - 4), bytes(64), ((k, bytes(64)),) * 9)
                    for k in range(amount)
                ]
                return self._frames(victims, phase, *junk)
        return []

    def _frames(self, victims: tuple[int, ...], phase: Phase, *claims: Claim) -> list[Send]:
        return [Send(victims, Frame(phase, claims))]

    def _size(self, phase: Phase) -> int:
        return self._stage.rules.parameters.report_bytes if phase is Phase.REPORT else 32

    def _value(self, phase: Phase, seat: int, number: int, choice: int) -> Claim:
        """A content that its corrupt commander signs."""
        if phase is Phase.REPORT:
            content = self._stage.report(self.ledger, seat, number)[0].encode()
        else:
            content = keccak(uint(number, 4))
            if number == 0:
                content = next((claim.content for claim in self.overheard[phase]), content)
        return self._signed(phase, seat, content, choice)

    def _signed(self, phase: Phase, seat: int, content: bytes, choice: int = 0) -> Claim:
        digest = self.slot.digest(phase, Role.COMMANDER, seat, statement_content(phase, content))
        return Claim(seat, content, self._signers[seat].sign_again(digest, choice))

    # Long: one `match`, a case for each way to forge a chain of signatures.
    def _dressed(self, phase: Phase, claim: Claim, step: int, chain: SignatureChain) -> Claim:
        """The value with a chain that may pass for one of step + 1 signatures."""
        self.used[chain] += 1
        rng, slot, first = self._rng, self.slot, self.corrupt[0]
        asked = step + 1 if phase is Phase.REPORT else max(step - self._stage.rules.schedule.propose, 0) + 1

        def relay(seat: int) -> SeatSignature:
            value = broadcast_value(phase, claim.content, claim.signature)
            return seat, self._signers[seat].sign(slot.digest(phase, Role.RELAY, claim.instance, value))

        def colluding() -> list[SeatSignature]:
            return [relay(seat) for seat in self.corrupt if seat != claim.instance]

        relays: list[SeatSignature] = []
        match chain:
            case SignatureChain.BARE:
                pass
            case SignatureChain.COLLUDERS:
                relays = colluding()
            case SignatureChain.POOLED:
                heard = self.overheard[phase].get(claim, {})
                relays = self._joined(claim, colluding(), heard.items())
            case SignatureChain.BORROWED:
                heard = {}
                for other, pairs in self.overheard[phase].items():
                    if other.content == claim.content:
                        heard.update(pairs)
                relays = self._joined(claim, colluding(), heard.items())
            case SignatureChain.REPEATED_SIGNER:
                relays = (colluding() or [relay(first)]) * asked
            case SignatureChain.REPEATED_COMMANDER:
                own = claim.instance if claim.instance in self.corrupt else first
                relays = colluding() + [relay(own)] * asked
            case SignatureChain.HEADLESS:
                honest = [seat for seat in self._everybody if seat not in self.corrupt]
                instance = rng.choice([*honest, claim.instance])
                digest = slot.digest(phase, Role.COMMANDER, instance, statement_content(phase, claim.content))
                claim = Claim(instance, claim.content, self._signers[first].sign(digest))
                relays = colluding()
            case SignatureChain.FOREIGN:
                hand = relay(first)[1]
                honest = [seat for seat in self._everybody if seat not in self.corrupt]
                forged = [(seat, hand) for seat in rng.sample(honest, len(honest) - 1)]
                relays = self._joined(claim, colluding(), forged)
            case SignatureChain.UNKNOWN_SEAT:
                hand = relay(first)[1]
                relays = [*colluding(), *((seat, hand) for seat in (len(self._everybody), -1, 2**70))]
            case SignatureChain.ELSEWHERE:
                claim, relays = self._from_elsewhere(phase, claim)
            case SignatureChain.OTHER_INSTANCE:
                claim = claim._replace(instance=rng.choice([p for p in self._everybody if p != claim.instance]))
                relays = colluding()
            case SignatureChain.OTHER_PHASE:
                another = Phase.BLOCK if phase is Phase.REPORT else Phase.REPORT
                said = [said for said in self.overheard[another] if said.instance == claim.instance]
                if said:
                    content = statement_content(another, said[0].content)
                    claim = Claim(claim.instance, content, said[0].signature)
                relays = colluding()
            case SignatureChain.VOTED:
                cast = [(content, seat, s) for content, votes in self.votes.items() for seat, s in votes.items()]
                if cast:
                    content, seat, signature = rng.choice(cast)
                    claim = Claim(seat, content, signature)
                relays = colluding()
            case SignatureChain.JUNK_RELAY:
                others = [seat for seat in self._everybody if seat != claim.instance]
                relays = [(seat, rng.randbytes(SIGNATURE_BYTES)) for seat in others]
            case SignatureChain.WRONG_SIZE:
                claim = claim._replace(content=claim.content + b"\0")
                if claim.instance in self.corrupt:
                    claim = self._signed(phase, claim.instance, claim.content)
                relays = colluding()
        rng.shuffle(relays)
        return claim._replace(relays=tuple(relays))

    def _joined(self, claim: Claim, *parts: Iterable[SeatSignature]) -> list[SeatSignature]:
        """One relay a seat, none by the commander."""
        relays = dict(pair for part in parts for pair in part)
        relays.pop(claim.instance, None)
        return list(relays.items())

    def _from_elsewhere(self, phase: Phase, claim: Claim) -> tuple[Claim, list[SeatSignature]]:
        """What the claim's commander, honest or not, signed in another slot, where the honest relayed it too."""
        slot = self._stage.elsewhere(self.slot, self._rng.randrange(3))
        instance = claim.instance
        content = (
            self._stage.report(self.ledger, instance, 1)[0].encode() if phase is Phase.REPORT else keccak(uint(1, 4))
        )
        digest = slot.digest(phase, Role.COMMANDER, instance, statement_content(phase, content))
        signature = self._signers[instance].sign(digest)
        value = broadcast_value(phase, content, signature)
        relay = slot.digest(phase, Role.RELAY, instance, value)
        relays = [(seat, self._signers[seat].sign(relay)) for seat in self._everybody if seat != instance]
        return Claim(instance, content, signature), relays

    def _echo_signed(self, act: Echoing) -> Echo:
        """The echo; where a quorum's certify, with its seat's signature on its content, or on something else."""
        echo = self._echo(act)
        if not self._stage.rules.certified:
            return echo
        content = self._rng.choice([keccak(b"anything"), *(vector_content(held) for held in self._echoed())])
        if act.face is Face.HONEST:
            firsts = {claim.instance: claim for claim in reversed(self.overheard[Phase.REPORT])}
            content = vector_content(firsts)
        for seat in self._machines():
            if any(echo.signature in votes.values() for votes in seat._alike._by_content.values()):
                content = vector_content(seat._echoed)
        return echo._replace(signature=self._signers[act.seat].sign(self._of_vector(self.slot, content)))

    def _machines(self) -> list[VectorBroadcast]:
        machines = (seat.validator.reports for _, seat in sorted(self._honest.items()))
        return [machine for machine in machines if isinstance(machine, VectorBroadcast)]

    def _echoed(self) -> list[dict[int, Claim]]:
        return [machine._echoed for machine in self._machines() if machine._echoed]

    @staticmethod
    def _of_vector(slot: Slot, content: bytes) -> bytes:
        return slot.digest(Phase.REPORT, Role.SIGNER, 0, content)

    def _vectors(self, act: Vectoring) -> list[Vector]:
        """What some honest seat echoed, certified by all honest that echoed the same and all corrupt."""
        echoed, rng, seal, slot = self._echoed(), self._rng, act.seal, self.slot
        self.used[seal] += 1
        if seal is Seal.FLAG:
            return [Vector(self.ledger.round)]
        if not echoed:
            return []
        values = dict(echoed[act.pick % len(echoed)])
        content, first = vector_content(values), self.corrupt[0]
        if seal is Seal.ELSEWHERE:
            slot = self._stage.elsewhere(slot, rng.randrange(3))
        digest = self._of_vector(slot, content)
        signing = [machine._seat for machine in self._machines() if vector_content(machine._echoed) == content]
        if seal is Seal.ELSEWHERE:
            signing = list(self._everybody)
        votes = {seat: self._signers[seat].sign(digest) for seat in sorted({*signing, *self.corrupt})}
        signers, relay = sorted(votes)[: self._stage.rules.quorum(self.ledger)], slot.digest(
            Phase.REPORT, Role.RELAY, NO_SEAT, content
        )
        relays = {seat: self._signers[seat].sign(relay) for seat in self.corrupt}
        match seal:
            case Seal.BARE:
                relays = {}
            case Seal.POOLED:
                relays = {**self.vectors, **relays}
            case Seal.SHORT:
                signers = signers[:-1]
            case Seal.REPEATED_SIGNER:
                votes, signers = dict.fromkeys(self._everybody, votes[first]), list(self._everybody)
            case Seal.FOREIGN:
                relays |= dict.fromkeys(signing, relays[first])
            case Seal.OTHER_VALUE | Seal.UNSIGNED_VALUE:
                for seat in self.corrupt:
                    other = self._value(Phase.REPORT, seat, rng.randrange(4), rng.randrange(2))
                    if seal is Seal.UNSIGNED_VALUE:
                        other = other._replace(signature=rng.randbytes(SIGNATURE_BYTES))
                    values[seat] = other
        pairs = list(relays.items())
        rng.shuffle(pairs)
        if seal is Seal.REPEATED_RELAY:
            pairs = pairs[:1] * (self._stage.rules.schedule.steps + 1)
        single = mask(values) | (1 << len(self._everybody) if seal is Seal.HIGH else 0)
        given = () if seal is Seal.VALUELESS else tuple(claim._replace(relays=()) for claim in values.values())
        signatures = b"".join(votes[seat] for seat in signers)
        return [Vector(self.ledger.round, single, given, mask(signers), signatures, tuple(pairs))]

    def _echo(self, act: Echoing) -> Echo:
        self.used[act.face] += 1
        everybody, round_ = list(self._everybody), self.ledger.round
        all_, salt = mask(everybody), self._signers[act.seat].salt(self.slot)[:SALT_BYTES]
        junk = self._rng.randbytes(TAG_BYTES * groups(len(everybody)))
        heard = self.echoes or [Echo(round_, 0, 0, salt, junk)]
        match act.face:
            case Face.HONEST:
                firsts: list[bytes | None] = [None] * len(everybody)
                for claim in reversed(self.overheard[Phase.REPORT]):
                    firsts[claim.instance] = broadcast_value(Phase.REPORT, claim.content, claim.signature)
                single = mask(seat for seat in everybody if firsts[seat] is not None)
                tags = (EchoBroadcast._tag(salt, single, each, firsts) or b"" for each in range(groups(len(everybody))))
                return Echo(round_, single, 0, salt, b"".join(tags))
            case Face.NOTHING:
                return Echo(round_, 0, 0, salt, junk)
            case Face.EVERYTHING:
                return Echo(round_, all_, 0, salt, junk)
            case Face.SEVERAL:
                return Echo(round_, 0, all_, salt, junk)
            case Face.COPIED:
                return self._rng.choice(heard)
            case Face.SWAPPED:
                return self._rng.choice(heard)._replace(tags=self._rng.choice(heard).tags)
            case Face.UNTAGGED:
                return self._rng.choice(heard)._replace(tags=b"")
            case Face.HIGH:
                return Echo(round_, 1 << len(everybody), all_, salt, junk)
            case Face.TWOFOLD:
                return Echo(round_, all_, all_, salt, junk)
            case Face.ELSEWHERE:
                return self._rng.choice(heard)._replace(round=round_ - 1)

    def _vote(self, act: Ballot) -> Vote:
        self.used[act.hand] += 1
        content = self._vote_content(act.content)
        seat, key, slot = act.seat, act.seat, self.slot
        match act.hand:
            case Hand.FOREIGN:
                key = self.corrupt[0]
            case Hand.UNKNOWN_SEAT:
                seat, key = self._rng.choice((-1, len(self._everybody), 2**70)), self.corrupt[0]
            case Hand.ELSEWHERE:
                slot = self._stage.elsewhere(slot, self._rng.randrange(3))
            case Hand.OWN if seat not in self.corrupt:
                key = self.corrupt[0]
        digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)
        return Vote(seat, content, self._signers[key].sign(digest))

    def _vote_content(self, number: int) -> bytes:
        if number == 1:
            return NO_BLOCK
        honest = next((claim.content for claim in self.overheard[Phase.BLOCK]), NO_BLOCK)
        return honest if number == 0 else keccak(uint(number, 4))

    def _certificate(self, act: Certify) -> list[Send]:
        """Hand in a certificate that holds only by mistake."""
        self.used[act.forgery] += 1
        if not self.corrupt:
            return []
        content, quorum = self._vote_content(act.content), self._stage.rules.quorum(self.ledger)
        votes = dict(self.votes.get(content, {}))
        slot, everybody = self.slot, list(self._everybody)
        if act.forgery is Forgery.ELSEWHERE:
            slot, votes = self._stage.elsewhere(slot, self._rng.randrange(3)), {}
        digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)
        for seat in everybody if act.forgery is Forgery.ELSEWHERE else self.corrupt:
            votes[seat] = self._signers[seat].sign(digest)
        signers = sorted(votes)[:quorum]
        match act.forgery:
            case Forgery.SHORT:
                signers = signers[: quorum - 1]
            case Forgery.REPEATED:
                votes = dict.fromkeys(everybody, votes[self.corrupt[0]])
                signers = everybody[:quorum]
            case Forgery.OUTSIDER:
                signers = [*signers[: quorum - 1], len(everybody)]
                votes[len(everybody)] = votes[self.corrupt[0]]
        made = Certificate(content, mask(signers), b"".join(votes[seat] for seat in signers))
        return self._handed_in(made, act)

    def _handed_in(self, made: Certificate, act: Certify) -> list[Send]:
        if made.content == NO_BLOCK:
            return [Send((RELAYER,), made)]
        blocks = (seat.validator.block for seat in self._honest.values())
        block = next((block for block in blocks if block is not None), None)
        if block is None:
            return []
        _, header, body = block
        body = body + b"\0" if act.forgery is Forgery.OTHER_BODY else body
        return [Send((RELAYER,), CertifiedBlock(header, body, made))]


class TwoOfOne:
    """A corrupt seat that runs the honest machine twice, see `Twins`."""

    def __init__(self, stage: ScheduleStage, act: Twins) -> None:
        rest = tuple(p for p in range(stage.size.validators) if p not in act.half and p != act.seat)
        self._since, everybody = act.since, (*act.half, *rest)
        self._halves = (everybody, everybody) if act.since else (act.half, rest)
        self._seats = [stage.seat(act.seat, 0), stage.seat(act.seat, 1)]

    def begin(self, ledger: Ledger) -> None:
        """Open the round; a seat that lost its memory opens it again, later."""
        self._ledger = ledger
        for seat in self._seats:
            seat.begin(ledger)
        self._living = self._seats[:1] if self._since else self._seats

    def on_tick(self, step: int) -> list[Send]:
        """What each sends to its half."""
        sends: list[Send] = []
        if step and step == self._since:
            self._living = self._seats[1:]
            self._living[0].begin(self._ledger)
            sends = self._within(1, self._seats[1].on_tick(0))
        for which, seat in enumerate(self._seats):
            if seat in self._living:
                sends += self._within(which, seat.on_tick(step))
        return sends

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """Every living one receives everything."""
        return [send for seat in self._living for send in seat.on_message(sender, message)]

    def _within(self, which: int, sends: Sequence[Send]) -> list[Send]:
        half = self._halves[which]
        return [Send(tuple(to for to in send.to if to in half or to == COMPARISON), send.message) for send in sends]
