"""Growth of every theorem's regret with T, part by part, and the price of security in it.

    python science/growth.py [--replicates 100] [--theorem 1 ...] [--attack NAME ...] [--horizon T ...] [--jobs 1]
                                [--json FILE]
    python science/growth.py --table FILE

Compiled games of `examples/theorems` at ten horizons from 10^3 to 10^6, each played by itself: burn-in and trust
coefficients depend on T. Replicate r of horizon T has the seed T + r, so horizons are independent, and the attacks of
one theorem meet the same chance. Each part is fitted by a + b ln T + c T (`science/regret_growth.py`). JSON is
a line for each row and horizon, in whole rewards; what FILE holds is not played again, so that a run that was stopped
goes on. `--table` prints the tables of docs/growth.md from it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from math import isinf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol import rules
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import Row, read_rows, resumed_rows
from chain_bandit.runner.workers import Task
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.replicates import PARTS, IntervalEstimate, estimate
from chain_bandit.simulation.sums import SUMS
from science import provenance
from science.regret_growth import exponent, fit

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "theorems"
HORIZONS = (1_000, 1_778, 3_162, 5_623, 10_000, 17_783, 31_623, 100_000, 316_228, 1_000_000)
SHOWN = (1_000, 10_000, 100_000, 1_000_000)
HARD = {"kind": "bernoulli", "means": [0.5, 0.48, 0.48]}
"""Gap 0.02."""
FEWEST = 3
"""Horizons that a fit goes through whatever they are."""
SEEN = 0.05
"""Whole rewards; less is shown as 0.0."""
LATE = 10
"""Locked on: one wrong arm alone in all of the last T / 10 rounds."""

Values = NDArray[np.float64]
Line = Row


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a theorem's scenario with an attack.

    Attributes:
        attack: how the table calls it.
        lie: what liars tell instead of the scenario's lie; they then keep to the consensus, or the block list ends it.
        changes: of the scenario.
        by_rule: L as delta-safe asks for it, instead of the scenario's own.
        least: the shortest horizon that is played.
        inside: whether the theorem's assumptions hold.
    """

    theorem: int
    attack: str
    lie: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    by_rule: bool = False
    least: int = HORIZONS[0]
    inside: bool = True

    def scenario(self, rounds: int, seed: int) -> Scenario:
        """Of one horizon."""
        path = FOLDER / f"theorem{self.theorem}.toml"
        changes = self.changes | {"rounds": rounds, "seed": seed}
        if self.by_rule:
            p = load(path).parameters
            changes["burn_in"] = rules.aggregation(p).least_burn_in(p.terms._replace(horizon=rounds))
        if self.lie:
            cast = load(path).adversary
            changes |= {
                "adversary.estimators": [{"name": self.lie}],
                "adversary.liars": cast.liars + cast.both, "adversary.both": 0,
            }  # fmt: skip
        return load(path, changes)


CONFIDENCE = {
    "participants": 10, "aggregation": "confidence", "rewards": {"kind": "bernoulli", "means": [0.5, 0.45, 0.4, 0.3]},
}  # fmt: skip
"""Our own rule in the set-up of Zhu et al., played in the place of Theorem 2's."""

OWN, RANGE, WORST = ("the scenario's", None), ("in range", "within-range"), ("worst accepted", "optimiser")
CASES = (
    *(
        Case(theorem, name, lie)
        for theorem in (1, 2, 3, 4)
        for name, lie in (OWN, RANGE, WORST)
    ),
    *(
        Case(theorem, f"hard, {name}", lie, {"rewards": HARD})
        for theorem in (1, 2)
        for name, lie in (OWN, RANGE)
    ),
    Case(5, *OWN),
    Case(5, *RANGE),
    Case(6, *OWN),
    Case(6, f"{OWN[0]}, L by the rule", by_rule=True, least=10_000),
    Case(6, *RANGE, inside=False),
    Case(7, *OWN),
    *(Case(theorem, *WORST, inside=theorem == 5) for theorem in (5, 6, 7)),
    Case(2, "confidence, nobody lies", changes=CONFIDENCE | {"adversary.liars": 0}),
    *(Case(2, f"confidence, {name}", lie, CONFIDENCE) for name, lie in (OWN, RANGE, WORST)),
    Case(2, f"confidence, {RANGE[0]}, constant cost", RANGE[1], CONFIDENCE | {"cost": "constant"}),
)


@dataclass(frozen=True)
class _Point:
    """Many games of one horizon, each value one of a replicate, regret in whole rewards.

    Attributes:
        parts: regret by `PARTS`.
        bare: regret of the same pulls if each were paid and none charged, those of the burn-in too; rounds in which
            nobody pulled are none of it.
        locked: whether a wrong arm alone was pulled in all of the last rounds.
    """

    rounds: int
    parts: dict[str, Values]
    bare: Values
    locked: NDArray[np.bool_]

    @property
    def regret(self) -> Values:
        """All parts together."""
        together: Values = np.sum(list(self.parts.values()), axis=0)
        return together

    @property
    def price(self) -> IntervalEstimate:
        """The regret over the bare one: a ratio of means, its error that of the residuals."""
        ratio = self.regret.mean() / self.bare.mean()
        off = estimate((self.regret - ratio * self.bare) / self.bare.mean())
        return IntervalEstimate(ratio, *(None if edge is None else ratio + edge for edge in (off.low, off.high)))


def play(case: Case, rounds: int, count: int, jobs: int) -> _Point:
    """One horizon of a row."""
    return played(case.scenario(rounds, seed=rounds), count, jobs)


def played(scenario: Scenario, count: int, jobs: int) -> _Point:
    """What so many games of a scenario come to in the end."""
    rounds, means = scenario.parameters.horizon, scenario.model.means
    measured = replicates(scenario, count, (rounds,), jobs)
    last = {name: measured.sums[:, -1, at] for at, name in enumerate(SUMS)}
    sweeps = scenario.parameters.burn_in // len(means)
    bare = last["arms"] + sweeps * sum(max(means) - mean for mean in means)
    best = means.index(max(means))
    locked = (last["arm"] != best) & (last["since"] <= rounds - rounds // LATE)
    return _Point(rounds, {part: last[part] / UNIT for part in PARTS}, bare / UNIT, locked)


def line(case: Case, point: _Point) -> dict[str, Any]:
    """What one horizon of a row came to, for machines, and where it is from."""
    about = {"theorem": case.theorem, "attack": case.attack, "inside": case.inside, "rounds": point.rounds}
    return about | ends(point) | provenance.made(point.rounds, len(point.bare))


def ends(point: _Point) -> Line:
    """Means and standard errors of the regret, of each part of it, and of what is left if every pull is paid."""
    values = point.parts | {"regret": point.regret, "bare": point.bare}
    about = {"replicates": len(point.bare), "locked": int(point.locked.sum()), "price": asdict(point.price)}
    return about | {
        name: asdict(estimate(each)) | {"error": float(each.std(ddof=1)) / len(each) ** 0.5}
        for name, each in values.items()
    }


def lines(given: argparse.Namespace) -> Iterator[Line]:
    """What the file holds, then what is played: all rows at the shortest horizon, then at the next."""
    asked = [
        (case, rounds) for rounds, case in product(HORIZONS, CASES)
        if case.theorem in given.theorem and (not given.attack or case.attack in given.attack)
        and case.least <= rounds and rounds in given.horizon
    ]  # fmt: skip

    def inputs(task: tuple[Case, int]) -> Line:
        case, rounds = task
        return {"theorem": case.theorem, "attack": case.attack, "rounds": rounds}

    def play_line(task: tuple[Case, int]) -> Line:
        case, rounds = task
        return line(case, play(case, rounds, given.replicates, given.jobs))

    def told(row: Line) -> str:
        about = f"T = {row['rounds']:,}, Theorem {row['theorem']}, {row['attack']}"
        return f"{about}: regret {row['regret']['mean']:,.1f}"

    return resumed(asked, inputs, play_line, told, given.json)


def resumed(
    asked: Iterable[Task], inputs: Callable[[Task], Line], play: Callable[[Task], Line], told: Callable[[Line], str],
    file: Path | None,
) -> Iterator[Line]:  # fmt: skip
    """What the file holds, then what is played, one task after the other; standard error has what each came to."""

    def timed(task: Task) -> Line:
        start = time.perf_counter()
        row = play(task)
        print(f"{told(row)}, {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
        return row

    return resumed_rows(asked, inputs, timed, lambda _, row: row, file)


# --- the tables


def number(value: float) -> str:
    """With one digit after the point below 1000."""
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def with_interval(found: Mapping[str, float], digits: str = "") -> str:
    """mean ± half the interval, if that is anything."""
    values = found["mean"], found["high"] - found["mean"]
    mean, half = (f"{value:{digits}}" if digits else number(value) for value in values)
    return f"{mean} ± {half}" if float(half.replace(",", "")) else mean


def rows(found: Iterable[Line]) -> list[tuple[Case, list[Line]]]:
    """By case, by ascending horizon; of those that were played at all."""
    points = sorted(found, key=lambda each: int(each["rounds"]))
    by_case = ((case, [each for each in points if (each["theorem"], each["attack"]) == (case.theorem, case.attack)])
               for case in CASES)  # fmt: skip
    return [(case, own) for case, own in by_case if own]


def totals(found: Iterable[Line]) -> Iterator[str]:
    """The regret at round horizons, the price of security at the longest, and replicates locked on a wrong arm."""
    horizons = " | ".join(f"T = {rounds:,}" for rounds in SHOWN)
    yield f"| theorem | attack | {horizons} | longest T | price of security | locked on |"
    yield "|---" * (len(SHOWN) + 5) + "|"
    for case, points in rows(found):
        at = {point["rounds"]: point for point in points}
        cells = [with_interval(at[rounds]["regret"]) if rounds in at else "" for rounds in SHOWN]
        at_most = points[-1]["rounds"]
        price = with_interval(points[-1]["price"], ".2f" if points[-1]["price"]["mean"] < 10 else "")
        locked = " … ".join(f"{point['locked']} of {point['replicates']}" for point in (points[0], points[-1]))
        yield f"| {case.theorem} | {case.attack} | {' | '.join(cells)} | {at_most:,} | {price} | {locked} |"


def parts(found: Iterable[Line]) -> Iterator[str]:
    """Every part that is ever seen, at the shortest and the longest horizon, and its fitted growth.

    "at most": the upper end of c T. The burn-in is the same under every attack, and stands with the scenario's own.
    """
    yield (
        "| theorem | attack | part | shortest T | longest T | b | c T at the longest T | at most | linear term "
        "| exponent |"
    )
    yield "|---" * 10 + "|"
    for case, points in rows(found):
        rounds = [point["rounds"] for point in points]
        for part in PARTS:
            seen = max(point[part]["mean"] for point in points) >= SEEN
            if seen and len(points) > FEWEST and (part != "burn_in" or case.lie is None):
                means, errors = ([point[part][key] for point in points] for key in ("mean", "error"))
                grown = fit(rounds, means, errors)
                linear = {edge: value * rounds[-1] for edge, value in asdict(grown.linear).items()}
                cells = map(with_interval, (points[0][part], points[-1][part], asdict(grown.log), linear))
                most = number(linear["high"])
                yield (
                    f"| {case.theorem} | {case.attack} | {part.replace('_', '-')} | {' | '.join(cells)} | {most} "
                    f"| {grown.says.value} | {_power(exponent(rounds, means, errors))} |"
                )


def _power(found: IntervalEstimate) -> str:
    """An exponent with its interval, whose ends may lie beyond what was tried."""
    assert found.low is not None
    assert found.high is not None
    if isinf(found.low) and isinf(found.high):
        return "any"
    low, high = ("" if isinf(edge) else f"{edge:.2f}" for edge in (found.low, found.high))
    return f"{found.mean:.2f} ({low} … {high})"


def arguments(doc: str, replicates: int) -> argparse.ArgumentParser:
    """Of a command whose rows a file keeps, and whose tables are made of them."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=replicates)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a line for each row, as it comes")
    parser.add_argument("--table", type=Path, help="play nothing, print the tables of such a file")
    return parser


def print_tables(
    given: argparse.Namespace, play: Callable[[argparse.Namespace], Iterable[Line]],
    tables: Callable[[list[Line]], Sequence[Callable[[list[Line]], Iterable[str]]]],
) -> None:  # fmt: skip
    """The tables of the rows that are played, or of those that a file holds."""
    provenance.require_clean(given.json)
    found = read_rows(given.table) if given.table else list(play(given))
    for table in tables(found):
        print("\n".join(table(found)), end="\n\n")


def main() -> None:
    parser = arguments(__doc__, 100)
    parser.add_argument("--theorem", type=int, nargs="*", default=list(range(1, 8)))
    parser.add_argument("--attack", nargs="*", help="as the table calls it")
    parser.add_argument("--horizon", type=int, nargs="*", choices=HORIZONS, default=list(HORIZONS))
    print_tables(parser.parse_args(), lines, lambda _: (totals, parts))


if __name__ == "__main__":
    main()
