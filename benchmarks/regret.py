"""Regret in the demo's setting, without a chain: the README's plot and the figures beside it.

Usage: python benchmarks/regret.py [--seeds N] [--jobs J] [--json] [--plot FILE]

Exit status 14 unless the honest participants' arm regret over the rounds after the burn-in lies below that of
single-agent UCB1, the whole 95 % interval of the ratio included.
"""

import argparse
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.lies import favour, favour_inside_range, worse_half
from chain_bandit.simulation.reference import Game, Lie
from chain_bandit.simulation.regret import running_regret
from chain_bandit.simulation.rivals.on_draws import pooled_ucb, ucb1

DEMO = Path(__file__).resolve().parents[1] / "examples" / "flights.toml"
LIAR, EQUIVOCATOR, BOTH = 7, 8, 9
"""The demo's malicious seats; those below are honest."""

RESAMPLES = 10_000
WRONG = UNIT // 20
"""An arm this much worse than the best is wrong to lock on to."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one player; regret per honest participant as a share of one reward, so 1.0 is one late flight.

    Attributes:
        arms: arm regret of the rounds after the burn-in.
        before: regret of the burn-in.
        cost: of the rounds in case 2.
        costly: rounds in case 2.
        locked: share of honest participants that pull one wrong arm in all of the last T / 10 rounds.
        curve: `arms` so far at each checkpoint.
    """

    arms: float
    before: float
    cost: float
    costly: int
    locked: float
    curve: tuple[float, ...]


@cache
def demo() -> Scenario:
    """The demo's scenario, from its file."""
    return load(DEMO)


def setting() -> Parameters:
    """The demo's parameters: assumed bounds f = m = 3, C1 = 2 / b, default burn-in."""
    return demo().parameters


def checkpoints() -> tuple[int, ...]:
    """Rounds at which curves are kept: L, then every eighth to T."""
    return tuple(range(setting().burn_in, setting().horizon + 1, 8))


def entropy(seed: int) -> tuple[bytes, bytes]:
    """(secret, seed_0) of a run."""
    return keccak(b"regret secret", uint(seed, 8)), keccak(b"regret seed", uint(seed, 8))


def locked_on(arms: Sequence[int], means: Means) -> bool:
    """Whether `arms` are all one arm, and a wrong one."""
    return len(set(arms)) == 1 and max(means) - means[arms[0]] > WRONG


def played(seed: int, aggregator: str, lie: Lie | None) -> Result:
    """The protocol's game with the demo's seats; nobody is malicious without a `lie`.

    Consensus succeeds in every round, so the equivocator, whose reports are true, does nothing here.
    """
    parameters, model = setting(), demo().model
    means, marks = model.means, frozenset(checkpoints())
    game = Game(
        parameters, model, *entropy(seed),
        liars={LIAR: lie, BOTH: lie} if lie else {},
        attackers=frozenset({EQUIVOCATOR, BOTH}) if lie else frozenset(),
        aggregator=aggregator,
    )
    curve, tail = [], deque[int](maxlen=setting().horizon // 10)
    for outcome, regret in running_regret(game):
        if outcome.arm is not None:
            tail.append(outcome.arm)
        if outcome.round in marks:
            curve.append(regret.arms / UNIT)
    return Result(
        regret.arms / UNIT, regret.burn_in / UNIT, regret.cost / UNIT, regret.costly,
        float(locked_on(tuple(tail), means)), tuple(curve),
    )


def alone(runs: Sequence[Iterator[int]]) -> Result:
    """The average over learners without a protocol, each given by its arms of rounds 1..T."""
    means, after = demo().model.means, setting().burn_in
    arms = np.array([list(run) for run in runs])
    gaps = (max(means) - np.array(means)[arms]) / UNIT
    curve = gaps[:, after:].cumsum(axis=1).mean(axis=0)
    locked = [locked_on(tuple(row), means) for row in arms[:, -(setting().horizon // 10):]]
    return Result(
        float(curve[-1]), float(gaps[:, :after].sum(axis=1).mean()), 0.0, 0, float(np.mean(locked)),
        tuple(float(curve[mark - after - 1]) if mark > after else 0.0 for mark in checkpoints()),
    )


def single(seed: int) -> Result:
    """UCB1 of each honest seat on its own samples."""
    draws = Draws(demo().model, *entropy(seed))
    return alone([ucb1(draws, seat, setting().arms, setting().horizon) for seat in range(LIAR)])


def oracle(seed: int) -> Result:
    """UCB1 on one pool of all honest seats' samples."""
    draws = Draws(demo().model, *entropy(seed))
    return alone([pooled_ucb(draws, tuple(range(LIAR)), setting().arms, setting().horizon)])


def upside_down() -> Lie:
    """The demo's lie: the worse half of the arms always pay, the better half never."""
    return favour(worse_half(demo().model.means))


def inside_range() -> Lie:
    """The same direction, as far as trimming cannot see it."""
    return favour_inside_range(worse_half(demo().model.means), frozenset({LIAR, BOTH}), setting().liars)


OURS, UNDEFENDED, SINGLE, ORACLE = "chain-bandit", "plain mean", "UCB1 alone", "oracle, pooled UCB"
PLAYERS: Mapping[str, Callable[[int], Result]] = {
    OURS: lambda seed: played(seed, "robust", upside_down()),
    UNDEFENDED: lambda seed: played(seed, "mean", upside_down()),
    SINGLE: single,
    ORACLE: oracle,
    "chain-bandit, in-range liars": lambda seed: played(seed, "robust", inside_range()),
    "plain mean, in-range liars": lambda seed: played(seed, "mean", inside_range()),
    "chain-bandit, all honest": lambda seed: played(seed, "robust", None),
    "plain mean, all honest": lambda seed: played(seed, "mean", None),
}


def run_seed(seed: int) -> dict[str, Result]:
    """Every player on the draws of one seed."""
    return {name: player(seed) for name, player in PLAYERS.items()}


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over the seeds, with 95 % bootstrap intervals (seeds resampled, all players together).

    `ratio` is the arm regret over that of UCB1 alone.
    """

    arms: float
    arms_interval: tuple[float, float]
    ratio: float
    ratio_interval: tuple[float, float]
    before: float
    cost: float
    costly: float
    locked: float
    total: float


def resamples(seeds: int) -> Floats:
    """RESAMPLES rows of weights over the seeds: the bootstrap's draws, the same in every call."""
    return np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds


def interval(samples: Floats) -> Floats:
    """The middle 95 % along the first axis: (2, ...)."""
    return np.asarray(np.quantile(samples, (0.025, 0.975), axis=0))


def summarise(results: Sequence[Mapping[str, Result]]) -> dict[str, Summary]:
    """One summary a player."""
    weights = resamples(len(results))
    base = np.array([result[SINGLE].arms for result in results])
    summaries = {}
    for name in PLAYERS:
        runs = [result[name] for result in results]
        arms = np.array([run.arms for run in runs])
        low, high = interval(weights @ arms)
        ratio_low, ratio_high = interval((weights @ arms) / (weights @ base))
        before, cost, costly, locked = (
            float(np.mean([getattr(run, part) for run in runs])) for part in ("before", "cost", "costly", "locked")
        )
        summaries[name] = Summary(
            float(arms.mean()), (float(low), float(high)),
            float(arms.mean() / base.mean()), (float(ratio_low), float(ratio_high)),
            before, cost, costly, locked, float(arms.mean()) + before + cost,
        )
    return summaries


def with_error(value: float, bounds: tuple[float, float], digits: int) -> str:
    """The value and half its interval, e.g. "76.8 ±1.2"."""
    return f"{value:.{digits}f} ±{(bounds[1] - bounds[0]) / 2:.{digits}f}"


def print_table(summaries: Mapping[str, Summary], seeds: int, console: Console) -> None:
    """The figures, one player a row."""
    after = setting().burn_in
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left", title_justify="left",
        title=f"Late flights beyond the best carrier's per honest participant: "
        f"M={setting().participants} K={setting().arms} T={setting().horizon}, {seeds} seeds",
        caption=f"arms: rounds {after + 1} to {setting().horizon}, ± half the 95 % bootstrap interval. burn-in: "
        f"rounds 1 to {after}, unpaid under the protocol, paid to UCB1 and the oracle. cost: c, uniform in [0, 1], "
        f"for each of the rounds in case 2. locked: runs that end on one arm more than {WRONG / UNIT} below the best.",
    )
    table.add_column("player", no_wrap=True)
    for heading in ("arms", "/ UCB1", "burn-in", "cost", "case 2", "total", "locked"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, s in summaries.items():
        table.add_row(
            name, with_error(s.arms, s.arms_interval, 1), with_error(s.ratio, s.ratio_interval, 2), f"{s.before:.1f}",
            f"{s.cost:.1f}", f"{s.costly:.1f}", f"{s.total:.1f}", f"{s.locked:.0%}",
        )
    console.print(table)


STYLES = {
    UNDEFENDED: ("#D55E00", "--", "plain mean, no defence"),
    SINGLE: ("#4D4D4D", "-.", "UCB1, each alone"),
    OURS: ("#0072B2", "-", "chain-bandit"),
    ORACLE: ("#009E73", ":", "oracle, honest data pooled"),
}


def plot(results: Sequence[Mapping[str, Result]], file: Path) -> None:
    """Arm regret over the rounds after the burn-in, mean and 95 % band of each player in STYLES."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "regret", "font.size": 10.5})
    import matplotlib.pyplot as plt

    weights, rounds, after = resamples(len(results)), checkpoints(), setting().burn_in
    figure, axes = plt.subplots(figsize=(8.6, 4.6), layout="constrained")
    axes.axvspan(0, after, color="#E6E6E6", linewidth=0)
    for name, (colour, dashes, label) in STYLES.items():
        curves = np.array([result[name].curve for result in results])
        low, high = interval(weights @ curves)
        mean = curves.mean(axis=0)
        axes.fill_between(rounds, low, high, color=colour, alpha=0.22, linewidth=0)
        axes.plot(rounds, mean, color=colour, linestyle=dashes, linewidth=2.6 if name == OURS else 1.9)
        axes.annotate(
            f"{label}: {mean[-1]:.0f}", (rounds[-1], mean[-1]), xytext=(7, 0), textcoords="offset points",
            color=colour, va="center", annotation_clip=False, fontweight="bold" if name == OURS else "normal",
        )
    axes.text(
        after / 2, axes.get_ylim()[1] * 0.5,
        f"burn-in, rounds 1 to {after}: nothing paid,\n{results[0][OURS].before:.0f} on-time flights forgone",
        rotation=90, ha="center", va="center", color="#4D4D4D", fontsize=9.5,
    )
    axes.set(
        xlim=(0, setting().horizon), ylim=(0, None), xlabel="round",
        ylabel="late flights beyond the best carrier's\nper honest participant, after the burn-in",
    )
    axes.set_title(
        f"Learning which of {setting().arms} airlines is on time: {setting().participants} participants, 3 malicious",
        loc="left", fontsize=11.5,
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    metadata: dict[str, str | None] = {"Date": None} if file.suffix == ".svg" else {}
    figure.savefig(file, dpi=160, metadata=metadata)
    plt.close(figure)


def main() -> int:
    """Run the seeds, show the figures, and say by the exit status whether the claim holds."""
    parser = argparse.ArgumentParser(description="Honest participants' regret in the demo's setting, without a chain.")
    parser.add_argument("--seeds", type=int, default=40, help="independent runs (default 40, at least 2)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot (.svg, .png or .pdf)")
    options = parser.parse_args()
    if options.seeds < 2 or options.jobs < 1:
        parser.error("expected --seeds of at least 2 and --jobs of at least 1")
    with ProcessPoolExecutor(options.jobs) as pool:
        results = list(pool.map(run_seed, range(options.seeds)))
    summaries = summarise(results)
    holds = summaries[OURS].ratio_interval[1] < 1
    if options.plot:
        plot(results, options.plot)
    if options.json:
        figures = {name: asdict(summary) for name, summary in summaries.items()}
        print(json.dumps({"seeds": options.seeds, "burn_in": setting().burn_in, "below_ucb1": holds,
                          "players": figures}))
    else:
        print_table(summaries, options.seeds, Console(width=max(Console().width, 94)))
    return 0 if holds else 14


if __name__ == "__main__":
    sys.exit(main())
