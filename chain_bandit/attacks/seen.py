"""Inputs and outputs of an attack: the reports that it sees and the lies that it tells, in one game or in many at once.

In every array arms are the last axis but one and replicates the last; estimators are integers, in units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chain_bandit.array_types import Flags as Flags
from chain_bandit.array_types import Ints as Ints
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.protocol.arms import confidence_width, width_table
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.estimation import estimate, worth_of
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rule import Agreed, Estimate
from chain_bandit.protocol.rules import state_of
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.roots import isqrt

_Statistic = Callable[[Ints], Ints]
"""Of reports, (seats, ...), a number for each arm and replicate."""


class Honest:
    """Honest reports, (seats, arms, replicates), and what colluders make of them.

    Each row is computed when it is first asked for, and from then on where reports are learnt.
    """

    def __init__(self, reports: Ints) -> None:
        self._reports = reports
        self._rows: dict[_Statistic, Ints] = {}

    def learn(self, cells: Ints, reports: Ints) -> None:
        """Take other reports, (seats, cells), of some cells, each at arm * replicates + replicate."""
        self._reports.reshape(len(self._reports), -1)[:, cells] = reports
        for row, values in self._rows.items():
            values.reshape(-1)[cells] = row(reports)

    @property
    def reports(self) -> Ints:
        """By ascending seat."""
        return shown(self._reports)

    @property
    def lowest(self) -> Ints:
        """The lowest report of each arm; this and the others (arms, replicates)."""
        return self._row(_lowest)

    @property
    def highest(self) -> Ints:
        """The highest."""
        return self._row(_highest)

    @property
    def average(self) -> Ints:
        """The mean, floored."""
        return self._row(_average)

    @property
    def spread(self) -> Ints:
        """The standard deviation; every square is divided by itself, so that 64 bits hold the sum."""
        return self._row(_spread)

    @property
    def median(self) -> Ints:
        """The lower median."""
        return self._row(_median)

    def _row(self, row: _Statistic) -> Ints:
        if row not in self._rows:
            self._rows[row] = np.ascontiguousarray(row(self._reports))
        return shown(self._rows[row])


def _lowest(reports: Ints) -> Ints:
    lowest: Ints = reports.min(axis=0)
    return lowest


def _highest(reports: Ints) -> Ints:
    highest: Ints = reports.max(axis=0)
    return highest


def _average(reports: Ints) -> Ints:
    average: Ints = reports.sum(axis=0) // len(reports)
    return average


def _spread(reports: Ints) -> Ints:
    return isqrt(((reports - _average(reports)) ** 2 // len(reports)).sum(axis=0))


def _median(reports: Ints) -> Ints:
    median: Ints = np.sort(reports, axis=0)[(len(reports) - 1) // 2]
    return median


@dataclass(frozen=True, slots=True)
class Seen:
    """What colluders under one attack know when they report.

    Attributes:
        parameters: of the game.
        round: t.
        own: what they would report if they were honest, (liars, arms, replicates).
        in_force: the global estimators, (arms, replicates); None until there are some.
        pulls: n_ref, (arms, replicates).
        honest: the honest reports in the last block, if rushing in the open round; None until there are some.
        accepted: of a report of all colluders, (arms, replicates), the arms whose value is then in B.
        indices: of the same, the upper confidence bound of each arm, (arms, replicates), in units.
    """

    parameters: Parameters
    round: int
    own: Ints
    in_force: Ints | None
    pulls: Ints
    honest: Honest | None
    accepted: Callable[[Ints], Flags]
    indices: Callable[[Ints], Ints]


def told(attack: Attack, view: View, own: Means) -> Means:
    """The lie of one seat and game, in units."""
    seen = seen_by(view, own)
    return tuple(np.broadcast_to(integers(attack.lie(seen)), seen.own.shape).reshape(-1).tolist())


def seen_by(view: View, own: Means) -> Seen:
    """What one seat sees of its game."""
    ledger, rows = view.ledger, view.honest_rows
    return Seen(
        view.rules.parameters, view.time, _columns([own]), _columns(ledger.means) if ledger.means else None,
        _columns(ledger.pulls), Honest(_columns(rows)) if rows else None, partial(_accepted, view),
        partial(_indices, view),
    )  # fmt: skip


def _columns(values: Sequence[Any]) -> Ints:
    """Integers with an axis of one replicate behind them."""
    return shown(np.array(values, np.int64)[..., np.newaxis])


def _estimated(view: View, lie: Ints) -> Estimate:
    """Where all tell this lie, and all the honest of the last block have enough pulls."""
    p, ledger, told = view.rules.parameters, view.ledger, tuple(lie[:, 0].tolist())
    reports = {seat: row for seat, row in view.reported.items() if seat not in view.colluders}
    reports |= dict.fromkeys(view.colluders, told)
    bits, seed = dict.fromkeys(reports, (True,) * p.arms), round_seed(ledger.seed, view.round)
    state = state_of(p, ledger.states, RuleKind.AGGREGATION)
    return estimate(p, state, Agreed(
        view.round, seed, reports, bits, view.reported_pulls, ledger.means, ledger.reputations,
    ))  # fmt: skip


def _accepted(view: View, lie: Ints) -> Flags:
    told, sets = lie[:, 0].tolist(), _estimated(view, lie).sets
    return np.array([
        [any(seat in view.colluders or view.reported[seat][arm] == told[arm] for seat in each)]
        for arm, each in enumerate(sets)
    ])  # fmt: skip


def _indices(view: View, lie: Ints) -> Ints:
    p, found = view.rules.parameters, _estimated(view, lie)
    passed = len(view.colluders | view.reported.keys())
    counts = worth_of(p, map(len, found.sets), passed) if p.c1_per_report else (1,) * p.arms
    width = width_table(view.time, p.c1_numerator, p.c1_denominator)
    samples = (max(count, 1) * pulls for count, pulls in zip(counts, view.reported_pulls, strict=True))
    return _columns([mean + confidence_width(width, n) for mean, n in zip(found.means, samples, strict=True)])


def integers(lie: Ints) -> Ints:
    """A lie, or a `TypeError` where it is none."""
    lie = np.asarray(lie)
    if lie.dtype.kind not in "iu":
        raise TypeError(f"its lie is of {lie.dtype}, not of integers")
    return lie


def shown(values: Ints) -> Ints:
    """The same, which nobody can change through this."""
    view = values.view()
    view.flags.writeable = False
    return view


def each_arm(report: Ints) -> Ints:
    """The number of each arm, as a column."""
    return np.arange(report.shape[-2])[:, np.newaxis]


def best(report: Ints) -> Ints:
    """The best arm, of equals the first, by replicate."""
    found: Ints = report.argmax(axis=-2, keepdims=True)
    return found


def second(report: Ints) -> Ints:
    """The best of the other arms; where there is one arm, that one."""
    return best(np.where(each_arm(report) == best(report), -1, report))


def clipped(report: Ints) -> Ints:
    """The nearest that a report may hold."""
    return np.minimum(np.maximum(report, 0), UNIT)
