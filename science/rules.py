"""Every rule of aggregation under every attack that lies: regret of the honest, gas and bytes beside it.

    python -m science.rules [--replicates 100] [--jobs 2] [--rule NAME ...] [--attack NAME ...] [--liars 1 3]
                               [--json FILE]
    python -m science.rules --equal 20

Games without messages in the set-up of `science/figures.py` (M = 10, K = 4, T = 10^4, f = 1 and 3 that tell the same
lie, the default reputation), whatever engine plays them. FILE has a row a cell, written when it is over; what stands
there of the same cell is not played again, so that an interrupted run goes on. `--equal`: so many random cells are
played live, by actors, messages and signatures, and by the numpy engine on the same keys and draws, and compared round
by round.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import gas
from chain_bandit.append_log import whole_file
from chain_bandit.attacks.attack import Attack
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.simulated import able
from chain_bandit.protocol import rules as shipped
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.rule import Aggregation
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runner.rows import Row, kept_rows
from chain_bandit.runner.workers import processes
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import batch
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.replicates import IntervalEstimate, Measured, estimate
from chain_bandit.simulation.sums import Sums
from chain_bandit.sweeps.cell import Cell, play_all
from science import provenance, search
from science.figures import COUNTED, LYING, NONE, ROUNDS, SEATS, TABLED, FigureBench, begin, save, scenario
from science.provenance import ROOT


def _is_mean(name: str) -> bool:
    rule = shipped.shipped()[RuleKind.AGGREGATION, name, b""]
    assert isinstance(rule, Aggregation)
    return rule.is_mean


LIARS = (1, 3)
NOBODY = "nobody lies"
RULES = (*shipped.names(RuleKind.AGGREGATION), NONE)
TELLING = (NOBODY, *(name for name in LYING if ATTACKS[name].lie is not Attack.lie))
"""Attacks whose lie is in a report, which is all that a rule of aggregation is told."""

UNTOLD = {
    name: "breaks the consensus as well, and not by what it reports"
    if kind.conduct & Conduct.ATTACKER else "reports what it has seen: its lie is in the sealed record alone"
    for name, kind in TABLED.items() if kind.conduct & Conduct.LIAR and name not in TELLING
}  # fmt: skip
"""All others that lie, and why they are no rows."""

ALONE, ORACLE = "UCB1 alone", "all honest rewards pooled"

GAS = ROOT / "tests" / "snapshots" / "gas_rounds.json"
"""Of rules that are means over a set."""

KEYS = "rule", "attack", "liars", "body", "batch"
"""Of a row."""

MODES = ("compact", 1), ("compact", 10), ("full", 1), ("full", 10)
ATTESTED = next(name for name in shipped.names(RuleKind.AGGREGATION) if not _is_mean(name))
"""Gas depends on the class of a rule alone."""


@dataclass(frozen=True, slots=True)
class RuleCell:
    """A cell of the table."""

    rule: str
    attack: str
    liars: int

    def scenario(self, **changes: Any) -> Scenario:
        """What is played there."""
        return scenario(self.rule, None if self.attack == NOBODY else self.attack, liars=self.liars, **changes)


def places(
    rules: Iterable[str] = RULES, attacks: Iterable[str] = TELLING, liars: Iterable[int] = LIARS
) -> list[RuleCell]:
    """All cells."""
    return [RuleCell(*each) for each in product(rules, attacks, liars)]


def written(file: Path, rows: Iterable[Row]) -> None:
    """Put rows into the file, in place of those of the same cells: all of them or, when it is stopped, none."""
    every = {json.dumps([row.get(key) for key in KEYS]): json.dumps(row) for row in (*kept_rows(file), *rows)}
    with whole_file(file) as out:
        out.write("".join(f"{line}\n" for line in every.values()).encode())


def play(asked: Sequence[RuleCell], count: int, jobs: int, there: Iterable[Row] = ()) -> Iterator[Row]:
    """The rows of some places: of those that are there, then of the others as they come."""
    cells, same = dict[str, Cell](), defaultdict[str, list[RuleCell]](list)
    for place in asked:
        cell = Cell.of(place.scenario(), count, (ROUNDS,))
        cells[cell.digest] = cell
        same[cell.digest].append(place)  # where nobody lies, a mean over all reports has one game whatever f
    left = dict(cells)
    for row in there:
        if left.pop(row.get("digest", ""), None):
            yield from (row | asdict(place) for place in same[row["digest"]])
    with closing(play_all(left, processes(jobs))) as results:
        for digest, sums in results:
            if isinstance(sums, str):
                raise SystemExit(f"{same[digest]}: {sums}")
            cell = left[digest]
            lost = Measured(cell.scenario.parameters, cell.checkpoints, sums, 0.0).regret(*COUNTED)[-1]
            row = {"digest": digest, "regret": asdict(lost)} | provenance.made(cell.scenario.seed, count)
            yield from (asdict(place) | row for place in same[digest])


def beside(count: int) -> Iterator[Row]:
    """Regret of a participant alone, and of one that pools all honest rewards; gas of rules that are attested."""
    bench, made = FigureBench(count, 1), provenance.made(0, count)
    for liars in LIARS:
        for name, seats in ((ALONE, range(1)), (ORACLE, range(SEATS - liars))):
            lost = asdict(estimate(bench.pooled(seats)[:, -1]))
            yield {"rule": name, "attack": NOBODY, "liars": liars, "regret": lost} | made
    for body, together in MODES:
        yield asdict(gas.measured(SEATS, body, together, aggregation=ATTESTED)) | made


# --- live games and arrays


def require_equal(case: Scenario) -> int:
    """Play a scenario live and by arrays, on the same keys and draws. How many rounds are equal; all, or it raises.

    Raises:
        AssertionError: something of a round differs: what is lost on arms, what it costs, whether it has a block.
    """
    plan = Plan(case)
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)
    p, keys = plan.parameters, encoding.keys(plan.secret, seed_0)
    setting = encoding.rules(p, case.model, case.chain.batch, case.all_weights)
    told, _ = batch.play(p, setting, case.attacks(), [keys], range(1, p.horizon + 1))
    best, blocks, lost, cost = max(case.model.means), 0, 0, 0
    for played, sums in zip(Game(case, NoChain()).play(), told[0].tolist(), strict=True):
        found = Sums(*sums)
        if played.record and played.record.header:
            blocks += 1
        if played.round > p.burn_in and played.arm is not None:
            lost, cost = lost + best - case.model.means[played.arm], cost + (played.cost or 0)
        assert [found.arms, found.cost, found.blocks] == [lost, cost, blocks], f"round {played.round} of {case.name}"
    return p.horizon


def drawn(count: int, seed: int, rounds: int) -> list[Scenario]:
    """Random cells that the numpy engine plays, shorter, with few pulls before the first block."""
    dice, found = random.Random(seed), list[Scenario]()
    for place in dice.sample(places(attacks=TELLING[1:]), len(places(attacks=TELLING[1:]))):
        about = f"{place.rule.replace(' ', '-')}_{place.attack}_{place.liars}"
        case = place.scenario(rounds=rounds, burn_in=12, seed=seed + len(found), name=about)
        if len(found) < count and Engine.NUMPY in able(case):
            found.append(case)
    return found


# --- the page


NONE_THERE = "\u2013"


def _told(found: IntervalEstimate | None) -> str:
    return f"{found.mean:,.1f} ± {(found.high or found.mean) - found.mean:.1f}" if found else "not played"


def _found(rows: Iterable[Row]) -> dict[RuleCell, IntervalEstimate]:
    return {
        RuleCell(row["rule"], row["attack"], row["liars"]): IntervalEstimate(**row["regret"])
        for row in rows
        if "rule" in row
    }


def _gas(rows: Iterable[Row]) -> dict[bool, dict[tuple[str, int], tuple[int, int]]]:
    """By whether a rule is a mean over a set, body and batch: gas and bytes of a round."""
    taken = [row for row in json.loads(GAS.read_text(encoding="utf-8"))["rows"] if row["n"] == SEATS]
    attested = [row for row in rows if "gas" in row]
    return {
        is_mean: {(row["body"], row["batch"]): (row["gas"], row["bytes"]) for row in each}
        for is_mean, each in ((True, taken), (False, attested))
    }


def summary(rows: list[Row]) -> Iterator[str]:
    """A row a rule: what is lost where nobody lies and under the lie that is worst for it; gas and bytes of a round."""
    found, spent, searched = _found(rows), _gas(rows), _searched()
    yield "| rule | nobody lies, f = 3 | worst lie of one | worst lie of three | worst searched of three | " \
        + " | ".join(f"gas, {body}, {together} a tx" for body, together in MODES) + " | bytes of these |"
    yield "|---|---|---|---|---|" + "---:|" * len(MODES) + "---|"
    for rule in (*RULES, ALONE, ORACLE):
        cells = [_told(found.get(RuleCell(rule, NOBODY, LIARS[-1])))]
        for liars in LIARS:
            played = {attack: found[at] for attack in TELLING[1:] if (at := RuleCell(rule, attack, liars)) in found}
            worst = max(played, key=lambda attack: played[attack].mean, default=None)
            cells.append(f"{_told(played[worst])}, `{worst}`" if worst else NONE_THERE)
        cells.append(searched.get(rule, NONE_THERE))
        each = spent[_is_mean(rule)] if rule in RULES[:-1] else {}
        cells += [f"{each[mode][0]:,}" if each else NONE_THERE for mode in MODES]
        cells.append(" / ".join(f"{each[mode][1]:,}" for mode in MODES) if each else NONE_THERE)
        yield f"| {_quoted(rule)} | {' | '.join(cells)} |"


def _searched() -> dict[str, str]:
    """By rule the worst of what searches of lies that know the last block found, beside the oracle."""
    asked = {"liars": 3, "seats": SEATS, "rounds": ROUNDS, "rushing": False}
    rows = [row for row in kept_rows(search.ROWS) if row["games"] and asked.items() <= row.items()]
    worst = {row["rule"]: row for row in sorted(rows, key=lambda row: row["ratio"][0])}
    return {rule: f"{row['ratio'][0]:.2f} of the oracle, C\u2081 = {row['exploration']}" for rule, row in worst.items()}


def _quoted(rule: str) -> str:
    return f"`{rule}`" if rule in RULES[:-1] else rule


def every(rows: list[Row], liars: int) -> Iterator[str]:
    """Of so many liars all that was played: a row an attack, a column a rule."""
    found = _found(rows)
    yield f"| f = {liars} | " + " | ".join(map(_quoted, RULES)) + " |"
    yield "|---|" + "---:|" * len(RULES)
    for attack in TELLING:
        yield f"| {attack} | {' | '.join(_told(found.get(RuleCell(rule, attack, liars))) for rule in RULES)} |"


def absent(rows: list[Row]) -> Iterator[str]:
    """What is not in the tables."""
    found = _found(rows)
    missing = Counter(place.rule for place in places() if place not in found)
    yield f"{len(places()) - missing.total()} of {len(places())} cells are played."
    if missing:
        each = len(places()) // len(RULES)
        told = (f"{_quoted(rule)} {count}" for rule, count in missing.items())
        missed = ", ".join(told)
        yield f"Of the {each} cells of a rule there are missing: {missed}. `python -m science.rules` plays them."
    yield ""
    for name, why in sorted(UNTOLD.items()):
        yield f"- `{name}` is no row: it {why}."


def heat(rows: list[Row], file: Path) -> Row:
    """Regret over that of the honest rewards pooled, by attack and rule: a panel a number of liars."""
    plt, found = begin(), _found(rows)
    figure, panels = plt.subplots(1, 2, figsize=(19, 7.6), layout="constrained", sharey=True)
    values = {
        liars: np.array([[
            found[at].mean / found[RuleCell(ORACLE, NOBODY, liars)].mean
            if (at := RuleCell(rule, attack, liars)) in found else np.nan for rule in RULES] for attack in TELLING])
        for liars in LIARS
    }  # fmt: skip
    most = max(float(np.nanmax(np.log(each))) for each in values.values())
    for axes, (liars, each) in zip(panels, values.items(), strict=True):
        axes.imshow(np.log(each), cmap="YlOrRd", aspect="auto", vmin=0, vmax=most)
        for y, row in enumerate(each):
            for x, value in enumerate(row):
                said = "" if np.isnan(value) else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
                axes.text(x, y, said, ha="center", va="center", fontsize=8.5,
                          color="white" if np.log(value) > 0.65 * most else "#333333")  # fmt: skip
        axes.set_xticks(range(len(RULES)), RULES, rotation=40, ha="left")
        axes.set_yticks(range(len(TELLING)), TELLING)
        axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
        for side in axes.spines.values():
            side.set_visible(False)
        oracle, alone = (found[RuleCell(name, NOBODY, liars)].mean for name in (ORACLE, ALONE))
        axes.set_title(f"f = {liars}: regret after {ROUNDS:,} rounds, times the pooled oracle's {oracle:.1f}; "
                       f"UCB1 alone {alone / oracle:.1f}", loc="left", fontsize=11)  # fmt: skip
    return save(plt, figure, file, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rule", nargs="+", choices=RULES, default=RULES)
    parser.add_argument("--attack", nargs="+", choices=TELLING, default=TELLING)
    parser.add_argument("--liars", nargs="+", type=int, choices=LIARS, default=LIARS)
    parser.add_argument("--json", type=Path, help="a row a cell; what stands there is not played again")
    parser.add_argument("--equal", type=int, default=0, help="play so many random cells live and by arrays instead")
    given = parser.parse_args()
    if given.equal:
        for case in drawn(given.equal, 0, 200):
            print(f"{case.name}: {require_equal(case)} rounds are equal", flush=True)
        return
    provenance.require_clean(given.json)
    there, start = kept_rows(given.json), time.perf_counter()
    seeds = provenance.made(0, given.replicates)["seeds"]
    rows = [row for row in there if "digest" not in row and row["seeds"] == seeds] or list(beside(given.replicates))
    for row in play(places(given.rule, given.attack, given.liars), given.replicates, given.jobs, there):
        rows.append(row)
        if given.json:
            written(given.json, rows)
        print(f"{len(rows)}: {row['rule']}, {row['attack']}, f = {row['liars']}: {row['regret']['mean']:.1f} "
              f"({time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)  # fmt: skip
    if given.json:
        heat(kept_rows(given.json), given.json.with_suffix(".svg"))


if __name__ == "__main__":
    main()
