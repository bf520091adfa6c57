"""The interface of an attack: verbs, each honest unless overridden, and what an attacker can see.

An attack may lie about means and counts, pull any arm, and replace anything that leaves its seat; it holds its
own key and its colluders', never an honest one.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from chain_bandit.actors.messages import Schedule, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.validator import Validator
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct, Pull
from chain_bandit.protocol.units import Counts, Means

if TYPE_CHECKING:
    from chain_bandit.attacks.seen import Ints, Seen


class NotSimulated(ChainBanditError):
    """An attack whose outcome depends on messages: play it with `run`, not with `simulate`."""

    exit_code = 3

    def __init__(self, attack: str, reason: str) -> None:
        super().__init__(f"attack {attack} cannot be simulated without messages ({reason}): play it with `run`")
        self.attack, self.reason = attack, reason


class Said(Enum):
    """What honest validators have in the end of what a seat was to broadcast in a round, the least honest last."""

    ONCE = "one value, as the rules have it"
    TWICE = "two signed values: no value, and proof"
    NEVER = "no value, and no proof"

    def then(self, other: "Said") -> "Said":
        """Both at one seat: what is held back does not go out twice, whichever comes first."""
        return max(self, other, key=SAID.index)


SAID = tuple(Said)
"""By number."""


EVER = 2**32
"""A round after all others."""

MILLION = 10**6
"""Parts in which options without a unit are counted."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an attack comes to in its rounds, wherever the honest keep to their bounds.

    Attributes:
        first, last: its rounds.
        report: its report.
        header: its block's header, if it commands; in a probe round the value that it commands.
        opens: its pull counts open the commitment of its report.
        votes: it signs the block that the honest sign.
    """

    report: Said = Said.ONCE
    header: Said = Said.ONCE
    opens: bool = True
    votes: bool = True
    first: int = 0
    last: int = EVER

    def then(self, other: "Effect") -> "Effect":
        """Both at one seat, in either order."""
        return Effect(
            self.report.then(other.report),
            self.header.then(other.header),
            self.opens and other.opens,
            self.votes and other.votes,
        )


@dataclass
class View:
    """What the attacker of one seat sees and holds.

    Attributes:
        seat: its number.
        rules: the game's public facts.
        colluders: all malicious seats, its own among them.
        signers: its own key and those of all consensus attackers, by seat; a pure liar lends its key to nobody.
        rng: its own stream of chance, from the scenario's seed.
        ledger: the open round's state, a function of the chain.
        step: the step of the round, see `actors.messages.Schedule`.
        reported: the estimators by seat in the last block (public on the chain); for a rushing attacker,
            `Attack.rushes`, those of the honest in the open round.
        reported_pulls: n_ref on which they stood.
        validator: the consensus half of its own machine: what it agreed on in the open round.
    """

    seat: int
    rules: Rules
    colluders: frozenset[int]
    signers: Mapping[int, Signer]
    rng: random.Random
    ledger: Ledger
    step: int = 0
    reported: Mapping[int, Means] = field(default_factory=dict)
    reported_pulls: Counts = ()
    validator: Validator | None = None

    @property
    def round(self) -> int:
        """The open round."""
        return self.ledger.round

    @property
    def time(self) -> int:
        """t, the number of its first pull, by which attacks begin and end; without phases the round."""
        return self.ledger.time

    @property
    def schedule(self) -> Schedule:
        """The steps of a round."""
        return self.rules.schedule

    @property
    def slot(self) -> Slot:
        """The slot of the open round."""
        return self.rules.slot(self.ledger)

    @property
    def others(self) -> tuple[int, ...]:
        """All seats but its own."""
        return tuple(p for p in self.rules.everybody if p != self.seat)

    @property
    def honest(self) -> tuple[int, ...]:
        """The seats that are no colluders."""
        return tuple(p for p in self.rules.everybody if p not in self.colluders)

    @property
    def honest_rows(self) -> tuple[Means, ...]:
        """The honest reports in the last block, by ascending seat; none until there was one."""
        return tuple(row for seat, row in sorted(self.reported.items()) if seat not in self.colluders)

    def sign(self, phase: Phase, role: Role, instance: int, content: bytes, seat: int | None = None) -> bytes:
        """A signature in the open slot by its own key, or by the colluder `seat`."""
        signer = self.signers[self.seat if seat is None else seat]
        return signer.sign(self.slot.digest(phase, role, instance, content))


def millionths(name: str, value: float) -> int:
    """An option from 0 to 1000 as an integer. Raises `ValueError`."""
    if not 0 <= value <= 1000:
        raise ValueError(f"{name} is {value}, not in [0, 1000]")
    return round(value * MILLION)


def whole(name: str, value: int, least: int) -> int:
    """An option that is an integer from `least` to `EVER`. Raises `ValueError`."""
    if type(value) is not int or not least <= value <= EVER:
        raise ValueError(f"{name} is {value!r}, not an integer from {least} to {EVER}")
    return value


def flag(name: str, value: bool) -> bool:
    """An option that is true or false. Raises `ValueError`."""
    if type(value) is not bool:
        raise ValueError(f"{name} is {value!r}, neither true nor false")
    return value


def overrides(attack: "Attack", *verbs: str) -> bool:
    """Whether an attack has one of these verbs of its own, by its class or by itself."""
    return any(getattr(getattr(attack, verb), "__func__", None) is not getattr(Attack, verb) for verb in verbs)


class Attack:
    """A way to cheat. Override what differs from honesty; state which `Conduct` that is.

    The same object serves one seat for a whole game and may keep state. Whatever it raises stops the game with
    `AttackFailed`; what it sends may be anything, honest machines drop what is not valid.
    """

    name: str = "Attack"
    """What scenarios call it, if it is ours, and error messages; that of the class unless it says so itself."""

    conduct: Conduct = Conduct.HONEST

    rushes: bool = False
    """Whether its `View` has the honest reports of the open round, as no live one has: in simulation only."""

    def __init_subclass__(cls) -> None:
        """No class inherits a name: what changes an attack of ours is another one."""
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def numbers(self, parameters: Parameters) -> tuple[int, ...]:
        """The options that its compiled form reads, where it has one (`simulation.kernel.lies`)."""
        return 0, 0

    def arm(self, view: View, honest: int) -> int | None:
        """The arm to pull; None pulls nothing."""
        return honest

    def means(self, view: View, honest: Means) -> Means:
        """The estimators to report, in units; unless overridden what `lie` makes of one game."""
        if not overrides(self, "lie"):
            return honest
        from chain_bandit.attacks.seen import told  # numpy: a node without malice starts without

        return told(self, view, honest)

    def lie(self, seen: "Seen") -> "Ints":
        """The same for all seats under this attack, and for many games at once: a function of what is seen alone.

        Gives the shape of `Seen.own`, or what spreads to it. An attack that overrides `means` is asked seat by seat and
        game by game.
        """
        return seen.own

    def counts(self, view: View, honest: Counts) -> Counts:
        """The pull counts to commit to."""
        return honest

    def record(self, view: View, honest: Pull) -> Pull:
        """What the report of a sealed game hides."""
        return honest

    def reveals(self, view: View) -> bool:
        """Whether to publish the sealing key after a sealed game. Simulated games ask before, too."""
        return True

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        """The last word on what leaves the seat at the beginning of a step; its pulls are up to `arm`."""
        return sends

    def effect(self) -> Effect:
        """What `outbox` comes to, for games that are simulated without messages.

        A test plays every attack both ways and holds them equal.
        """
        return Effect()
