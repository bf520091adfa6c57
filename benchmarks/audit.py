"""Time and memory of an audit, and length of an export, a round, by length of the game.

    python benchmarks/audit.py [--rounds 2000 10000] [--participants 4] [--history FILE] [--anvil 200] [--json]

The histories are of honest games (`verification/alone.py`), each written to a file and audited from it in a process of
its own: by one process, whose CPU time is taken, and by two (`auditor/two_process.py`), whose wall time is taken, and
the CPU time of the busier one: what the clock would say of two cores that nobody else uses. Memory is the largest, of
two processes the sum. "Bare" is the CPU time of the same number of signature checks alone, on one core, taken before
and after each audit in the same process.

The goal is 2,000 rounds a second on one core, or by two 0.7 of bare; and 10^5 rounds in less than 500 MB (exit 14 where
the longest game, by its own slope where it is shorter, is beyond that). `--anvil` plays a game on a node, round by
round, and audits it by one process, both by the clock: the goal is a tenth of the time. `--history` is measured in the
place of a game; nobody knows how long it was played.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.two_process import audit_by_two
from chain_bandit.chain_history import files
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol.digests import keccak, uint

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario

GOAL_RATE, GOAL_RATIO, GOAL_TIMES = 2_000, 0.7, 10
GOAL_ROUNDS, GOAL_BYTES = 100_000, 500 * 10**6
SAMPLE = 2_000
"""Signatures that are timed alone."""


@dataclass(frozen=True)
class _Row:
    """One game; bytes and rates are of recorded rounds, seconds of all of it.

    Attributes:
        one_seconds, one_ratio, one_bytes: of one process, CPU time.
        two_seconds, two_ratio, two_bytes: of two, by the clock.
        busier_seconds, busier_ratio: CPU time of the one of the two that had more to do.
    """

    rounds: int
    packed_bytes: float
    plain_bytes: float
    bare_rounds_per_second: float
    one_seconds: float
    one_ratio: float
    one_bytes: int
    two_seconds: float
    two_ratio: float
    two_bytes: int
    busier_seconds: float
    busier_ratio: float

    @property
    def one_rate(self) -> float:
        """Rounds a second."""
        return self.rounds / self.one_seconds

    @property
    def two_rate(self) -> float:
        """Rounds a second."""
        return self.rounds / self.two_seconds


def scenario(participants: int, rounds: int) -> "Scenario":
    """Nobody is malicious; two arms; a burn-in of four rounds, which leaves no record."""
    from chain_bandit.scenario import Scenario

    bound = (participants - 1) // 3
    return Scenario.model_validate({
        "name": "audit", "participants": participants, "rounds": rounds + 3, "burn_in": 4, "liars": bound,
        "attackers": bound, "rewards": {"kind": "bernoulli", "means": [0.7, 0.4]},
    })  # fmt: skip


def written(participants: int, rounds: int, path: Path) -> None:
    """Play one game, and write it."""
    from chain_bandit.game.plan import Plan
    from verification.alone import alone
    from verification.paper_chain import history_of

    files.write(history_of(Plan(scenario(participants, rounds)), alone), path)


def measured(path: Path) -> _Row:
    """Audit one file by one process and by two."""
    one, two = (_told("--audit", str(path), "--by", by) for by in "12")
    rounds, checks = one["rounds"], one["signatures"]
    return _Row(
        rounds, path.stat().st_size / rounds, one["plain_bytes"] / rounds, rounds / checks / one["bare"],
        one["seconds"], checks * one["bare"] / one["seconds"], one["bytes"],
        two["seconds"], checks * two["bare"] / two["seconds"], two["bytes"],
        two["busier"], checks * two["bare"] / two["busier"],
    )  # fmt: skip


def _told(*arguments: str) -> Any:
    """What this file says in a process of its own, which has loaded nothing but an audit."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def by_one(path: Path) -> dict[str, Any]:
    """Audit a file in this process. Fails unless everything passes."""
    checked, before = list[None](), bare_seconds()
    start = process_time()
    report = audit(files.read(path), None, lambda seconds: checked.append(None))
    seconds = process_time() - start
    assert report.exit_code == 0, report.lines()
    most = largest(resource.RUSAGE_SELF)
    transactions = plain = 0
    for block in files.read(path).blocks:
        transactions, plain = transactions + len(block.transactions), plain + len(files.block_line(block))
    return {
        "rounds": len(report.rounds), "signatures": len(checked) + transactions, "plain_bytes": plain,
        "seconds": seconds, "bare": (before + bare_seconds()) / 2, "bytes": most,
    }  # fmt: skip


def by_two(path: Path) -> dict[str, Any]:
    """Audit a file by this process and another one. Fails unless everything passes."""
    before = bare_seconds()
    start, here = perf_counter(), process_time()
    report = audit_by_two(path, None)
    seconds, here = perf_counter() - start, process_time() - here
    assert report is not None
    assert report.exit_code == 0, report.lines()
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds, "busier": max(here, beside.ru_utime + beside.ru_stime),
        "bare": (before + bare_seconds()) / 2,
        "bytes": largest(resource.RUSAGE_SELF) + largest(resource.RUSAGE_CHILDREN),
    }  # fmt: skip


def bare_seconds() -> float:
    """CPU time of one signature check and nothing else."""
    key = Signer(derive(1, "bare"))
    digests = [keccak(uint(index, 32)) for index in range(SAMPLE)]
    signed = [(digest, key.sign(digest)) for digest in digests]
    start = process_time()
    assert all(signer(digest, signature) == key.address for digest, signature in signed)
    return (process_time() - start) / SAMPLE


def largest(who: int) -> int:
    """The most memory that this process, or another one that has ended, has had, in bytes."""
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def at_goal(rows: list[_Row]) -> float | None:
    """Bytes at 10^5 rounds by two: measured there, else by the slope of the two longest games; None of one shorter."""
    *before, last = rows
    if last.rounds >= GOAL_ROUNDS:
        return last.two_bytes * GOAL_ROUNDS / last.rounds
    if not before:
        return None
    slope = (last.two_bytes - before[-1].two_bytes) / (last.rounds - before[-1].rounds)
    return last.two_bytes + slope * (GOAL_ROUNDS - last.rounds)


def on_anvil(rounds: int, participants: int = 4) -> tuple[float, float, float, float]:
    """A game on Anvil, from its deployment to the last withdrawal, and its audit by one process.

    Gives the game's seconds by the clock and of CPU, those of the node too, then the audit's.
    """
    from chain_bandit.chain_history.collect import collect
    from chain_bandit.game.game import Game
    from chain_bandit.game.on_chain import OnChain
    from chain_bandit.game.plan import Plan
    from chain_bandit.stopwatch import Stopwatch
    from verification.honest import chain

    plan = Plan(scenario(participants, rounds))
    with tempfile.TemporaryDirectory() as place, chain("anvil") as node:
        recorder, path = OnChain(node(plan), Stopwatch()), Path(place) / "history.jsonl.gz"
        start, used = perf_counter(), process_time()
        played = sum(1 for each in Game(plan.scenario, recorder, plan).play() if each.record is not None)
        game, game_used = perf_counter() - start, process_time() - used
        assert played == rounds
        contract = recorder.contract
        assert contract.created_in is not None
        files.write(collect(contract.rpc.ask, contract.address, contract.created_in), path)
        start, used = perf_counter(), process_time()
        report = audit(files.read(path))
        took, took_used = perf_counter() - start, process_time() - used
    assert report.exit_code == 0, report.lines()
    node_used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return game, game_used + node_used.ru_utime + node_used.ru_stime, took, took_used


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, nargs="*", default=[2_000, 10_000])
    parser.add_argument("--participants", type=int, default=4)
    parser.add_argument("--history", type=Path, help="an export to measure in the place of games")
    parser.add_argument("--anvil", type=int, metavar="ROUNDS", help="a game on Anvil, beside its audit, and no more")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--audit", type=Path, help="audit one export in this process, and say what it took")
    parser.add_argument("--by", choices=("1", "2"), default="1", help="by one process or by two")
    options = parser.parse_args()
    if options.audit:
        print(json.dumps(by_one(options.audit) if options.by == "1" else by_two(options.audit)))
        return 0
    if options.anvil:
        game, game_used, took, took_used = on_anvil(options.anvil, options.participants)
        print(f"{options.anvil} rounds on Anvil: {game:.1f} s, audit {took:.2f} s, {game / took:.1f} times as fast")
        print(f"CPU time {game_used:.1f} s and {took_used:.2f} s, {game_used / took_used:.1f} times")
        return 0 if game >= GOAL_TIMES * took else 14
    rows = [measured(options.history)] if options.history else []
    with tempfile.TemporaryDirectory() as place:
        for rounds in sorted(options.rounds) if not rows else ():
            path = Path(place) / f"{rounds}.jsonl.gz"
            written(options.participants, rounds, path)
            rows.append(measured(path))
    expected = at_goal(rows)
    fast = any(row.one_rate >= GOAL_RATE or row.two_ratio >= GOAL_RATIO for row in rows)
    reached = fast and expected is not None and expected < GOAL_BYTES
    if options.json:
        said = {"participants": options.participants, "rows": [asdict(row) for row in rows]}
        print(json.dumps({**said, "bytes_at_100000": expected and round(expected), "goals_reached": reached}))
    else:
        Console().print(table(rows))
        if expected is not None:
            print(f"{expected / 1e6:,.0f} MB at {GOAL_ROUNDS:,} rounds, by two")
    return 0 if reached else 14


def table(rows: list[_Row]) -> Table:
    made = Table("rounds", *(f"{row.rounds:,}" for row in rows), title="An audit by length of the game")
    lines: dict[str, Callable[[_Row], str]] = {
        "kB a round, packed": lambda row: f"{row.packed_bytes / 1e3:.2f}",
        "kB a round, plain": lambda row: f"{row.plain_bytes / 1e3:.2f}",
        "bare rounds/s, one core": lambda row: f"{row.bare_rounds_per_second:,.0f}",
        "by one: CPU s": lambda row: f"{row.one_seconds:.1f}",
        "  rounds/s": lambda row: f"{row.one_rate:,.0f}",
        "  of bare": lambda row: f"{row.one_ratio:.2f}",
        "  MB": lambda row: f"{row.one_bytes / 1e6:.0f}",
        "by two: s by the clock": lambda row: f"{row.two_seconds:.1f}",
        "  rounds/s ": lambda row: f"{row.two_rate:,.0f}",
        "  of bare ": lambda row: f"{row.two_ratio:.2f}",
        "  CPU s of the busier": lambda row: f"{row.busier_seconds:.1f}",
        "  of bare, by that": lambda row: f"{row.busier_ratio:.2f}",
        "  MB of both": lambda row: f"{row.two_bytes / 1e6:.0f}",
    }
    for name, said in lines.items():
        made.add_row(name, *map(said, rows))
    return made


if __name__ == "__main__":
    sys.exit(main())
