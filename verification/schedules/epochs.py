"""Schedules of agreements on tokens: the honest must agree on the true token, and none of them be accused.

A seed gives the terms, the corrupt seats (at most f validators, crashed ones included, and up to half of the
participants), clocks and delays, and a list of acts: what corrupt seats do to their own messages, which honest
validator crashes, where the network breaks its promise. Participants, validators, relayer and `Agreement` are those of
a live agreement, in virtual time; signatures are tokens in a book (`keyring.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from chain_bandit.actors.epochs.dealing import SHARE_BYTES, deal, probed
from chain_bandit.actors.epochs.epoch import Doubts, Ended, Epoch, EpochMessage, Shared, Staged
from chain_bandit.actors.epochs.epoch import Stage as Phases
from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.transcript import Sent
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.actors.messages import RELAYER, Send
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Certificate, Vote
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.crypto.keys import derive
from chain_bandit.game.agreement import Agreement
from chain_bandit.network.memory import Actor
from chain_bandit.protocol.agreement import body, ledger
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.agreement.tokens import LARGEST
from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.messages import NO_BLOCK, Domain, Phase, Role, broadcast_value, statement_content
from chain_bandit.protocol.sharing import Dealing, leaf
from chain_bandit.protocol.units import UNIT
from verification.schedules.acts import SKEW
from verification.schedules.counted import Counted
from verification.schedules.keyring import Book, IdealScribe, Scribe
from verification.virtual_network import STEP, VirtualNetwork

VOTING, ENDING = len(Phases), len(Phases) + 1
"""After the stages of `actors.epochs.epoch.Stage`: votes, and certificates on their way to the relayer."""

SIZES = ((4, 1), (4, 1), (5, 1), (7, 2))
"""Validators, and how many of them may be faulty."""


class Deed(Enum):
    """What an act does."""

    SILENT = "says nothing"
    OTHER = "says something else to some"
    CHAIN = "says it late, in a chain of corrupt relays"
    OFF = "deals shares of no one token"
    DOUBTS = "doubts shares at random"
    TWICE = "votes for a second content"
    FORGED = "speaks in the name of another"
    REPLAY = "repeats what was said in the epoch before"
    FALSE_END = "hands the relayer a body without a quorum"
    CRASH = "an honest validator crashes"
    SLOW = "the network breaks its promise"


@dataclass(frozen=True, slots=True)
class EpochAct:
    """One act.

    Attributes:
        stage: of the epoch; `VOTING` and `ENDING` come after the others.
        to: mask of the receivers.
        number: whatever the deed makes of it.
    """

    epoch: int
    seat: int
    deed: Deed
    stage: int
    to: int
    number: int


@dataclass(frozen=True)
class EpochSchedule:
    """What a seed draws.

    Attributes:
        rounds: epochs.
        corrupt: seats.
        clocks: moments that each seat is behind.
    """

    seed: int
    terms: AgreementTerms
    rounds: int
    corrupt: tuple[int, ...]
    clocks: tuple[int, ...]
    acts: tuple[EpochAct, ...]

    def of(self, epoch: int, seat: int, *deeds: Deed) -> list[EpochAct]:
        """A seat's acts of an epoch."""
        return [act for act in self.acts if (act.epoch, act.seat) == (epoch, seat) and act.deed in deeds]

    def is_calm(self, epoch: int) -> bool:
        """Whether all messages of an epoch arrive in time."""
        return all(act.epoch != epoch or act.deed is not Deed.SLOW for act in self.acts)


def draw(seed: int) -> EpochSchedule:
    """The schedule of a seed."""
    chance = Random(seed)
    validators, faulty = chance.choice(SIZES)
    participants = chance.randrange(3, 8)
    terms = AgreementTerms(
        participants, validators, faulty, chance.randrange(1, participants // 2 + 1), UNIT // 10, 10 * UNIT,
        chance.choice((UNIT // 2, 10 * UNIT)), chance.choice((0, 3)), 5,
    )  # fmt: skip
    rounds = chance.randrange(1, 4)
    holding, dealing = range(participants, terms.places), range(participants)
    false = chance.sample(holding, chance.randrange(faulty + 1))
    liars = chance.sample(dealing, chance.randrange(min(participants // 2, participants - 2) + 1))
    acts: list[EpochAct] = []
    everybody = range(terms.places)

    def some() -> int:
        count = terms.places if chance.random() < 0.3 else chance.randrange(1, terms.places + 1)
        return mask(chance.sample(everybody, count))

    for epoch in range(rounds):
        for seat in (*false, *liars):
            for _ in range(chance.randrange(4)):
                deed = chance.choice([each for each in Deed if each not in (Deed.CRASH, Deed.SLOW)])
                own = (Phases.DEAL, Phases.OPEN) if seat in liars else (Phases.PROBE, Phases.SUM)
                spoken = (*own, Phases.OPEN, VOTING, ENDING) if deed in (Deed.SILENT, Deed.OTHER) else range(ENDING + 1)
                stage = chance.choice(own if deed is Deed.CHAIN else spoken)
                acts.append(EpochAct(epoch, seat, deed, stage, some(), chance.getrandbits(30)))
        if len(false) < faulty and chance.random() < 0.3:
            seat = chance.choice([each for each in holding if each not in false])
            acts.append(EpochAct(epoch, seat, Deed.CRASH, 0, 0, chance.randrange(40)))
        if chance.random() < 0.25:
            for _ in range(chance.randrange(1, 4)):
                late = STEP * chance.randrange(1, 4)
                acts.append(EpochAct(epoch, chance.choice(everybody), Deed.SLOW, chance.randrange(6), some(), late))
    clocks = tuple(chance.randrange(SKEW + 1) if chance.random() < 0.5 else 0 for _ in everybody)
    return EpochSchedule(seed, terms, rounds, tuple(sorted((*false, *liars))), clocks, tuple(acts))


class _Contract:
    """`AgreementRecorder` by the contract's rules, which notes what the honest hand to it."""

    def __init__(self, play: "_Play") -> None:
        self._play = play

    def open(self, terms: AgreementTerms, accounts: Sequence[bytes]) -> Domain:
        """Begin."""
        return Domain(1, bytes(20), terms.digest(accounts))

    def report(self, proof: Equivocation) -> None:
        """Take a proof."""
        self._play.accused(proof)

    def record(self, epoch: int, ended: Ended | None) -> None:
        """Take a record."""
        self._play.recorded(ended)

    def follow(self, ends: Sequence[ledger.AgreementLedger]) -> ledger.AgreementLedger:
        """By what it was handed."""
        return ends[0]


class _Seat:
    """A seat on the network: the honest machine; of a corrupt seat the acts change what leaves it."""

    def __init__(self, play: "_Play", machine: EpochParticipant | EpochValidator) -> None:
        self._play, self._machine, self.number = play, machine, machine.seat
        crashes = play.of(self.number, Deed.CRASH)
        self._ends = crashes[0].number % play.epoch.steps if crashes else play.epoch.steps
        self._step = 0
        self._withheld: dict[int, bytes] = {}

    def on_tick(self, step: int) -> list[Send]:
        """What leaves in a step."""
        self._step = step
        if step >= self._ends:
            return []
        if self.number not in self._play.schedule.corrupt:
            return self._machine.on_tick(step)
        if step == 0:
            self._deal_off()
        return [*self._changed(self._machine.on_tick(step)), *self._added(step)]

    def on_message(self, sender: int, message: EpochMessage) -> None:
        """Take in a message."""
        if self._step < self._ends:
            self._machine.on_message(sender, message)

    def _deal_off(self) -> None:
        for act in self._play.of(self.number, Deed.OFF):
            if isinstance(self._machine, EpochParticipant):
                terms, own = self._play.schedule.terms, self._machine._dealing
                second = deal(7, keccak(act.number.to_bytes(8, "big")), terms.faulty, terms.validators)
                shares = tuple(
                    (second if act.to >> terms.participants + at & 1 else own).shares[at]
                    for at in range(terms.validators)
                )
                self._machine._dealing = Dealing(b"".join(leaf(at, share) for at, share in enumerate(shares)), shares)

    def _changed(self, sends: Sequence[Send]) -> list[Send]:
        found = []
        for send in sends:
            stage = _stage(send.message)
            kept = set(send.to)
            for act in self._play.of(self.number, Deed.SILENT, Deed.OTHER, Deed.CHAIN):
                hit = {to for to in kept if act.stage == stage and (to < 0 or act.to >> to & 1)}
                if act.deed is Deed.CHAIN:
                    hit = set(kept) if hit and self._is_own(send.message) else set()
                    if hit and isinstance(send.message, Staged):
                        self._withheld[stage] = send.message.frame.claims[0].content
                kept -= hit
                if act.deed is Deed.OTHER and hit:
                    found.append(Send(tuple(sorted(hit)), self._other(send.message, act.number)))
            found.append(Send(tuple(to for to in send.to if to in kept), send.message))
        return found

    def _is_own(self, message: EpochMessage) -> bool:
        return isinstance(message, Staged) and message.frame.claims[0].instance == self.number

    def _other(self, message: EpochMessage, number: int) -> EpochMessage:
        """Something else of the same kind, under the seat's own key."""
        match message:
            case Shared(share=share):
                return Shared(_flipped(share, number))
            case Staged(stage=stage) if self._is_own(message):
                return Staged(stage, self._claimed(stage, _flipped(message.frame.claims[0].content, number)))
            case Doubts():
                return Doubts(seats(number % 64))
            case Vote():
                return self._vote(number)
            case Ended():
                return self._false_end(number)
        return message

    def _claimed(self, stage: Phases, content: bytes, chain: int = 0) -> Frame:
        """A claim of one's own, with relays of so many other corrupt validators."""
        play, slot = self._play, self._play.epoch.slot_of(stage)
        stated = statement_content(Phase.REPORT, content)
        signature = play.signers[self.number].state(slot, Phase.REPORT, Role.COMMANDER, self.number, stated)
        value = broadcast_value(Phase.REPORT, content, signature)
        digest = slot.digest(Phase.REPORT, Role.RELAY, self.number, value)
        relays = [seat for seat in play.false_validators if seat != self.number][:chain]
        signed = tuple((seat, play.signers[seat].sign(digest)) for seat in relays)
        return Frame(Phase.REPORT, (Claim(self.number, content, signature, signed),))

    def _vote(self, number: int) -> Vote:
        content = NO_BLOCK if number % 2 else keccak(number.to_bytes(8, "big"))
        signature = self._play.signers[self.number].state(self._play.epoch.slot, Phase.BLOCK, Role.SIGNER, 0, content)
        return Vote(self.number, content, signature)

    def _false_end(self, number: int) -> Ended:
        """A body of the adversary's own, with all the signatures that it has."""
        play = self._play
        said = number.to_bytes(8, "big") * 20
        content, members = keccak(said), play.false_validators
        digest = play.epoch.slot.digest(Phase.BLOCK, Role.SIGNER, 0, content)
        signed = b"".join(play.signers[seat].sign(digest) for seat in members)
        return Ended(said, Certificate(content, mask(members), signed))

    def _added(self, step: int) -> list[Send]:
        """Messages that only the corrupt send."""
        play, epoch, found = self._play, self._play.epoch, list[Send]()
        for act in play.of(self.number, Deed.CHAIN, Deed.DOUBTS, Deed.TWICE, Deed.FORGED, Deed.REPLAY, Deed.FALSE_END):
            to = tuple(seat for seat in seats(act.to) if seat != self.number)
            stage = Phases(act.stage) if act.stage < VOTING else Phases.SUM
            begins = epoch.start(stage) if act.stage < VOTING else epoch.vote
            match act.deed:
                case Deed.CHAIN:
                    length = act.number % (play.schedule.terms.faulty + 1)
                    if step == begins + length and (content := self._withheld.get(act.stage)):
                        found.append(Send(to, Staged(stage, self._claimed(stage, content, length))))
                case Deed.DOUBTS if step == epoch.doubt:
                    found.append(Send(to, Doubts(seats(act.number % 128))))
                case Deed.TWICE if step == epoch.vote:
                    found.append(Send(to, self._vote(act.number)))
                case Deed.FORGED if step == begins:
                    found.append(Send(to, self._forged(act, stage)))
                case Deed.REPLAY if step == begins:
                    found += [Send(to, message) for message in play.said_before.get(act.stage, [])]
                case Deed.FALSE_END if step == act.number % epoch.steps:
                    found.append(Send((RELAYER,), self._false_end(act.number)))
        return found

    def _forged(self, act: EpochAct, stage: Phases) -> EpochMessage:
        """A statement of another seat that it never signed, under a key of the adversary's."""
        whose = act.number % self._play.schedule.terms.places
        signature = self._play.signers[self.number].sign(keccak(act.number.to_bytes(8, "big")))
        if act.stage >= VOTING:
            return Vote(whose, keccak(bytes([whose])), signature)
        content = self._play.content_of(self._machine, stage, act.number) or bytes(SHARE_BYTES)
        return Staged(stage, Frame(Phase.REPORT, (Claim(whose, content, signature),)))


class _Play:
    """A schedule while it is played."""

    def __init__(self, schedule: EpochSchedule, scribe: type[Scribe]) -> None:
        self.schedule, self.result, terms = schedule, Counted(), schedule.terms
        book = Book()
        roles = ("participant",) * terms.participants, ("validator",) * terms.validators
        dealing, holding = (
            sorted((scribe(derive(7, role[0], at), book) for at in range(len(role))), key=lambda each: each.address)
            for role in roles
        )
        self.signers = [*dealing, *holding]
        verifier = scribe.verifier(book)
        self.participants = [EpochParticipant(seat, signer) for seat, signer in enumerate(dealing)]
        self.validators = [
            EpochValidator(terms.participants + at, signer, verifier) for at, signer in enumerate(holding)
        ]
        self.accounts, self.verifier = [signer.address for signer in self.signers], verifier
        self.agreement = Agreement(
            terms, self.participants, self.validators, self.accounts, _Contract(self), verifier, self._run
        )
        self.at, self._chance = 0, Random(~schedule.seed)
        self._since: dict[int, int] = {}
        self.said: dict[int, list[EpochMessage]] = {}
        self.said_before: dict[int, list[EpochMessage]] = {}
        self._votes: dict[bytes, set[int]] = {}
        self._opened: dict[int, set[int]] = {}

    @property
    def epoch(self) -> Epoch:
        """The open one."""
        return self.participants[0].epoch

    @property
    def false_validators(self) -> list[int]:
        """Corrupt ones."""
        return [seat for seat in self.schedule.corrupt if seat >= self.schedule.terms.participants]

    def of(self, seat: int, *deeds: Deed) -> list[EpochAct]:
        """A seat's acts in the open epoch."""
        return self.schedule.of(self.at, seat, *deeds)

    def content_of(self, machine: EpochParticipant | EpochValidator, stage: Phases, number: int) -> bytes:
        """Content of the size of a stage, from the machine's own where it has any; empty for the other role's."""
        own = [
            claim.content
            for each in self.said.get(int(stage), ())
            if isinstance(each, Staged)
            for claim in each.frame.claims
        ]
        is_dealer = isinstance(machine, EpochParticipant)
        if is_dealer != (stage in (Phases.DEAL, Phases.OPEN)) or not own:
            return b""
        return _flipped(own[0], number)

    def play(self) -> Counted:
        """All epochs."""
        terms, chance = self.schedule.terms, self._chance
        for epoch in range(self.schedule.rounds):
            self.at = epoch
            tokens = [chance.randrange(3 * UNIT) for _ in range(terms.participants)]
            salts = [chance.randbytes(32) for _ in tokens]
            sent = [
                [Sent(chance.random() < 0.5, chance.random() < 0.7) for _ in range(terms.steps)] for _ in tokens
            ]
            self._votes, self._opened, self.said = {}, {}, {}
            self._tokens = tokens
            self._before = self.agreement.ledger
            try:
                self.agreement.play(tokens, salts, sent)
            except ChainBanditError as error:
                self._broken(f"{type(error).__name__} ends it")
                break
            self._check_epoch()
            self.said_before = self.said
        return self.result

    def accused(self, proof: Equivocation) -> None:
        """A proof is handed in."""
        self._count("proof")
        self._since.setdefault(proof.instance, self.at + 1)
        if proof.instance not in self.schedule.corrupt:
            self._broken("somebody honest is accused")
        if not proof.proves(self.accounts, self.verifier):
            self._broken("a proof proves nothing")

    def recorded(self, ended: Ended | None) -> None:
        """A record is handed in."""
        if ended is None:
            self._count("deadline")
            return
        epoch, members = self.epoch, ledger.validators(self.schedule.terms, self.epoch.ledger)
        content, certificate = keccak(ended.body) if ended.body else NO_BLOCK, ended.certificate
        digest, signers = epoch.slot.digest(Phase.BLOCK, Role.SIGNER, 0, content), seats(certificate.signers)
        signed = all(
            self.verifier.is_signed_by(self.accounts[seat], digest, certificate.signatures[64 * at : 64 * (at + 1)])
            for at, seat in enumerate(signers)
        )
        if not signed or certificate.signers & ~members or len(signers) < self._quorum(members.bit_count()):
            self._broken("the contract refuses what the relayer takes for a quorum's word")
        if any(since <= self.at and seat in signers for seat, since in self._since.items()):
            self._broken("somebody who equivocated signs on")
        self._count("agreed" if ended.body else "nothing")

    def _quorum(self, members: int) -> int:
        """More than half of the honest, of whom no two such sets are apart."""
        return (members + self.schedule.terms.faulty) // 2 + 1

    # --- the network

    def _run(self, actors: dict[int, Actor], steps: int) -> None:
        schedule, terms = self.schedule, self.schedule.terms
        placed: dict[int, Actor] = {RELAYER: actors[RELAYER]}
        machines: list[EpochParticipant | EpochValidator] = [*self.participants, *self.validators]
        placed |= {machine.seat: _Seat(self, machine) for machine in machines}
        order = [*(seat for seat in range(terms.places) if seat not in schedule.corrupt), *schedule.corrupt]
        clocks = {RELAYER: 0} | {seat: schedule.clocks[seat] for seat in order}
        chance = self._chance

        def fate(moment: int, sender: int, to: int) -> Sequence[int]:
            delay = chance.randrange(STEP - SKEW)
            late = [act.number for act in self.of(sender, Deed.SLOW) if act.to >> to & 1]
            return [delay + max(late, default=0)]

        VirtualNetwork(placed, clocks, fate, self._heard).run(steps)

    def _heard(self, sender: int, send: Send) -> None:
        message = send.message
        self.said.setdefault(_stage(message), []).append(message)
        terms = self.schedule.terms
        match message:
            case Vote() if message.seat == sender and sender not in self.schedule.corrupt:
                self._votes.setdefault(message.content, set()).add(sender)
            case Staged(stage=Phases.OPEN, frame=frame) if sender < terms.participants:
                content = frame.claims[0].content
                shares = [content[SHARE_BYTES * at : SHARE_BYTES * (at + 1)] for at in range(terms.validators)]
                self._opened[sender] = {at for at, share in enumerate(shares) if any(share)}

    # --- what has to hold

    def _check_epoch(self) -> None:
        schedule, terms, ended = self.schedule, self.schedule.terms, self.agreement.ended[-1]
        corrupt, calm = set(schedule.corrupt), schedule.is_calm(self.at)
        members = ledger.validators(terms, self._before).bit_count()
        for act in schedule.acts:
            if act.epoch == self.at:
                self._count(act.deed.value)
        possible = [len(each) + len(self.false_validators) for each in self._votes.values()]
        if sum(votes >= self._quorum(members) for votes in possible) > 1:
            self._broken("two contents of an epoch could be certified")
        crashed = {act.seat for act in schedule.acts if act.epoch == self.at and act.deed is Deed.CRASH}
        if calm:
            self._check_calm(ended, corrupt, crashed)
        if ended is None or not ended.body:
            if self.agreement.ledger.token != self._before.token:
                self._broken("the token moved without an agreement")
            return
        found = body.decode(terms, ended.body)
        out = {seat for seat, since in self._since.items() if since <= self.at}
        if found.counted & mask(out) or found.counted >> terms.participants:
            self._broken("somebody who equivocated is counted")
        self._check_sums(found, corrupt)
        means = sorted(group.total // group.members.bit_count() for group in found.groups if group.total is not None)
        middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) // 2
        last = self._before.token
        low, high = max(last - terms.step, 0), min(last + terms.step, terms.most)
        if self.agreement.ledger.token != min(max(middle, low), high):
            self._broken("the token is not the clamped median of the groups' means")

    def _check_sums(self, found: body.AgreementBody, corrupt: set[int]) -> None:
        """Every group's total is what its members' tokens add up to; of false dealers a token that exists."""
        for group in found.groups:
            if group.total is None:
                continue
            members = seats(group.members)
            false = [seat for seat in members if seat in corrupt and self.of(seat, Deed.OFF)]
            rest = group.total - sum(self._tokens[seat] for seat in members if seat not in false)
            if not 0 <= rest <= len(false) * LARGEST:
                self._broken("a group's total is not what its members' tokens add up to")

    def _check_calm(self, ended: Ended | None, corrupt: set[int], crashed: set[int]) -> None:
        """In time: an agreement that counts all honest participants, blames and opens nobody honest."""
        terms = self.schedule.terms
        blocked = set(seats(ledger.blocked(self._before)))
        honest = {seat for seat in range(terms.participants) if seat not in corrupt | blocked}
        for seat, places in self._opened.items():
            if seat in honest and not {terms.participants + at for at in places} <= corrupt | crashed | blocked:
                self._broken("an honest participant opens the share of an honest validator")
        if ended is None or not ended.body:
            self._broken("no agreement though all is in time")
            return
        found = body.decode(terms, ended.body)
        if not honest <= set(seats(found.counted)):
            self._broken("an honest participant is not counted though all is in time")
        for group in found.groups:
            named = probed(group.sums, terms.faulty)
            off = {terms.participants + at for at in named[0]} if named else set(range(terms.places))
            if not off <= corrupt | crashed | blocked:
                self._broken("the sum of an honest validator is taken for false or missing")

    def _broken(self, what: str) -> None:
        self.result.broken(what)

    def _count(self, what: str) -> None:
        self.result.seen[what] += 1


def _stage(message: EpochMessage) -> int:
    """Of an epoch, in which a message belongs."""
    match message:
        case Staged(stage=stage):
            return int(stage)
        case Shared():
            return int(Phases.DEAL)
        case Doubts():
            return int(Phases.OPEN)
        case Vote():
            return VOTING
    return ENDING


def _flipped(content: bytes, number: int) -> bytes:
    """Other bytes of the same length."""
    at = number % len(content)
    return content[:at] + bytes([content[at] ^ (1 + number % 255)]) + content[at + 1 :]


def play(seed: int, scribe: type[Scribe] = IdealScribe) -> Counted:
    """The schedule of a seed."""
    return played(draw(seed), scribe)


def played(schedule: EpochSchedule, scribe: type[Scribe] = IdealScribe) -> Counted:
    """A schedule."""
    return _Play(schedule, scribe).play()


def story(schedule: EpochSchedule) -> str:
    """The schedule in lines: the terms, the corrupt seats, and the acts."""
    acts = (
        f"  epoch {act.epoch}, seat {act.seat} {act.deed.value} (stage {act.stage}, to {seats(act.to)}, {act.number})"
        for act in schedule.acts
    )
    return "\n".join((str(schedule.terms), f"corrupt: {schedule.corrupt}, clocks: {schedule.clocks}", *acts))


def violates(schedule: EpochSchedule) -> Callable[[EpochSchedule], bool]:
    """Whether another schedule breaks what this one breaks first."""
    first, *_ = played(schedule).violations
    return lambda less: first in played(less).violations
