"""Commands through providers with limits: each plays and its audit passes, or it is refused in the node's own words.

    python -m verification.providers [--rows run "up 4"] [--columns "range 100"] [--json runs/providers.jsonl]

Each cell is a chain of its own on Anvil, 300 blocks long before it begins, behind `verification.hostile_provider`. With
--json a finished cell is kept, and is not played again by the same command. Exit code 14 where a command neither ends
with 0 nor is refused at once in one sentence.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from rich.console import Console
from rich.progress import track
from rich.table import Table

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.process import OwnNode
from chain_bandit.runner.rows import resumed_rows
from verification.hostile_provider import ProviderLimits, provided
from verification.kills import free_ports

MINED, TIMEOUT, AT_ONCE = 300, 900.0, 60.0
"""Blocks before a cell begins; seconds for one command, and those in which a refusal counts as one at once."""

COLUMNS = {
    "range 100": "range=100",
    "batch 1": "batch=1,words=erigon",
    "10 a second": "rate=10,body,words=infura",
    "429": "rate=20,busy=7,after=1,words=alchemy",
    "lag 3": "lag=3",
    "spread 1": "range=4,spread=1",
    "pruned receipts": "receipts=16,states=64",
    "all": "range=100,batch=10,rate=20,body,words=besu",
}
"""Limits by their names in the table."""

GAME = ("small", "--rounds", "12", "-o", "preset=paper", "-o", 'expect.approved=">= 0"')
PASSWORD = "correct horse"
OWN_KEYS = """name = "experiment"
preset = "recommended"
participants = 4
rounds = 12
liars = 1
attackers = 1
bound_ms = 4000
[rewards]
kind = "bernoulli"
means = [0.3, 0.7]
"""


@dataclass(frozen=True, slots=True)
class ProviderCell:
    """One row at one provider, and what came of it."""

    row: str
    column: str
    code: int
    seconds: float
    text: str
    requests: int

    @property
    def is_good(self) -> bool:
        """Whether it was played, or refused at once in one sentence."""
        refused = self.code not in (0, 1, 14, -1) and self.text.startswith("error: ") and self.seconds < AT_ONCE
        return self.code == 0 or refused


class CommandFolder:
    """A folder and its commands, each through the provider."""

    def __init__(self, folder: Path, node: OwnNode, url: str) -> None:
        self.folder, self.node, self.url = folder, node, url
        self.code, self.text = 0, ""
        (folder / "password").write_text(PASSWORD + "\n", encoding="ascii")

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """A command, running."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("ETH_")}
        return subprocess.Popen(
            [sys.executable, "-m", "chain_bandit", *map(str, arguments)], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**own, "ETH_PASSWORD": str(self.folder / "password"), "COLUMNS": "500"},
        )  # fmt: skip

    def end(self, *started: "subprocess.Popen[str]") -> bool:
        """Whether all of them end with 0; else `code` and `text` tell of the first that does not."""
        until = monotonic() + TIMEOUT
        try:
            for process in started:
                said, _ = process.communicate(timeout=max(0.1, until - monotonic()))
                if process.returncode and not self.code:
                    errors = [line for line in said.splitlines() if line.startswith("error: ")]
                    self.code, self.text = process.returncode, (errors or said.splitlines()[-1:] or [""])[-1]
        except subprocess.TimeoutExpired:
            self.code, self.text = -1, f"no end in {TIMEOUT:.0f} s"
        finally:
            for process in started:
                process.kill()
                process.communicate()
        return not self.code

    def do(self, *arguments: object) -> bool:
        """Whether a command ends with 0."""
        return self.end(self.start(*arguments))

    def audit(self, contract: str) -> bool:
        """Whether the audit passes from the node itself."""
        return self.do("audit", "--rpc", self.node.url, "--contract", contract)


def run(place: CommandFolder) -> None:
    """A game in one process."""
    if place.do("run", *GAME, "--chain", place.url, "--out", "run"):
        place.audit("run")


def deploy(place: CommandFolder) -> None:
    """A deployment file."""
    place.do("deploy", *GAME, "--chain", place.url, "--account", "dev0", "--out", "game.json")


def up(participants: int) -> Callable[[CommandFolder], None]:
    """A game of processes."""

    def play(place: CommandFolder) -> None:
        more = ("-o", f"participants={participants}", "-o", "bound_ms=4000")
        if place.do("up", *GAME, *more, "--chain", place.url, "--out", "nodes"):
            place.audit("nodes/game.json")

    return play


def played_before(*command: str) -> Callable[[CommandFolder], None]:
    """A game that was played without limits, and a command that reads it through them."""

    def read(place: CommandFolder) -> None:
        if place.do("run", *GAME, "--chain", place.node.url, "--out", "run"):
            place.node.hurry(50)
            place.do(*(part.replace("URL", place.url).replace("GAME", _contract(place)) for part in command))

    return read


def _contract(place: CommandFolder) -> str:
    manifest = json.loads((place.folder / "run" / "manifest.json").read_text(encoding="utf-8"))
    return str(next(value for key, value in _flat(manifest) if key == "contract" and isinstance(value, str)))


def _flat(value: object) -> list[tuple[str, object]]:
    if not isinstance(value, dict):
        return []
    return [(key, item) for key, item in value.items()] + [each for item in value.values() for each in _flat(item)]


def own_keys(place: CommandFolder) -> None:
    """The tutorial: keygen, deploy --key, join, assemble, node."""
    people, ports = ("ann", "bob", "cleo", "dan"), free_ports(7)
    (place.folder / "experiment.toml").write_text(OWN_KEYS, encoding="ascii")
    steps: list[Sequence[object]] = [("keygen", name, "--out", name) for name in ("organiser", *people)]
    steps.append(
        ("deploy", "experiment.toml", "--chain", place.url, "--key", "organiser", "--listen", f"127.0.0.1:{ports[0]}")
    )
    steps += [
        ("join", "game.json", "--key", name, "--listen", f"127.0.0.1:{port}")
        for name, port in zip(people, ports[3:], strict=True)
    ]
    steps.append(("assemble", "game.json", *(f"{name}/join.json" for name in people)))
    if all(place.do(*step) for step in steps):
        nodes = [place.start("node", name, "--game", "game.json") for name in people]
        if place.end(place.start("up", "organiser", "--game", "game.json"), *nodes):
            place.audit("game.json")


ROWS: dict[str, Callable[[CommandFolder], None]] = {
    "run": run,
    "deploy": deploy,
    "up 4": up(4),
    "up 7": up(7),
    "audit": played_before("audit", "--rpc", "URL", "--contract", "GAME"),
    "watch": played_before("watch", "GAME", "--rpc", "URL"),
    "own keys": own_keys,
}
"""What is done through a provider."""


def cell(row: str, column: str) -> ProviderCell:
    """One row at one provider."""
    with TemporaryDirectory() as folder, anvil() as node:
        node.hurry(MINED)
        limits = ProviderLimits.of(COLUMNS[column])
        if limits.is_behind:
            node.ask("evm_setIntervalMining", 1)  # else what a lagging node hides stays hidden
        with provided(node.url, limits) as (url, provider):
            place, began = CommandFolder(Path(folder), node, url), monotonic()
            ROWS[row](place)
            seconds = monotonic() - began
        return ProviderCell(row, column, place.code, round(seconds, 1), place.text[:300], sum(provider.asked.values()))


def table(cells: Sequence[ProviderCell]) -> Table:
    """Rows by columns: seconds where it was played, else the exit code and the sentence."""
    made = Table("", *COLUMNS)
    for row in ROWS:
        by_column = {each.column: each for each in cells if each.row == row}
        made.add_row(row, *(_shown(by_column.get(column)) for column in COLUMNS))
    return made


def _shown(each: ProviderCell | None) -> str:
    if each is None:
        return ""
    return f"played, {each.seconds:.0f} s" if each.code == 0 else f"{each.code} after {each.seconds:.0f} s: {each.text}"


def main() -> None:
    """Play what is not kept yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--columns", nargs="*", choices=COLUMNS, default=list(COLUMNS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    tasks = [(row, column) for column in arguments.columns for row in arguments.rows]
    rows = resumed_rows(
        tasks, lambda task: dict(zip(("row", "column"), task, strict=True)), lambda task: cell(*task),
        lambda _, played: asdict(played), arguments.json,
    )  # fmt: skip
    cells = [ProviderCell(**row) for row in track(rows, "cells", len(tasks))]
    Console().print(table(cells))
    sys.exit(0 if all(each.is_good for each in cells) else 14)


if __name__ == "__main__":
    main()
