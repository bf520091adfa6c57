"""Mutation test of `protocol/` and `consensus/` by mutmut: a sample of mutants, and those that no unit test kills.

    python -m scripts.mutate_python [--sample 300] [--seed 0] [--jobs 2]

pyproject.toml says what is mutated and which tests run. What mutmut has found stays in `mutants/`: a second call
goes on. Exit 1 if fewer than `LEAST` are killed. A sample of 300 takes about a quarter of an hour of CPU.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LEAST = 0.9
FIRST = "chain_bandit.protocol.units.*"
"""Few mutants: the first call of mutmut makes all of them, and finds out which test enters which function."""

SURVIVED, UNTESTED = 0, 33
"""Exit codes that mutmut keeps."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if not (found := exits()):
        mutmut([FIRST], given.jobs)
        found = exits()
    drawn = sorted(random.Random(given.seed).sample(sorted(found), min(given.sample, len(found))))
    mutmut(drawn, given.jobs)
    found = exits()
    alive = [name for name in drawn if found[name] in (SURVIVED, UNTESTED, None)]
    table = Table("survives", "how to see it")
    for name in alive:
        table.add_row(name.partition("__mutmut_")[0], f'mutmut show "{name}"')
    Console().print(table)
    share = 1 - len(alive) / len(drawn)
    print(f"{len(drawn)} of {len(found):,} mutants, {share:.1%} killed, at least {LEAST:.0%} asked for")
    return int(share < LEAST)


def mutmut(names: list[str], jobs: int) -> None:
    """Play these mutants."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs), *names]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def exits() -> dict[str, int | None]:
    """By mutant how the tests ended; None of one that was not played."""
    kept = ROOT.glob("mutants/chain_bandit/**/*.meta")
    return {name: code for file in kept for name, code in json.loads(file.read_text())["exit_code_by_key"].items()}


if __name__ == "__main__":
    sys.exit(main())
