"""Equivalence test of the browser verifier and the audit: random games, tampered histories, one verdict by each.

    python -m verification.browser [--games 200] [--tampered 1000] [--refusals 300] [--jobs 2] [--json FILE]

Games are those of `verification/browser/histories.py`. Each is exported and looked at by `chain-bandit audit` and by
the bundle of the page, in Node, both with the last block's hash. They agree where both pass; where the page reports a
check as not made, by name, that is counted apart.

A tampered history is looked at with the hash that an auditor of the true one kept, and without. With it each must be
violated. Without it the page agrees where it fails what the audit fails or refuses, and fails nothing that the audit
passes; where the page reports a check as not made, that is counted apart.

A forged refusal is a history in which a call that the contract took is said to have failed, with any gas used, and all
that follows is as it was, or as the contract gives it where the call fails (`verification/refusals.py`). The contract
is asked on revm. Where anybody could have made the call audit and page must fail it; neither may pass the others.

Exit 14 where a verdict of the page contradicts the audit's: passed where the audit fails
or leaves a check open, failed where it does not.
"""

import argparse
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from chain_bandit.runner.rows import kept_rows, missing, played_rows
from chain_bandit.runner.workers import processes
from verification.browser.compare import AGREED, CONTRADICTED, OPEN, STOPPED, ComparedHistory, judged
from verification.splicing import GAMES


def summary(rows: list[ComparedHistory]) -> Table:
    """A line for games and for each way of tampering."""
    outcomes = (AGREED, OPEN, CONTRADICTED, STOPPED)
    table = Table("history", "number", *outcomes, "audit fails", "page fails", "page fails with the head")
    for name in dict.fromkeys(row.how.split(",")[0] or row.kind for row in rows):
        own = [row for row in rows if (row.how.split(",")[0] or row.kind) == name]
        kinds = Counter(row.outcome for row in own)
        failed = [sum(verdict == "violated" for verdict in column)
                  for column in zip(*((row.audit, row.page, row.kept) for row in own), strict=True)]  # fmt: skip
        table.add_row(name, *map(str, (len(own), *(kinds[each] for each in outcomes), *failed)))
    return table


def main() -> int:
    """Look at what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--tampered", type=int, default=1_000)
    parser.add_argument("--refusals", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", type=Path, help="a row for each history; what it holds is not looked at again")
    given = parser.parse_args()
    there = kept_rows(given.json)
    tasks = [("game", seed) for seed in range(given.games)] + [("tampered", seed) for seed in range(given.tampered)]
    tasks += [("refusal", seed) for seed in sorted(range(given.refusals), key=lambda seed: (seed % GAMES, seed))]
    left = missing(there, tasks, lambda task: {"kind": task[0], "seed": task[1]})
    fresh = played_rows(left, judged, lambda _, row: asdict(row), given.json, processes(given.jobs))
    made = list(track(fresh, "looked at", len(left)))
    wanted = set(tasks)
    every = (ComparedHistory(**row) for row in (*there, *made) if (row["kind"], row["seed"]) in wanted)
    rows = sorted(every, key=lambda row: row.how)
    Console(width=max(Console().width, 120)).print(summary(rows))
    wrong = [row for row in rows if row.outcome == CONTRADICTED]
    for row in wrong[:20]:
        said = f"audit {row.audit}, page {row.page}, with the head {row.kept}"
        print(f"{row.kind} {row.seed} {row.how}: {row.wrong or 'they differ'}: {said}: {'; '.join(row.about)}")
    return 14 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
