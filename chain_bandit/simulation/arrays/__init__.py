"""Rules over many replicates at once, one a file of this folder: no game and no audit reads them.

A form stands for the function `estimate` or `merits` of a rule and has its module's name. It gives what the rule gives,
to the unit, or that it is unsure: then the rule itself is asked. Reports are integers below 2^32, seats and arms at
most 2^10.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

import numpy as np

from chain_bandit.array_types import Flags as Flags
from chain_bandit.array_types import Ints as Ints
from chain_bandit.array_types import Words
from chain_bandit.protocol import rules
from chain_bandit.protocol.merits import ByMerit
from chain_bandit.protocol.rule import Aggregation, Terms
from chain_bandit.protocol.ruleset import RuleChoice

ORDER = 10
"""Bits that hold the place of a seat."""


class Told(NamedTuple):
    """What a form is told: of every seat, which all have pulled every arm often enough.

    A cell is an arm of a replicate. Forms that take each arm by itself are told some cells, (cells,), others all of
    them, (arms, replicates).

    Attributes:
        reports: in units, (seats, *cells).
        suspects: the places, on the first axis, of seats of which it matters whether they are in B.
        pulls: n_ref, as cells.
        in_force: the estimators in force, as cells; None before the first block.
        chance: gives `protocol.rule.chance` of seed_t and each number below one, as words (replicates, numbers, 4).
        order: of every seat the place, by which equal reports stand, (seats, *cells); None at first: it is asked for
            where a form says that it matters, since it takes a hash a seat.
    """

    reports: Ints
    suspects: Ints
    pulls: Ints
    in_force: Ints | None
    chance: Callable[[int], Words]
    order: Ints | None = None

    def ordered(self, values: Ints) -> Ints:
        """Values below 2^40, one a report, with the order of equals behind them, if there is one: below 2^50."""
        return values if self.order is None else values << ORDER | self.order

    def plain(self, values: Ints) -> Ints:
        """What `ordered` makes of values, as they were."""
        return values if self.order is None else values >> ORDER


class Found(NamedTuple):
    """What a form gives.

    Attributes:
        means: in units, as cells.
        size: |B|, the same of all cells, or as cells.
        kept, tied: of suspects, (suspects, *cells) or what spreads to it: members of B, and equals of whom their
            order leaves some out; nobody once there is an order.
        unsure: of which estimators the order of equals decides, or, once there is one, the rule itself, as cells, or
            (replicates,) where arms go together.
    """

    means: Ints
    size: int | Ints
    kept: Flags
    tied: Flags
    unsure: Flags


@dataclass(frozen=True, slots=True)
class Form:
    """A rule over arrays.

    Attributes:
        by_arm: whether each arm is by itself, and its estimator the same while its reports and pulls are.
        ordered: whether it takes an order of equals.
        whole: whether B is everybody, whatever is told.
    """

    estimate: Callable[[Terms, Told], Found]
    by_arm: bool = True
    ordered: bool = False
    whole: bool = False


class Judged(NamedTuple):
    """What a form of merits is told: of every seat, which all report.

    Attributes:
        reports: in units, (seats, arms, replicates).
        pulls, means: n_ref, and the estimators of the block, (arms, replicates).
        reputations: before the block, (seats, replicates).
    """

    reports: Ints
    pulls: Ints
    means: Ints
    reputations: Ints


Merits = Callable[[Terms, Judged], tuple[Ints, Flags]]
"""A rule of reputation over arrays: (seats, replicates), as `protocol.merits.ByMerit.merits`, and of which replicates
it is unsure."""


SURE = NO = np.zeros(1, np.bool_)
"""Nothing is unsure; nobody is tied."""
YES = np.ones(1, np.bool_)


def everybody(told: Told, means: Ints, unsure: Flags = SURE) -> Found:
    """Estimators on which all seats have influence."""
    return Found(means, len(told.reports), YES, NO, unsure)


def one_of(told: Told, ranked: Ints, rank: int | Ints) -> Found:
    """Estimators that are somebody's report, by its place among `Told.ordered` ones; of equal ones it is not known
    whose."""
    ranks = np.broadcast_to(rank, told.pulls.shape)[np.newaxis]
    chosen = np.take_along_axis(ranked, ranks, axis=0)[0]
    there, alone = told.ordered(told.reports)[told.suspects] == chosen, (ranked == chosen).sum(axis=0) == 1
    return Found(told.plain(chosen), 1, there & alone, there & ~alone, SURE)


def find(choice: RuleChoice) -> Form | None:
    """The form of a game's aggregation, if it has one; rules of others have none. Raises `RulesUnknown`."""
    rule = rules.find(choice)
    assert isinstance(rule, Aggregation)
    found = None if choice.digest else forms().get(type(rule).estimate.__module__.rpartition(".")[2])
    assert found is None or isinstance(found, Form)
    return found


def find_merits(choice: RuleChoice) -> Merits | None:
    """The form of a game's reputation, if it has one. Raises `RulesUnknown`."""
    rule = rules.find(choice)
    if choice.digest or not isinstance(rule, ByMerit):
        return None
    found = forms().get(type(rule).merits.__module__.rpartition(".")[2])
    assert not isinstance(found, Form)
    return found


@cache
def forms() -> dict[str, Form | Merits]:
    """By the module of the rule."""
    return {each.name: import_module(f"{__name__}.{each.name}").FORM for each in iter_modules(__path__)}
