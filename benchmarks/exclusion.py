"""The exclusion rule: regret under every lying attack, against an oracle; or how often it drops an honest report.

    python benchmarks/exclusion.py [--replicates 200] [--rounds 10000] [--delta 2.5] [--option confidence]
                                   [--attack NAME ...] [--jobs 2]
    python benchmarks/exclusion.py --rates

Ten participants, four Bernoulli arms, f = 1 and f = 3 that lie alike; regret after the burn-in of an honest participant
in whole rewards, without costs. The oracle is the honest alone: the same game without liars, nobody dropped. Attacks
that take an option are played with several: one that is told the radius stays just under it, and goes just beyond.
Rates: one arm of which everybody has n samples; the liars all stand at the edge above the median, or below it.
"""

import argparse
from collections.abc import Iterator
from itertools import product
from math import comb, exp
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.attack import NotSimulated
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import Estimate

MEANS = (0.5, 0.45, 0.4, 0.3)
PARTICIPANTS, LIARS = 10, (1, 3)
DELTAS = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0)


def variants(name: str, delta: float, rounds: int) -> list[dict[str, Any]]:
    """The options with which an attack is played."""
    some: dict[str, list[dict[str, Any]]] = {
        "constant-lie": [{"favour": arm} for arm in range(len(MEANS))],
        "offset": [{"distance": far} for far in (0.01, 0.02, 0.05, 0.3)],
        "sleeper": [{"wakes": wakes} for wakes in (0, rounds // 10)],
        "radius": [{"share": share * delta / 2} for share in (0.5, 0.99, 1.01)],
    }
    return some.get(name, [{}])


def measured(count: int, rounds: int, jobs: int, **keys: Any) -> Estimate:
    """Regret after the burn-in."""
    case = Scenario.model_validate(
        {"name": "exclusion", "seed": 1, "rounds": rounds, "rewards": {"kind": "bernoulli", "means": MEANS},
         "attackers": 0} | keys
    )  # fmt: skip
    return replicates(case, count, (rounds,), jobs).regret("arms", "failed")[-1]


def rows(given: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    names = given.attack or [name for name, kind in ATTACKS.items() if kind.conduct & Conduct.LIAR]
    played = given.replicates, given.rounds, given.jobs
    delta = {"delta": given.delta} if given.option in ("delta-safe", "confidence") else {}
    for f in LIARS:
        best = measured(*played, participants=PARTICIPANTS - f, liars=0, aggregation="option-2").mean
        yield str(f), "none: the oracle", f"{best:.1f}", "1"
        for name in names:
            for options in variants(name, given.delta, given.rounds):
                seats = [{"seat": PARTICIPANTS - 1 - liar, "attacks": [{"name": name, "options": options}]}
                         for liar in range(f)]  # fmt: skip
                told = f"{name} {', '.join(f'{key} {value:g}' for key, value in options.items())}"
                try:
                    found = measured(*played, participants=PARTICIPANTS, liars=f, aggregation=given.option,
                                     malicious=seats, **delta)  # fmt: skip
                except NotSimulated:
                    yield str(f), told, "not simulated", ""
                    continue
                half = 0.0 if found.low is None else found.mean - found.low
                yield str(f), told, f"{found.mean:.1f} ± {half:.1f}", f"{found.mean / best:.2f}"


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
    table = Table(title=f"an honest report is dropped, M = {PARTICIPANTS}, Bernoulli 1/2, worst of n = 25, 100, 1000")
    for name in ("delta", "f", "bound: pairs", "bound: median", "liars above", "liars below"):
        table.add_column(name, justify="right")
    chance = np.random.default_rng(1)
    for delta, f in product(DELTAS, (0, *LIARS)):
        bounds = (pairwise(delta, PARTICIPANTS - f), through_median(delta, PARTICIPANTS, f))
        seen = (max(rate(delta, f, n, edge, tries, chance) for n in (25, 100, 1000)) for edge in (1, -1))
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
    parser.add_argument("--rates", action="store_true")
    given = parser.parse_args()
    if given.rates:
        Console(width=120).print(rates())
        return
    print(f"{given.option}, T = {given.rounds}, {given.replicates} replicates: f, attack, regret, ratio to the oracle")
    for f, attack, regret, ratio in rows(given):
        print(f"{f}  {attack:40} {regret:>14} {ratio:>6}", flush=True)


if __name__ == "__main__":
    main()
