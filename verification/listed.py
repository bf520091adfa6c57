"""Time until nodes put a liar on the block list: every lie on means and the copycat, in theorems 1 to 7's open games.

    python -m verification.listed [--json FILE] [--theorems 1 4] [--attacks copycat greedy]
    python -m verification.listed --idle relayer --more 100

Each game is of `examples/theorems` with a slash, played by processes on Anvil, and as long as a liar may take: L + 1
rounds and the bound. The bound is settle_every + 2w + 5 records, skips and explorations included, from the first false
report that the audit finds in a block to the first record without its author. A liar that equivocates is listed before
that: what counts is the record from which the proof of its false report lists it. A row is of the liar that took
longest. With --idle these nodes hand in no proof, all of them where it says `everybody`; with --more games are so many
rounds longer, and with --consensus attackers of the consensus do so in this way.

Exit code 14 where a proof lists a liar later, or never, or an audit fails. A row is not played again.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from chain_bandit.attacks.attack import overrides
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain_history import files
from chain_bandit.chain_history.evm import decode_header, decode_receipt
from chain_bandit.cli.root import main as command_line
from chain_bandit.nodes.fork_server import ForkServer, serve
from chain_bandit.nodes.prover import Prover
from chain_bandit.nodes.up import up
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.runner.rows import resumed_rows
from chain_bandit.scenario import Scenario, load

THEOREMS = Path(__file__).resolve().parents[1] / "examples" / "theorems"
LIES = [name for name, kind in ATTACKS.items() if kind.conduct == Conduct.LIAR and overrides(kind(), "lie", "means")]
FALSE = ("false report", "false count commitment")
"""Findings of the audit on a report that can be proven false."""

EVERYBODY, SETTLE_EVERY, BOUND_MS, CONSENSUS, CHAIN = "everybody", 5, 2000, "equivocating-commander", "anvil"


@dataclass(frozen=True)
class ListedGame:
    """One game.

    Attributes:
        seat, first, listed: the liar that took longest, the record of its first false report, and the one from which
            the proof of it lists its author; None where there is none.
        bound: the most records between the two.
        skips: between the two.
    """

    theorem: int
    attack: str
    settle_every: int
    bound_ms: int
    more: int
    consensus: str
    idle: tuple[str, ...]
    chain: str
    seat: int | None
    first: int | None
    listed: int | None
    bound: int
    skips: int
    audit: str
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether the liar is listed in time, of a game that passed its audit."""
        in_time = self.first is None or (self.listed is not None and self.listed <= self.first + self.bound)
        return in_time and self.audit == "passed"


def scenario(
    theorem: int, attack: str, settle_every: int, bound_ms: int, more: int, consensus: str
) -> tuple[Scenario, int]:  # fmt: skip
    """A game of that theorem with a slash, and the bound in records."""

    def made(**changes: Any) -> Scenario:
        return load(THEOREMS / f"theorem{theorem}.toml", {
            "expect": {}, "slash": 0.01, "bound_ms": bound_ms, "chain": {"settle_every": settle_every},
            "adversary.consensus": [{"name": consensus}], **changes,
        })  # fmt: skip

    p = made().parameters
    bound, options = settle_every + 2 * p.unrecorded + 5, {"period": p.burn_in} if attack == "on-off" else {}
    lies = [{"name": attack, "options": options}]  # from L on
    return made(rounds=p.burn_in + 1 + bound + more, burn_in=p.burn_in, **{"adversary.estimators": lies}), bound


def play(
    theorem: int, attack: str, settle_every: int = SETTLE_EVERY, bound_ms: int = BOUND_MS, more: int = 0,
    consensus: str = CONSENSUS, idle: Sequence[str] = (), chain: str = CHAIN,
) -> ListedGame:  # fmt: skip
    """One game, by nodes."""
    game, bound = scenario(theorem, attack, settle_every, bound_ms, more, consensus)
    start = monotonic()
    command = ("-m", "verification.listed", "--serve", *idle) if idle else ForkServer.command
    with TemporaryDirectory() as folder, patch.object(ForkServer, "command", command):
        out = Path(folder) / "game"
        _, report = up(game, out, chain, say=lambda line: None)
        proven = dict(reversed([*proofs(out, report, game.parameters.evidence_delay)]))
    first: dict[int, int] = {}
    for each in report.findings:
        if each.kind in FALSE and each.seat is not None:
            first[each.seat] = min(first.get(each.seat, each.rounds[0]), each.rounds[0])
    waits = {seat: proven.get(seat, game.rounds + bound) - said for seat, said in first.items()}
    seat = max(waits, key=waits.__getitem__, default=None)
    here = () if seat is None else range(first[seat], first[seat] + waits[seat])
    skips = sum(row.kind == "skip" and row.round in here for row in report.rounds)
    return ListedGame(
        theorem, attack, settle_every, bound_ms, more, consensus, tuple(idle), chain, seat,
        None if seat is None else first[seat], None if seat is None else proven.get(seat), bound, skips,
        report.verdict, round(monotonic() - start, 1),
    )  # fmt: skip


def proofs(out: Path, report: AuditReport, delay: int) -> Iterator[tuple[int, int]]:
    """Of each proof of a false report the seat and the record from which it lists it, listed before or not."""
    voided = chain_bandit_artifact().members("event")["Voided"]
    for block in files.read(out / "history.jsonl.gz").blocks:
        for log in (log for raw in block.receipts for log in decode_receipt(raw).logs if log.topics[0] == voided.topic):
            number = decode_header(block.header).number
            recorded = max(row.round for row in report.rounds if row.block <= number)
            yield voided.decode_inputs(log.data)[0], recorded + 1 + delay


def serve_idle(idle: Sequence[str]) -> None:
    """Split off nodes as `up` does, of which these hand in no proof."""

    def node() -> None:
        if Path(sys.argv[2]).name in idle or EVERYBODY in idle:
            Prover.prove = lambda self, wallet: None  # type: ignore[method-assign]
        command_line()

    serve(node)


def table(rows: Sequence[ListedGame]) -> Table:
    """A line for each game."""
    shown = Table("theorem", "attack", "seat", "first false", "listed", "records", "bound", "skips", "s")
    for row in sorted(rows, key=lambda row: (row.theorem, LIES.index(row.attack))):
        records = row.listed - row.first if row.listed and row.first else None
        cells = (row.theorem, row.attack, row.seat, row.first, row.listed, records, row.bound, row.skips, row.seconds)
        shown.add_row(*("-" if each is None else str(each) for each in cells), style=None if row.holds else "red")
    return shown


def main() -> int:
    """Play what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theorems", type=int, nargs="+", default=range(1, 8), metavar="N")
    parser.add_argument("--attacks", nargs="+", default=LIES, choices=LIES, metavar="NAME")
    parser.add_argument("--settle-every", type=int, default=SETTLE_EVERY)
    parser.add_argument("--bound-ms", type=int, default=BOUND_MS)
    parser.add_argument("--more", type=int, default=0, help="rounds")
    parser.add_argument("--consensus", default=CONSENSUS, help="the attack of those who attack the consensus")
    parser.add_argument("--idle", nargs="+", default=(), metavar="NODE")
    parser.add_argument("--chain", default=CHAIN, help="anvil, hardhat, or a node's URL")
    parser.add_argument("--json", type=Path, help="a line for each game; what it holds is not played again")
    parser.add_argument("--serve", nargs="*", metavar="NODE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        serve_idle(given.serve)
        return 0
    names = ("theorem", "attack", "settle_every", "bound_ms", "more", "consensus", "idle", "chain")
    same = given.settle_every, given.bound_ms, given.more, given.consensus, tuple(given.idle), given.chain
    asked = [(theorem, attack, *same) for theorem in given.theorems for attack in given.attacks]
    lines = resumed_rows(
        asked, lambda task: dict(zip(names, task, strict=True)), lambda task: play(*task),
        lambda _, row: asdict(row), given.json,
    )  # fmt: skip
    rows = [ListedGame(**{**line, "idle": tuple(line["idle"])}) for line in lines]
    Console().print(table(rows))
    late = [row for row in rows if not row.holds]
    print(f"{len(rows)} games, {len(late)} in which a liar was listed too late or never")
    return 14 if late else 0


if __name__ == "__main__":
    sys.exit(main())
