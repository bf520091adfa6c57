"""What phases save: regret against blocks, bytes, signatures and gas, by the growth of an arm's pulls between blocks.

    python benchmarks/communication.py [--replicates 200] [--rounds 10000] [--jobs 2] [--json] [--plot FILE]

The setting is that of Zhu et al. with f = 3 of M = 10 (docs/rivals.md). What a block takes is measured: bytes and
signatures in the rounds of a live game of that size without a chain, gas in tests/snapshots/gas_rounds.json (compact, a
transaction each). Pulls are apart, since a phase saves none: a request and a receipt each, whatever the growth.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import provenance
from chain_bandit.actors.messages import PullRequest, Receipt, Send
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.game.simulated import replicates
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import Estimate

GAS = Path(__file__).resolve().parents[1] / "tests" / "snapshots" / "gas_rounds.json"
GROWTHS = (0.0, 1 / 16, 1 / 4, 1 / 2, 1.0, 2.0, 4.0)
LIES = {"nobody lies": None, "sign flip": "sign-flip", "edge of the radius": "radius"}
ROUNDS_MEASURED = 5


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a block takes between all participants, and what the pulls of one round take.

    Attributes:
        signatures: made.
        bytes: delivered, byte strings at their length, other numbers at eight bytes.
        gas: of a record.
    """

    signatures: float
    bytes: float
    gas: int
    pull_signatures: float
    pull_bytes: float


@dataclass(frozen=True, slots=True)
class Row:
    """A lie at a growth; everything over the T rounds of a game, in the mean."""

    lie: str
    growth: float
    regret: Estimate
    arms: Estimate
    blocks: float
    signatures: float
    megabytes: float
    gas: float


def scenario(rounds: int, growth: float = 0.0, lie: str | None = None) -> Scenario:
    """Zhu et al.'s set-up, f = 3, with so many rounds."""
    settings: dict[str, Any] = {
        "name": "phases", "participants": 10, "rounds": rounds, "liars": 3, "attackers": 3, "growth": growth,
        "rewards": {"kind": "bernoulli", "means": [0.5, 0.45, 0.4, 0.3]},
    }  # fmt: skip
    if lie:
        settings["adversary"] = {"liars": 3, "estimators": [{"name": lie}]}
    given = Scenario.model_validate(settings)
    given.check()
    return given


def size(value: Any) -> int:
    """Bytes of a message."""
    if isinstance(value, bytes):
        return len(value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(size(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return sum(size(key) + size(each) for key, each in value.items())
    if isinstance(value, tuple | list | frozenset | set):
        return sum(map(size, value))
    return 8


@contextmanager
def delivered() -> Iterator[dict[str, list[int]]]:
    """[messages, bytes] delivered so far, those of pulls apart."""
    seen, deliver = {"block": [0, 0], "pull": [0, 0]}, MemoryNetwork.deliver

    def counted(self: MemoryNetwork, sender: int, sends: Sequence[Send]) -> None:
        for send in sends:
            row = seen["pull" if isinstance(send.message, PullRequest | Receipt) else "block"]
            row[0] += len(send.to)
            row[1] += len(send.to) * size(send.message)
        deliver(self, sender, sends)

    MemoryNetwork.deliver = counted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        MemoryNetwork.deliver = deliver  # type: ignore[method-assign]


@cache
def traffic() -> Traffic:
    """Measured in the first recorded rounds of a live game."""
    signed: list[float] = []
    short = scenario(1000)
    count = short.participants
    game = Game(short, NoChain(), Plan(short, signed.append))
    rows = json.loads(GAS.read_text())["rows"]
    (gas,) = (r["gas"] for r in rows if (r["body"], r["batch"], r["n"]) == ("compact", 1, count))
    last = short.parameters.burn_in
    with delivered() as seen:
        for each in game.play():
            if each.round == last:
                signed.clear()
                for row in seen.values():
                    row[:] = [0, 0]
            if each.round == last + ROUNDS_MEASURED:
                break
    # A request and a receipt are signed once each, and go one way.
    pulls = seen["pull"][0] / ROUNDS_MEASURED
    return Traffic(
        len(signed) / ROUNDS_MEASURED - pulls, seen["block"][1] / ROUNDS_MEASURED, gas, pulls,
        seen["pull"][1] / ROUNDS_MEASURED,
    )  # fmt: skip


def measure(lie: str, growth: float, rounds: int, count: int, jobs: int) -> Row:
    """One row."""
    found, each = replicates(scenario(rounds, growth, LIES[lie]), count, (rounds,), jobs), traffic()
    blocks = found.mean("blocks")
    return Row(
        lie, growth, found.regret()[0], found.regret("arms")[0], blocks, blocks * each.signatures,
        blocks * each.bytes / 1e6, blocks * each.gas,
    )  # fmt: skip


def plot(rows: Sequence[Row], file: Path) -> None:
    """Regret against the gas of a game's records, a line a lie."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "communication", "font.size": 10.5})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.2, 4.6), layout="constrained")
    for lie, colour in zip(LIES, ("#1B7F5C", "#C0392B", "#7D3C98"), strict=True):
        mine = [row for row in rows if row.lie == lie]
        gas, regret = [row.gas / 1e6 for row in mine], [row.arms.mean for row in mine]
        spread = [(row.arms.high or row.arms.mean) - row.arms.mean for row in mine]
        axes.errorbar(gas, regret, spread, color=colour, marker="o", markersize=5, capsize=3, label=lie)
    for row in (row for row in rows if row.lie == next(iter(LIES))):
        label = "a block\neach round" if row.growth == 0 else f"+{row.growth:.4g}"
        axes.annotate(label, (row.gas / 1e6, row.arms.mean), xytext=(0, -14), textcoords="offset points",
                      ha="center", va="top", fontsize=9, color="#4D4D4D")
    axes.set(xscale="log", xlabel="gas of all records, millions", ylim=(0, None),
             ylabel="regret of the arms after T rounds,\nmean and 95 % interval")
    axes.set_title("An arm pulled on after its block, by a share of its pulls: what that saves, and what it costs",
                   fontsize=11, loc="left")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper right")
    figure.savefig(file, dpi=160, metadata={"Date": None} if file.suffix == ".svg" else {})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot (.svg, .png or .pdf)")
    options = parser.parse_args()
    provenance.require_clean(options.plot)
    rows = [measure(lie, growth, options.rounds, options.replicates, options.jobs)
            for lie in LIES for growth in GROWTHS]  # fmt: skip
    said = {"traffic": asdict(traffic()), "rows": [asdict(row) for row in rows]}
    if options.plot:
        plot(rows, options.plot)
        command = " ".join(["python", "benchmarks/communication.py", *sys.argv[1:]])
        about = {"command": command, "figures": said} | provenance.made(0, options.replicates)
        options.plot.with_suffix(".json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    if options.json:
        print(json.dumps(said))
        return
    each = traffic()
    table = Table(box=SIMPLE_HEAD, title=(
        f"M = 10, K = 4, f = 3, T = {options.rounds:,}, {options.replicates} games. A block: {each.signatures:.0f} "
        f"signatures, {each.bytes / 1e3:.0f} kB delivered, {each.gas:,} gas; the pulls of a round: "
        f"{each.pull_signatures:.0f} signatures, {each.pull_bytes / 1e3:.1f} kB"
    ))  # fmt: skip
    for name in ("lie", "growth", "regret", "of arms", "blocks", "signatures", "MB", "gas, millions"):
        table.add_column(name, justify="left" if name == "lie" else "right")
    for row in rows:
        half = (row.regret.high or row.regret.mean) - row.regret.mean
        table.add_row(
            row.lie, f"{row.growth:.4g}", f"{row.regret.mean:.1f} ± {half:.1f}", f"{row.arms.mean:.1f}",
            f"{row.blocks:,.0f}", f"{row.signatures:,.0f}", f"{row.megabytes:,.1f}", f"{row.gas / 1e6:,.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
