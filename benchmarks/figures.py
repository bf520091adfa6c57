"""The pictures of docs/results.md, and the figures in them: `make figures`.

    python benchmarks/figures.py [--only NAME ...] [--replicates 200] [--jobs 2] [--out docs/figures] [--speed FILE]

Games without messages, compiled, in the set-up of Zhu et al. (M = 10, K = 4, T = 10^4, f = 3), seeds 0 to 199. Regret
is that of the arms and of failed rounds, after the burn-in; what the burn-in and costs add is docs/growth.md's. Beside
each picture lies NAME.json: the numbers in it, the command, the seeds and the commit. `--speed` is what
benchmarks/speed.py --json has printed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import provenance
from chain_bandit.attacks.attack import NotSimulated
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.kernel import numbers
from chain_bandit.simulation.kernel.pooled import pooled_ucb
from chain_bandit.simulation.replicates import Estimate, Measured, estimate

MEANS = (0.5, 0.45, 0.4, 0.3)
SEATS, LIARS, ROUNDS = 10, 3, 10_000
RULES = ("option-1", "option-2", "option-3", "delta-safe", "confidence")
NONE = "undefended mean"
DELTA = {"delta-safe": 0.4}
INK, PALE = "#333333", "#DDDDDD"
COLOURS = {
    "option-1": "#2471A3", "option-2": "#7D3C98", "option-3": "#B9770E", "delta-safe": "#7F8C8D",
    "confidence": "#1B7F5C", NONE: "#C0392B",
}  # fmt: skip
COUNTED = "arms", "failed"
"""Parts of the regret: a round without a block is no better for whoever made it fail."""
MARKS = tuple(int(t) for t in np.unique(np.geomspace(20, ROUNDS, 60).round()))

Json = dict[str, Any]


def scenario(rule: str, attack: str | None, seats: int = SEATS, liars: int = LIARS, rounds: int = ROUNDS) -> Scenario:
    """A game under an aggregation rule whose last seats attack; an undefended one assumes that nobody lies."""
    attacking = range(seats - liars, seats) if attack else ()
    breaks_consensus = attack and ATTACKS[attack].conduct & Conduct.ATTACKER
    given = Scenario.model_validate({
        "name": "figures", "participants": seats, "rounds": rounds, "liars": 0 if rule == NONE else liars,
        "attackers": liars if breaks_consensus else 0, "burn_in_factor": 1.0, "burn_in": 4 * 10,
        "aggregation": "option-2" if rule == NONE else rule, "delta": DELTA.get(rule),
        "rewards": {"kind": "bernoulli", "means": list(MEANS)},
        "malicious": [{"seat": seat, "attacks": [{"name": attack}]} for seat in attacking],
    })  # fmt: skip
    given.check()
    return given


def simulated(attack: str) -> bool:
    """Whether games without messages play it: its outcome does not hang on the order of messages."""
    given = scenario("option-1", attack)
    try:
        numbers.cast(given.parameters, given.attacks())
    except NotSimulated:
        return False
    return True


class Bench:
    """What all figures share."""

    def __init__(self, count: int, jobs: int) -> None:
        self.count, self.jobs = count, jobs

    def played(self, given: Scenario, marks: Sequence[int] = (ROUNDS,)) -> Measured:
        """The replicates of a scenario."""
        return replicates(given, self.count, marks, self.jobs)

    def lost(self, given: Scenario) -> Estimate:
        """The regret of the arms and of failed rounds at the end."""
        return self.played(given).regret(*COUNTED)[0]

    @cache  # noqa: B019 - there is one bench
    def table(self, liars: int = LIARS) -> dict[str, dict[str, Estimate]]:
        """By attack and rule."""
        return {
            name: {rule: self.lost(scenario(rule, name, liars=liars)) for rule in (*RULES, NONE)}
            for name in sorted(filter(simulated, ATTACKS))
        }

    def worst(self, rule: str, liars: int = LIARS) -> str:
        """The attack with the highest regret."""
        table = self.table(liars)
        return max(table, key=lambda name: table[name][rule].mean)

    def pooled(self, seats: Sequence[int], marks: Sequence[int] = MARKS) -> NDArray[np.float64]:
        """(replicates, marks): the regret of UCB on the rewards of some seats, from round 1 on.

        With the seats of the honest it is the oracle of every page.
        """
        given = scenario("option-1", None, rounds=marks[-1])
        p = given.parameters
        environment = numbers.environment(given.model)
        widths = numbers.widths(p.horizon, 2, 1)  # the samples of all seats are counted
        out = np.zeros((self.count, len(marks)), np.int64)
        for seed in range(self.count):
            keys = numbers.keys(derive(seed, "secret"), derive(seed, "seed_0"))
            state = np.zeros((3, p.arms), np.int64), np.full(p.arms, np.inf)
            pooled_ucb(environment, widths, keys, np.array(seats), *state, np.array(marks), out[seed])
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


def curves(bench: Bench, file: Path) -> Json:
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
        said[name] = {"at": MARKS[-1], "mean": mean[-1], "low": low[-1], "high": high[-1]}
    bounds = ((1, "-.", "Lai and Robbins, one agent"), (len(honest), (0, (1, 3)), "the same, pooled"))
    for share, dashes, name in bounds:
        values = [bound * log(share * t) / share for t in MARKS]
        for axes in both:
            axes.plot(MARKS, values, color="#000000", linestyle=dashes, linewidth=1.1, label=name)
        said[name] = values[-1]
    for axes, scale in zip(both, ("linear", "log"), strict=True):
        axes.set(xscale=scale, xlabel="round" + (", logarithmic" if scale == "log" else ""), ylim=(0, None),
                 xlim=(MARKS[0] if scale == "log" else 0, ROUNDS))
        axes.grid(color=PALE, linewidth=0.6)
    both[0].set_ylabel("regret of arms and failed rounds, whole rewards\nmean and 95 % interval")
    both[1].legend(frameon=False, fontsize=9)
    figure.suptitle(f"Each rule under the attack that is worst for it: M = {SEATS}, f = {LIARS}, K = {len(MEANS)}",
                    x=0.01, ha="left")
    return save(plt, figure, file, said)


def heat(bench: Bench, file: Path, liars: int = LIARS) -> Json:
    """Regret by attack and rule, over that of the oracle."""
    plt, table = begin(), bench.table(liars)
    alone, oracle = (estimate(bench.pooled(seats)[:, -1]) for seats in ([0], range(SEATS - liars)))
    rules, names = [*RULES, NONE], list(table)
    values = np.array([[table[name][rule].mean / oracle.mean for rule in rules] for name in names])
    figure, axes = plt.subplots(figsize=(8.4, 0.42 * len(names) + 1.5), layout="constrained")
    axes.imshow(np.log(values), cmap="YlOrRd", aspect="auto")
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            axes.text(x, y, f"{value:.2f}" if value < 100 else f"{value:.0f}", ha="center", va="center",
                      color="white" if np.log(value) > 0.65 * np.log(values).max() else INK, fontsize=9.5)
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
        "not simulated": sorted(ATTACKS.keys() - table.keys()),
    })  # fmt: skip


def breakdown(bench: Bench, file: Path) -> Json:
    """Regret by the share of liars, the worst of four lies each."""
    plt, seats = begin(), 20
    tried = ("a-little-is-enough", "radius", "sign-flip", "swap")
    figure, axes = plt.subplots(figsize=(8.4, 4.6), layout="constrained")
    said: Json = {}
    for rule in (*RULES, NONE):
        most = (seats - 1) // 3 if rule == "option-1" else (seats - 1) // 2
        rows = []
        for count in range(most + 1):
            found = {name: bench.lost(scenario(rule, name, seats, count)) for name in (tried if count else tried[:1])}
            worst = max(found, key=lambda name: found[name].mean)
            rows.append({"share": count / seats, "attack": worst if count else None} | vars_of(found[worst]))
        said[rule] = rows
        share, mean, low, high = (np.array([row[key] for row in rows]) for key in ("share", "mean", "low", "high"))
        axes.plot(share, mean, color=COLOURS[rule], marker="o", markersize=4, linewidth=1.8, label=rule)
        axes.fill_between(share, low, high, color=COLOURS[rule], alpha=0.18, linewidth=0)
    for at, words in ((1 / 3, "Option 1 asks\nM > 3f"), (1 / 2, "the others ask\nM > 2f")):
        axes.axvline(at, color=INK, linewidth=0.9, linestyle=":")
        axes.annotate(words, (at, 0.98), xycoords=("data", "axes fraction"), xytext=(-5, 0), va="top", ha="right",
                      textcoords="offset points", fontsize=9)
    axes.set(yscale="log", xlabel=f"liars over participants, M = {seats}", xlim=(0, 0.505),
             ylabel="regret of the arms, logarithmic\nworst of four lies, 95 % interval")
    axes.grid(color=PALE, linewidth=0.6)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return save(plt, figure, file, said)


def sized(seats: int, arms: int) -> Scenario:
    """As much work for the arms of every size, beyond what a game needs; a third of the seats lie."""
    liars, burn_in = (seats - 1) // 3, 2 * arms
    made = Scenario.model_validate({
        "name": "figures", "participants": seats, "rounds": burn_in + max(50, 3_000_000 // (seats * arms)),
        "burn_in": burn_in, "liars": liars, "attackers": 0,
        "rewards": {"kind": "bernoulli", "means": [0.7, *([0.5] * (arms - 1))]},
        "adversary": {"liars": liars, "estimators": [{"name": "constant-lie", "options": {"value": 1.0}}]},
    })  # fmt: skip
    made.check()
    return made


SIZES = {
    "participants": [(seats, 10) for seats in (4, 10, 32, 100, 320, 1000)],
    "arms": [(10, arms) for arms in (2, 10, 32, 100, 320, 1000)],
}
"""From the fewest that a rule with liars takes to the most: there is no third decade."""


def scaling(bench: Bench, file: Path) -> Json:
    """CPU seconds by rounds, replicates, participants and arms, each with its fitted exponent."""
    plt = begin()

    def timed(given: Scenario, count: int) -> float:
        return min(replicates(given, count, (given.rounds,)).cpu_seconds for _ in range(3))

    def of_rounds(rounds: int) -> Scenario:
        return scenario("option-1", "sign-flip", rounds=rounds)

    rows: dict[str, list[tuple[float, float]]] = {
        "rounds": [(t, timed(of_rounds(t), 10)) for t in (1_000, 10_000, 100_000, 1_000_000)],
        "replicates": [(count, timed(of_rounds(2_000), count)) for count in (3, 30, 300, 3_000)],
    } | {
        name: [(size[at], timed(sized(*size), 1) / sized(*size).rounds) for size in sizes]
        for at, (name, sizes) in enumerate(SIZES.items())
    }  # fmt: skip
    figure, four = plt.subplots(1, 4, figsize=(13.6, 3.6), layout="constrained")
    said: Json = {}
    for axes, (name, points) in zip(four, rows.items(), strict=True):
        x, y = np.array(points).T
        slope, offset = np.polyfit(np.log(x), np.log(y), 1)
        axes.loglog(x, y, "o", color=COLOURS["option-1"], markersize=6)
        axes.loglog(np.sort(x), np.exp(offset) * np.sort(x) ** slope, color=INK, linewidth=1, linestyle="--")
        axes.set(xlabel=name, title=f"exponent {slope:.2f}")
        axes.grid(color=PALE, linewidth=0.6)
        said[name] = {"points": points, "exponent": float(slope)}
    four[0].set_ylabel("CPU seconds")
    four[2].set_ylabel("CPU seconds a round")
    return save(plt, figure, file, said)


def speed(found: Mapping[str, float], file: Path) -> Json:
    """Agent-steps a CPU second, beside the peers'."""
    plt = begin()
    shown = {name: value for name, value in found.items() if "over" not in name}
    figure, axes = plt.subplots(figsize=(8.4, 0.42 * len(shown) + 1.2), layout="constrained")
    names = list(shown)[::-1]
    ours = [name.startswith("M=") or name.startswith("UCB1") for name in names]
    colours = ["#2471A3" if mine else "#B0B0B0" for mine in ours]
    axes.barh(names, [shown[name] for name in names], color=colours, height=0.62)
    for y, name in enumerate(names):
        axes.annotate(f"{shown[name]:,.0f}", (shown[name], y), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel="agent-steps a CPU second, logarithmic", xlim=(1e3, 3e8))
    axes.tick_params(axis="y", length=0)
    return save(plt, figure, file, dict(found))


def divergence(p: float, q: float) -> float:
    """Of two Bernoulli rewards, in nats."""
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))


def vars_of(value: Estimate) -> Json:
    return {"mean": value.mean, "low": value.low, "high": value.high}


def save(plt: Any, figure: Any, file: Path, said: Json) -> Json:
    figure.savefig(file, dpi=160, metadata={"Date": None} if file.suffix == ".svg" else {})
    plt.close(figure)
    return said


FIGURES: dict[str, Callable[[Bench, Path], Json]] = {
    "curves": curves, "heat": heat, "heat-1": partial(heat, liars=1), "breakdown": breakdown, "scaling": scaling,
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
    if given.replicates < 2:
        parser.error("expected --replicates of at least 2")
    provenance.require_clean(given.out)
    given.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.replicates, given.jobs)
    made = dict(FIGURES)
    if given.speed:
        found = json.loads(given.speed.read_text())
        made["speed"] = lambda _, file: speed(found, file)
    for name, draw in made.items():
        if given.only and name not in given.only:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        said = draw(bench, given.out / f"{name}{given.suffix}")
        command = " ".join(["python", "benchmarks/figures.py", *sys.argv[1:]])
        about = {"command": command, "figures": said} | provenance.made(0, given.replicates)
        (given.out / f"{name}.json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
