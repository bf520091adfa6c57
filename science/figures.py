"""The pictures of docs/results.md, and the figures in them: `make figures`.

    python science/figures.py [--only NAME ...] [--replicates 200] [--jobs 2] [--out docs/figures] [--speed FILE]

Games without messages, compiled, in the set-up of Zhu et al. (M = 10, K = 4, T = 10^4, f = 3), seeds 0 to 199. Regret
is that of the arms and of failed rounds, after the burn-in; what the burn-in and costs add is docs/growth.md's. `demo`
is the README's, of the demo, and its regret that of all rounds, with burn-in and costs. Beside each picture lies
NAME.json: the numbers in it, the command, the first and the last seed of its games, and the commit.
`--speed` is what benchmarks/speed.py --json has printed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.attacks.attack import Attack, NotSimulated
from chain_bandit.attacks.free_rider import FreeRider
from chain_bandit.attacks.greedy import Greedy
from chain_bandit.attacks.parametric import Parametric
from chain_bandit.attacks.registry import ATTACKS, make
from chain_bandit.environments.bernoulli import bernoulli_model
from chain_bandit.game.simulated import keys_of, replicates
from chain_bandit.game.undefended import undefended
from chain_bandit.presets import PAPER
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.runner.rows import kept_rows
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.compiled import AVAILABLE, FASTER
from chain_bandit.simulation.kernel.forms import POLICIES
from chain_bandit.simulation.replicates import Attacks, IntervalEstimate, Measured, estimate, measure
from science import provenance
from science.provenance import ROOT

MEANS = (0.5, 0.45, 0.4, 0.3)
SEATS, LIARS, ROUNDS = 10, 3, 10_000
RULES = ("option-1", "option-2", "option-3", "delta-safe", "confidence")
NONE = "undefended mean"
NAMED = {"delta-safe": {"name": "delta-safe", "options": {"delta": 0.4}}, NONE: "option-2"}
INK, PALE = "#333333", "#DDDDDD"
COLOURS = {
    "option-1": "#2471A3", "option-2": "#7D3C98", "option-3": "#B9770E", "delta-safe": "#7F8C8D",
    "confidence": "#1B7F5C", NONE: "#C0392B",
}  # fmt: skip
COUNTED = "arms", "failed"
"""Parts of the regret: a round without a block is no better for the attacker that made it fail."""


def is_tabled(kind: type[Attack]) -> bool:
    """Whether tables list an attack by itself: not a family of lies, which is searched (`science/search.py`), nor
    those of its members that lie about counts, which cost Option 1 alone anything, nor what asks the rule for the worst
    of some distances (docs/robust.md), nor one that tells the truth and pulls another arm."""
    if issubclass(kind, (Greedy, FreeRider)):
        return False
    return not issubclass(kind, Parametric) or (kind is not Parametric and kind().counts_truly)


TABLED = {name: kind for name, kind in ATTACKS.items() if is_tabled(kind)}

MARKS = tuple(int(t) for t in np.unique(np.geomspace(20, ROUNDS, 60).round()))

Json = dict[str, Any]


def scenario(
    rule: str, attack: str | None, seats: int = SEATS, liars: int = LIARS, rounds: int = ROUNDS, **changes: Any
) -> Scenario:
    """A game under an aggregation rule whose last seats attack; an undefended one assumes that nobody lies."""
    attacking = range(seats - liars, seats) if attack else ()
    breaks_consensus = attack and ATTACKS[attack].conduct & Conduct.ATTACKER
    given = Scenario.model_validate({
        "name": "figures", "participants": seats, "rounds": rounds, "liars": 0 if rule == NONE else liars,
        "attackers": liars if breaks_consensus else 0, "burn_in_factor": 1.0, "burn_in": 4 * 10,
        "aggregation": NAMED.get(rule, rule),
        "rewards": {"kind": "bernoulli", "means": list(MEANS)},
        "malicious": [{"seat": seat, "attacks": [{"name": attack}]} for seat in attacking],
    } | changes)  # fmt: skip
    given.check()
    return given


def simulated(attack: str) -> bool:
    """Whether games without messages play it: its outcome does not hang on the order of messages."""
    given = scenario("option-1", attack)
    try:
        encoding.cast(given.parameters, given.attacks())
    except NotSimulated:
        return False
    return True


class FigureBench:
    """What all figures share."""

    def __init__(self, count: int, jobs: int) -> None:
        self.count, self.jobs = count, jobs

    def played(self, given: Scenario, marks: Sequence[int] = (ROUNDS,)) -> Measured:
        """The replicates of a scenario."""
        return replicates(given, self.count, marks, self.jobs)

    def lost(self, given: Scenario) -> IntervalEstimate:
        """The regret of the arms and of failed rounds at the end."""
        return self.played(given).regret(*COUNTED)[0]

    @cache  # noqa: B019 - there is one bench
    def table(self, liars: int = LIARS) -> dict[str, dict[str, IntervalEstimate]]:
        """By attack and rule."""
        return {
            name: {rule: self.lost(scenario(rule, name, liars=liars)) for rule in (*RULES, NONE)}
            for name in sorted(filter(simulated, TABLED))
        }

    def worst(self, rule: str, liars: int = LIARS) -> str:
        """The attack with the highest regret."""
        table = self.table(liars)
        return max(table, key=lambda name: table[name][rule].mean)

    def pooled(
        self, seats: Sequence[int], marks: Sequence[int] = MARKS, given: Scenario | None = None, policy: str = "ucb1"
    ) -> NDArray[np.float64]:
        """(replicates, marks): the regret of an index policy on the rewards of some seats, from round 1 on.

        With the seats of the honest it is the oracle of every page.
        """
        from chain_bandit.simulation.kernel.pooled import pooled  # late: without numba `main` says what it needs

        given = given or scenario("option-1", None, rounds=marks[-1])
        p = given.parameters
        environment = encoding.environment(given.model)
        widths = encoding.widths(p.horizon, 2, 1)  # the samples of all seats are counted
        out = np.zeros((self.count, len(marks)), np.int64)
        for seed in range(given.seed, given.seed + self.count):
            keys = keys_of(seed)
            state = np.zeros((3, p.arms), np.int64), np.full(p.arms, np.inf)
            told = pooled(
                environment, widths, keys, np.array(seats), POLICIES[policy], *state, np.array(marks), out[seed]
            )
            assert told, "doubles tell every arm"
        return out / UNIT


# --- pictures


def begin() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "svg.hashsalt": "chain_bandit", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
        "axes.axisbelow": True, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
    })  # fmt: skip
    import matplotlib.pyplot as plt

    return plt


def curves(bench: FigureBench, file: Path) -> Json:
    """Regret by round under the worst attack, beside UCB alone, a pooled oracle and the bound of Lai and Robbins."""
    plt = begin()
    honest = range(SEATS - LIARS)
    lines: list[tuple[str, str, str, NDArray[np.float64] | Measured]] = [
        ("UCB1 alone", "#C0392B", "--", bench.pooled([0])),
        ("oracle: the honest rewards pooled", "#555555", ":", bench.pooled(list(honest))),
        *(
            (f"{rule}, {bench.worst(rule)}", COLOURS[rule], "-",
             bench.played(scenario(rule, bench.worst(rule)), MARKS))
            for rule in ("option-1", "confidence")
        ),
    ]  # fmt: skip
    bound = sum((MEANS[0] - mean) / divergence(mean, MEANS[0]) for mean in MEANS[1:])
    figure, both = plt.subplots(1, 2, figsize=(11.4, 4.6), layout="constrained", sharey=True)
    said: Json = {}
    for name, colour, dashes, values in lines:
        if isinstance(values, Measured):
            estimates = values.regret(*COUNTED)
        else:
            estimates = tuple(estimate(column) for column in values.T)
        mean, low, high = (np.array([getattr(each, part) for each in estimates]) for part in ("mean", "low", "high"))
        for axes in both:
            axes.plot(MARKS, mean, color=colour, linestyle=dashes, linewidth=2, label=name)
            axes.fill_between(MARKS, low, high, color=colour, alpha=0.2, linewidth=0)
        said[name] = {"at": list(MARKS), "mean": [*mean], "low": [*low], "high": [*high]}
    bounds = ((1, "-.", "Lai and Robbins, one agent"), (len(honest), (0, (1, 3)), "the same, pooled"))
    for share, style, name in bounds:
        least = [bound * log(share * t) / share for t in MARKS]
        for axes in both:
            axes.plot(MARKS, least, color="#000000", linestyle=style, linewidth=1.1, label=name)
        said[name] = least
    for axes, scale in zip(both, ("linear", "log"), strict=True):
        axes.set(xscale=scale, xlabel="round" + (", logarithmic" if scale == "log" else ""), ylim=(0, None),
                 xlim=(MARKS[0] if scale == "log" else 0, ROUNDS))
        axes.grid(color=PALE, linewidth=0.6)
    both[0].set_ylabel("regret of arms and failed rounds, whole rewards\nmean and 95 % interval")
    both[1].legend(frameon=False, fontsize=9)
    figure.suptitle(f"Each rule under the attack that is worst for it: M = {SEATS}, f = {LIARS}, K = {len(MEANS)}",
                    x=0.01, ha="left")
    return save(plt, figure, file, said)


DEMO_ROUNDS = 10_000, 1_000
"""The demo's own T, and one that is shorter."""

OURS, ALONE, ORACLE, OWN = "chain_bandit", "UCB1 alone", "oracle, pooled", "kl-ucb alone"
"""As terminal and page call them."""


def demo_games(rounds: int = DEMO_ROUNDS[0]) -> dict[str, Scenario]:
    """The demo from its file, seed 0 on: by its preset, without phases, with UCB1, under another lie, the paper's,
    undefended."""

    def flights(**changes: Any) -> Scenario:
        return load(ROOT / "examples" / "flights.toml", {"seed": 0, "rounds": rounds} | changes, on_chain=False)

    ours = flights()
    inside = [{"seat": entry.seat, "attacks": [{"name": "optimiser"}]} for entry in ours.malicious]
    return {
        OURS: ours, "a block a round": flights(growth=0), "with ucb1": flights(policy="ucb1"),
        "with ucb1, a block a round": flights(policy="ucb1", growth=0),
        "all three lie inside the honest range": flights(malicious=inside),
        "the paper's preset": flights(preset=PAPER), NONE: undefended(ours),
    }  # fmt: skip


def demo_regret(
    bench: FigureBench, rounds: int
) -> dict[str, tuple[NDArray[np.int64], Sequence[IntervalEstimate], Json]]:
    """By name the marks, the regret of all rounds at each, and the burn-in and the cost of lies in the last one."""
    found: dict[str, tuple[NDArray[np.int64], Sequence[IntervalEstimate], Json]] = {}
    games = demo_games(rounds)
    for name, game in games.items():
        marks = np.arange(game.parameters.burn_in, rounds + 1, 8)
        played = bench.played(game, tuple(map(int, marks)))
        parts = {part: vars_of(played.regret(part)[-1]) for part in ("burn_in", "cost")}
        found[name] = marks, played.regret(), parts
    given = games[OURS]
    honest = sorted(set(range(given.participants)) - given.attacks().keys())
    marks = np.arange(8, rounds + 1, 8)
    for name, seats, policy in ((ALONE, honest[:1], "ucb1"), (OWN, honest[:1], "kl-ucb"), (ORACLE, honest, "kl-ucb")):
        lost = bench.pooled(seats, tuple(map(int, marks)), given, policy)
        found[name] = marks, tuple(map(estimate, lost.T)), {}
    return found


def below_from(
    ours: tuple[NDArray[np.int64], Sequence[IntervalEstimate], Json], alone: Sequence[IntervalEstimate]
) -> int:
    """The first mark from which on our mean stays below that of UCB1 alone, whose marks are every eighth round."""
    above = [at for at, each in zip(ours[0], ours[1], strict=True) if each.mean >= alone[at // 8 - 1].mean]
    return int(above[-1]) + 8 if above else int(ours[0][0])


def regret_after(bench: FigureBench, rounds: int, pulls: int) -> IntervalEstimate:
    """The regret of all rounds of the demo with so many pulls of each arm in its burn-in."""
    arms = demo_games()[OURS].parameters.arms
    given = load(ROOT / "examples" / "flights.toml", {"seed": 0, "rounds": rounds, "burn_in": pulls * arms}, False)
    return bench.played(given, (rounds,)).regret()[-1]


def demo(bench: FigureBench, file: Path) -> Json:
    """The README's: what an honest participant of the demo loses in all rounds, beside what others lose."""
    found = {rounds: demo_regret(bench, rounds) for rounds in DEMO_ROUNDS}
    rounds = DEMO_ROUNDS[0]
    plt = begin()
    figure, axes = plt.subplots(figsize=(8.6, 4.6), layout="constrained")
    colours = {OURS: "#0072B2", NONE: "#D55E00", ALONE: "#4D4D4D", OWN: "#CC79A7", ORACLE: "#009E73"}
    for name, colour in colours.items():
        marks, line, _ = found[rounds][name]
        mean, low, high = (np.array([getattr(each, k) for each in line]) for k in ("mean", "low", "high"))
        axes.plot(marks, mean, color=colour, linewidth=2.6 if name == OURS else 1.8)
        axes.fill_between(marks, low, high, color=colour, alpha=0.22, linewidth=0)
        shift = {OURS: -5, ORACLE: 5}.get(name, 0)  # these two end beside each other
        axes.annotate(f"{name}: {mean[-1]:.0f}", (marks[-1], mean[-1]), xytext=(7, shift), textcoords="offset points",
                      color=colour, va="center", annotation_clip=False)  # fmt: skip
    given = demo_games()[OURS]
    axes.set(xlim=(0, rounds), ylim=(0, None), xlabel="pull",
             ylabel="rewards that an honest participant\nloses, from round 1 on")  # fmt: skip
    title = f"Which of {given.parameters.arms} airlines is on time: {given.participants} participants, 3 malicious"
    axes.set_title(title, loc="left")
    axes.grid(axis="y", color=PALE, linewidth=0.6)
    return save(plt, figure, file, {
        "regret": {
            str(horizon): {name: {"all": vars_of(line[-1]), **parts} for name, (_, line, parts) in lines.items()}
            for horizon, lines in found.items()
        },
        "below alone from": {
            str(horizon): below_from(lines[OURS], lines[ALONE][1]) for horizon, lines in found.items()
        },
        "pulls of each arm": {
            str(pulls): {str(horizon): vars_of(regret_after(bench, horizon, pulls)) for horizon in found}
            for pulls in (2, 3, 4, 5, 7, 9)
        },
    })  # fmt: skip


def searched(liars: int) -> dict[str, Json]:
    """By rule the kept search of lies that know the last block, in these games, with the worst outcome."""
    rows = kept_rows(provenance.FIGURES / "search.jsonl")
    asked = {"liars": liars, "seats": SEATS, "rounds": ROUNDS, "exploration": "2/b", "rushing": False}
    rows = [row for row in rows if row["games"] and asked.items() <= row.items()]
    return {row["rule"]: row for row in sorted(rows, key=lambda row: row["ratio"][0])}


def heat(bench: FigureBench, file: Path, liars: int = LIARS) -> Json:
    """Regret by attack and rule, and under the worst lie that a search found, over that of the oracle."""
    plt, table = begin(), bench.table(liars)
    alone, oracle = (estimate(bench.pooled(seats)[:, -1]) for seats in ([0], range(SEATS - liars)))
    rules, names = [*RULES, NONE], list(table)
    found = searched(liars)
    last = [found[rule]["ratio"][0] if rule in found else np.nan for rule in rules]
    values = np.array([*([table[name][rule].mean / oracle.mean for rule in rules] for name in names), last])
    names.append("the worst lie searched")
    figure, axes = plt.subplots(figsize=(8.4, 0.42 * len(names) + 1.5), layout="constrained")
    axes.imshow(np.log(values), cmap="YlOrRd", aspect="auto")
    axes.axhline(len(table) - 0.5, color=INK, linewidth=1)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            told = "" if np.isnan(value) else f"{value:.2f}" if value < 100 else f"{value:.0f}"
            axes.text(x, y, told, ha="center", va="center",
                      color="white" if np.log(value) > 0.65 * np.log(np.nanmax(values)) else INK, fontsize=9.5)
    axes.set_xticks(range(len(rules)), rules)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    title = f"f = {liars}: regret after {ROUNDS:,} rounds, times the pooled oracle's {oracle.mean:.1f}"
    axes.set_title(title, loc="left", pad=26)
    return save(plt, figure, file, {
        "liars": liars, "alone": vars_of(alone), "oracle": vars_of(oracle),
        "regret": {name: {rule: vars_of(row[rule]) for rule in rules} for name, row in table.items()},
        "worst": {rule: bench.worst(rule, liars) for rule in rules},
        "searched": {rule: {key: found[rule][key] for key in ("ratio", "worst")} for rule in rules if rule in found},
        "not simulated": sorted(TABLED.keys() - table.keys()),
    })  # fmt: skip


TRIMMED = "option-2"
"""Of the three options the one that is played: where everybody has pulls enough and nobody is on the block list they
select the same reports, and Option 1 ends earlier (`tests/unit/simulation/test_figures.py` plays all three)."""

LYING = tuple(name for name, kind in TABLED.items() if kind.conduct == Conduct.LIAR)
"""Attacks that lie and leave the consensus alone."""

SCREENED, FINALISTS, SCREEN = 10, 2, 1_000_001
"""So many games of every lie, so many lies measured anew, and the first seed of the former."""


def worst_lies(rule: str, seats: int, liars: int, jobs: int) -> list[str]:
    """The lies with the highest regret in a few games, which are not those that are shown."""
    screen = FigureBench(SCREENED, jobs)
    lost = {name: screen.lost(scenario(rule, name, seats, liars, seed=SCREEN)).mean for name in LYING}
    return sorted(LYING, key=lost.__getitem__, reverse=True)[:FINALISTS]


def breakdown(bench: FigureBench, file: Path) -> Json:
    """Regret by the share of liars, each rule under the lie that is worst for it: a panel a rule, the others pale."""
    seats = 20
    said: Json = {}
    for rule in (TRIMMED, "delta-safe", "confidence", NONE):
        said[rule] = []
        for count in range((seats + 1) // 2):
            names = worst_lies(rule, seats, count, bench.jobs) if count else [None]
            found = {name: bench.lost(scenario(rule, name, seats, count)) for name in names}
            worst = max(names, key=lambda name: found[name].mean)
            said[rule].append({"share": count / seats, "attack": worst} | vars_of(found[worst]))
    return draw_breakdown(said, seats, file)


def draw_breakdown(said: Json, seats: int, file: Path) -> Json:
    """A mark for each lie; the lines of the three options are drawn in each other."""
    plt = begin()
    met = dict.fromkeys(row["attack"] for rows in said.values() for row in rows)
    marks = dict(zip(met, "osD^vP*Xh<>d", strict=False))
    figure, panels = plt.subplots(1, len(said), figsize=(13.6, 4.6), layout="constrained", sharey=True)
    for axes, rule in zip(panels, said, strict=True):
        for name, rows in said.items():
            share, mean, low, high = (np.array([row[key] for row in rows]) for key in ("share", "mean", "low", "high"))
            if name != rule:
                axes.plot(share, mean, color=PALE, linewidth=1.4, zorder=1)
                continue
            axes.fill_between(share, low, high, color=COLOURS[rule], alpha=0.18, linewidth=0)
            if rule == TRIMMED:
                few = share < 1 / 3
                axes.plot(share[few], mean[few], color=COLOURS["option-1"], linewidth=9, alpha=0.35, label="Option 1")
                axes.plot(share, mean, color=COLOURS["option-2"], linewidth=3.6, alpha=0.7, label="Option 2")
                axes.plot(share, mean, color=COLOURS["option-3"], linewidth=1.6, linestyle="--", label="Option 3")
                axes.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(0.93, 0))
            else:
                axes.plot(share, mean, color=COLOURS[rule], linewidth=2)
            for attack, mark in marks.items():
                own = np.array([row["attack"] == attack for row in rows])
                axes.plot(share[own], mean[own], mark, color=INK, markersize=5, zorder=3)
        ends = ((1 / 3, "Option 1:\nM > 3f"), (1 / 2, "M > 2f")) if rule == TRIMMED else ((1 / 2, "M > 2f"),)
        for at, words in ends if rule != NONE else ():
            axes.axvline(at, color=INK, linewidth=0.9, linestyle=":")
            axes.annotate(words, (at, 0.98), xycoords=("data", "axes fraction"), xytext=(-4, 0), va="top", ha="right",
                          textcoords="offset points", fontsize=9)
        axes.set(yscale="log", xlabel="liars / participants", xlim=(-0.015, 0.51))
        axes.set_title("Options 1 to 3" if rule == TRIMMED else rule, loc="left", color=COLOURS[rule])
        axes.grid(color=PALE, linewidth=0.6)
    panels[0].set_yticks([20, 50, 100, 200, 500, 1_000], ["20", "50", "100", "200", "500", "1,000"])
    panels[0].minorticks_off()
    panels[0].set_ylabel(f"regret of the arms after {ROUNDS:,} rounds,\nwhole rewards, logarithmic, 95 % interval")
    handles = [plt.Line2D([], [], marker=mark, color=INK, linestyle="", markersize=5, label=attack or "nobody lies")
               for attack, mark in marks.items()]  # fmt: skip
    figure.legend(handles=handles, frameon=False, fontsize=9, loc="outside lower center", ncols=len(handles))
    figure.suptitle(f"Each rule under the lie that is worst for it, M = {seats}: f as many as lie", x=0.01, ha="left")
    return save(plt, figure, file, said)


DECADES = (1, 3, 10, 30, 100, 300, 1_000)
SIZES = {"participants": [(seats, 10) for seats in DECADES], "arms": [(10, arms) for arms in DECADES]}
"""(participants, arms). No scenario has one participant alone, and none more than 1,024 of either."""

LIES: Json = {"constant-lie": {"value": 1.0}, "sign-flip": {}}
"""One that is told once, and one that is made up anew each round."""

AFTER = 20_000
"""Rounds after the burn-in that are timed."""

LATE = 4
"""Points of the last decade and a half."""


def sized(seats: int, arms: int, rounds: int, lie: str) -> tuple[Parameters, encoding.KernelParameters, Attacks]:
    """A game of any size with so many rounds after its burn-in; a third of the seats lie."""
    liars, burn_in = (seats - 1) // 3, 2 * arms
    p = replace(
        scenario("option-1", None).parameters, participants=seats, validators=seats, liars=liars, arms=arms,
        burn_in=burn_in, horizon=burn_in + rounds,
    )  # fmt: skip
    lies = {seat: make(lie, LIES[lie]) for seat in range(seats - liars, seats)}
    return p, encoding.rules(p, bernoulli_model((0.7, *([0.5] * (arms - 1))))), lies


def a_round(seats: int, arms: int, lie: str, repeats: int = 9) -> float:
    """CPU seconds of a round after the burn-in: of a game with many, less those of the same game with one."""
    games = [sized(seats, arms, rounds, lie) for rounds in (1, 1 + AFTER)]
    key = keys_of(0)
    spent = np.array([
        [measure(p, rules, lies, [key], (p.horizon,)).cpu_seconds for p, rules, lies in games] for _ in range(repeats)
    ])  # fmt: skip
    one, many = spent.min(axis=0)
    return float(many - one) / AFTER


def exponent(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of a straight fit on log-log scales, and the logarithm of what it has at 1."""
    x, y = np.log(np.array(points).T)
    slope, offset = np.polyfit(x, y, 1)
    return float(slope), float(offset)


def scaling(bench: FigureBench, file: Path) -> Json:
    """CPU seconds by rounds, replicates, participants and arms, each with its fitted exponents."""
    plt = begin()

    def timed(rounds: int, count: int) -> float:
        given = scenario("option-1", "sign-flip", rounds=rounds)
        return min(replicates(given, count, (rounds,)).cpu_seconds for _ in range(3))

    games = 10
    rows: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]] = {
        "rounds": {"sign-flip": [(1_000 * times, timed(1_000 * times, games)) for times in DECADES]},
        "replicates": {"sign-flip": [(3 * times, timed(2_000, 3 * times)) for times in DECADES]},
    } | {
        name: {lie: [(size[at], a_round(*size, lie)) for size in sizes] for lie in LIES}
        for at, (name, sizes) in enumerate(SIZES.items())
    }  # fmt: skip
    figure, four = plt.subplots(1, 4, figsize=(13.6, 3.8), layout="constrained")
    said: Json = {}
    for axes, (name, lines) in zip(four, rows.items(), strict=True):
        said[name] = {}
        for (lie, points), rule in zip(lines.items(), RULES, strict=False):
            x, y = np.array(points).T
            (slope, offset), (late, _) = exponent(points), exponent(points[-LATE:])
            said[name][lie] = {"points": points, "exponent": slope, "late": late}
            words = f"{lie}: exponent {slope:.2f},\nof the last 1½ decades {late:.2f}"
            axes.loglog(x, y, "o", color=COLOURS[rule], markersize=6, label=words)
            axes.loglog(x, np.exp(offset) * x**slope, color=COLOURS[rule], linewidth=1, linestyle="--")
        axes.set(xlabel=name)
        axes.grid(color=PALE, linewidth=0.6)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    four[0].set_ylabel("CPU seconds")
    four[2].set_ylabel("CPU seconds a round after the burn-in")
    seeds = {"rounds": [0, games - 1], "replicates": [0, 3 * DECADES[-1] - 1]} | {name: [0, 0] for name in SIZES}
    return save(plt, figure, file, said | {"seeds": seeds})


def speed(found: Json, file: Path) -> Json:
    """Agent-steps a CPU second, beside the peers'."""
    plt = begin()
    shown = {name: value for name, value in found["figures"].items() if "over" not in name}
    figure, axes = plt.subplots(figsize=(8.4, 0.42 * len(shown) + 1.2), layout="constrained")
    names = list(shown)[::-1]
    ours = [name.startswith("M=") or name.startswith("UCB1") for name in names]
    colours = ["#2471A3" if mine else "#B0B0B0" for mine in ours]
    axes.barh(names, [shown[name] for name in names], color=colours, height=0.62)
    for y, name in enumerate(names):
        axes.annotate(f"{shown[name]:,.0f}", (shown[name], y), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel="agent-steps a CPU second, logarithmic", xlim=(1e3, 3e8))
    axes.tick_params(axis="y", length=0)
    return save(plt, figure, file, found["figures"] | {"seeds": found["seeds"]})


def divergence(p: float, q: float) -> float:
    """Of two Bernoulli rewards, in nats."""
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))


def vars_of(value: IntervalEstimate) -> Json:
    return {"mean": value.mean, "low": value.low, "high": value.high}


def save(plt: Any, figure: Any, file: Path, said: Json) -> Json:
    figure.savefig(file, dpi=160, metadata={"Date": None} if file.suffix == ".svg" else {})
    plt.close(figure)
    return said


FIGURES: dict[str, Callable[[FigureBench, Path], Json]] = {
    "demo": demo, "curves": curves, "heat": heat, "heat-1": partial(heat, liars=1), "breakdown": breakdown,
    "scaling": scaling,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*FIGURES, "speed"], help="of these alone")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=provenance.FIGURES)
    parser.add_argument("--suffix", default=".svg", choices=[".svg", ".png"])
    parser.add_argument("--speed", type=Path, help="what benchmarks/speed.py --json has printed")
    given = parser.parse_args()
    if not AVAILABLE:
        parser.error(f"pictures need numba: {FASTER}")
    if given.replicates < 2:
        parser.error("expected --replicates of at least 2")
    provenance.require_clean(given.out)
    given.out.mkdir(parents=True, exist_ok=True)
    bench = FigureBench(given.replicates, given.jobs)
    made = dict(FIGURES)
    if given.speed:
        found = json.loads(given.speed.read_text())
        made["speed"] = lambda _, file: speed(found, file)
    for name, draw in made.items():
        if given.only and name not in given.only:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        said = draw(bench, given.out / f"{name}{given.suffix}")
        command = " ".join(["python", "science/figures.py", *sys.argv[1:]])
        seeds = said.pop("seeds", None)  # a picture of something else than replicates says which
        about = {"command": command, "figures": said} | provenance.made(0, given.replicates)
        about |= {"seeds": seeds} if seeds else {}
        (given.out / f"{name}.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
