"""The rivals on their own set-ups: pseudo-regret of the honest, what is sent for it, and what was published of it.

    python benchmarks/rivals.py [zhu swarmgov vial fed-mom] [--replicates 20] [--horizon 10000] [--jobs 2] [--json]

No chain, no messages: `chain_bandit` is its Option 1 from round 1 on, with the exploration of all who pool. "sent":
numbers an agent sends a round; a broadcast counts once. "with cost": each number costs the set-up's price in rewards.
"published": the figure, or the ends of its 95 % interval or range; "ratio": ours over it, 1 inside. What each rival is
told and where it comes from: docs/rivals.md.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from chain_bandit.simulation.arena import World, play, ring
from chain_bandit.simulation.rivals.registry import RIVALS
from chain_bandit.simulation.rivals.reports import Malice, constant, inflated, inside

SEED = 1
HONEST = Malice()


@dataclass(frozen=True)
class Row:
    """A rival with its liars in a world, or in several that share the replicates."""

    rival: str
    lie: str
    malice: Malice
    worlds: tuple[World, ...]
    published: tuple[float, ...] = ()


@dataclass(frozen=True)
class Setup:
    """Rows that belong together, and what a number costs that is sent."""

    title: str
    rows: tuple[Row, ...]
    price: float = 0.0


@dataclass(frozen=True)
class Figure:
    """A row's outcome; `half`: of the 95 % interval."""

    rival: str
    lie: str
    liars: int
    replicates: int
    regret: float
    half: float
    sent: float
    with_cost: float
    published: tuple[float, ...]
    ratio: float | None


def zhu() -> Setup:
    """M = 10, K = 4: the liars swap the two best arms, or stay inside the honest range."""
    means = (0.5, 0.45, 0.4, 0.3)
    swap, within = Malice(constant((0.4, 0.5, 0.4, 0.3))), Malice(inside(0))
    zeros = Malice(constant((0, 0, 0, 0)))
    published: Mapping[tuple[str, int, str], tuple[float, ...]] = {
        ("ucb1", 1, "none"): (230,), ("oracle", 1, "none"): (50,), ("oracle", 3, "none"): (60,),
        ("trimmed", 1, "swap"): (58, 62), ("trimmed", 3, "swap"): (112, 127),
        ("trimmed", 1, "inside"): (58, 62), ("trimmed", 3, "inside"): (112, 127),
        ("zhu", 1, "swap"): (132, 145), ("zhu", 1, "zeros"): (132, 145), ("zhu", 3, "swap"): (194,),
    }  # fmt: skip
    alone = [(rival, 1, "none", HONEST) for rival in ("ucb1", "kl-ucb", "thompson")]
    swapped = ("trimmed", "mean", "median", "fedavg", "geometric-median", "krum", "meamed", "clipping", "zhu",
               "dubey-pentland", "fed-mom", "demabar")  # fmt: skip
    pools = [
        (rival, liars, lie, malice)
        for liars in (1, 3)
        for rivals, lie, malice in (
            (("oracle",), "none", HONEST),
            (swapped, "swap", swap),
            (("trimmed", "mean", "median"), "inside", within),
            (("zhu",), "zeros", zeros),
        )
        for rival in rivals
    ]
    return Setup(
        "Zhu et al.: M=10 K=4 .5/.45/.4/.3 T=10,000",
        tuple(
            Row(rival, lie, malice, (World(means, 10, liars, 10_000),), published.get((rival, liars, lie), ()))
            for rival, liars, lie, malice in (*alone, *pools)
        ),
    )


def swarmgov() -> Setup:
    """N = 25, K = 5; five liars say that arm 3 always pays."""
    means, raised = (0.75, 0.65, 0.60, 0.35, 0.25), Malice(inflated(3))
    full, circle = World(means, 25, 0, 2000), World(means, 25, 0, 2000, ring(25))
    attacked, raided = replace(circle, liars=5), replace(full, liars=5)
    shuffles = (np.random.default_rng(place).permutation(25) for place in range(10))
    placed = tuple(replace(attacked, graph=ring(25)[shuffle][:, shuffle]) for shuffle in shuffles)
    mean, median, cut = "swarmgov-mean", "swarmgov-median", "swarmgov-trimmed"
    return Setup(
        "SwarmGov-R: N=25 K=5 .75/.65/.6/.35/.25 T=2,000; complete, or a ring; five liars side by side, or anywhere",
        (
            Row("ucb1", "none", HONEST, (full,), (114.73,)),
            Row(mean, "none, complete", HONEST, (full,), (10.88,)),
            Row(median, "none, complete", HONEST, (full,), (5.02, 23.85)),
            Row(cut, "none, complete", HONEST, (full,), (2.86, 19.98)),
            Row(mean, "none, ring", HONEST, (circle,), (78.42,)),
            Row(median, "none, ring", HONEST, (circle,), (371.36, 406.24)),
            Row(cut, "none, ring", HONEST, (circle,), (199.10, 223.67)),
            Row(mean, "one arm, ring, anywhere", raised, placed, (83.01,)),
            Row(mean, "one arm, ring, side by side", raised, (attacked,), (90.16,)),
            Row("trimmed", "none, complete", HONEST, (full,)),
            Row("trimmed", "one arm, complete", raised, (raided,)),
            Row(mean, "one arm, complete", raised, (raided,)),
        ),
    )  # fmt: skip


def vial() -> Setup:
    """K = 100, 25 honest, 10 liars who name any arm; those who report say that the second best always pays."""
    coins = np.random.default_rng(0)
    spread = coins.permutation([0.95, 0.85, *coins.uniform(0, 0.85, 98)])
    world = World(tuple(map(float, spread)), 35, 10, 100_000)
    liars = Malice(inflated(int(np.argsort(spread)[-2])))
    told = {"gosine": "any arm", "vial-2021": "any arm", "vial-2022": "any arm"}
    return Setup(
        "Vial et al.: K=100, 25 honest, 10 liars, complete, T=100,000; .95, .85, the rest uniform below",
        tuple(
            Row(rival, told.get(rival, "second best"), liars, (world,))
            for rival in ("ucb1", "gosine", "vial-2021", "vial-2022", "oracle", "trimmed", "mean")
        ),
    )  # fmt: skip


def fed_mom() -> Setup:
    """20 clients, 8 arms, 6 liars; a number sent costs a hundredth of a reward."""
    means = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
    turned = Malice(constant(means[::-1]))
    world = World(means, 20, 6, 10_000)
    return Setup(
        "Fed-MoM-UCB: 20 clients, 8 arms .9 … .2, 6 liars who turn them round, T=10,000; the numbers are ours",
        tuple(
            Row(rival, "turned", turned, (world,))
            for rival in ("ucb1", "oracle", "trimmed", "mean", "fed-mom", "median", "zhu", "demabar", "vial-2021")
        ),
        price=0.01,
    )


SETUPS: Mapping[str, Callable[[], Setup]] = {"zhu": zhu, "swarmgov": swarmgov, "vial": vial, "fed-mom": fed_mom}


def figure(name: str, place: int, replicates: int, horizon: int) -> Figure:
    """One row, played."""
    setup = SETUPS[name]()
    row = setup.rows[place]
    worlds = [replace(world, horizon=min(world.horizon, horizon)) for world in row.worlds]
    each = max(replicates // len(worlds), 2)
    games = [play(world, RIVALS[row.rival](row.malice), each, SEED + number) for number, world in enumerate(worlds)]
    regret = np.concatenate([game.regret[:, -1] for game in games])
    mean, sent = float(regret.mean()), games[0].sent
    whole = worlds[0].horizon == row.worlds[0].horizon
    nearest = float(np.clip(mean, min(row.published), max(row.published))) if row.published and whole else None
    half = float(1.96 * regret.std(ddof=1) / len(regret) ** 0.5)
    return Figure(
        row.rival, row.lie, worlds[0].liars, len(regret), mean, half, sent,
        mean + setup.price * sent * worlds[0].horizon, row.published if whole else (), nearest and mean / nearest,
    )  # fmt: skip


def print_table(setup: Setup, figures: Sequence[Figure], horizon: int, console: Console) -> None:
    """The figures, one rival a row."""
    title = f"{setup.title}; {horizon:,} rounds at most"
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for heading in ("rival", "liars", "lie"):
        table.add_column(heading, no_wrap=True)
    for heading in ("regret", "sent", *(["with cost"] if setup.price else []), "published", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in figures:
        table.add_row(
            "chain_bandit" if row.rival == "trimmed" else row.rival, str(row.liars), row.lie,
            f"{row.regret:.1f} ±{row.half:.1f}", f"{row.sent:.3g}", *([f"{row.with_cost:.0f}"] if setup.price else []),
            " … ".join(f"{value:g}" for value in row.published), "" if row.ratio is None else f"{row.ratio:.3f}",
        )  # fmt: skip
    console.print(table)


def main() -> None:
    """Play the set-ups that are named, or all."""
    parser = argparse.ArgumentParser(description="The rivals on their own set-ups.")
    parser.add_argument("setups", nargs="*", metavar="SETUP", help=f"of {', '.join(SETUPS)} (default all)")
    parser.add_argument("--replicates", type=int, default=20, help="independent games a row (default 20, at least 2)")
    parser.add_argument("--horizon", type=int, default=10_000, help="rounds at most (default 10,000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the tables")
    options = parser.parse_args()
    names = options.setups or list(SETUPS)
    if unknown := [name for name in names if name not in SETUPS]:
        parser.error(f"no set-up is called {unknown[0]}; there are {', '.join(SETUPS)}")
    if options.replicates < 2 or options.horizon < 1 or options.jobs < 1:
        parser.error("expected --replicates of at least 2, --horizon and --jobs of at least 1")
    with ProcessPoolExecutor(options.jobs) as pool:
        asked = {
            name: [
                pool.submit(figure, name, place, options.replicates, options.horizon)
                for place in range(len(SETUPS[name]().rows))
            ]
            for name in names
        }
        found = {name: [future.result() for future in futures] for name, futures in asked.items()}
    if options.json:
        print(json.dumps({name: [vars(row) for row in rows] for name, rows in found.items()}))
    else:
        for name, rows in found.items():
            print_table(SETUPS[name](), rows, options.horizon, Console(width=max(Console().width, 110)))


if __name__ == "__main__":
    main()
