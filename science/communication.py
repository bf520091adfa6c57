"""Savings by phases: regret against blocks, signatures, bytes and gas, by the growth of an arm's pulls between blocks.

    python -m science.communication [--replicates 200] [--rounds 10000] [--jobs 2] [--json] [--plot FILE]

The game is the demo's, the recommended preset with three liars of ten. Regret and blocks are means over simulated
games. What is sent, signed and paid for is counted in one live game on the embedded chain; of a game with a block a
round in two short ones, whose difference is what a round adds. Pulls are not counted: a request and a receipt each.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from chain_bandit.actors.messages import PullRequest, Receipt
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.game.simulated import replicates
from chain_bandit.network.memory import MemoryNetwork, Outgoing
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation.replicates import IntervalEstimate
from chain_bandit.stopwatch import Stopwatch
from science import provenance
from science.bars import Span

GROWTHS = (0.0, 1 / 16, 1 / 4, 1 / 2, 1.0)
SHORT = 600
"""Rounds of the shorter live game with a block a round; the longer one has twice as many."""
RECORDS, SETTLEMENTS = ("submitBlocks", "skip"), ("settleRewards",)
"""Calls of the contract that phases make fewer."""


@dataclass(frozen=True, slots=True)
class _Wire:
    """What a whole game takes. Bytes: delivered between all participants, numbers at eight bytes.

    Attributes:
        rounds: instances of consensus.
        bytes: delivered, those of pulls apart.
        transactions: that record or settle.
        records: their gas.
        settlements: likewise.
        beside: gas of everything else, from deployment to withdrawal.
    """

    rounds: float
    signatures: float
    bytes: float
    transactions: float
    records: float
    settlements: float
    beside: float

    def extended(self, longer: "_Wire", times: float) -> "_Wire":
        """This and so many times what the longer one has more."""
        pairs = zip(_values(self), _values(longer), strict=True)
        return _Wire(*(mine + times * (theirs - mine) for mine, theirs in pairs))


@dataclass(frozen=True, slots=True)
class _Row:
    """Games with a growth, recorded in batches; regret and blocks in the mean."""

    growth: float
    batch: int
    regret: IntervalEstimate
    blocks: float
    wire: _Wire

    @property
    def gas(self) -> float:
        """Of records and settlements."""
        return self.wire.records + self.wire.settlements


def _values(wire: _Wire) -> tuple[float, ...]:
    return tuple(getattr(wire, field.name) for field in fields(wire))


def scenario(rounds: int, growth: float, batch: int = 1) -> Scenario:
    """The demo's, in compact bodies; each phase is settled before its successor is recorded."""
    chain = {"chain.batch": batch, "chain.body": "compact", "chain.settle_every": 1 if growth else 25}
    file = provenance.ROOT / "examples" / "flights.toml"
    return load(file, {"rounds": rounds, "growth": growth, **chain}, on_chain=False)


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
def delivered() -> Iterator[list[int]]:
    """[messages of pulls, bytes of all others] delivered so far."""
    seen, deliver = [0, 0], MemoryNetwork.deliver

    def counted(self: MemoryNetwork, sender: int, sends: Sequence[Outgoing]) -> None:
        for send in sends:
            if isinstance(send.message, PullRequest | Receipt):
                seen[0] += len(send.to)
            else:
                seen[1] += len(send.to) * size(send.message)
        deliver(self, sender, sends)

    MemoryNetwork.deliver = counted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        MemoryNetwork.deliver = deliver  # type: ignore[method-assign]


def live(given: Scenario) -> _Wire:
    """A whole game on the embedded chain, counted."""
    signed: list[float] = []
    plan = Plan(given, signed.append)
    chain = OnChain(embedded_node(plan), Stopwatch())
    with delivered() as seen:
        rounds = sum(each.round >= given.parameters.burn_in for each in Game(given, chain, plan).play())
    gas = chain.contract.gas
    records, settlements = (sum(sum(gas.get(call, ())) for call in calls) for calls in (RECORDS, SETTLEMENTS))
    transactions = sum(len(gas.get(call, ())) for call in RECORDS + SETTLEMENTS)
    beside = sum(map(sum, gas.values())) - records - settlements
    return _Wire(rounds, len(signed) - seen[0], seen[1], transactions, records, settlements, beside)


def wire(rounds: int, growth: float, batch: int = 1) -> _Wire:
    """Of a game over so many pulls."""
    if growth or rounds <= 2 * SHORT:
        return live(scenario(rounds, growth, batch))
    short, longer = (live(scenario(each, growth, batch)) for each in (SHORT, 2 * SHORT))
    return short.extended(longer, (rounds - SHORT) / SHORT)


def measure(growth: float, rounds: int, count: int, jobs: int, batches: Sequence[int] = (1,)) -> Iterator[_Row]:
    """A row a batch."""
    found = replicates(scenario(rounds, growth), count, (rounds,), jobs)
    for batch in batches:
        yield _Row(growth, batch, found.regret()[0], found.mean("blocks"), wire(rounds, growth, batch))


def plot(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Regret against the gas of records and settlements."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "communication", "font.size": 10.5})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8.2, 4.2), layout="constrained")
    gas = [(row["wire"]["records"] + row["wire"]["settlements"]) / 1e6 for row in rows]
    regret = [Span(**row["regret"]) for row in rows]
    spread = [each.high - each.mean for each in regret]
    axes.errorbar(gas, [each.mean for each in regret], spread, color="#0072B2", marker="o", linestyle="", capsize=3)
    for row, x, each in zip(rows, gas, regret, strict=True):
        axes.annotate(_named(row), (x, each.mean), xytext=(0, -12), textcoords="offset points", va="top",
                      ha="right" if x == max(gas) else "center", fontsize=9, color="#4D4D4D")  # fmt: skip
    axes.set(xscale="log", xlabel="gas of records and settlements, millions", ylim=(0, None),
             ylabel="regret of all rounds,\nmean and 95 % interval")
    axes.set_title("A block a phase: gas saved, regret added, by the growth g", fontsize=11, loc="left")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.savefig(file, dpi=160, metadata={"Date": None} if file.suffix == ".svg" else {})
    plt.close(figure)


def _named(row: Mapping[str, Any]) -> str:
    if row["growth"]:
        return f"g = {row['growth']:.4g}"
    return "a block a round" if row["batch"] == 1 else f"in batches of {row['batch']}"


def table() -> Iterator[str]:
    """As docs/results.md has it, from the numbers beside the picture."""
    rows = json.loads((provenance.FIGURES / "communication.json").read_text(encoding="utf-8"))["figures"]["rows"]
    first = rows[0]
    yield (
        "| | regret of all rounds | blocks | instances of consensus | signatures | MB delivered | transactions "
        "| gas, millions | share | all other gas |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        sent = row["wire"]
        gas, before = (each["wire"]["records"] + each["wire"]["settlements"] for each in (row, first))
        yield (
            f"| {_named(row)} | {Span(**row['regret']).said} | {row['blocks']:,.0f} | {sent['rounds']:,.0f} "
            f"| {sent['signatures']:,.0f} | {sent['bytes'] / 1e6:,.1f} | {sent['transactions']:,.0f} "
            f"| {gas / 1e6:,.1f} | {'1' if row is first else f'1/{before / gas:.1f}'} | {sent['beside'] / 1e6:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot (.svg, .png or .pdf)")
    options = parser.parse_args()
    provenance.require_clean(options.plot)
    rows = [
        asdict(row)
        for growth in GROWTHS
        for row in measure(growth, options.rounds, options.replicates, options.jobs, (1,) if growth else (1, 10))
    ]
    if options.plot:
        plot(rows, options.plot)
        command = " ".join(["python", "-m", "science.communication", *sys.argv[1:]])
        about = {"command": command, "figures": {"rows": rows}} | provenance.made(1, options.replicates)
        options.plot.with_suffix(".json").write_text(json.dumps(about, indent=1, sort_keys=True) + "\n")
    if options.json:
        print(json.dumps(rows))
        return
    shown = Table(box=SIMPLE_HEAD, title=f"the demo, T = {options.rounds:,}, {options.replicates} games")
    for name in ("", "regret", "blocks", "consensus", "signatures", "MB", "transactions", "Mgas"):
        shown.add_column(name, justify="right" if name else "left")
    for row in rows:
        sent = row["wire"]
        shown.add_row(
            _named(row), Span(**row["regret"]).said, f"{row['blocks']:,.0f}", f"{sent['rounds']:,.0f}",
            f"{sent['signatures']:,.0f}", f"{sent['bytes'] / 1e6:,.1f}", f"{sent['transactions']:,.0f}",
            f"{(sent['records'] + sent['settlements']) / 1e6:,.1f}",
        )  # fmt: skip
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
