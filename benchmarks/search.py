"""The worst attacker of a family against one rule, by search: on other seeds than those of which the result is told.

    python -m benchmarks.search --rule NAME --exploration C1 [--liars 3] [--games 10000] [--rushing]
                                [--candidates FILE] [--json FILE]

Ten participants, four Bernoulli arms, T = 10^4 as in `benchmarks/exclusion.py`. A candidate gives every liar the
options of `parametric`, the first `split` of them the mirrored distances; or it is `optimiser`, which searches the
rule's edge. Half of the games are played by candidates of chance, the other half by changes of the best so far, `TRIES`
games each on seeds from `SEARCHED` on; the eight best play five times as many on others, and the best of these is
played on the seeds 0 to 199, beside the oracle. A second call goes on behind the candidates that the first one kept.
With --attack nothing is searched, and that one is played on these seeds.
"""

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks import provenance
from benchmarks.exclusion import named
from benchmarks.figures import COUNTED, MEANS, Bench
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import Estimate, estimate
from chain_bandit.simulation.sums import SUMS

SEATS, ROUNDS, FRESH, SEARCHED, TRIES, FINALISTS = 10, 10_000, 200, 10**6, 16, 8
Candidate = dict[str, Any]


def case(given: argparse.Namespace, candidate: Candidate, seed: int) -> Scenario:
    """The game of a candidate."""
    options, split = dict(candidate["options"]), candidate.get("split", 0)
    mirrored = options | {key: -options[key] for key in ("best", "second", "others") if key in options}
    seats = [
        {"seat": SEATS - 1 - liar,
         "attacks": [{"name": candidate["attack"], "options": mirrored if liar < split else options}]}
        for liar in range(given.liars)
    ]  # fmt: skip
    rule: dict[str, Any] = {"name": given.rule, "options": dict(given.option)}
    return Scenario.model_validate({
        "name": "search", "seed": seed, "participants": SEATS, "rounds": ROUNDS, "liars": given.liars, "attackers": 0,
        "rewards": {"kind": "bernoulli", "means": MEANS}, "aggregation": rule, "exploration": given.exploration,
        "malicious": seats,
    })  # fmt: skip


def regret(given: argparse.Namespace, candidate: Candidate, games: int, seed: int) -> Estimate:
    """After the burn-in, of an honest participant."""
    return replicates(case(given, candidate, seed), games, (ROUNDS,), given.jobs).regret(*COUNTED)[-1]


def drawn(given: argparse.Namespace, chance: random.Random) -> Candidate:
    """A candidate of chance."""

    def distance() -> float:
        return chance.choice((-1, 1)) * round(chance.choice((chance.uniform(0, 4), 1000.0)), 3)

    options: dict[str, Any] = {"best": distance(), "second": distance(), "others": distance(),
                               "rushing": given.rushing}  # fmt: skip
    if chance.random() < 0.3:
        options["wakes"] = chance.randrange(1, ROUNDS // 2)
    if chance.random() < 0.2:
        options["sleeps"] = chance.randrange(ROUNDS // 10, ROUNDS)
    if chance.random() < 0.2:
        options["period"] = chance.choice((1, 2, 5, 20, 100, 500))
    if chance.random() < 0.2:
        options["fewest"] = chance.choice((20, 50, 200, 1000))
    if chance.random() < 0.2:
        options["most"] = chance.choice((50, 200, 1000, 4000))
    if chance.random() < 0.2:
        options["closest"] = round(chance.uniform(0, 3), 3)
    if chance.random() < 0.2:
        options["farthest"] = round(chance.uniform(0, 6), 3)
    return {"attack": "parametric", "options": options, "split": chance.choice((0, 0, 0, 1)) if given.liars > 1 else 0}


def changed(given: argparse.Namespace, best: Candidate, chance: random.Random) -> Candidate:
    """The best so far with one or two of its numbers moved, or with some of a candidate of chance."""
    if best["attack"] != "parametric":
        return drawn(given, chance)
    options, other = dict(best["options"]), drawn(given, chance)
    for key in chance.sample(["best", "second", "others", "rest"], chance.randrange(1, 3)):
        if key == "rest":
            kept = {name: options[name] for name in ("best", "second", "others", "rushing")}
            options = other["options"] | kept
        elif chance.random() < 0.3:
            options[key] = other["options"][key]
        else:
            moved = options[key] * chance.uniform(0.6, 1.5) if abs(options[key]) < 100 else chance.uniform(-6, 6)
            options[key] = round(min(max(moved, -1000.0), 1000.0), 3)
    return best | {"options": options}


STRUCTURED: tuple[Candidate, ...] = (
    *({"attack": "parametric", "options": {"best": -far, "second": far, "others": far}} for far in (1.0, 2.0, 1000.0)),
    {"attack": "parametric", "options": {"best": -2.0, "second": 2.0, "others": -2.0}},
    {"attack": "optimiser", "options": {}},
)
"""Starts that are not of chance."""


def candidates(given: argparse.Namespace, done: list[dict[str, Any]]) -> Iterator[Candidate]:
    """What is tried next, until the games are used up; `done` grows as the caller plays them."""
    while (at := len(done)) < given.games // TRIES:
        chance = random.Random(f"{given.rule} {given.liars} {at}")
        structured = [] if given.random else STRUCTURED
        if at < len(structured):
            start = structured[at]
            yield start | {"options": start["options"] | {"rushing": given.rushing}}
        elif at < given.games // TRIES // 2 or not done:
            yield drawn(given, chance)
        else:
            ranked = sorted(done, key=lambda row: -row["regret"])
            yield changed(given, chance.choice(ranked[:3])["candidate"], chance)


def search(given: argparse.Namespace, done: list[dict[str, Any]], out: Path | None) -> dict[str, Any]:
    """The worst candidate on fresh seeds; rows of `done` are not played again."""
    if given.attack:
        return _row(given, {"attack": given.attack, "options": {}}, 0)
    budget = given.games // TRIES
    for candidate in track(
        candidates(given, done), "searching", total=budget - len(done), console=Console(stderr=True)
    ):
        found = regret(given, candidate, TRIES, SEARCHED)
        done.append({"candidate": candidate, "regret": found.mean})
        if out:
            with out.open("a", encoding="utf-8") as file:
                print(json.dumps(done[-1]), file=file)
    finalists = sorted(done, key=lambda row: -row["regret"])[:FINALISTS]
    worst = max(finalists, key=lambda row: regret(given, row["candidate"], 5 * TRIES, SEARCHED + TRIES).mean)
    return _row(given, worst["candidate"], given.games)


def _row(given: argparse.Namespace, candidate: Candidate, games: int) -> dict[str, Any]:
    return {
        "rule": given.rule, "options": dict(given.option), "exploration": given.exploration, "liars": given.liars,
        "rushing": given.rushing, "worst": candidate, "games": games, **told(given, candidate),
        **provenance.made(0, FRESH),
    }  # fmt: skip


def told(given: argparse.Namespace, candidate: Candidate) -> dict[str, Any]:
    """Fresh games beside the oracle on the same seeds.

    Returns:
        regret, oracle: means with their intervals; ratio: of the means, with 95 % by a paired bootstrap; worst_game,
        p99, oracle_worst: of one game; locked: games that lose at the end as if they had settled on a worse arm.
    """
    nearly = ROUNDS * 9 // 10
    games = replicates(case(given, candidate, 0), FRESH, (nearly, ROUNDS), given.jobs)
    parts = [SUMS.index(part) for part in COUNTED]
    before, each = (games.sums[:, at, parts].sum(axis=1) / UNIT for at in (0, 1))
    oracle = Bench(FRESH, given.jobs).pooled(range(SEATS - given.liars), (ROUNDS,))[:, -1]
    sampled = np.random.default_rng(0).integers(0, FRESH, (10_000, FRESH))
    ratios = each[sampled].mean(axis=1) / oracle[sampled].mean(axis=1)
    settled = (ROUNDS - nearly) * (max(MEANS) - sorted(MEANS)[-2]) / 2
    return {
        "regret": asdict(estimate(each)), "oracle": asdict(estimate(oracle)),
        "ratio": [float(each.mean() / oracle.mean()), *map(float, np.quantile(ratios, (0.025, 0.975)))],
        "worst_game": float(each.max()), "p99": float(np.quantile(each, 0.99)), "oracle_worst": float(oracle.max()),
        "locked": int((each - before > settled).sum()),
    }  # fmt: skip


def table(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line a search."""
    heads = ("rule, C₁", "f", "liars know", "games", "regret", "of the oracle", "p99, worst game", "locked on", "lie")
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in found:
        ratio, low, high = row["ratio"]
        cells = (
            f"`{named(row['rule'], row['options'])}`, {row['exploration']}", row["liars"],
            "the open round" if row["rushing"] else "the last block", f"{row['games']:,}",
            f"{row['regret']['mean']:.1f}", f"{ratio:.2f} ({low:.2f} … {high:.2f})",
            f"{row['p99']:.0f}, {row['worst_game']:.0f} (oracle {row['oracle_worst']:.0f})",
            f"{row['locked']} of {FRESH}", _lie(row["worst"]),
        )  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"


def _lie(candidate: Candidate) -> str:
    options = {key: value for key, value in candidate["options"].items() if key != "rushing"}
    mirrored = ", one of them mirrored" if candidate.get("split") else ""
    return f"`{named(candidate['attack'], options)}`{mirrored}"


def _option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rule", default="huber-one-step")
    parser.add_argument("--option", type=_option, action="append", default=[])
    parser.add_argument("--exploration", default="1.85/b")
    parser.add_argument("--liars", type=int, default=3)
    parser.add_argument("--games", type=int, default=10_000)
    parser.add_argument("--rushing", action="store_true")
    parser.add_argument("--random", action="store_true", help="no structured starts")
    parser.add_argument("--attack", choices=sorted(ATTACKS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--candidates", type=Path, help="where every candidate is kept, and read from again")
    parser.add_argument("--json", type=Path, help="what came of it, as one line more")
    given = parser.parse_args()
    done = []
    if given.candidates and given.candidates.exists():
        done = [json.loads(line) for line in given.candidates.read_text(encoding="utf-8").splitlines()]
    row = search(given, done, given.candidates)
    if given.json:
        with given.json.open("a", encoding="utf-8") as file:
            print(json.dumps(row), file=file)
    print(*table([row]), sep="\n")


if __name__ == "__main__":
    main()
