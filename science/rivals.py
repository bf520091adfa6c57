"""The rivals on their own set-ups: pseudo-regret of the honest, what is sent for it, and what was published of it.

    python science/rivals.py [zhu attacks swarmgov vial fed-mom] [--replicates 20] [--horizon 10000] [--jobs 2]
                                [--json FILE] [--only RIVAL ...] [--aggregation NAME ...] [--policy NAME ...]
                                [--incentive NAME ...]

No chain, no messages: `chain_bandit` is its Option 1 from round 1 on, with the exploration of all pooled rules. "sent":
numbers an agent sends a round; a broadcast counts once. "with cost": each number costs the set-up's price in rewards.
"published": the figure, or the ends of its 95 % interval or range; "ratio": ours over it, 1 inside. What each rival is
told and where it comes from: docs/rivals.md. JSON is a line for each row; what FILE holds is not played again, so that
a run that was stopped goes on. NAME is a plug-in's (docs/plugins.md), which then plays every row's lie and world.
Rows are played without and with each incentive, a plug-in's or one of ours (docs/mediate.md): `RIVAL with NAME`.
Where a plug-in breaks, the exit code is 3.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.attack import NotSimulated
from chain_bandit.attacks.registry import make
from chain_bandit.mediate.bandit import INCENTIVES, TokenIncentive
from chain_bandit.mediate.token_rule import Mate, MethodInvalid
from chain_bandit.plugins import PluginBroken, find, made
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.runner.rows import resumed_rows
from chain_bandit.runner.workers import processes
from chain_bandit.scenario import BernoulliRewards, Scenario
from chain_bandit.simulation.arena import Played, PolicyMaker, World, play, ring, scale_free
from chain_bandit.simulation.incentive import IncentiveMaker, shaped
from chain_bandit.simulation.replicates import estimate
from chain_bandit.simulation.rivals.registry import BROUGHT, OF_BITS, RIVALS, named
from chain_bandit.simulation.rivals.reports import Malice, another, constant, inflated, inside
from science import provenance
from science.attacked import told_by
from science.figures import TABLED

SEED = 1
WITH = " with "
"""Between a rule's name and its incentive's."""
HONEST = Malice()
OURS = {
    "option-1": "chain_bandit", "confidence": "chain_bandit, confidence",
    "phased-option-1": "chain_bandit, phases", "phased-confidence": "chain_bandit, confidence, phases",
}  # fmt: skip
POOLED = ("option-1", "confidence", "mean", "fedavg", "median", "geometric-median", "krum", "meamed",
          "centred-clipping", "zhu", "zhu-pooled", "dubey-pentland", "fed-mom")  # fmt: skip


@dataclass(frozen=True)
class RivalRow:
    """A rival with its liars in a world, or in several that share the replicates."""

    rival: str
    lie: str
    malice: Malice
    worlds: tuple[World, ...]
    published: tuple[float, ...] = ()

    @property
    def names(self) -> dict[str, Any]:
        """By which it is known in its set-up."""
        return {"rival": self.rival, "lie": self.lie, "liars": self.worlds[0].liars}


@dataclass(frozen=True)
class Setup:
    """Rows that belong together.

    Attributes:
        price: of a number that is sent, in rewards.
        screen: games a row, from which each rule's worst lie is taken and played in full; 0: every row is.
    """

    title: str
    rows: tuple[RivalRow, ...]
    price: float = 0.0
    screen: int = 0


@dataclass(frozen=True)
class RivalAsked:
    """Which row of a set-up is played, how often, for how many rounds at most, and on which luck."""

    setup: str
    rival: str
    lie: str
    liars: int
    replicates: int
    horizon: int
    seed: int = SEED

    @property
    def row(self) -> RivalRow:
        """The row itself; a plug-in's is that of another rule under the same lie."""
        rows = [row for row in SETUPS[self.setup]().rows if (row.lie, row.worlds[0].liars) == (self.lie, self.liars)]
        return next((row for row in rows if row.rival == self.rival), beside(rows[0], self.rival))


def beside(row: RivalRow, brought: str) -> RivalRow:
    """What a plug-in plays where another rule has that row."""
    return replace(row, rival=brought, published=())


def with_each(row: RivalRow, incentives: Iterable[str]) -> Iterator[RivalRow]:
    """The row with each incentive; none where a rule could not learn from it."""
    return (beside(row, f"{row.rival}{WITH}{each}") for each in incentives if row.rival not in OF_BITS)


def incentive(name: str) -> IncentiveMaker:
    """One of ours, MATE's tokens as `mate:0.5` has them, or a plug-in's. Raises `MethodInvalid` and `PluginBroken`."""
    if mate := Mate.named(name):
        return partial(TokenIncentive, method=mate)
    found: IncentiveMaker = find("incentives", name, INCENTIVES)
    return found


def maker(row: RivalRow) -> PolicyMaker:
    """Makes what plays a row."""
    rule, _, paying = row.rival.partition(WITH)
    alone = named(rule)(row.malice)
    return shaped(alone, incentive(paying)) if paying else alone


@dataclass(frozen=True)
class Figure:
    """A row's outcome; `half`: of the 95 % interval; `replicates`: games that were played for it."""

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
        ("option-1", 1, "swap"): (58, 62), ("option-1", 3, "swap"): (112, 127),
        ("option-1", 1, "inside"): (58, 62), ("option-1", 3, "inside"): (112, 127),
        ("zhu", 1, "swap"): (132, 145), ("zhu", 1, "zeros"): (132, 145), ("zhu", 3, "swap"): (194,),
    }  # fmt: skip
    alone = [(rival, 1, "none", HONEST) for rival in ("ucb1", "kl-ucb", "thompson")]
    swapped = ("option-1", "confidence", "mean", "median", "fedavg", "geometric-median", "krum", "meamed",
               "centred-clipping", "zhu", "zhu-pooled", "dubey-pentland", "fed-mom", "demabar")  # fmt: skip
    pools = [
        (rival, liars, lie, malice)
        for liars in (1, 3)
        for rivals, lie, malice in (
            (("oracle",), "none", HONEST),
            (swapped, "swap", swap),
            (("option-1", "confidence", "mean", "median"), "inside", within),
            (("zhu",), "zeros", zeros),
        )
        for rival in rivals
    ]
    return Setup(
        "Zhu et al.: M=10 K=4 .5/.45/.4/.3 T=10,000",
        tuple(
            RivalRow(rival, lie, malice, (World(means, 10, liars, 10_000),), published.get((rival, liars, lie), ()))
            for rival, liars, lie, malice in (*alone, *pools)
        ),
    )


def attacks() -> Setup:
    """Zhu's set-up under every attack of the registry that a report of means can carry, by default and bolder."""
    means = (0.5, 0.45, 0.4, 0.3)
    bolder = (
        ("constant-lie", {"favour": 1}), ("inflated-counts", {"favour": 1}),
        ("inflated-counts", {"favour": 1, "times": 10_000}), ("sleeper", {"wakes": 5_000}),
    )  # fmt: skip
    rows = []
    for liars in (1, 3):
        worlds = (World(means, 10, liars, 10_000),)
        game = Scenario(
            name="attacks", participants=10, rounds=10_000, liars=liars, attackers=0,
            rewards=BernoulliRewards(kind="bernoulli", means=means),
        ).parameters  # fmt: skip
        rows += [RivalRow(rival, "none", HONEST, worlds) for rival in ("ucb1", "oracle")]
        for name, options in (*((name, {}) for name in TABLED), *bolder):
            try:
                malice = Malice(told_by(make(name, options), game))
            except NotSimulated:
                continue
            label = " ".join([name, *(f"{option}={value}" for option, value in options.items())])
            rows += [RivalRow(rival, label, malice, worlds) for rival in POOLED]
    return Setup("Zhu et al.'s set-up under every attack", tuple(rows), screen=20)


def swarmgov() -> Setup:
    """N = 25, K = 5; five liars report that arm 3 always pays. Of scale-free graphs twenty, m = 2."""
    means, raised = (0.75, 0.65, 0.60, 0.35, 0.25), Malice(inflated(3))
    full, circle = World(means, 25, 0, 2000), World(means, 25, 0, 2000, ring(25))
    attacked, raided = replace(circle, liars=5), replace(full, liars=5)
    shuffles = (np.random.default_rng(place).permutation(25) for place in range(10))
    placed = tuple(replace(attacked, graph=ring(25)[shuffle][:, shuffle]) for shuffle in shuffles)
    webs = tuple(replace(full, graph=scale_free(25, 2, np.random.default_rng(place))) for place in range(20))
    mean, median, cut = "swarmgov-mean", "swarmgov-median", "swarmgov-trimmed"
    return Setup(
        "SwarmGov-R: N=25 K=5 .75/.65/.6/.35/.25 T=2,000; complete, ring, scale-free; five liars in a row, or anywhere",
        (
            RivalRow("ucb1", "none", HONEST, (full,), (114.73,)),
            RivalRow(mean, "none, complete", HONEST, (full,), (10.88,)),
            RivalRow(median, "none, complete", HONEST, (full,), (5.02, 23.85)),
            RivalRow(cut, "none, complete", HONEST, (full,), (2.86, 19.98)),
            RivalRow(mean, "none, ring", HONEST, (circle,), (78.42,)),
            RivalRow(median, "none, ring", HONEST, (circle,), (371.36, 406.24)),
            RivalRow(cut, "none, ring", HONEST, (circle,), (199.10, 223.67)),
            RivalRow(mean, "none, scale-free", HONEST, webs, (80.1,)),
            RivalRow(median, "none, scale-free", HONEST, webs, (437.7,)),
            RivalRow(cut, "none, scale-free", HONEST, webs, (280.3,)),
            RivalRow(mean, "one arm, ring, anywhere", raised, placed, (83.01,)),
            RivalRow(mean, "one arm, ring, side by side", raised, (attacked,), (90.16,)),
            RivalRow("option-1", "none, complete", HONEST, (full,)),
            RivalRow("option-1", "one arm, complete", raised, (raided,)),
            RivalRow(mean, "one arm, complete", raised, (raided,)),
        ),
    )  # fmt: skip


def vial() -> Setup:
    """K = 100, 25 honest, 10 liars that name any arm, or one that is new and worse; in reports the second best pays."""
    coins = np.random.default_rng(0)
    spread = coins.permutation([0.95, 0.85, *coins.uniform(0, 0.85, 98)])
    world = World(tuple(map(float, spread)), 35, 10, 100_000)
    liars = Malice(inflated(int(np.argsort(spread)[-2])))
    gossips = tuple(name for name in RIVALS if name.startswith(("gosine", "vial")))
    told = [(rival, "any arm", liars) for rival in gossips]
    told += [(rival, "new arms", Malice(recommend=another(int(np.argmax(spread))))) for rival in gossips]
    told += [(rival, "second best", liars) for rival in ("ucb1", "oracle", "option-1", "confidence", "mean")]
    return Setup(
        "Vial et al.: K=100, 25 honest, 10 liars, complete, T=100,000; .95, .85, the rest uniform below",
        tuple(RivalRow(rival, lie, malice, (world,)) for rival, lie, malice in told),
    )  # fmt: skip


def fed_mom() -> Setup:
    """20 clients, 8 arms, 6 liars; a number sent costs a hundredth of a reward."""
    means = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
    turned = Malice(constant(means[::-1]))
    world = World(means, 20, 6, 10_000)
    return Setup(
        "Fed-MoM-UCB: 20 clients, 8 arms .9 … .2, 6 liars who turn them round, T=10,000; the numbers are ours",
        tuple(
            RivalRow(rival, "turned", turned, (world,))
            for rival in ("ucb1", "oracle", *OURS, "mean", "fed-mom", "median", "zhu", "demabar", "vial-2021")
        ),
        price=0.01,
    )


SETUPS: Mapping[str, Callable[[], Setup]] = {
    "zhu": zhu, "attacks": attacks, "swarmgov": swarmgov, "vial": vial, "fed-mom": fed_mom,
}  # fmt: skip


def played(rival: str, *game: Any) -> Played:
    """A game of the arena.

    Raises:
        MethodInvalid: tokens that its agents cannot have.
        PluginBroken: it is not of our rules alone, and ends in any other error.
    """
    if rival in RIVALS:
        return play(*game)
    try:
        found: Played = made("rule", rival, partial(play, *game), {})
    except PluginBroken as broken:
        if isinstance(broken.__cause__, MethodInvalid):
            raise broken.__cause__ from None
        raise
    return found


def figure(asked: RivalAsked) -> Figure:
    """One row, played."""
    row, price = asked.row, SETUPS[asked.setup]().price
    worlds = [replace(world, horizon=min(world.horizon, asked.horizon)) for world in row.worlds]
    each, rule = max(asked.replicates // len(worlds), 2), maker(row)
    games = [played(row.rival, world, rule, each, asked.seed + number) for number, world in enumerate(worlds)]
    regret = np.concatenate([game.regret[:, -1] for game in games])
    apart = regret if len(games) == 1 else np.array([game.regret[:, -1].mean() for game in games])
    found, sent = estimate(apart), games[0].sent  # games in one place of the liars are not independent of it
    mean = found.mean
    whole = worlds[0].horizon == row.worlds[0].horizon
    nearest = float(np.clip(mean, min(row.published), max(row.published))) if row.published and whole else None
    assert found.high is not None
    return Figure(
        len(regret), mean, found.high - mean, sent, mean + price * sent * worlds[0].horizon,
        row.published if whole else (), nearest and mean / nearest,
    )  # fmt: skip


def line(asked: RivalAsked, found: Figure) -> dict[str, Any]:
    """A row of a file; each world has a seed of its own."""
    made = provenance.made(asked.seed, len(asked.row.worlds))
    return {"asked": asdict(asked), "figure": asdict(found)} | made


def read(rows: Iterable[Any]) -> dict[RivalAsked, Figure]:
    """The rows of a file."""
    return {
        RivalAsked(**row["asked"]): Figure(**row["figure"] | {"published": tuple(row["figure"]["published"])})
        for row in rows
    }  # fmt: skip


def figures(rows: Iterable[RivalAsked], jobs: int, file: Path | None) -> dict[RivalAsked, Figure]:
    """What these rows come to, from the file or played; what is played is added to it at once."""
    rows = list(rows)
    found = read(resumed_rows(rows, lambda asked: {"asked": asdict(asked)}, figure, line, file, processes(jobs)))
    return {asked: found[asked] for asked in rows}


def print_table(setup: Setup, found: Mapping[RivalAsked, Figure], console: Console) -> None:
    """The figures, one rival a row."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=setup.title, title_justify="left")
    for heading in ("rival", "liars", "lie"):
        table.add_column(heading, no_wrap=True)
    for heading in ("games", "regret", "sent", *(["with cost"] if setup.price else []), "published", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for asked, row in found.items():
        table.add_row(
            OURS.get(asked.rival, asked.rival), str(asked.liars), asked.lie, str(row.replicates),
            f"{row.regret:.1f} ±{row.half:.1f}", f"{row.sent:.3g}", *([f"{row.with_cost:.0f}"] if setup.price else []),
            " … ".join(f"{value:g}" for value in row.published), "" if row.ratio is None else f"{row.ratio:.3f}",
        )  # fmt: skip
    console.print(table)


def matrix(found: Mapping[RivalAsked, Figure], liars: int) -> Iterator[str]:
    """Regret by lie and rival, as docs/rivals.md has it; the worst lie of each rival stands out."""
    rows = {asked: row.regret for asked, row in found.items() if asked.liars == liars and asked.lie != "none"}
    lies, rivals = (list(dict.fromkeys(getattr(asked, name) for asked in rows)) for name in ("lie", "rival"))
    most = {rival: max(regret for asked, regret in rows.items() if asked.rival == rival) for rival in rivals}

    def cell(rival: str, regret: float) -> str:
        return f"**{regret:.0f}**" if regret == most[rival] else f"{regret:.0f}"

    yield f"| f = {liars} | {' | '.join(f'`{rival}`' for rival in rivals)} |"
    yield "|---" + "|---:" * len(rivals) + "|"
    for lie in lies:
        cells = {asked.rival: cell(asked.rival, regret) for asked, regret in rows.items() if asked.lie == lie}
        yield f"| `{lie}` | {' | '.join(cells.get(rival, '') for rival in rivals)} |"


def worst(found: Mapping[RivalAsked, Figure], replicates: int) -> list[RivalAsked]:
    """Of each rival and number of liars the row that cost most, to be played anew, on other luck."""
    rows: dict[tuple[str, int], RivalAsked] = {}
    for asked in sorted(found, key=lambda asked: found[asked].regret):
        rows[asked.rival, asked.liars] = asked
    return [replace(asked, replicates=replicates, seed=SEED + 100) for asked in found if asked in rows.values()]


def worst_table(found: Mapping[RivalAsked, Figure]) -> Iterator[str]:
    """What `worst` came to, as docs/rivals.md has it."""
    liars = sorted({asked.liars for asked in found})
    yield f"| rule | sent | {' | '.join(f'f = {count} | under' for count in liars)} |"
    yield "|---|---:" + "|---:|---" * len(liars) + "|"
    for rival in dict.fromkeys(asked.rival for asked in found):
        rows = {asked.liars: (asked.lie, row) for asked, row in found.items() if asked.rival == rival}
        cells = [f"{row.regret:.1f} ± {row.half:.1f} | {lie}" for lie, row in (rows[count] for count in liars)]
        yield f"| `{rival}` | {rows[liars[0]][1].sent:.3g} | {' | '.join(cells)} |"


def kept(rows: Iterable[Any], setup: str) -> dict[RivalAsked, Figure]:
    """Of the rows of a file those of a set-up, in its order, without what was played anew or brought."""
    found = read(rows)
    places = {tuple(row.names.values()): place for place, row in enumerate(SETUPS[setup]().rows)}
    those = {
        places[names]: asked for asked in found
        if (asked.setup, asked.seed) == (setup, SEED) and (names := (asked.rival, asked.lie, asked.liars)) in places
    }  # fmt: skip
    return {those[place]: found[those[place]] for place in sorted(those)}


def alone(rows: Iterable[Any]) -> Iterator[str]:
    """What the rows under every attack are held against, on the same luck."""
    for asked, row in kept(rows, "attacks").items():
        if asked.lie == "none":
            yield f"- `{asked.rival}`, f = {asked.liars}: {row.regret:.1f} ± {row.half:.1f}"


def attacked(rows: Iterable[Any]) -> Iterator[str]:
    """The matrix of each number of liars."""
    found = kept(rows, "attacks")
    for liars in sorted({asked.liars for asked in found}):
        yield from (*matrix(found, liars), "")


def published(rows: list[Any]) -> Iterator[str]:
    """What a source has published of a row, beside what comes out here."""
    yield "| set-up | rule | f | lie | published | here | games |"
    yield "|---|---|---:|---|---:|---:|---:|"
    for setup in SETUPS:
        for asked, row in kept(rows, setup).items():
            if row.published:
                values = " … ".join(f"{value:g}" for value in row.published)
                about = f"{setup} | `{asked.rival}` | {asked.liars} | {asked.lie}"
                yield f"| {about} | {values} | {row.regret:.1f} ± {row.half:.1f} | {row.replicates} |"


def swapped(rows: Iterable[Any]) -> Iterator[str]:
    """By rule and number of liars, the two best arms swapped."""
    found = {(asked.rival, asked.liars): row for asked, row in kept(rows, "zhu").items() if asked.lie == "swap"}
    yield "| rule | f = 1 | f = 3 |"
    yield "|---|---:|---:|"
    for rival in dict.fromkeys(rival for rival, _ in found):
        rows_of = (found.get((rival, liars)) for liars in (1, 3))
        cells = (f"{row.regret:.1f} ± {row.half:.1f}" if row else "" for row in rows_of)
        yield f"| `{rival}` | {' | '.join(cells)} |"


def incentives(rows: Iterable[Any]) -> Iterator[str]:
    """Regret and numbers sent without and with incentives, by rule and set-up; the least regret of the first on top."""
    found = {(asked.rival, asked.setup): row for asked, row in read(rows).items()}
    rules, setups = (list(dict.fromkeys(names[at] for names in found)) for at in (0, 1))
    yield "| | " + " | ".join(f"`{setup}` | sent" for setup in setups) + " |"
    yield "|---" + "|---:|---:" * len(setups) + "|"
    for rule in sorted(rules, key=lambda rule: found[rule, setups[0]].regret):
        told = (found[rule, setup] for setup in setups)
        cells = (f"{row.regret:.1f} ± {row.half:.1f} | {row.sent:.2f}" for row in told)
        yield f"| `{rule}` | {' | '.join(cells)} |"


def main() -> None:
    """Play the set-ups that are named, or all."""
    parser = argparse.ArgumentParser(description="The rivals on their own set-ups.")
    parser.add_argument("setups", nargs="*", metavar="SETUP", help=f"of {', '.join(SETUPS)} (default all)")
    parser.add_argument("--replicates", type=int, default=20, help="independent games a row (default 20, at least 2)")
    parser.add_argument("--horizon", type=int, default=10_000, help="rounds at most (default 10,000)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="a line for each row, as soon as it is played")
    parser.add_argument("--only", nargs="+", choices=list(RIVALS), metavar="RIVAL", help="of the rivals play these")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": [], "metavar": "NAME"}
    for kind in BROUGHT:
        told = f"also play such a rule of games, or a plug-in's {kind}, under every lie of the set-up"
        parser.add_argument(f"--{kind}", type=f"{kind} {{}}".format, help=told, **several)
    ours = ", ".join(INCENTIVES)
    told = f"also play every row with it, but of {', '.join(OF_BITS)}; a plug-in's, or of {ours} or mate:0.5"
    parser.add_argument("--incentive", help=told, **several)
    options = parser.parse_args()
    brought = (*options.aggregation, *options.policy)
    try:
        for name in brought:
            named(name)
        for name in options.incentive:
            incentive(name)
    except (ChainBanditError, MethodInvalid) as error:
        parser.error(str(error))
    names = options.setups or list(SETUPS)
    if unknown := [name for name in names if name not in SETUPS]:
        parser.error(f"no set-up is called {unknown[0]}; there are {', '.join(SETUPS)}")
    if options.replicates < 2 or options.horizon < 1 or options.jobs < 1:
        parser.error("expected --replicates of at least 2, --horizon and --jobs of at least 1")
    if options.incentive and options.only and not brought and {*options.only} <= {*OF_BITS}:
        parser.error(f"--incentive: {', '.join(options.only)} can only learn from rewards of 0 and 1")
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json {options.json}: there is no such folder")
    provenance.require_clean(options.json)
    try:
        tell(names, options, brought)
    except ChainBanditError as error:
        print(f"rivals.py: error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def tell(names: Iterable[str], options: argparse.Namespace, brought: Iterable[str]) -> None:
    """Play set-ups, and print what came of them. Raises `PluginBroken` and `MethodInvalid`."""
    console = Console(width=max(Console().width, 120))
    for name in names:
        setup = SETUPS[name]()
        setup = replace(setup, title=f"{setup.title}; {options.horizon:,} rounds at most")
        games = setup.screen or options.replicates
        lies = {(row.lie, row.worlds[0].liars): row for row in setup.rows}.values()
        ours = (row for row in setup.rows if not options.only or row.rival in options.only)
        without = (*ours, *(beside(row, each) for each in brought for row in lies))
        every = (each for row in without for each in (row, *with_each(row, dict.fromkeys(options.incentive))))
        rows = [RivalAsked(name, **row.names, replicates=games, horizon=options.horizon) for row in every]
        found = figures(rows, options.jobs, options.json)
        if setup.screen:
            again = figures(worst(found, options.replicates), options.jobs, options.json)
            print(f"{setup.title}; {games} games a cell, {options.replicates} of each rule's worst lie")
            tables = [matrix(found, liars) for liars in sorted({asked.liars for asked in found})]
            for table in (*tables, worst_table(again)):
                print("", *table, sep="\n")
        else:
            print_table(setup, found, console)


if __name__ == "__main__":
    main()
