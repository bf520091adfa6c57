"""How the regret of every theorem grows with T, part by part, and what security costs.

    python benchmarks/growth.py [--replicates 100] [--theorem 1 ...] [--attack NAME ...] [--most T] [--jobs 1]
                                [--json FILE]
    python benchmarks/growth.py --table FILE

Compiled games of `examples/theorems` at seven horizons from 10^3 to 10^6, each played by itself: burn-in and trust
coefficients depend on T. Replicate r of horizon T has the seed T + r, so horizons are independent, and the attacks of
one theorem meet the same chance. Each part is fitted by a + b ln T + c T (`chain_bandit/simulation/growth.py`). JSON is
a line a row, in whole rewards; a row that FILE holds is not played again. `--table` prints the tables of docs/growth.md
from it.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.growth import Growth, fit
from chain_bandit.simulation.kernel.play import SUMS
from chain_bandit.simulation.replicates import PARTS, Estimate, estimate

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "theorems"
HORIZONS = (1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
SHOWN = (1_000, 10_000, 100_000, 1_000_000)
HARD = {"kind": "bernoulli", "means": [0.5, 0.48, 0.48]}
"""Gap 0.02."""
LATE = 10
"""Locked on: one wrong arm alone in all of the last T / 10 rounds, as in `benchmarks/regret.py`."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a theorem's scenario with an attack.

    Attributes:
        attack: how the table calls it.
        lie: what liars tell instead of the scenario's lie; they then keep to the consensus, or the block list ends it.
        changes: of the scenario.
        least, most: the horizons that are played by default.
        inside: whether the theorem's assumptions hold.
    """

    theorem: int
    attack: str
    lie: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    least: int = HORIZONS[0]
    most: int = HORIZONS[-1]
    inside: bool = True

    def scenario(self, rounds: int, seed: int) -> Scenario:
        """Of one horizon."""
        path = FOLDER / f"theorem{self.theorem}.toml"
        changes = self.changes | {"rounds": rounds, "seed": seed}
        if self.lie:
            cast = load(path).adversary
            changes |= {
                "adversary.estimators": [{"name": self.lie}],
                "adversary.liars": cast.liars + cast.both, "adversary.both": 0,
            }  # fmt: skip
        return load(path, changes)


RANGE, OPTIMISER = ("in range", "within-range"), ("worst accepted", "optimiser")
CASES = (
    *(
        case
        for theorem in (1, 2, 3, 4)
        for case in (Case(theorem, "the scenario's"), Case(theorem, *RANGE), Case(theorem, *OPTIMISER))
    ),
    *(Case(theorem, f"hard, {name}", lie, {"rewards": HARD}) for theorem in (1, 2)
      for name, lie in (("the scenario's", None), RANGE)),
    Case(5, "the scenario's"),
    Case(5, *RANGE, most=100_000),
    Case(6, "the scenario's"),
    Case(6, "the scenario's, L by the rule", changes={"burn_in": None}, least=10_000, most=100_000),
    Case(6, *RANGE, most=100_000, inside=False),
    Case(7, "the scenario's", most=316_228),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
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
        return np.sum(list(self.parts.values()), axis=0)

    @property
    def price(self) -> Estimate:
        """The regret over the bare one: a ratio of means, its error that of the residuals."""
        ratio = self.regret.mean() / self.bare.mean()
        off = estimate((self.regret - ratio * self.bare) / self.bare.mean())
        return Estimate(ratio, *(None if edge is None else ratio + edge for edge in (off.low, off.high)))


def play(case: Case, rounds: int, count: int, jobs: int) -> Point:
    """One horizon of a row."""
    scenario = case.scenario(rounds, seed=rounds)
    measured, means = replicates(scenario, count, (rounds,), jobs), scenario.model.means
    ends = {name: measured.sums[:, -1, at] for at, name in enumerate(SUMS)}
    sweeps = scenario.parameters.burn_in // len(means)
    bare = ends["arms"] + sweeps * sum(max(means) - mean for mean in means)
    best = means.index(max(means))
    locked = (ends["arm"] != best) & (ends["since"] <= rounds - rounds // LATE)
    return Point(rounds, {part: ends[part] / UNIT for part in PARTS}, bare / UNIT, locked)


def growth(points: Sequence[Point], part: str | None = None) -> Growth:
    """The fit of a part, or of the whole regret."""
    values = [point.parts[part] if part else point.regret for point in points]
    errors = [float(each.std(ddof=1)) / len(each) ** 0.5 for each in values]
    return fit([point.rounds for point in points], [float(each.mean()) for each in values], errors)


def row(case: Case, points: Sequence[Point]) -> dict[str, Any]:
    """What the table says of a case, for machines."""
    return {
        "theorem": case.theorem, "attack": case.attack, "inside": case.inside, "replicates": len(points[0].bare),
        "points": [
            {"rounds": point.rounds, "regret": asdict(estimate(point.regret)), "bare": asdict(estimate(point.bare)),
             "price": asdict(point.price), "locked": int(point.locked.sum())}
            | {part: asdict(estimate(values)) for part, values in point.parts.items()}
            for point in points
        ],
        "growth": {"regret": asdict(growth(points))} | {part: asdict(growth(points, part)) for part in PARTS},
    }  # fmt: skip


def played(case: Case, given: argparse.Namespace) -> dict[str, Any]:
    """A row, with progress on standard error."""
    points = []
    for rounds in HORIZONS:
        if case.least <= rounds <= (given.most or case.most):
            start = time.perf_counter()
            points.append(play(case, rounds, given.replicates, given.jobs))
            told = f"Theorem {case.theorem}, {case.attack}: T = {rounds:,}, regret {points[-1].regret.mean():,.1f}"
            print(f"{told}, {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return row(case, points)


# --- the tables


def number(value: float) -> str:
    """With one digit after the point below 1000."""
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def with_interval(found: Mapping[str, float], digits: str = "") -> str:
    """mean ± half the interval."""
    mean, half = found["mean"], found["high"] - found["mean"]
    if digits:
        return f"{mean:{digits}} ± {half:{digits}}"
    return f"{number(mean)} ± {number(half)}" if half else number(mean)


def reading(line: Mapping[str, Any], part: str) -> str:
    """What the fit says of a linear term."""
    linear = line["growth"][part]["linear"]
    if linear["low"] > 0:
        return "linear"
    return "rejected" if linear["high"] >= 0 else "rejected, below 0"


def totals(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The regret at round horizons, who locked on, and what security costs."""
    horizons = " | ".join(f"T = {rounds:,}" for rounds in SHOWN)
    yield f"| theorem | attack | {horizons} | locked on | price of security |"
    yield "|---" * (len(SHOWN) + 4) + "|"
    for line in lines:
        at = {point["rounds"]: point for point in line["points"]}
        cells = [with_interval(at[rounds]["regret"]) if rounds in at else "" for rounds in SHOWN]
        locked = "; ".join(f"{point['locked']}" for point in line["points"])
        last = line["points"][-1]
        yield (
            f"| {line['theorem']} | {line['attack']} | {' | '.join(cells)} | {locked} | "
            f"{with_interval(last['price'], '.4g')} |"
        )


def parts(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Every part that is not 0 everywhere, at the shortest and the longest horizon, and its fitted growth."""
    yield "| theorem | attack | part | shortest T | longest T | b | c T at the longest T | linear term |"
    yield "|---" * 8 + "|"
    for line in lines:
        first, last = line["points"][0], line["points"][-1]
        for part in PARTS:
            if any(point[part]["mean"] for point in line["points"]):
                found = line["growth"][part]
                linear = {edge: value * last["rounds"] for edge, value in found["linear"].items()}
                cells = (first[part], last[part], found["log"], linear)
                yield (
                    f"| {line['theorem']} | {line['attack']} | {part.replace('_', '-')} | "
                    f"{' | '.join(map(with_interval, cells))} | {reading(line, part)} |"
                )


def kept(file: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--theorem", type=int, nargs="*", default=list(range(1, 8)))
    parser.add_argument("--attack", nargs="*", help="as the table calls it")
    parser.add_argument("--most", type=int, help="the longest horizon, of every row")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a line for each row, added to what is there")
    parser.add_argument("--table", type=Path, help="play nothing, print the tables of such a file")
    given = parser.parse_args()
    if given.table:
        lines = kept(given.table)
    else:
        lines = kept(given.json) if given.json and given.json.exists() else []
        done = {(line["theorem"], line["attack"]) for line in lines}
        for case in CASES:
            asked = case.theorem in given.theorem and (not given.attack or case.attack in given.attack)
            if asked and (case.theorem, case.attack) not in done:
                lines.append(played(case, given))
                if given.json:
                    with given.json.open("a", encoding="utf-8") as out:
                        print(json.dumps(lines[-1]), file=out)
    for table in (totals, parts):
        print("\n".join(table(lines)), end="\n\n")


if __name__ == "__main__":
    main()
