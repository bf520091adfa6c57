"""Guarantees of a quorum when messages are late: one round, by size, quorum and share of late messages.

    python verification/late.py [--schedules 2000] [--jobs 2] [--json]

Every message between honest seats is one step late with probability p; m corrupt seats collude. Of all rounds: in how
many two honest seats compute different blocks, in how many a block is certified, of how many two certificates can be
made if the corrupt sign both, and how often somebody honest could be blamed. Exit code 14 for two certificates under
two thirds, or where nothing is late, and for anybody blamed.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from functools import partial

from rich.console import Console
from rich.table import Table

from chain_bandit.pool import pool
from verification.schedules.acts import GameSize
from verification.schedules.draw import draw_late
from verification.schedules.play import play
from verification.schedules.stage import ScheduleStage

SIZES = tuple(
    GameSize(n, m, quorum) for n, m, quorum in (
        (4, 1, "two-thirds"), (4, 1, "majority"), (7, 2, "two-thirds"), (7, 2, "majority"), (7, 3, "majority"),
        (10, 3, "two-thirds"), (10, 3, "majority"),
    )
)  # fmt: skip
SHARES = (0.0, 0.01, 0.05, 0.2)


@dataclass(frozen=True)
class _Row:
    """One size, quorum and share: of so many rounds, in how many."""

    validators: int
    attackers: int
    quorum: str
    share: float
    rounds: int
    disagreed: int
    certified: int
    doubled: int
    framed: int


def measure(schedules: int, case: tuple[GameSize, float]) -> _Row:
    size, share = case
    stage, disagreed, certified, doubled, framed = ScheduleStage(size), 0, 0, 0, 0
    for seed in range(schedules):
        played = play(stage, draw_late(size, seed, share))
        disagreed += played.disagreed
        certified += played.certified == ["block"]
        doubled += played.doubled
        framed += any(violation.startswith("C-5") for violation in played.violations)
    return _Row(
        size.validators, size.attackers, size.quorum, share, schedules, disagreed, certified, doubled, framed
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schedules", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases = [(size, share) for size in SIZES for share in SHARES]
    with pool(arguments.jobs) as workers:
        rows = list(workers.map(partial(measure, arguments.schedules), cases))
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        table = Table(title=f"Of {arguments.schedules:,} rounds each, in how many of a hundred")
        for name in ("n, m", "quorum", "late", "honest disagree", "block certified", "two certificates", "framed"):
            table.add_column(name, justify="right")
        for row in rows:
            shares = (100 * count / row.rounds for count in (row.disagreed, row.certified, row.doubled, row.framed))
            table.add_row(f"{row.validators}, {row.attackers}", row.quorum, f"{100 * row.share:.0f} %",
                          *(f"{share:.2f}" for share in shares))  # fmt: skip
        Console().print(table)
    bad = any(row.framed or (row.doubled and (row.quorum == "two-thirds" or not row.share)) for row in rows)
    return 14 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
