"""How fast an audit is, how much memory it takes, and how long an export is, a round, by length of the game.

    python benchmarks/audit.py [--rounds 2000 10000] [--participants 4] [--json]

The histories are of honest games (`benchmarks/paper_chain.py`), each written to a file and audited from it in a process
of its own, whose CPU seconds and largest memory are measured; what the process has before it reads anything is "idle".
"Bare" is the CPU time of the same number of signature checks alone, in the same process: the goal is 2,000 rounds a
second on one core or 0.7 of bare, and 10^5 rounds in less than 500 MB (exit 14 where the longest game, by its own slope
where it is shorter, is beyond that).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.alone import alone
from benchmarks.paper_chain import history_of
from chain_bandit.audit.audit import audit
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import signer
from chain_bandit.game.plan import Plan
from chain_bandit.history import files
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.scenario import Scenario

GOAL_RATE, GOAL_RATIO = 2_000, 0.7
GOAL_ROUNDS, GOAL_BYTES = 100_000, 500 * 10**6
SAMPLE = 2_000
"""Signatures that are timed alone."""


@dataclass(frozen=True)
class Row:
    """One game; bytes and rates are of recorded rounds, memory is of the whole process."""

    rounds: int
    packed_bytes: float
    plain_bytes: float
    play_seconds: float
    audit_seconds: float
    rounds_per_second: float
    bare_rounds_per_second: float
    ratio_to_bare: float
    idle_bytes: int
    largest_bytes: int


def scenario(participants: int, rounds: int) -> Scenario:
    """Nobody is malicious; two arms; a burn-in of four rounds, which leaves no record."""
    bound = (participants - 1) // 3
    return Scenario.model_validate({
        "name": "audit", "participants": participants, "rounds": rounds + 3, "burn_in": 4, "liars": bound,
        "attackers": bound, "rewards": {"kind": "bernoulli", "means": [0.7, 0.4]},
    })  # fmt: skip


def measure(participants: int, rounds: int, place: Path) -> Row:
    """Play one game, write it, and audit it in a process of its own."""
    start, path = process_time(), place / f"{rounds}.jsonl.gz"
    files.write(history_of(Plan(scenario(participants, rounds)), alone), path)
    played = process_time() - start
    command = [sys.executable, __file__, "--audit", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    bare = told["signatures"] * told["signature_seconds"]
    return Row(
        rounds, path.stat().st_size / rounds, told["plain_bytes"] / rounds, played, told["seconds"],
        rounds / told["seconds"], rounds / bare, bare / told["seconds"], told["idle_bytes"], told["largest_bytes"],
    )  # fmt: skip


def audited(path: Path) -> dict[str, Any]:
    """Audit a file in this process. Fails unless everything passes."""
    idle, checked = largest(), list[float]()
    start = process_time()
    report = audit(files.read(path), None, lambda seconds: checked.append(0.0))
    seconds = process_time() - start
    assert report.exit_code == 0, report.lines()
    at_most = largest()
    transactions = sum(len(block.transactions) for block in files.read(path).blocks)
    plain = sum(len(files.block_line(block)) for block in files.read(path).blocks)
    return {
        "idle_bytes": idle, "largest_bytes": at_most, "seconds": seconds, "plain_bytes": plain,
        "signatures": len(checked) + transactions, "signature_seconds": bare_seconds(),
    }  # fmt: skip


def bare_seconds() -> float:
    """CPU time of one signature check and nothing else."""
    key = Signer(derive(1, "bare"))
    digests = [keccak(uint(index, 32)) for index in range(SAMPLE)]
    signed = [(digest, key.sign(digest)) for digest in digests]
    start = process_time()
    assert all(signer(digest, signature) == key.address for digest, signature in signed)
    return (process_time() - start) / SAMPLE


def largest() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def at_goal(rows: list[Row]) -> float:
    """Bytes at 10^5 rounds: measured there, else by the slope of the two longest games."""
    *_, last = rows
    if len(rows) == 1 or last.rounds >= GOAL_ROUNDS:
        return last.idle_bytes + (last.largest_bytes - last.idle_bytes) * GOAL_ROUNDS / last.rounds
    before = rows[-2]
    slope = (last.largest_bytes - before.largest_bytes) / (last.rounds - before.rounds)
    return last.largest_bytes + slope * (GOAL_ROUNDS - last.rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, nargs="+", default=[2_000, 10_000])
    parser.add_argument("--participants", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--audit", type=Path, help="audit one export in this process, and say what it took")
    options = parser.parse_args()
    if options.audit:
        print(json.dumps(audited(options.audit)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        rows = [measure(options.participants, rounds, Path(place)) for rounds in sorted(options.rounds)]
    expected = at_goal(rows)
    reached = expected < GOAL_BYTES and any(
        row.rounds_per_second >= GOAL_RATE or row.ratio_to_bare >= GOAL_RATIO for row in rows
    )
    if options.json:
        said = {"participants": options.participants, "rows": [asdict(row) for row in rows]}
        print(json.dumps({**said, "bytes_at_100000": round(expected), "goals_reached": reached}))
    else:
        Console().print(table(rows), f"{expected / 1e6:,.0f} MB at {GOAL_ROUNDS:,} rounds", sep="\n")
    return 0 if reached else 14


def table(rows: list[Row]) -> Table:
    made = Table(
        "rounds", "kB packed", "kB plain", "audit s", "rounds/s", "bare rounds/s", "of bare", "MB idle", "MB at most",
        title="An audit by length of the game, CPU time of one core",
    )  # fmt: skip
    for row in rows:
        made.add_row(
            f"{row.rounds:,}", f"{row.packed_bytes / 1e3:.2f}", f"{row.plain_bytes / 1e3:.2f}",
            f"{row.audit_seconds:.1f}", f"{row.rounds_per_second:,.0f}", f"{row.bare_rounds_per_second:,.0f}",
            f"{row.ratio_to_bare:.2f}", f"{row.idle_bytes / 1e6:.0f}", f"{row.largest_bytes / 1e6:.0f}",
        )  # fmt: skip
    return made


if __name__ == "__main__":
    sys.exit(main())
