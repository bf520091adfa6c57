"""The secure comparison among 3 and 5 parties on one machine, beside what MPyC alone takes for as many comparisons.

    python benchmarks/comparison.py [--tries 5] [--json]

"bare" is MPyC as it comes: a batched `<` of its own secure integers (32 bits) that one party puts in, processes started
by MPyC's launcher, links open; "narrow" is the same with as many bits as we use (15), in the field that MPyC takes for
them. "ours" is a round as validators see it: dealings checked, statements signed and verified, bits computed, matrices
signed and compared; "dealing" is what participants do before. Seconds are the best of so many tries, in three turns
each; bytes what all parties send each other. Exit 14 where a round takes 1.5 times as long as bare MPyC.
"""

import argparse
import json
import random
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from chain_bandit.comparison.interface import ComparisonRound, Opening
from chain_bandit.comparison.mpc import MpcComparison
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.sharing import counts_commitment, deal

SIZES = ((10, 10), (31, 16))
PARTIES = (3, 5)
HORIZON = 10_000
GOAL = 1.5
"""Times bare MPyC; most of the smallest round is waiting for one another."""

BARE = Path(__file__).with_name("bare_mpyc.py")
TURNS = 3
"""How often the three take turns: a busy machine slows all of them."""

PATIENCE = 120.0
"""Seconds for one size of the bare comparison."""

@dataclass(frozen=True)
class _Row:
    """One size: seconds and bytes of a round, and multiples of bare MPyC's."""

    participants: int
    arms: int
    parties: int
    bare_seconds: float
    bare_bytes: int
    narrow_seconds: float
    narrow_bytes: int
    dealing_seconds: float
    seconds: float
    bytes: int
    to_bare: float
    to_narrow: float
    bytes_to_bare: float
    bytes_to_narrow: float


def bare(parties: int, pairs: int, tries: int, bits: int) -> tuple[float, int]:
    """Best seconds of a batch, and its bytes."""
    command = [sys.executable, str(BARE), str(pairs), str(tries), f"-M{parties}", f"-L{bits}", "--no-log"]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    seconds, sent = output.split()
    return float(seconds), int(sent)


def ours(participants: int, arms: int, parties: int, tries: int) -> tuple[float, float, int]:
    """Best seconds of dealing and of a round, and the round's bytes."""
    rng, signers = random.Random(1), [Signer(bytes([seat + 1]) * 32) for seat in range(participants)]
    dealing = seconds = float("inf")
    with closing(MpcComparison(signers, HORIZON, parties)) as comparison:
        for round_ in range(tries + 1):
            reference = tuple(rng.randrange(HORIZON) for _ in range(arms))
            setting = ComparisonRound(Slot(bytes(32), round_, bytes(32)), rng.randbytes(32), tuple(range(participants)))
            openings = [Opening(tuple(rng.randrange(HORIZON) for _ in range(arms)), rng.randbytes(32)) for _ in signers]
            deal.cache_clear()
            start = perf_counter()
            asked = {seat: counts_commitment(each.counts, each.salt, parties) for seat, each in enumerate(openings)}
            dealing = min(dealing, perf_counter() - start)
            comparison.begin(reference, 2, setting)
            for seat, opening in enumerate(openings):
                comparison.on_opening(seat, opening)
            before, start = comparison.sent, perf_counter()
            bits = comparison.bits(asked)
            if round_:  # the first starts the parties
                seconds = min(seconds, perf_counter() - start)
            assert len(bits) == participants
    return dealing, seconds, comparison.sent - before


def measure(participants: int, arms: int, parties: int, tries: int) -> _Row:
    pairs, width = participants * arms, HORIZON.bit_length() + 1
    bare_seconds = narrow_seconds = dealing = seconds = float("inf")
    for _ in range(TURNS):
        bare_try, bare_bytes = bare(parties, pairs, tries, 32)
        narrow_try, narrow_bytes = bare(parties, pairs, tries, width)
        dealing_try, our_try, sent = ours(participants, arms, parties, tries)
        bare_seconds, narrow_seconds = min(bare_seconds, bare_try), min(narrow_seconds, narrow_try)
        dealing, seconds = min(dealing, dealing_try), min(seconds, our_try)
    return _Row(
        participants, arms, parties, bare_seconds, bare_bytes, narrow_seconds, narrow_bytes, dealing, seconds, sent,
        seconds / bare_seconds, seconds / narrow_seconds, sent / bare_bytes, sent / narrow_bytes,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [measure(*size, parties, arguments.tries) for size in SIZES for parties in PARTIES]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        table = Table(title="Secure comparison of M x K pairs, a round")
        for name in ("M", "K", "parties", "bare ms", "narrow ms", "ours ms", "dealing ms", "/ bare", "/ narrow",
                     "bare kB", "narrow kB", "ours kB", "/ bare", "/ narrow"):  # fmt: skip
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                str(row.participants), str(row.arms), str(row.parties), f"{1e3 * row.bare_seconds:.0f}",
                f"{1e3 * row.narrow_seconds:.0f}", f"{1e3 * row.seconds:.0f}", f"{1e3 * row.dealing_seconds:.1f}",
                f"{row.to_bare:.2f}", f"{row.to_narrow:.2f}", f"{row.bare_bytes / 1e3:.0f}",
                f"{row.narrow_bytes / 1e3:.0f}", f"{row.bytes / 1e3:.0f}", f"{row.bytes_to_bare:.2f}",
                f"{row.bytes_to_narrow:.2f}",
            )  # fmt: skip
        Console(width=130).print(table)
    slow = [(row.participants, row.arms, row.parties) for row in rows if row.to_bare > GOAL]
    if slow:
        print(f"above {GOAL} x bare MPyC at (M, K, parties) = {slow}", file=sys.stderr)
    return 14 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
