"""The exclusion rule: regret under every lying attack, against an oracle; or how often it drops an honest report.

    python science/exclusion.py [--replicates 200] [--rounds 10000] [--delta 2.5] [--option confidence]
                                   [--attack NAME ...] [--jobs 2] [--json FILE]
    python science/exclusion.py --edge [--replicates 200] [--rounds 10000] [--jobs 2] [--json FILE]
    python science/exclusion.py --rates

Ten participants, four Bernoulli arms, f = 1 and f = 3 that lie alike; regret after the burn-in of an honest participant
in whole rewards, without costs. Games, seeds and oracle are those of `science/figures.py`. Attacks that take an
option are played with several: one that is told the radius stays just under it, and goes just beyond. Edge: the worst
lie that the rule accepts, told by liars that know the honest reports of the same round, by delta. Rates: one arm of
which everybody has n samples; the liars all stand at the edge above the median, or below it.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import product
from math import comb, exp
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.attack import NotSimulated
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runner.rows import recorded
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import IntervalEstimate, estimate
from science import provenance
from science.figures import COUNTED, MEANS, TABLED, FigureBench

PARTICIPANTS, LIARS = 10, (1, 3)
DELTAS = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
EDGE = (2.0, 2.5, 3.0)


def variants(name: str, delta: float, rounds: int) -> list[dict[str, Any]]:
    """The options with which an attack is played."""
    some: dict[str, list[dict[str, Any]]] = {
        "constant-lie": [{"favour": arm} for arm in range(len(MEANS))],
        "offset": [{"distance": far} for far in (0.01, 0.02, 0.05, 0.3)],
        "sleeper": [{"wakes": wakes} for wakes in (0, rounds // 10)],
        "radius": [{"share": share * delta / 2} for share in (0.5, 0.99, 1.01)],
    }
    return some.get(name, [{}])


def measured(count: int, rounds: int, jobs: int, **keys: Any) -> IntervalEstimate:
    """Regret after the burn-in."""
    case = Scenario.model_validate(
        {"name": "exclusion", "rounds": rounds, "rewards": {"kind": "bernoulli", "means": MEANS},
         "attackers": 0} | keys
    )  # fmt: skip
    return replicates(case, count, (rounds,), jobs).regret(*COUNTED)[-1]


def lies(given: argparse.Namespace) -> Iterator[tuple[dict[str, float], str, dict[str, Any]]]:
    """What is played: (delta, if the rule has one; the attack; its options)."""
    if given.edge:
        yield from (({"delta": delta}, "optimiser", {"rushing": True}) for delta in EDGE)
        return
    delta = {"delta": given.delta} if given.option in ("delta-safe", "confidence") else {}
    for name in given.attack or [name for name, kind in TABLED.items() if kind.conduct & Conduct.LIAR]:
        yield from ((delta, name, options) for options in variants(name, given.delta, given.rounds))


def rows(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What comes of every attack with every choice of its options, for machines."""
    for f in LIARS:
        pooled = FigureBench(given.replicates, given.jobs).pooled(range(PARTICIPANTS - f), (given.rounds,))
        oracle = estimate(pooled[:, -1])
        for delta, name, options in lies(given):
            attackers = f if ATTACKS[name].conduct & Conduct.ATTACKER else 0
            seats = [{"seat": PARTICIPANTS - 1 - liar, "attacks": [{"name": name, "options": options}]}
                     for liar in range(f)]  # fmt: skip
            game = {"participants": PARTICIPANTS, "liars": f, "attackers": attackers,
                    "aggregation": {"name": given.option, "options": delta}}
            row = {"liars": f, "rule": given.option, **delta, "attack": name, "options": options}
            made = provenance.made(0, given.replicates)
            try:
                found = measured(given.replicates, given.rounds, given.jobs, malicious=seats, **game)
            except NotSimulated as error:
                yield row | {"refused": str(error)} | made
                continue
            about = {"rounds": given.rounds, "regret": asdict(found), "oracle": asdict(oracle)}
            yield row | about | made


def cell(row: Mapping[str, Any]) -> str:
    """Regret, and its ratio to the oracle."""
    if "refused" in row:
        return "not simulated"
    found, oracle = IntervalEstimate(**row["regret"]), IntervalEstimate(**row["oracle"])
    half = 0.0 if found.high is None else found.high - found.mean
    return f"{found.mean:.1f} ± {half:.1f} ({found.mean / oracle.mean:.2f})"


def registry(found: list[dict[str, Any]]) -> Iterator[str]:
    """By attack and number of liars, as docs/exclusion.md has it."""
    return _by_liars("attack", found, _told)


def edge(found: list[dict[str, Any]]) -> Iterator[str]:
    """By delta and number of liars, as docs/exclusion.md has it."""
    return _by_liars("δ", found, lambda row: f"{row['delta']:g}")


def _told(row: Mapping[str, Any]) -> str:
    return f"`{named(row['attack'], row['options'])}`"


def named(name: str, options: Mapping[str, float | str]) -> str:
    """A rule or an attack with its options, as tables have it."""
    told = (f"{key}={value if isinstance(value, str) else f'{value:g}'}" for key, value in options.items())
    return " ".join([name, *told])


def _by_liars(head: str, found: list[dict[str, Any]], told: Callable[[Mapping[str, Any]], str]) -> Iterator[str]:
    cells = {(told(row), row["liars"]): cell(row) for row in found}
    liars = sorted({row["liars"] for row in found})
    oracles = {row["liars"]: IntervalEstimate(**row["oracle"]).mean for row in found if "oracle" in row}
    yield f"| {head} | " + " | ".join(f"f = {f}, oracle {oracles[f]:.1f}" for f in liars) + " |"
    yield "|---" * (len(liars) + 1) + "|"
    for line in dict.fromkeys(line for line, _ in cells):
        yield f"| {line} | {' | '.join(cells[line, f] for f in liars)} |"


def pairwise(delta: float, honest: int) -> float:
    """2 (|H| - 1) exp(-delta^2 / 4): some other honest report is farther than the radius (docs/exclusion.md)."""
    return 2 * (honest - 1) * exp(-(delta**2) / 4)


def through_median(delta: float, participants: int, liars: int) -> float:
    """The sharper bound: a share a of the radius for the report, the rest for the median, the best a of a thousand."""
    others, low = participants - liars - 1, (participants + 1) // 2 - liars
    high = participants // 2 + 1 - liars

    def side(share: float, least: int) -> float:
        own, shifted = (exp(-((part * delta) ** 2) / 2) for part in (share, 1 - share))
        return own + comb(others, least) * shifted**least

    return sum(min(side(share / 1000, least) for share in range(1001)) for least in (low, high))


def rate(delta: float, liars: int, pulls: int, edge: int, tries: int, chance: np.random.Generator) -> float:
    """The share of honest reports that are dropped; the liars stand above the median (1), or below it (-1)."""
    honest = np.sort(chance.binomial(pulls, 0.5, (tries, PARTICIPANTS - liars)), axis=1)
    middle = (PARTICIPANTS - 1) // 2 - (liars if edge < 0 else 0)
    apart = honest - honest[:, [middle]]
    return float((4 * apart**2 >= delta**2 * pulls).mean())


def rates(tries: int = 100_000) -> Table:
    table = Table(title=f"honest reports dropped, M = {PARTICIPANTS}, Bernoulli 1/2, worst of n = 10, 25, 100, 1000")
    for name in ("delta", "f", "bound: pairs", "bound: median", "liars above", "liars below"):
        table.add_column(name, justify="right")
    chance = np.random.default_rng(1)
    for delta, f in product(DELTAS, (0, *LIARS)):
        bounds = (pairwise(delta, PARTICIPANTS - f), through_median(delta, PARTICIPANTS, f))
        seen = (max(rate(delta, f, n, edge, tries, chance) for n in (10, 25, 100, 1000)) for edge in (1, -1))
        table.add_row(f"{delta:g}", str(f), *(f"{min(bound, 1):.2g}" for bound in bounds), *(f"{x:.2g}" for x in seen))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--delta", type=float, default=2.5)
    parser.add_argument("--option", default="confidence")
    parser.add_argument("--attack", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="a line for each row, as it comes")
    parser.add_argument("--edge", action="store_true", help="only liars who know the honest reports of the same round")
    parser.add_argument("--rates", action="store_true")
    given = parser.parse_args()
    if given.rates:
        Console(width=120).print(rates())
        return
    provenance.require_clean(given.json)
    found = list(recorded(rows(given), given.json, "w"))
    print(f"{given.option}, T = {given.rounds:,}, {given.replicates} replicates: regret, and its ratio to the oracle")
    print("", *(edge if given.edge else registry)(found), sep="\n")


if __name__ == "__main__":
    main()
