"""Draw of a schedule from a seed: campaigns that are known to hurt, and any other move now and then."""

import random
from collections.abc import Callable

from chain_bandit.actors.messages import COMPARISON
from chain_bandit.protocol.messages import Phase
from verification.schedules.acts import (
    SKEW,
    Act,
    Ahead,
    Ballot,
    Carried,
    Certify,
    Corruption,
    Crash,
    Cut,
    Echoing,
    Face,
    FaultSchedule,
    Flood,
    Forgery,
    GameSize,
    Hand,
    Informed,
    LinkFault,
    Recording,
    Release,
    Reuse,
    Seal,
    SignatureChain,
    Skewed,
    Timed,
    Twins,
    Vectoring,
    Whisper,
)
from verification.virtual_network import STEP

CHAINS = tuple(SignatureChain)
FACES = tuple(Face)
HANDS = tuple(Hand)
SEALS = tuple(Seal)
WELL_SEALED = (Seal.COLLUDERS, Seal.POOLED)
FORGERIES = tuple(Forgery)
LATE = (0.01, 0.05, 0.2, 0.5)
"""Shares of the messages that are late in the schedules that have any."""


def draw(size: GameSize, seed: int) -> FaultSchedule:
    """The schedule of a seed: the same one everywhere, whichever others were drawn before."""
    name = f"{size.validators} {size.attackers} {size.quorum} {seed}" + " certified" * size.certified
    return _Drawing(size, random.Random(name)).schedule()


def draw_late(size: GameSize, seed: int, share: float) -> FaultSchedule:
    """One round in which every message between honest seats is a whole step late with the probability `share`."""
    return _Drawing(size, random.Random(f"late {share} {size.validators} {size.attackers} {seed}")).late(share)


def draw_for_nodes(size: GameSize, seed: int) -> FaultSchedule:
    """Some rounds in a row that nodes play, with what only they meet."""
    return _Drawing(size, random.Random(f"nodes {size.validators} {size.attackers} {size.quorum} {seed}")).for_nodes()


class _Drawing:
    def __init__(self, size: GameSize, rng: random.Random) -> None:
        self.size, self.rng, self.chance = size, rng, rng.random
        self.steps = size.steps
        self.n, self.m = size.validators, size.attackers
        self.acts: list[Act] = []
        self.propose = self.steps.propose

    def schedule(self) -> FaultSchedule:
        order = self.rng.getrandbits(32)
        calm = self.chance() < 0.7
        rounds = 1 if self.chance() < (0.95 if calm else 0.6) else self.rng.choice((2, 3))
        faulty = self.rng.sample(range(self.n), self.m)
        falling = self.m and self.chance() < 0.12
        crashing = self.m > falling and self.chance() < 0.12
        corrupt = faulty[falling + crashing :]
        self.honest = [seat for seat in range(self.n) if seat not in faulty]
        self.others = [seat for seat in range(self.n) if seat not in corrupt]
        for round_ in range(rounds):
            self.round, gone = round_, set[int]()
            if falling:
                self._fall(faulty[0])
            if crashing:
                self._crash(faulty[-1] if not falling else faulty[1])
            for seat in corrupt:
                if self.chance() < 0.07:
                    gone.add(seat)
                    half = self.rng.sample(self.others, len(self.others) // 2)
                    since = 0 if self.chance() < 0.6 else self.rng.randrange(1, self.steps.certify)
                    self.acts.append(Twins(round_, seat, tuple(half), since))
            self._campaigns([seat for seat in corrupt if seat not in gone])
            if not calm and round_ < max(rounds - 1, 1):
                self._weather()
        if self.chance() < 0.5:
            self.acts += [Skewed(seat, self.rng.randrange(SKEW + 1)) for seat in self.others if self.chance() < 0.5]
        if not calm and rounds == 1 and self.chance() < 0.2:
            self.acts.append(Skewed(self.rng.choice(self.others), self.rng.randrange(SKEW, 2 * STEP)))
        if self.size.certified and self.chance() < 0.5:
            self.acts.append(Skewed(self.n, self.rng.randrange(SKEW)))  # it learns what is a step further than the slow
        return FaultSchedule(self.size, tuple(sorted(corrupt)), rounds, order, tuple(self.acts))

    def for_nodes(self) -> FaultSchedule:
        order, calm = self.rng.getrandbits(32), self.chance() < 0.9
        rounds = self.rng.choice((1, 2, 2, 2, 3, 6))
        faulty = self.rng.sample(range(self.n), self.m)
        away = self.chance()  # one of the faulty is no liar, but falls, or dies
        corrupt = faulty[1:] if away < 0.2 else faulty
        self.honest = [seat for seat in range(self.n) if seat not in faulty]
        self.others = [seat for seat in range(self.n) if seat not in corrupt]
        self.acts.append(Carried(self.rng.choice((16, STEP // 8, 4 * STEP // 10)), self._few()))
        lag = self.rng.choice((0, SKEW // 2, SKEW, SKEW))
        late = self._few() or self._some()
        self.acts += [Skewed(seat, lag if seat in late else self.rng.randrange(lag // 4 + 1)) for seat in self.others]
        victims = tuple(self._one())
        withheld = self.rng.choice((None, None, self.steps.certify, self.rng.randrange(self.steps.steps)))
        for round_ in range(rounds):
            self.round = round_
            if away < 0.1:
                self._fall(faulty[0])
            elif away < 0.2 and not round_:
                self._crash(faulty[0])
                self.acts.append(Recording(0, self.rng.choice((1, 8 * STEP)), False))  # it may restart before that
            if self.chance() < 0.6:
                self._campaigns(corrupt)
            for seat in corrupt:
                if withheld is not None:
                    self.acts.append(Timed(round_, withheld, seat, victims, victims[0], None))
                for _ in range(self.rng.choice((0, 0, 1, 3))):
                    self._time(seat)
                if self.chance() < 0.3:
                    self.acts.append(Ahead(round_, self.rng.randrange(self.steps.steps), seat, self._some()))
                if self.size.certified and self.chance() < 0.3:
                    self._inform(seat)
            if self.chance() < 0.4:
                after = self.rng.choice((1, STEP // 10, STEP, 4 * STEP))
                self.acts.append(Recording(round_, after, self.chance() < 0.3))
            if not calm:
                self._weather()
        return FaultSchedule(self.size, tuple(sorted(corrupt)), rounds, order, tuple(self.acts))

    def _time(self, seat: int) -> None:
        """An envelope of a corrupt seat comes about when a step is over for one of the honest, or never."""
        step = self.rng.randrange(self.steps.steps)
        near = self.rng.choice((-1, 0, 1, -self.rng.randrange(SKEW), self.rng.randrange(SKEW)))
        offset = None if self.chance() < 0.2 else near
        victims = self._some() if self.chance() < 0.8 else (COMPARISON,)
        self.acts.append(Timed(self.round, step, seat, victims, self.rng.choice(self.honest), offset))

    def _inform(self, seat: int) -> None:
        """Messages of a step reach one seat in the step before, as a vector; the others may get no further."""
        step, victim = self.rng.choice((0, 0, 0, 1, 2, self.rng.randrange(self.steps.compare))), self._one()[0]
        self.acts.append(Informed(self.round, step, seat, victim))
        seal = self.rng.choice(WELL_SEALED)
        self.acts.append(Vectoring(self.round, step + 1, seat, (victim,), self.rng.getrandbits(8), seal))
        if self.chance() < 0.7:
            last = -1 - self.rng.randrange(2)
            self.acts.append(
                Timed(self.round, step + 1, seat, tuple(self.honest), self.rng.choice(self.honest), last)
            )

    def _few(self) -> tuple[int, ...]:
        return tuple(self._one()) if self.chance() < 0.5 else ()

    def late(self, share: float) -> FaultSchedule:
        order, corrupt = self.rng.getrandbits(32), self.rng.sample(range(self.n), self.m)
        self.round = 0
        self.honest = self.others = [seat for seat in range(self.n) if seat not in corrupt]
        self._campaigns(corrupt)
        self._links(share, lambda: (STEP + self.rng.randrange(STEP // 2),))
        return FaultSchedule(self.size, tuple(sorted(corrupt)), 1, order, tuple(self.acts))

    def _fall(self, seat: int) -> None:
        """The adversary takes a seat in the middle of the first round."""
        step = self.rng.randrange(self.steps.certify)
        if self.round == 0:
            self.acts.append(Corruption(0, step, seat))
        for phase, first in ((Phase.REPORT, 0), (Phase.BLOCK, self.propose)):
            after = [s for s in range(first, first + self.size.last(phase) + 1) if self.round or s >= step]
            if after:
                self._release(self.rng.choice(after), phase, seat, self._some(), 1, self._chain())
        if self.round or not step:
            self._echoes(seat)
        if self.round or step <= self._vote:
            self._ballots(seat)

    def _crash(self, seat: int) -> None:
        if self.chance() < 0.7:
            reached = tuple(p for p in range(self.n) if p != seat and self.chance() < 0.5)
            self.acts.append(Crash(self.round, self.rng.randrange(self.steps.steps), seat, reached))

    @property
    def _vote(self) -> int:
        return self.propose + self.steps.vote - self.steps.propose

    def _campaigns(self, corrupt: list[int]) -> None:
        if self.size.certified:  # the honest propose when they agree, which may be then
            late = self.steps.latest - self.steps.compare
            self.propose = self.steps.propose + self.rng.choice((0, 0, 1, 2, late, self.rng.randrange(late + 1)))
        for phase, first in ((Phase.REPORT, 0), (Phase.BLOCK, self.propose)):
            for seat in corrupt:
                self.rng.choice(_CAMPAIGNS)(self, phase, first, seat)
            for _ in range(self.rng.choice((0, 1, 1, 2, 3)) if corrupt else 0):
                step = first + self.rng.randrange(self.size.last(phase) + 1)
                victims = tuple(self._one() if self.chance() < 0.7 else self.others)
                self.acts.append(Reuse(self.round, step, phase, victims, self.rng.getrandbits(16), self._chain()))
            if corrupt and self.chance() < 0.02:
                self.acts.append(Flood(self.round, first, phase, tuple(self.others), 50))
        for seat in corrupt:
            self._echoes(seat)
            self._ballots(seat)
            if self.size.certified:
                self._vectors(seat)
        if corrupt and self.chance() < 0.3:
            forgery = self.rng.choice(FORGERIES)
            content = 1 if forgery is Forgery.ELSEWHERE else self.rng.randrange(2)
            self.acts.append(Certify(self.round, self._vote + self.rng.randrange(2), content, forgery))
        if corrupt and self.chance() < 0.1:
            self.acts.append(Whisper(self.round, self.propose - 1, tuple(self._one())))

    def _echoes(self, seat: int) -> None:
        """A corrupt validator's declared holdings: nothing, the truth, one thing here and another there."""
        half, rest = self._halves()
        ways = self.rng.randrange(5)
        if ways == 1:
            self.acts.append(Echoing(self.round, 1, seat, tuple(self.others), Face.HONEST))
        elif ways == 2:
            for victims in (half, rest):
                self.acts.append(Echoing(self.round, 1, seat, victims, self.rng.choice(FACES)))
        elif ways > 2:
            for _ in range(ways - 2):
                step = self.rng.randrange(self.size.last(Phase.REPORT) + 1)
                self.acts.append(Echoing(self.round, step, seat, self._some(), self.rng.choice(FACES)))

    def _vectors(self, seat: int) -> None:
        """Its echo makes a quorum at some alone; a vector is shown to some alone, or at the end."""
        if self.chance() < 0.6:
            victims = tuple(self._one() if self.chance() < 0.6 else self._some())
            self.acts.append(Echoing(self.round, 1, seat, victims, self.rng.choice((Face.COPIED, Face.HONEST))))
        if self.chance() < 0.1:  # what is certified is a third content for one
            one = self._one()
            rest = tuple(p for p in self.others if p not in one)
            for content, victims in ((1, rest), (2, tuple(one)), (4, tuple(one))):
                self._release(0, Phase.REPORT, seat, victims, content, SignatureChain.BARE)
            self.acts.append(Echoing(self.round, 1, seat, rest, Face.COPIED))
        last = self.steps.latest - 1
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            step = self.rng.choice((last, last, last - 1, self.rng.randrange(1, last + 2)))
            victims = tuple(self._one() if self.chance() < 0.7 else self._some())
            seal = self.rng.choice(WELL_SEALED if self.chance() < 0.6 else SEALS)
            self.acts.append(Vectoring(self.round, step, seat, victims, self.rng.getrandbits(8), seal))

    def _ballots(self, seat: int) -> None:
        """How a corrupt validator votes: as the honest, not at all, twice, one thing here and another there."""
        step, half, rest = self._vote, *self._halves()
        ways = self.rng.randrange(7)
        votes: list[tuple[tuple[int, ...], int]] = []
        if ways == 0:
            votes = [(tuple(self.others), 0)]
        elif ways == 1:
            votes = [(half, 0), (rest, 1)]
        elif ways == 2:
            votes = [(tuple(self.others), content) for content in (0, 1)]
        elif ways == 3:
            votes = [(tuple(self.others), content) for content in (2, 3, 4, 1, 0)]
        elif ways == 4:
            votes = [(half, 2), (rest, 1)]
        for victims, content in votes:
            self.acts.append(Ballot(self.round, step, seat, victims, content, Hand.OWN))
        if self.chance() < 0.4:
            hand = self.rng.choice(HANDS)
            claimed = seat if hand is Hand.OWN else self.rng.randrange(self.n)
            self.acts.append(
                Ballot(self.round, step, claimed, tuple(self.others), self.rng.randrange(3), hand)
            )

    def _weather(self) -> None:
        """More than the promise allows: lateness on every link, a partition, or both; doubled messages too."""
        kind = self.rng.randrange(4)
        if kind < 3:
            self._links(self.rng.choice(LATE), self._delays)
        if kind > 1:
            group = self.rng.sample(self.others, self.rng.randrange(1, len(self.others)))
            step = self.rng.randrange(self.steps.steps)
            length = self.rng.randrange(1, self.steps.steps - step + 1)
            self.acts.append(Cut(self.round, step, length, tuple(sorted(group))))

    def _links(self, share: float, delays: Callable[[], tuple[int, ...]]) -> None:
        for step in range(self.steps.steps):
            for sender in self.others:
                for to in self.others:
                    if sender != to and self.chance() < share:
                        self.acts.append(LinkFault(self.round, step, sender, to, delays()))

    def _delays(self) -> tuple[int, ...]:
        kind = self.rng.randrange(6)
        if kind == 0:
            return ()
        if kind == 1:
            return (1, STEP // 2)
        return (int(STEP * (0.75 + 2 * self.chance() ** 2)),)

    def _release(
        self, step: int, phase: Phase, seat: int, victims: tuple[int, ...], content: int, chain: SignatureChain,
        choice: int = 0,
    ) -> None:  # fmt: skip
        self.acts.append(Release(self.round, step, phase, seat, victims, content, choice, chain))

    def _chain(self) -> SignatureChain:
        return self.rng.choice(CHAINS)

    def _one(self) -> list[int]:
        return [self.rng.choice(self.honest)]

    def _some(self) -> tuple[int, ...]:
        return tuple(self.rng.sample(self.others, self.rng.randint(1, len(self.others))))

    def _halves(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        half = self.rng.sample(self.others, len(self.others) // 2)
        return tuple(half), tuple(p for p in self.others if p not in half)

    def as_the_honest(self, phase: Phase, first: int, seat: int) -> None:
        self._release(first, phase, seat, tuple(self.others), 0, SignatureChain.BARE)

    def silent(self, phase: Phase, first: int, seat: int) -> None:
        pass

    def split(self, phase: Phase, first: int, seat: int) -> None:
        half, rest = self._halves()
        self._release(first, phase, seat, half, 1, SignatureChain.COLLUDERS)
        self._release(first, phase, seat, rest, self.rng.choice((0, 2)), SignatureChain.COLLUDERS)

    def tells_half(self, phase: Phase, first: int, seat: int) -> None:
        """One value or two signatures of it, one for either half, or for one half alone."""
        half, rest = self._halves()
        content = self.rng.randrange(2)
        self._release(first, phase, seat, half, content, SignatureChain.COLLUDERS)
        if self.chance() < 0.5:
            self._release(first, phase, seat, rest, content, SignatureChain.COLLUDERS, 1)

    def last_victim(self, phase: Phase, first: int, seat: int) -> None:
        """Withhold, then give it to one that can no longer pass it on."""
        victims, value = tuple(self._one()), self.rng.randrange(2)
        last = self.size.last(phase)
        step = first + self.rng.choice((max(last - 1, 0), last, last))
        if self.chance() < 0.5:
            self._release(first, phase, seat, tuple(self.others), 1 - value, SignatureChain.COLLUDERS)
        self._release(step, phase, seat, victims, value, SignatureChain.COLLUDERS)
        self._release(step, phase, seat, victims, value, self._chain())

    def another_for_one(self, phase: Phase, first: int, seat: int) -> None:
        """The honest message goes to all but one, which is told something else at the end."""
        one = self._one()
        self._release(first, phase, seat, tuple(p for p in self.others if p not in one), 0, SignatureChain.BARE)
        self._release(first + self.size.last(phase), phase, seat, tuple(one), 1, SignatureChain.COLLUDERS)

    def relayed_but_to_one(self, phase: Phase, first: int, seat: int) -> None:
        """Let one honest seat relay, and hand what it signed to another under another name at the end."""
        one, last = self._one(), first + self.size.last(phase)
        self._release(first, phase, seat, tuple(one), 0, SignatureChain.BARE)
        self._release(last, phase, seat, tuple(self._one()), 0, SignatureChain.BORROWED, self.rng.randrange(3))

    def signed_twice(self, phase: Phase, first: int, seat: int) -> None:
        half, rest = self._halves()
        self._release(first, phase, seat, half, 1, SignatureChain.COLLUDERS)
        self._release(first, phase, seat, half, 1, SignatureChain.COLLUDERS, 1)
        if self.chance() < 0.5:
            for content, choice in ((2, 0), (2, 1)):
                self._release(first, phase, seat, rest, content, SignatureChain.COLLUDERS, choice)

    def many(self, phase: Phase, first: int, seat: int) -> None:
        for content in range(1, 6):
            self._release(first, phase, seat, tuple(self.others), content, SignatureChain.COLLUDERS)

    def anything(self, phase: Phase, first: int, seat: int) -> None:
        for _ in range(self.rng.randint(1, 3)):
            step = first + self.rng.randrange(self.size.last(phase) + 2)
            self._release(step, phase, seat, self._some(), self.rng.randrange(4), self._chain(), self.rng.randrange(2))


_CAMPAIGNS: tuple[Callable[[_Drawing, Phase, int, int], None], ...] = (
    _Drawing.as_the_honest,
    _Drawing.silent,
    _Drawing.split,
    _Drawing.tells_half,
    _Drawing.last_victim,
    _Drawing.last_victim,
    _Drawing.another_for_one,
    _Drawing.relayed_but_to_one,
    _Drawing.signed_twice,
    _Drawing.many,
    _Drawing.anything,
    _Drawing.anything,
)
