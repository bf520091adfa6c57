"""A schedule played: the real machines on a network in virtual time, and what did not hold."""

import random
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

from chain_bandit.actors.messages import COMPARISON, RELAYER, Message, Send
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.echo import Echo
from chain_bandit.network.memory import Actor
from chain_bandit.protocol.blocks import seats
from verification.schedules.acts import SKEW, Corruption, Crash, Cut, FaultSchedule, LinkFault, Skewed, Twins
from verification.schedules.adversary import ByzantineAdversary, SendAs, TwoOfOne
from verification.schedules.invariants import (
    BOTH,
    Relayed,
    SignedContents,
    certificates,
    chains,
    check,
    counted,
    disagree,
    note,
)
from verification.schedules.stage import ScheduleStage
from verification.virtual_network import STEP, Fate, VirtualNetwork

IN_TIME = STEP - SKEW - 1
"""A message that keeps the promise takes at most so many moments."""
_ENDS, _FAULTS = Corruption | Crash, LinkFault | Cut | Crash


@dataclass
class PlayedSchedule:
    """What a schedule came to.

    Attributes:
        violations: which invariants did not hold, each once, in a line.
        certified: by round "block", "skip" or "nothing".
        disagreed: rounds in which two honest seats computed different blocks.
        doubled: rounds of which two certificates could be made.
        digest: of everything that arrived, when and where; only where it was asked for.
        drops: why honest seats dropped claims, how often each.
        used: moves of the adversary.
        corrupt: seats that were the adversary's in the end.
        accused: seats that the honest hold proof against, in all rounds.
        sent: statements that the honest sent.
        trace, ends: what arrived from the adversary, and what each honest seat came to, a line each; where asked for.
    """

    violations: list[str] = field(default_factory=list)
    certified: list[str] = field(default_factory=list)
    disagreed: int = 0
    doubled: int = 0
    digest: bytes = b""
    drops: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    corrupt: tuple[int, ...] = ()
    accused: set[int] = field(default_factory=set)
    sent: int = 0
    trace: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


def play(stage: ScheduleStage, schedule: FaultSchedule, logged: bool = False) -> PlayedSchedule:
    """Play a schedule on a stage of its size.

    Args:
        logged: whether to keep the digest of all events, and a line for each that is not routine.
    """
    return Playing(stage, schedule, logged).play()


class Playing:
    """A schedule while it is played: what `schedules.invariants` looks at."""

    def __init__(self, stage: ScheduleStage, schedule: FaultSchedule, logged: bool) -> None:
        self.stage, self.schedule, self.result, self._logged = stage, schedule, PlayedSchedule(), logged
        stage.book.clear()
        self._ends = [act for act in schedule.acts if isinstance(act, _ENDS)]
        n = schedule.size.validators
        self.honest = {seat: stage.seats[seat] for seat in range(n) if seat not in schedule.corrupt}
        self.relayer = stage.relayer
        self.adversary = ByzantineAdversary(stage, schedule, self.honest, self.result.used)
        clocks = {COMPARISON: 0, RELAYER: 0, **dict.fromkeys(range(n), 0)}
        clocks |= {act.seat: act.by for act in schedule.acts if isinstance(act, Skewed)}
        self._ear = _Adversary(self)
        self.address = n
        actors: dict[int, Actor] = {COMPARISON: stage.comparer, RELAYER: stage.relayer, **self.honest, n: self._ear}
        self._clocks = {**clocks, n: clocks.get(n, SKEW)}
        self._hash = sha256()
        self.network = VirtualNetwork(
            actors, self._clocks, self._fate(), self._heard, self._arrived if logged else None
        )

    def play(self) -> PlayedSchedule:
        """Every round, one after the other."""
        stage, schedule, network = self.stage, self.schedule, self.network
        ledger = stage.ledger
        for round_ in range(schedule.rounds):
            if round_:
                ledger = stage.after(ledger)
            self.round = round_
            self.down: set[int] = set()
            self.said: SignedContents = {}
            self.relayed: Relayed = {}
            for number, seat in self.honest.items():
                network.actors[number] = seat
                seat.begin(ledger)
            stage.comparer.begin(ledger)
            stage.relayer.begin(ledger)
            self.adversary.begin(round_, ledger)
            self._twins(round_)
            for number in self.adversary.corrupt:
                stage.comparer.on_message(number, stage.report(ledger, number, 0)[1])
            network.run(stage.rules.schedule.steps)
            self._judge()
        self.result.digest = self._hash.digest()
        self.result.corrupt = tuple(self.adversary.corrupt)
        return self.result

    def _twins(self, round_: int) -> None:
        actors = self.network.actors
        for number in self.schedule.corrupt:
            actors.pop(number, None)
        for act in self.schedule.acts:
            if isinstance(act, Twins) and act.round == round_ and act.seat in self.adversary.corrupt:
                twins = TwoOfOne(self.stage, act)
                twins.begin(self.adversary.ledger)
                actors[act.seat] = twins

    def after_tick(self, step: int) -> None:
        """Seats fall, or die, once they have acted in a step."""
        for act in self._ends:
            if (act.round, act.step) == (self.round, step) and act.seat in self.honest:
                if isinstance(act, Crash):
                    self.die(act.seat, step)
                else:
                    self.fall(act.seat)

    def die(self, number: int, step: int) -> None:
        """A seat is gone until the next round. It stays honest: nobody may ever be able to prove it false."""
        self.down.add(number)
        self.network.actors.pop(number)

    def fall(self, number: int) -> None:
        """A seat is the adversary's."""
        self.network.actors.pop(number, None)
        self.honest.pop(number)
        self.adversary.corrupt = sorted([*self.adversary.corrupt, number])

    def _heard(self, sender: int, send: Send | SendAs) -> None:
        """The adversary overhears everything; what the honest send in their own name is kept for the checks."""
        message = send.message
        if sender in self.honest:
            self.result.sent += note(sender, send.to, message, self.said, self.relayed)
            for violation in chains(sender, message, self.schedule.size):
                self._found(violation)
        if sender != self.address and not isinstance(send, SendAs):
            self.adversary.hear(message)

    def _arrived(self, moment: int, sender: int, to: int, message: Message) -> None:
        self._hash.update(repr((moment, sender, to, message)).encode())
        if sender == self.address or sender in self.adversary.corrupt:
            self.result.trace.append(f"round {self.round} moment {moment}: the adversary to {to}: {told(message)}")

    def _found(self, violation: str) -> None:
        if violation not in self.result.violations:
            self.result.violations.append(violation)

    def _judge(self) -> None:
        self.proofs = {number: seat.validator.equivocations() for number, seat in self.honest.items()}
        self.told = [proof for number, held in self.proofs.items() if number not in self.down for proof in held]
        self.counted = {number: counted(seat) for number, seat in self.honest.items()}
        calm = self.schedule.is_calm(self.round)
        lockstep = BOTH if calm and not self.schedule.size.certified else ()
        for violation in check(self, calm, calm, lockstep):
            self._found(violation)
        alive = {number: seat for number, seat in self.honest.items() if number not in self.down}
        self.result.disagreed += disagree(alive)
        self.result.doubled += certificates(self) > 1
        self.result.certified.append("block" if self.relayer.block else "skip" if self.relayer.skip else "nothing")
        for number, seat in self.honest.items():
            validator = seat.validator
            self.result.accused.update(proof.instance for proof in self.proofs[number])
            if number in self.down:
                continue
            self.result.drops.update(validator.drops)
            if self._logged:
                held = "; ".join(
                    f"{broadcast.phase.name.lower()} of {instance}: {', '.join(shown(*value) for value in values)}"
                    for broadcast in (validator.reports, validator.blocks)
                    for instance, values in enumerate(broadcast._held)
                    if len(values) != 1 or instance not in self.honest
                )
                signed = validator.signed[:2].hex()
                self.result.ends.append(f"round {self.round} seat {number} signs {signed}; {held or 'nothing unusual'}")

    def _fate(self) -> Fate:
        """Every delay within the bound, but where the schedule states otherwise."""
        chance = random.Random(self.schedule.order).random
        faults = [act for act in self.schedule.acts if isinstance(act, _FAULTS)]
        if not faults:
            return lambda moment, sender, to: (1 + int(chance() * IN_TIME),)
        links = {(a.round, a.step, a.sender, a.to): a.delays for a in faults if isinstance(a, LinkFault)}
        cuts = [(a, frozenset(a.group)) for a in faults if isinstance(a, Cut)]
        crashes = {(a.round, a.step, a.seat): a.reached for a in faults if isinstance(a, Crash)}

        def fate(moment: int, sender: int, to: int) -> tuple[int, ...]:
            usual = (1 + int(chance() * IN_TIME),)
            if sender == self.address or sender in self.schedule.corrupt:
                return usual
            step = (moment - self.network.start - self._clocks[sender]) // STEP
            if to not in crashes.get((self.round, step, sender), (to,)):
                return ()
            for cut, group in cuts:
                within = cut.round == self.round and cut.step <= step < cut.step + cut.steps
                if within and (sender in group) != (to in group):
                    return ()
            return links.get((self.round, step, sender, to), usual)

        return fate


class _Adversary:
    """Its place on the network: it ticks when everybody else has."""

    def __init__(self, played: Playing) -> None:
        self._played = played

    def on_tick(self, step: int) -> list[Send]:
        """First corrupt the seats due in this step, then act."""
        played, rest = self._played, list[Send]()
        played.after_tick(step)
        for send in played.adversary.on_tick(step):
            if isinstance(send, SendAs):
                played.network.send(send.seat, [send])
            else:
                rest.append(send)
        return rest

    def on_message(self, sender: int, message: Message) -> None:
        """Ignored: it was overheard when it was sent."""


def told(message: Message) -> str:
    """A message in a few words."""
    match message:
        case Frame(phase=phase, claims=claims):
            inner = ", ".join(
                f"{claim.instance} says {shown(claim.content, claim.signature)}, relayed by {by}"
                for claim in claims[:4]
                for by in [[seat for seat, _ in claim.relays]]
            )
            return f"{phase.name.lower()}: {inner}"
        case Echo(single=single, several=several):
            return f"echo of one value of {list(seats(single))}, two of {list(seats(several))}"
        case Vote(seat=seat, content=content):
            return f"vote of {seat} for {content[:2].hex()}"
    return type(message).__name__


def shown(content: bytes, signature: bytes) -> str:
    """A value in ten letters: its content, and which of its signatures."""
    return f"{content[:4].hex()}~{signature[-1:].hex() or '00'}"
