"""Simulation study of the attacker's payoff: the gain of malicious over honest play at a seat, by attack and cost.

    python science/payoff.py [--replicates 200] [--screen 30] [--rounds 10000] [--rule NAME ...] [--attack NAME ...]
                                [--slash 0] [--cells] [--jobs 1] [--json FILE]
    python science/payoff.py --table FILE

Ten participants, four Bernoulli arms, f = m = 3; one that attacks, and three that collude. Payoff: rewards, and with
every round in case 2 its cost, of which the malicious are paid what the honest pay (protocol.md:
Settlement). Each game is held
against the honest one of the same seed. First every attack of the registry with its default options; then the search
for the best response: every attack at a grid of its options, the best of it refined where its option is a number, on
seeds of their own, and measured anew on those of the table. Whole rewards a participant, mean ± half the 95 % interval.
With a slash false reports are proven while the game runs (decision 102); what is taken then is less of the rewards.
`--cells` has every rule with every cost, c fixed, a block a round and in phases, proofs with every settlement or at the
close alone, and mates that are labelled malicious and tell the truth: of each kind of deviation the best, and what all
colluders gain by it. With `--sealed` these are sealed games, whose proofs come with the close, and liars may keep their
sealing X"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from chain_bandit.attacks.attack import EVER, NotSimulated
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import keys_of, replicates, rules_of, seeds_of
from chain_bandit.protocol.rules import names
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import recorded
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import IntervalEstimate, Measured, estimate, measure
from science import provenance
from science.figures import TABLED
from science.growth import arguments, print_tables

MEANS = (0.5, 0.45, 0.4, 0.3)
PARTICIPANTS, BOUND = 10, 3
RULES: dict[str, dict[str, Any]] = {
    "option 1, constant": {"aggregation": "option-1", "cost": "constant"},
    "option 2, distance": {"aggregation": "option-2", "cost": "distance"},
    "confidence, constant": {"aggregation": "confidence", "cost": "constant"},
    "confidence, distance": {"aggregation": "confidence", "cost": "distance"},
}
"""The pairs of Theorems 1 and 2, and our own exclusion with both costs."""
PROVEN: dict[str, dict[str, Any]] = {
    f"{rule}, {cost}": {"aggregation": rule, "cost": cost}
    for rule in ("option-1", "option-2", "confidence", "huber-one-step") for cost in ("constant", "distance")
}  # fmt: skip
"""Of the cells: the rules of this page and the one that bounds influence, with every cost."""
NEEDED: dict[str, dict[str, Any]] = {
    "delta-safe": {"aggregation": {"name": "delta-safe", "options": {"delta": 0.4}}, "burn_in": 32},
}
"""What some rules cannot do without; the L of delta-safe is shorter than its theorem asks for."""
OTHERS: dict[str, dict[str, Any]] = {
    f"{rule}, constant": {"aggregation": rule, "cost": "constant"} | NEEDED.get(rule, {})
    for rule in names(RuleKind.AGGREGATION) if f"{rule}, constant" not in PROVEN
}  # fmt: skip
"""Of the cells: all other shipped rules of aggregation, at one cost."""
TABLE, SEARCH = 1, 1_000_001
"""First seeds."""

Values = NDArray[np.float64]
Options = dict[str, Any]


@dataclass(frozen=True)
class Gain:
    """What an attack brings over honest play, each value one of a replicate, in whole rewards a participant.

    Attributes:
        rewards: of the attackers, less the slash.
        costs: that they are paid.
        honest: of everybody else, costs and all.
    """

    rewards: Values
    costs: Values
    honest: Values

    @property
    def total(self) -> Values:
        """What attacking is worth."""
        return self.rewards + self.costs


@dataclass(frozen=True)
class AttackBench:
    """Where attacks are measured: a rule, so many colluders, so many games from a seed on, a slash in shares of T.

    Attributes:
        mates: of the colluders, those labelled malicious that do what the honest do.
        whole_cost: c, of a whole reward; by default as each game draws it.
        settle_every: rounds; T of them leave all proofs to the close.
        growth: of phases.
        sealed: whether arms and rewards stay hidden until the end; all proofs come with the close then.
        keeps_keys: whether liars never reveal their sealing keys.
    """

    rule: str
    colluders: int
    rounds: int
    count: int
    seed: int
    jobs: int = 1
    slash: float = 0.0
    mates: int = 0
    whole_cost: float | None = None
    settle_every: int = 25
    growth: float = 0.0
    sealed: bool = False
    keeps_keys: bool = False

    def scenario(self, name: str | None, options: Options) -> Scenario:
        """The last seats attack, before them sit their mates."""
        liars = PARTICIPANTS - self.colluders + self.mates
        lies = [{"name": name, "options": options}, *([{"name": "withheld-key"}] if self.keeps_keys else [])]
        attacks = [[TRUTHFUL]] * self.mates + [lies] * (PARTICIPANTS - liars)
        malicious = [{"seat": seat, "attacks": each} for seat, each in enumerate(attacks, liars - self.mates)]
        return Scenario.model_validate({
            "name": "payoff", "seed": self.seed, "participants": PARTICIPANTS, "rounds": self.rounds, "liars": BOUND,
            "attackers": BOUND, "rewards": {"kind": "bernoulli", "means": MEANS},
            "malicious": malicious if name else [], "slash": self.slash, "growth": self.growth,
            "chain": {"settle_every": self.settle_every}, "sealed": self.sealed,
        } | (RULES | PROVEN | OTHERS)[self.rule])  # fmt: skip

    def gain(self, name: str, options: Options) -> Gain:
        """Against the honest games of the same seeds. Raises `NotSimulated`."""
        scenario, base = (
            self.scenario(name, options),
            honest(replace(self, mates=0, whole_cost=None, settle_every=25, keeps_keys=False)),
        )
        measured = played(scenario, self)
        assert measured.settled is not None
        own = np.arange(PARTICIPANTS) >= PARTICIPANTS - self.colluders
        change = (measured.payoffs(scenario.roles) - base) / UNIT
        costs = measured.settled[:, 1] / UNIT
        return Gain((change - costs)[:, own].mean(axis=1), costs[:, own].mean(axis=1), change[:, ~own].mean(axis=1))


TRUE: tuple[str, Options] = ("silent-validator", {"first": EVER})
"""An attack that does nothing."""
TRUTHFUL: dict[str, Any] = {"name": TRUE[0], "options": TRUE[1]}


def played(scenario: Scenario, bench: AttackBench) -> Measured:
    if bench.whole_cost is None:
        return replicates(scenario, bench.count, (bench.rounds,), bench.jobs)
    charge, seeds = round(bench.whole_cost * UNIT), seeds_of(scenario, bench.count, 1)
    keys = [keys_of(seed)._replace(charge=charge) for seed in seeds]
    return measure(scenario.parameters, rules_of(scenario), scenario.attacks(), keys, (bench.rounds,), bench.jobs)


@cache
def honest(bench: AttackBench) -> NDArray[np.int64]:
    """(replicates, participants): payoffs where nobody attacks, in units."""
    scenario = bench.scenario(None, {})
    return played(scenario, bench).payoffs(scenario.roles)


# --- the search

NUMBERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "constant-lie": ("value", (0.0, 0.25, 0.5, 0.75, 1.0)),
    "offset": ("distance", (0.0001, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)),
    "a-little-is-enough": ("z", (0.0, 0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0)),
    "inner-product": ("epsilon", (0.0, 0.1, 0.3, 0.5, 1.0)),
    "radius": ("share", (0.01, 0.1, 0.25, 0.5, 0.75, 0.99, 1.24, 2.0)),
}
"""Attacks with an option that is a number, and its grid."""


def variants(name: str, rounds: int) -> list[Options]:
    """The options with which an attack is tried: how large a lie, for which arm, from when on, how often."""
    favours = [{}, *({"favour": arm} for arm in range(len(MEANS)))]
    times = [0, rounds // 100, rounds // 10, rounds // 2, rounds * 9 // 10]
    some: dict[str, list[Options]] = {
        "sleeper": [{"wakes": wakes} for wakes in times],
        "on-off": [{"period": period} for period in (1, 3, 10, 30, 100, 1_000)],
        "inflated-counts": favours[1:],
        "equivocating-commander": [{"first": first} for first in times],
        "silent-validator": [{"first": first, "reports": reports} for first in times for reports in (True, False)],
    }
    if name in NUMBERS:
        option, grid = NUMBERS[name]
        some[name] = [{option: value} for value in grid]
    if name in ("constant-lie", "radius"):
        some[name] = [one | two for one, two in product(some[name], favours)]
    return some.get(name, [{}])


def refined(bench: AttackBench, name: str, options: Options) -> Options:
    """The best number between the neighbours on its grid."""
    option, grid = NUMBERS[name]
    at = grid.index(options[option])
    edges = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda value: -bench.gain(name, options | {option: float(value)}).total.mean(), bounds=edges, method="bounded",
        options={"maxiter": 12},
    )  # fmt: skip
    best = options | {option: float(f"{found.x:.3g}")}
    return max((options, best), key=lambda each: bench.gain(name, each).total.mean())


def tried(bench: AttackBench, names: Iterable[str]) -> Iterator[tuple[float, str, Options]]:
    """(What it gains, attack, options) of everything on the grid."""
    for name in names:
        for options in variants(name, bench.rounds):
            try:
                yield float(bench.gain(name, options).total.mean()), name, options
            except NotSimulated:
                break


def best_response(bench: AttackBench, names: Iterable[str]) -> tuple[str, Options, int]:
    """(Attack, options, how many were tried)."""
    grid = list(tried(bench, names))
    _, name, options = max(grid, key=lambda each: each[0])
    return name, refined(bench, name, options) if name in NUMBERS else options, len(grid)


# --- the cells

LAST = 30
"""Rounds at the end in which a lie comes too late for the block list."""


def deviations(rounds: int) -> dict[str, list[tuple[str, Options]]]:
    """Deviations of a coalition, by kind: those that paid best without a slash, all game long or late, and silence."""
    late = rounds - LAST + 1
    lies: list[tuple[str, Options]] = [
        ("copycat", {}), ("offset", {"distance": 0.0001}), ("within-range", {}), ("a-little-is-enough", {"z": 0.3}),
        ("radius", {"share": 1.24, "favour": 0}), ("constant-lie", {"value": 0.184, "favour": 0}), ("few-counts", {}),
        ("inflated-counts", {"favour": 0}), ("worse-half", {}), ("sign-flip", {}),
    ]  # fmt: skip
    praise = {"best": 0.5, "second": 0.0, "others": 0.0}

    def from_(wakes: int) -> list[tuple[str, Options]]:
        return [("sleeper", {"wakes": wakes}), *(("parametric", more | {"wakes": wakes}) for more in ({}, praise))]

    silent = [(first, last) for first in (0, rounds // 2, late) for last in (EVER, rounds - LAST) if first <= last]
    return {
        "lies from the start": [*lies, ("parametric", praise)], "lies in the last 30 rounds": from_(late),
        "lies in the last fifth": from_(rounds * 4 // 5), "lies in the last round": from_(rounds),
        "says nothing": [
            ("silent-validator", {"reports": False, "first": first, "last": last}) for first, last in silent
        ],
    }  # fmt: skip


KEPT: dict[str, list[tuple[str, Options]]] = {
    "keeps its sealing key": [TRUE, ("inflated-counts", {"favour": 0}), ("few-counts", {})],
}
"""Of sealed games alone: lies about counts, which nobody proves without the key, or none."""


def cells(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Of each cell and kind the deviation that gains most in the search, measured on the seeds of the table."""
    together = (1, 0), (BOUND, 0), (BOUND, BOUND - 1)
    asked = AttackBench("", 0, given.rounds, given.replicates, TABLE, given.jobs, given.slash, sealed=given.sealed)
    settled = (0.0, 25), (0.0, given.rounds), (0.25, 1), (0.25, given.rounds)
    modes = [(0.0, given.rounds)] if given.sealed else settled[:1] if given.others else settled
    rules, costs = (OTHERS, (None,)) if given.others else (PROVEN, (0.5, 1.0))
    for rule, (colluders, mates), cost, (growth, every) in product(rules, together, costs, modes):
        about: dict[str, Any] = {"mates": mates, "whole_cost": cost, "settle_every": every, "growth": growth}
        yield from cell_of(
            replace(asked, rule=rule, colluders=colluders, **about), given.screen, deviations(given.rounds)
        )
    if given.sealed:  # by the plain loop, which draws c, and takes a hundred times as long
        few = replace(asked, count=given.replicates // 10, settle_every=given.rounds, keeps_keys=True)
        for rule, (colluders, mates) in product(PROVEN, together):
            yield from cell_of(replace(few, rule=rule, colluders=colluders, mates=mates), given.screen // 5, KEPT)


def cell_of(bench: AttackBench, screen: int, kinds: dict[str, list[tuple[str, Options]]]) -> Iterator[dict[str, Any]]:
    """Of each kind the best."""
    search = replace(bench, count=screen, seed=SEARCH)
    about = {key: getattr(bench, key) for key in ("mates", "whole_cost", "settle_every", "growth", "sealed")}
    for kind, some in kinds.items():
        name, options = max(some, key=lambda each: search.gain(*each).total.mean())
        yield said(kind, bench, name, options, tried=len(some), **about)


# --- the tables


def said(kind: str, bench: AttackBench, name: str, options: Options, **more: Any) -> dict[str, Any]:
    """A row, for machines."""
    rule = f"{bench.rule}, slash {bench.slash:g}" if bench.slash else bench.rule
    row = {"kind": kind, "rule": rule, "colluders": bench.colluders, "attack": name}
    made = provenance.made(bench.seed, bench.count)
    try:
        gain = bench.gain(name, options)
    except NotSimulated as error:
        return row | {"refused": str(error)} | made
    values = {"gain": gain.total, "rewards": gain.rewards, "costs": gain.costs, "honest": gain.honest}
    if "mates" in more:
        values["sum"] = gain.total * bench.colluders
    about = {"options": options, "replicates": bench.count, "rounds": bench.rounds}
    return row | about | more | {key: asdict(estimate(each)) for key, each in values.items()} | made


def rows(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for rule, colluders in product(given.rule, (1, BOUND)):
        bench = AttackBench(rule, colluders, given.rounds, given.replicates, TABLE, given.jobs, given.slash)
        start = time.perf_counter()
        for name in given.attack:
            yield said("registry", bench, name, {})
        search = AttackBench(rule, colluders, given.rounds, given.screen, SEARCH, given.jobs, given.slash)
        name, options, count = best_response(search, given.attack)
        screened = provenance.made(search.seed, search.count)["seeds"]
        yield said("best response", bench, name, options, tried=count, screened=screened)
        print(f"{rule}, {colluders}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


def cell(row: Mapping[str, Any], key: str) -> str:
    if "refused" in row:
        return "not simulated"
    found = IntervalEstimate(**row[key])
    half = 0.0 if found.high is None else found.high - found.mean
    return f"{found.mean:,.1f} ± {half:,.1f}" if half else f"{found.mean:,.1f}"


def named(row: Mapping[str, Any]) -> str:
    return " ".join([row["attack"], *(f"{key} {value}" for key, value in row.get("options", {}).items())])


def registry(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Gain of every attack with its default options: a row an attack, a column a rule and number of colluders."""
    found = {(line["attack"], line["rule"], line["colluders"]): line for line in lines if line["kind"] == "registry"}
    columns = list(dict.fromkeys((rule, colluders) for _, rule, colluders in found))
    yield "| attack | " + " | ".join(f"{rule}, {'alone' if count == 1 else count}" for rule, count in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in dict.fromkeys(name for name, _, _ in found):
        cells = (cell(found[name, *column], "gain") for column in columns)
        yield f"| {name} | {' | '.join(cells)} |"


def responses(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The best response by rule and number of colluders, and what its gain is made of."""
    yield "| rule | attack together | tried | best response | gain | of rewards | of costs | everybody else |"
    yield "|---" * 8 + "|"
    for line in lines:
        if line["kind"] == "best response":
            parts = " | ".join(cell(line, key) for key in ("gain", "rewards", "costs", "honest"))
            yield f"| {line['rule']} | {line['colluders']} | {line['tried']} | {named(line)} | {parts} |"


def worst(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Of each rule, cost and coalition what it gains together, at that c and that time of proofs where it is most."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for line in lines:
        liars = line["colluders"] - line["mates"]
        who = f"{liars} of {line['colluders']} lie" if line["mates"] else f"{liars}"
        rule = line["rule"].partition(", slash")[0]
        rule += ", in phases" if line["growth"] else ", sealed" if line.get("sealed") else ""
        row = found.setdefault((rule, who), {})
        row[line["kind"]] = max(row.get(line["kind"], line), line, key=lambda each: each["sum"]["mean"])
    kinds = list(dict.fromkeys(line["kind"] for line in lines))
    yield f"| rule | together | {' | '.join(kinds)} |"
    yield "|---" * (len(kinds) + 2) + "|"
    for about, row in found.items():
        values = (f"{cell(row[kind], 'sum')}, {row[kind]['attack']}" if kind in row else "" for kind in kinds)
        yield f"| {' | '.join([*about, *values])} |"
    gains = [line for line in lines if line["sum"]["low"] > 0]
    most = max(lines, key=lambda line: line["sum"]["mean"])
    yield ""
    yield f"Of {len(lines)} best deviations {len(gains)} gain, by their interval. The most is {cell(most, 'sum')}."


def main() -> None:
    parser = arguments(__doc__, 200)
    parser.add_argument("--screen", type=int, default=30, help="replicates of everything that the search tries")
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--rule", nargs="*", choices=RULES, default=list(RULES))
    parser.add_argument("--attack", nargs="*", choices=ATTACKS, default=list(TABLED))
    parser.add_argument("--slash", type=float, default=0.0, help="part of the stake that a proof takes")
    parser.add_argument("--sealed", action="store_true", help="with --cells: sealed games")
    parser.add_argument("--others", action="store_true", help="with --cells: the rules that only the plain loop plays")
    parser.add_argument("--cells", action="store_true", help="with a slash: every rule and cost, c and time of proofs")

    def play(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
        return recorded(cells(given) if given.cells else rows(given), given.json, "w")

    print_tables(parser.parse_args(), play, lambda lines: (worst,) if "sum" in lines[0] else (registry, responses))


if __name__ == "__main__":
    main()
