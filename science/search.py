"""The worst attacker against one rule, by search: on other seeds than those of which the result is told.

    python -m science.search --rule NAME --exploration C1 [--liars 3] [--games 10000] [--rushing] [--random]
                                [--blind | --greedy] [--seats 10] [--rounds 10000] [--burn-in L] [--candidates FILE]
                                [--json FILE]
    python -m science.search --recommended [--arms demo] [--change 'slash = 0.0'] [--liars 3] ...
    python -m science.search --rule NAME --exploration C1 [--liars 3] --attack NAME
    python -m science.search --rule NAME --exploration C1 [--liars 3] --row N [--seats 20] [--rounds 100000]

Four Bernoulli arms as in `science/exclusion.py`. A candidate gives every liar the options of `parametric`, the first
`split` of them the mirrored distances. A third of the games is played by candidates of chance and, without --random,
some structured ones, the rest by changes of the best before them, one candidate at a time, or where the numpy engine
plays them `TOGETHER` at once, `TRIES` games each on seeds from `SEARCHED` on; what is better there than the best so far
is held to what it comes to in `CONFIRMING` times as many games on others, since the best of many on few seeds is the
luck of these. The `FINALISTS` best play five times as many on others again, and the best of these is played on the
seeds 0 to 199, beside the oracle. A second call goes on behind the candidates that the first one kept.

With --blind a search knows nothing but that a lie is a distance from the honest median: one for each of `WINDOWS` spans
of rounds and each of best, second and other arms, by the cross-entropy method (Rubinstein 1999). With --greedy the
candidates are those of the attack `greedy`, by how far its distances go, all of chance. With --attack nothing is
searched, and that one is played on these seeds; with --row the worst lie of the N-th row of docs/figures/search.jsonl,
from 1 on. With --recommended the game is by the recommended preset, but for each --change, on the demo's arms or on
those above: its regret is that of all rounds with burn-in and costs, and the ratio is over UCB1 alone. With a --change
it is over `kl-ucb` alone, and some structured starts are of liars that know the best arm.
"""

import argparse
import random
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import accumulate, cycle, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.parametric import CLAIMS, FARTHEST, Numbers, Parametric
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import keys_of, replicates, rules_of
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import kept_rows, read_rows, recorded
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation import batch
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel.encoding import environment
from chain_bandit.simulation.kernel.forms import FORMS
from chain_bandit.simulation.replicates import PARTS, Measured, estimate, measure
from chain_bandit.simulation.sums import SUMS
from chain_bandit.views.canvas import BLUE, GREEN, INK, PURPLE, RED, drawing, figure, place, svg
from science import provenance
from science.exclusion import named
from science.figures import COUNTED, MEANS, FigureBench

ROUNDS, FRESH, SEARCHED, TRIES, TOGETHER, CONFIRMING, FINALISTS = 10_000, 200, 10**6, 16, 16, 4, 16
UNPROVEN = 300
"""Fresh games of the preset without proofs; of all else `FRESH`."""
WINDOWS, POPULATION, ELITE, SPREAD, KEPT = 5, 40, 8, 3.0, 0.3
"""Of the blind search: spans of rounds, candidates a generation, and of how many the next one is drawn; the deviation
of the first, and how much of the old mean and deviation a new one keeps."""

ROWS, FLIGHTS = provenance.FIGURES / "search.jsonl", provenance.ROOT / "examples" / "flights.toml"

Candidate = dict[str, Any]
"""`attacks` of each liar, and `split`, how many of the liars tell the mirror image."""
_Done = list[dict[str, Any]]
DISTANCES = ("best", "second", "others")
ASKED = (
    "rule", "exploration", "liars", "rushing", "seats", "rounds", "random", "blind", "recommended", "arms", "changes",
)  # fmt: skip
"""What a row says that was asked for, as it was."""


def case(given: argparse.Namespace, candidate: Candidate, seed: int) -> Scenario:
    """The game of a candidate."""
    seats = [{"seat": given.seats - 1 - liar, "attacks": _told(candidate, liar)} for liar in range(given.liars)]
    if given.recommended:
        changes = {"seed": seed, "participants": given.seats, "rounds": given.rounds, "liars": given.liars}
        arms = {"rewards": {"kind": "bernoulli", "means": MEANS}} if given.arms == "four" else {}
        changes |= {"attackers": 0, "malicious": seats, **arms, **given.changes}
        return load(FLIGHTS, changes, on_chain=False)
    rule: dict[str, Any] = {"name": given.rule, "options": dict(given.option)}
    return Scenario.model_validate({
        "name": "search", "seed": seed, "participants": given.seats, "rounds": given.rounds, "liars": given.liars,
        "attackers": 0, "rewards": {"kind": "bernoulli", "means": MEANS}, "aggregation": rule,
        "exploration": given.exploration, "malicious": seats, "burn_in": given.burn_in,
    })  # fmt: skip


def _told(candidate: Candidate, liar: int) -> list[dict[str, Any]]:
    """The attacks of one of the liars."""
    attacks: list[dict[str, Any]] = candidate["attacks"]
    if liar >= candidate["split"]:
        return attacks
    return [
        each | {"options": {key: -far if key in DISTANCES else far for key, far in each["options"].items()}}
        for each in attacks
    ]


def regrets(given: argparse.Namespace, candidates: Sequence[Candidate], games: int, seed: int) -> list[float]:
    """Of each candidate the mean of so many games, after the burn-in, of an honest participant."""
    if given.rule in FORMS or given.blind or given.greedy:
        return [
            replicates(case(given, each, seed), games, (given.rounds,), given.jobs).regret(*_parts(given))[-1].mean
            for each in candidates
        ]
    found = np.zeros(len(candidates))
    asks = np.array(["within" in each["attacks"][0]["options"] for each in candidates], bool)
    for some in (np.flatnonzero(~asks), np.flatnonzero(asks)):  # to ask what the rule accepts takes longest
        if some.size:
            found[some] = _together(given, [candidates[at] for at in some.tolist()], games, seed)
    return found.tolist()


class Several(Parametric):
    """The lies of some candidates, of each in so many replicates, one after the other."""

    def __init__(self, parameters: Parameters, candidates: Sequence[Parametric], games: int) -> None:
        self.rushes = candidates[0].rushes
        values = zip(*(each.numbers(parameters) for each in candidates), strict=True)
        arrays: list[Any] = [np.repeat(value, games) for value in values]
        self._numbers = Numbers(*arrays)._replace(claims=0)


def _together(given: argparse.Namespace, candidates: Sequence[Candidate], games: int, seed: int) -> NDArray[np.float64]:
    """`regrets` of candidates that commit to their own counts, each one's games on the same seeds, in one call."""
    base, alike, attacks = case(given, candidates[0], seed), dict[tuple[bool, ...], Several](), dict[int, Attack]()
    p = base.parameters
    for liar in range(given.liars):
        lies = [Parametric(**_told(each, liar)[0]["options"]) for each in candidates]
        mirrored = tuple(liar < each["split"] for each in candidates)
        attacks[given.seats - 1 - liar] = alike.setdefault(mirrored, Several(p, lies, games))
    keys, rules = list(map(keys_of, range(seed, seed + games))), rules_of(base)
    assert len(candidates) * games <= batch.at_once(rules), "the lies are those of one batch"
    played = measure(p, rules, attacks, keys * len(candidates), (given.rounds,), given.jobs, Engine.NUMPY)
    means: NDArray[np.float64] = _counted(given, played)[:, -1].reshape(-1, games).mean(axis=1)
    return means


def _parts(given: argparse.Namespace) -> tuple[str, ...]:
    """Of the regret that is told."""
    return PARTS if given.recommended else COUNTED


def _counted(given: argparse.Namespace, played: Measured) -> NDArray[np.float64]:
    """(replicates, checkpoints): the regret that is told."""
    counted: NDArray[np.float64] = played.sums[:, :, [SUMS.index(part) for part in _parts(given)]].sum(axis=2) / UNIT
    return counted


# --- the family

EXTRAS: dict[str, tuple[float, Callable[[random.Random], Any]]] = {
    "wakes": (0.2, lambda chance: chance.randrange(1, ROUNDS // 2)),
    "sleeps": (0.2, lambda chance: chance.randrange(ROUNDS // 10, ROUNDS)),
    "period": (0.2, lambda chance: chance.choice((1, 2, 5, 20, 100, 500))),
    "fewest": (0.2, lambda chance: chance.choice((20, 50, 200, 1000))),
    "most": (0.2, lambda chance: chance.choice((50, 200, 1000, 4000))),
    "closest": (0.2, lambda chance: round(chance.uniform(0, 3), 3)),
    "farthest": (0.2, lambda chance: round(chance.uniform(0, 6), 3)),
    "within": (0.3, lambda chance: chance.choice((1.0, round(chance.uniform(0.5, 1.5), 3)))),
    "target": (0.1, lambda chance: chance.randrange(len(MEANS))),
    "claims": (0.2, lambda chance: chance.choice(CLAIMS[1:])),
}
"""By option of `parametric`: how often a candidate has it, and which."""

COMPILED = ("claims", "within")
"""Of candidates whose games are compiled: where somebody has too few pulls there is no form over arrays, and to ask a
rule in every round how much it accepts takes ten times as long there as the game."""


def drawn(given: argparse.Namespace, chance: random.Random) -> Candidate:
    """A candidate of chance."""
    options: dict[str, Any] = {key: _distance(chance) for key in DISTANCES} | {"rushing": given.rushing}
    for key, (often, value) in EXTRAS.items():
        if chance.random() < often and (key not in COMPILED or given.rule in FORMS):
            options[key] = value(chance)
    return _family(options, chance.choice((0, 0, 0, 1)) if given.liars > 1 else 0)


def _family(options: dict[str, Any], split: int = 0) -> Candidate:
    return {"attacks": [{"name": "parametric", "options": options}], "split": split}


def _distance(chance: random.Random) -> float:
    return chance.choice((-1, 1)) * round(chance.choice((chance.uniform(0, 4), FARTHEST)), 3)


def changed(given: argparse.Namespace, best: Candidate, chance: random.Random) -> Candidate:
    """The best so far with one to three of its options moved, replaced, added or left out."""
    options, other = dict(best["attacks"][0]["options"]), drawn(given, chance)["attacks"][0]["options"]
    for key in chance.sample([*DISTANCES, *EXTRAS], chance.randrange(1, 4)):
        value = options.get(key)
        if isinstance(value, float) and abs(value) < FARTHEST and chance.random() < 0.7:
            options[key] = round(value * chance.uniform(0.6, 1.5), 3)
        elif key in other:
            options[key] = other[key]
        elif value is not None and chance.random() < 0.5:
            del options[key]
    return _family(options, best["split"])


STRUCTURED: tuple[dict[str, Any], ...] = (
    *({"best": -far, "second": far, "others": far} for far in (1.0, 2.0, FARTHEST)),
    {"best": -2.0, "second": 2.0, "others": -2.0},
    {"best": -FARTHEST, "second": FARTHEST, "others": FARTHEST, "within": 1.0},
)
"""Starts that are not of chance; the last is `optimiser`."""

KNOWING = tuple({**each, "target": 0} for each in (
    *STRUCTURED, {"best": -FARTHEST, "second": 2.5, "others": 2.8}, {"best": -FARTHEST, "second": 3.2, "others": -0.7},
))  # fmt: skip
"""Starts of liars that know the best of the four arms, the first."""


def of_family(given: argparse.Namespace, done: _Done, drawn_: Sequence[Candidate]) -> Candidate:
    """What is tried next, beside what its generation tries already."""
    at = len(done) + len(drawn_)
    chance = random.Random(f"{given.rule} {given.liars} {at}")
    structured = [] if given.random else [*STRUCTURED, *KNOWING] if given.changes else STRUCTURED
    if at < len(structured):
        return _family(structured[at] | {"rushing": given.rushing})
    ranked = [row["candidate"] for row in sorted(done, key=lambda row: -row["regret"])]
    by_chance = spent(done) < given.games / 3 or not done
    while True:
        found = drawn(given, chance) if by_chance else changed(given, chance.choice(ranked[:3]), chance)
        if found not in ranked and found not in drawn_:
            return found


# --- without a family


def blind(given: argparse.Namespace, done: _Done, drawn_: Sequence[Candidate]) -> Candidate:
    """What is tried next: of a normal law, which each generation moves to its elite."""
    at = len(done) + len(drawn_)
    mean, deviation = np.zeros((WINDOWS, len(DISTANCES))), np.full((WINDOWS, len(DISTANCES)), SPREAD)
    for first in range(0, at // POPULATION * POPULATION, POPULATION):
        best = sorted(done[first : first + POPULATION], key=lambda row: -row["regret"])[:ELITE]
        elite = np.array([row["candidate"]["distances"] for row in best])
        mean = KEPT * mean + (1 - KEPT) * elite.mean(axis=0)
        deviation = KEPT * deviation + (1 - KEPT) * elite.std(axis=0)
    chance = np.random.default_rng([given.liars, at])
    distances = np.round(np.clip(chance.normal(mean, deviation), -FARTHEST, FARTHEST), 3)
    edges = [0, *np.geomspace(10 * len(MEANS), given.rounds, WINDOWS + 1).astype(int).tolist()[1:-1], given.rounds + 1]
    attacks = [
        {"name": "parametric", "options": {
            **dict(zip(DISTANCES, row, strict=True)), "wakes": wakes, "sleeps": after - 1, "rushing": given.rushing,
        }}
        for row, (wakes, after) in zip(distances.tolist(), pairwise(edges), strict=True)
    ]  # fmt: skip
    return {"attacks": attacks, "split": 0, "distances": distances.tolist()}


# --- against the index

REACH = (0.5, 8.0)
"""How far the distances of a greedy candidate go, in standard deviations of an honest report."""


def greedy(given: argparse.Namespace, done: _Done, drawn_: Sequence[Candidate]) -> Candidate:
    """What is tried next, of chance: one number is all that there is to search."""
    chance = random.Random(f"greedy {given.rule} {given.liars} {len(done) + len(drawn_)}")
    options = {"farthest": round(chance.uniform(*REACH), 3), "rushing": given.rushing}
    return {"attacks": [{"name": "greedy", "options": options}], "split": 0}


# --- the search


def search(given: argparse.Namespace, done: _Done, out: Path | None) -> dict[str, Any]:
    """The worst candidate on fresh seeds; rows of `done`, which grows, are not played again."""
    if given.attack:
        return _row(given, {"attacks": [{"name": given.attack, "options": {}}], "split": 0}, [])
    if given.row:
        return _row(given, read_rows(ROWS)[given.row - 1]["worst"], [])
    if given.blind:
        following, size = blind, POPULATION
    else:
        following, size = (greedy, 1) if given.greedy else (of_family, 1 if given.rule in FORMS else TOGETHER)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("searching", total=given.games, completed=spent(done))
        while spent(done) < given.games:
            before, own = done[: len(done) // size * size], list[Candidate]()
            while len(own) < size:
                own.append(following(given, before, own))
            best = max(before, key=lambda row: row["regret"], default={"regret": 0.0, "first": 0.0})
            done.extend(recorded(tried(given, own[len(done) - len(before) :], best), out))
            bar.update(task, completed=spent(done))
    finalists = sorted(done, key=lambda row: -row["regret"])[:FINALISTS]
    seed = SEARCHED + (1 + CONFIRMING) * TRIES
    candidates = [row["candidate"] for row in finalists]
    worst = int(np.argmax(regrets(given, candidates, 5 * TRIES, seed)))
    return _row(given, candidates[worst], done)


def tried(given: argparse.Namespace, candidates: Sequence[Candidate], best: dict[str, Any]) -> _Done:
    """Candidates and what they come to: beside the best so far as much more or less than it as on the first seeds."""
    started = time.process_time()
    first = regrets(given, candidates, TRIES, SEARCHED)
    better = [at for at, each in enumerate(first) if each > best["first"] and not given.blind]
    held = regrets(given, [candidates[at] for at in better], CONFIRMING * TRIES, SEARCHED + TRIES)
    confirmed = dict(zip(better, held, strict=True))
    cpu = round((time.process_time() - started) / len(candidates), 3)
    return [
        {
            "candidate": candidate, "first": each, "cpu": cpu,
            "regret": confirmed[at] if at in confirmed else best["regret"] + each - best["first"],
            "games": TRIES * (1 + CONFIRMING) if at in confirmed else TRIES, "of": _identity(given),
        }
        for at, (candidate, each) in enumerate(zip(candidates, first, strict=True))
    ]  # fmt: skip


def _identity(given: argparse.Namespace) -> str:
    """What a candidate's figures depend on, but for the code."""
    return repr([(key, getattr(given, key)) for key in (*ASKED, "option", "burn_in", "greedy")])


def spent(done: _Done) -> int:
    """Games played so far."""
    return sum(row["games"] for row in done)


def _row(given: argparse.Namespace, candidate: Candidate, done: _Done) -> dict[str, Any]:
    return {
        **{key: getattr(given, key) for key in ASKED}, "options": dict(given.option), "worst": candidate,
        **({"played": _pair(given, candidate)} if given.recommended else {}),
        "games": spent(done), "curve": curve(done), "cpu_minutes": round(sum(row["cpu"] for row in done) / 60, 1),
        **told(given, candidate), **provenance.made(0, _fresh(given)),
    }  # fmt: skip


def _pair(given: argparse.Namespace, candidate: Candidate) -> str:
    """Policy and C₁ of a game of the preset."""
    game = case(given, candidate, 0)
    return f"`{game.policy}`, {game.exploration}"


def _fresh(given: argparse.Namespace) -> int:
    return UNPROVEN if given.changes else FRESH


def curve(done: _Done) -> list[list[float]]:
    """Best so far: (games, regret on the seeds of the search) wherever it rises."""
    found: list[list[float]] = []
    for games, row in zip(accumulate(row["games"] for row in done), done, strict=True):
        if not found or round(row["regret"], 2) > found[-1][1]:
            found.append([games, round(row["regret"], 2)])
    return found


def told(given: argparse.Namespace, candidate: Candidate) -> dict[str, Any]:
    """Fresh games beside the oracle, the recommended preset beside UCB1 alone, on the same seeds.

    Returns:
        regret, oracle (alone): means with their intervals; ratio: of the means, with 95 % by a paired bootstrap;
        worst_game, p99, oracle_worst: of one game; locked, oracle_locked: games that lose at the end as if they had
        settled on a worse arm.
    """
    nearly, game, fresh = given.rounds * 9 // 10, case(given, candidate, 0), _fresh(given)
    games = replicates(game, fresh, (nearly, given.rounds), given.jobs)
    before, each = _counted(given, games).T
    other, seats = ("alone", 1) if given.recommended else ("oracle", given.seats - given.liars)
    policy = game.parameters.policy.name if given.changes else "ucb1"
    earlier, theirs = FigureBench(fresh, given.jobs).pooled(range(seats), (nearly, given.rounds), game, policy).T
    sampled = np.random.default_rng(0).integers(0, fresh, (10_000, fresh))
    ratios = each[sampled].mean(axis=1) / theirs[sampled].mean(axis=1)
    *_, second, best = sorted(environment(game.model).truth / UNIT)
    settled = (given.rounds - nearly) * (best - second) / 2
    return {
        "regret": asdict(estimate(each)), other: asdict(estimate(theirs)),
        "ratio": [float(each.mean() / theirs.mean()), *map(float, np.quantile(ratios, (0.025, 0.975)))],
        "worst_game": float(each.max()), "p99": float(np.quantile(each, 0.99)), f"{other}_worst": float(theirs.max()),
        "locked": int((each - before > settled).sum()), f"{other}_locked": int((theirs - earlier > settled).sum()),
    }  # fmt: skip


def table(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line a search, or a lie that was not searched."""
    heads = ("rule, C₁", "f", "T", "liars know", "searched", "regret", "of the oracle", "p99, worst game",
             "locked on", "lie")  # fmt: skip
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in found:
        ratio, low, high = row["ratio"]
        cells = (
            f"`{named(row['rule'], row['options'])}`, {row['exploration']}", f"{row['liars']} of {row['seats']}",
            f"{row['rounds']:,}", "the open round" if row["rushing"] else "the last block", _searched(row),
            f"{row['regret']['mean']:.1f}", f"{ratio:.2f} ({low:.2f} … {high:.2f})",
            f"{row['p99']:.0f}, {row['worst_game']:.0f} (oracle {row['oracle_worst']:.0f})",
            f"{row['locked']} of {FRESH}", _lie(row["worst"]),
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def beside_alone(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line a search against the recommended preset, where lies are proven."""
    yield "| f | T | liars know | searched | regret | of UCB1 alone | p99, worst game | UCB1's worst game | lie |"
    yield "|---:|---:|---|---|---:|---:|---:|---:|---|"
    for row in found:
        ratio, low, high = row["ratio"]
        yield (
            f"| {row['liars']} of {row['seats']} | {row['rounds']:,} "
            f"| {'the open round' if row['rushing'] else 'the last block'} | {_searched(row)} "
            f"| {row['regret']['mean']:.1f} | {ratio:.3f} ({low:.3f} … {high:.3f}) "
            f"| {row['p99']:.0f}, {row['worst_game']:.0f} | {row['alone_worst']:.0f} | {_lie(row['worst'])} |"
        )


def unproven(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line a search against the recommended preset where no lie is proven, in phases unless it says otherwise."""
    yield "| game | plays | f | T | searched | regret | of `kl-ucb` alone | p99, worst game | locked on | lie |"
    yield "|---|---|---|---:|---|---:|---:|---:|---:|---|"
    for row in found:
        ratio, low, high = row["ratio"]
        block = ", a block a round" if row["changes"].get("growth") == 0 else ""
        yield (
            f"| {'flights' if row['arms'] == 'demo' else 'four arms'}{block} | {row['played']} "
            f"| {row['liars']} of {row['seats']} | {row['rounds']:,} | {_searched(row)} "
            f"| {row['regret']['mean']:.1f} | {ratio:.2f} ({low:.2f} … {high:.2f}) "
            f"| {row['p99']:.0f}, {row['worst_game']:.0f} | {row['locked']} of {UNPROVEN} | {_lie(row['worst'])} |"
        )


def broken(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Of the oracle by the share of liars under the worst lie that is kept, a line a rule."""
    kept = sorted(found, key=lambda row: row["ratio"][0])
    shares = sorted({row["liars"] / row["seats"] for row in kept})
    cells: dict[str, dict[float, str]] = {}
    for row in kept:
        line = f"`{named(row['rule'], row['options'])}`, {row['exploration']}"
        told = "{:.2f} ({:.2f} … {:.2f})".format(*row["ratio"]) + (f", {row['locked']} lost" if row["locked"] else "")
        cells.setdefault(line, {})[row["liars"] / row["seats"]] = told
    yield "| rule | " + " | ".join(f"{share:.0%}" for share in shares) + " |"
    yield "|---" * (len(shares) + 1) + "|"
    for line, by_share in cells.items():
        yield f"| {line} | {' | '.join(by_share.get(share, '') for share in shares)} |"


def curves(found: Iterable[dict[str, Any]]) -> str:
    """The best so far of every search that has kept it, on the seeds of the search, by games."""
    with drawing():
        made, axes = figure(640, 320)
        place(made, 48, 230, 26, 38)
        labels, kept = [], [row for row in found if row["curve"]]
        most = max(row["games"] for row in kept)
        for row, colour in zip(kept, cycle((BLUE, RED, GREEN, PURPLE)), strict=False):
            spent, best = zip(*[*row["curve"], [row["games"], row["curve"][-1][1]]], strict=True)
            axes.step(spent, best, where="post", color=colour, linewidth=1.4)
            labels.append((best[-1], f"{row['rule']}, {_how(row)}", colour))
        axes.set_title("regret under the worst lie so far", loc="left", color=INK, x=0, pad=8)
        axes.set_yscale("log")
        axes.set_yticks(ticks := (25, 50, 100, 200, 400), map(str, ticks))
        axes.set_xscale("log")
        axes.set_xticks(counts := (100, 1_000, 10_000, 100_000), [f"{each:,}" for each in counts])
        axes.set_xlim(TRIES * (1 + CONFIRMING), most)
        axes.minorticks_off()
        axes.set_xlabel("games", loc="right", labelpad=2)
        for value, text, colour in labels:
            axes.annotate(text, (most, value), xytext=(5, 0), textcoords="offset points", color=colour, va="center",
                          annotation_clip=False)  # fmt: skip
        return svg(made, "search", "the worst lie so far by games searched")


def _searched(row: dict[str, Any]) -> str:
    if not row["games"]:
        return "no"
    minutes = row["cpu_minutes"]
    return f"{row['games']:,} games {_how(row)}" + (f", {minutes:g} min" if minutes is not None else "")


def _how(row: dict[str, Any]) -> str:
    if row["worst"]["attacks"][0]["name"] == "greedy":
        return "of greedy lies"
    return "blind" if row["blind"] else "from chance alone" if row["random"] else "with structured starts"


def _lie(candidate: Candidate) -> str:
    mirrored = ", one of them mirrored" if candidate["split"] else ""
    if "distances" in candidate:
        return "; ".join(", ".join(f"{far:.1f}" for far in row) for row in candidate["distances"])
    ((attack, options),) = ((each["name"], each["options"]) for each in candidate["attacks"])
    return f"`{named(attack, {key: value for key, value in options.items() if key != 'rushing'})}`{mirrored}"


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
    parser.add_argument("--seats", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--burn-in", type=int, help="L, where it isn't what the rule asks for")
    parser.add_argument("--rushing", action="store_true")
    parser.add_argument("--random", action="store_true", help="no structured starts")
    alike = parser.add_mutually_exclusive_group()
    alike.add_argument("--blind", action="store_true", help="no family")
    alike.add_argument("--greedy", action="store_true", help="lies chosen by the index, each round anew")
    parser.add_argument("--recommended", action="store_true", help="the recommended preset")
    parser.add_argument("--arms", choices=("demo", "four"), default="demo", help="of the preset's game")
    parser.add_argument("--change", action="append", default=[], help="a key of the preset's game, as in a scenario")
    parser.add_argument("--row", type=int, help="the worst lie of a row that is kept")
    parser.add_argument("--attack", choices=sorted(ATTACKS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--candidates", type=Path, help="where every candidate is kept, and read from again")
    parser.add_argument("--json", type=Path, help="what came of it, as one line more")
    given = parser.parse_args()
    given.changes = tomllib.loads("\n".join(given.change))
    provenance.require_clean(given.json)
    done = kept_rows(given.candidates)
    if any(row.get("of") != _identity(given) for row in done):
        parser.error(f"{given.candidates} has candidates of another search: name another file")
    rows = recorded([search(given, done, given.candidates)], given.json)
    print(*(unproven if given.changes else beside_alone if given.recommended else table)(rows), sep="\n")


if __name__ == "__main__":
    main()
