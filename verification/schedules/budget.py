"""Randomised test of agreement, and that no honest seat is blamed: schedules, each from its seed (docs/consensus.md).

    python -m verification.schedules [--schedules 100000] [--every-m] [--true] [--from 0] [--jobs 2] [--json FILE]
    python -m verification.schedules --nodes [--schedules 100000]
    python -m verification.schedules --record, and with --nodes --schedules 10000
    python -m verification.schedules --receipts [--schedules 100000] [--seed 17]
    python -m verification.schedules --sending [--schedules 100000] [--true] [--seed 17]
    python -m verification.schedules --chains [--schedules 100000] [--seed 17]
    python -m verification.schedules --epochs [--schedules 10000] [--true] [--seed 17]
    python -m verification.schedules [--nodes] --size 7 2 two-thirds [--drawn] [--certified] --seed 17

Sizes n = 4 ... 10 with m <= 3, or with every m up to n - 2, under both quorums where two thirds allow m, and with drawn
commanders where m < n/2; the smaller the more of them, by 1/n^3.
With --certified, certified vectors end the broadcast of reports; two thirds alone.
With --nodes the loop of nodes plays some rounds in a row, n = 4 ... 7 and m < n/2.
With --receipts a game of 48 rounds without a consensus, whose receipts, settlements and proofs are under attack.
With --sending a run of some transactions before a hostile node, in virtual time, with crashes (docs/chains.md).
With --chains nodes from the opening to their end on a chain that is reorganised, in virtual time (docs/chains.md).
With --epochs some epochs of an agreement on tokens under corrupt participants and validators (docs/mediate.md).
Signatures are ideal (`keyring.py`) unless --true. With --seed one schedule: if it fails, the fewest acts that still do
and what happens; else what it is. With --record a budget that held is noted in `tests/snapshots/played.json`, and
`make test` plays a twelfth of it until a source that it depends on changes. Exit code 14 when an invariant does not
hold anywhere.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import accumulate
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

from chain_bandit.pool import pool
from verification.played import record
from verification.schedules import chain_side, epochs, nodes, play, receipts, sending
from verification.schedules.acts import FaultSchedule, GameSize
from verification.schedules.counted import Counted
from verification.schedules.crashing import IdealSigner, TrueSigner
from verification.schedules.draw import draw, draw_for_nodes
from verification.schedules.keyring import IdealScribe, Scribe
from verification.schedules.shrink import Player, shrunk, story, violates
from verification.schedules.stage import ScheduleStage

P = TypeVar("P")
R = TypeVar("R")

LEAST, MOST, ATTACKERS = 4, 10, 3
MOST_NODES = 7
PART = 250
"""Seeds that a worker takes at once."""


@dataclass
class _Tally:
    """Schedules of one size."""

    validators: int
    attackers: int
    quorum: str
    drawn: bool = False
    certified: bool = False
    schedules: int = 0
    rounds: int = 0
    late: int = 0
    framed: int = 0
    accused: int = 0
    seconds: float = 0.0
    failed: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Kind:
    """Player of the schedules, and the draw of one from a seed."""

    draw: Callable[[GameSize, int], FaultSchedule]
    play: Player
    flag: str = ""
    certified: bool = False

    def sizes(self, every_m: bool) -> Iterator[GameSize]:
        """Those that it plays: nodes count on more honest seats than others."""
        for size in sizes(every_m):
            if self.certified and size.quorum == "majority":
                continue
            if self.play is play.play or (size.validators <= MOST_NODES and 2 * size.attackers < size.validators):
                yield replace(size, certified=self.certified)


MACHINES, NODES = _Kind(draw, play.play), _Kind(draw_for_nodes, nodes.play, "--nodes ")
CERTIFIED = {kind: replace(kind, flag=f"{kind.flag}--certified ", certified=True) for kind in (MACHINES, NODES)}


def sizes(every_m: bool) -> Iterator[GameSize]:
    for n in range(LEAST, MOST + 1):
        for m in range(1, n - 1 if every_m else min(ATTACKERS, n - 2) + 1):
            yield GameSize(n, m, "majority")
            if n > 3 * m:
                yield GameSize(n, m, "two-thirds")
            if n > 2 * m:
                yield GameSize(n, m, "majority", drawn=True)


def tally(scribe: type[Scribe], kind: _Kind, part: tuple[GameSize, range]) -> _Tally:
    size, seeds = part
    result = _Tally(size.validators, size.attackers, size.quorum, size.drawn, size.certified)
    stage, began = ScheduleStage(size, scribe), process_time()
    for seed in seeds:
        schedule = kind.draw(size, seed)
        played = kind.play(stage, schedule)
        result.schedules += 1
        result.rounds += schedule.rounds
        result.late += sum(not schedule.is_calm(round_) for round_ in range(schedule.rounds))
        result.framed += any(violation.startswith("C-5") for violation in played.violations)
        result.accused += len(played.accused)
        result.failed += [(seed, violation) for violation in played.violations]
    result.seconds = process_time() - began
    return result


def parts(schedules: int, first: int, every_m: bool, kind: _Kind = MACHINES) -> Iterator[tuple[GameSize, range]]:
    """Parts of the work, a size after the other: of the small more, whose adversary has tried more of all it can."""
    every = list(kind.sizes(every_m))
    weights = [Fraction(1, size.validators**3) for size in every]
    upto = list(accumulate(weights, initial=Fraction(0)))
    for place, size in enumerate(every):
        begin, end = (round(schedules * share / upto[-1]) for share in upto[place : place + 2])
        for at in range(first, first + end - begin, PART):
            yield size, range(at, min(at + PART, first + end - begin))


def one(size: GameSize, seed: int, scribe: type[Scribe], kind: _Kind) -> int:
    stage, schedule = ScheduleStage(size, scribe), kind.draw(size, seed)
    violations = kind.play(stage, schedule).violations
    least = shrunk(schedule, violates(stage, violations, kind.play)) if violations else schedule
    print(story(stage, least, kind.play))
    return 14 if violations else 0


def of_receipts(seeds: range, jobs: int) -> int:
    """Play schedules of receipts; print what was seen in them and what did not hold."""
    return _of("--receipts", _receipts, seeds, jobs)


def of_sending(seeds: range, jobs: int, signer: type[TrueSigner] = IdealSigner) -> int:
    """So of a sender before a hostile node."""
    flag = "--sending --true" if signer is TrueSigner else "--sending"
    return _of(flag, partial(_sending, signer), seeds, jobs)


def of_chains(seeds: range, jobs: int) -> int:
    """So of nodes whose chain goes back."""
    code = _of("--chains", _chains, seeds, jobs)
    if len(seeds) == 1:
        print(chain_side.story(seeds[0]))
    return code


def of_epochs(seeds: range, jobs: int, scribe: type[Scribe] = IdealScribe) -> int:
    """So of agreements on tokens."""
    flag = "--epochs --true" if scribe is Scribe else "--epochs"
    code = _of(flag, partial(_epochs, scribe), seeds, jobs)
    if len(seeds) == 1:
        schedule = epochs.draw(seeds[0])
        print(epochs.story(shrunk(schedule, epochs.violates(schedule)) if code else schedule))
    return code


def outcomes(play_part: Callable[[P], R], every: Sequence[P], jobs: int) -> Iterator[R]:
    """What comes of every part, in order, by so many processes; one is this one."""
    with nullcontext() if jobs == 1 else pool(jobs) as workers:
        results = workers.map(play_part, every) if workers else map(play_part, every)
        yield from track(results, "schedules", len(every), console=Console(stderr=True))


_Seen = tuple[Counter[str], list[tuple[str, int]]]
"""What was seen, and what did not hold, each with its seed."""


def _of(flag: str, play_part: Callable[[range], _Seen], seeds: range, jobs: int) -> int:
    began, seen, failed = perf_counter(), Counter[str](), dict[str, list[int]]()
    parts_ = [seeds[at : at + PART] for at in range(0, len(seeds), PART)]
    for part, broken in outcomes(play_part, parts_, jobs):
        seen += part
        for violation, where in broken:
            failed.setdefault(violation, []).append(where)
    for what, times in seen.most_common():
        print(f"{times:>10,}  {what}")
    for violation, where_ in failed.items():
        print(f"does not hold in {len(where_)}: {violation}: {flag} --seed {min(where_)}")
    broken_in = len({seed for seeds_ in failed.values() for seed in seeds_})
    print(f"{len(seeds):,} schedules, {broken_in} broken, {perf_counter() - began:.0f} s")
    return 14 if failed else 0


def _seen(play_one: Callable[[int], Counted], seeds: range) -> _Seen:
    seen, failed = Counter[str](), list[tuple[str, int]]()
    for seed in seeds:
        played = play_one(seed)
        seen += played.seen
        failed += [(violation, seed) for violation in set(played.violations)]
    return seen, failed


def _sending(signer: type[TrueSigner], seeds: range) -> _Seen:
    return _seen(lambda seed: sending.play(seed, signer), seeds)


def _chains(seeds: range) -> _Seen:
    return _seen(chain_side.play, seeds)


def _epochs(scribe: type[Scribe], seeds: range) -> _Seen:
    return _seen(lambda seed: epochs.play(seed, scribe), seeds)


def _receipts(seeds: range) -> _Seen:
    return _seen(partial(receipts.play, receipts.ReceiptStage()), seeds)


def arguments_of(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--every-m", action="store_true")
    parser.add_argument("--true", action="store_true")
    parser.add_argument("--nodes", action="store_true")
    parser.add_argument("--receipts", action="store_true")
    parser.add_argument("--sending", action="store_true")
    parser.add_argument("--epochs", action="store_true")
    parser.add_argument("--chains", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", nargs=3, metavar=("N", "M", "QUORUM"))
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("--certified", action="store_true")
    parser.add_argument("--seed", type=int)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    arguments = arguments_of(given)
    if arguments.receipts or arguments.sending or arguments.epochs or arguments.chains:
        first, count = (arguments.first, arguments.schedules) if arguments.seed is None else (arguments.seed, 1)
        seeds = range(first, first + count)
        if arguments.receipts:
            return of_receipts(seeds, arguments.jobs)
        if arguments.chains:
            return of_chains(seeds, arguments.jobs)
        if arguments.epochs:
            return of_epochs(seeds, arguments.jobs, Scribe if arguments.true else IdealScribe)
        return of_sending(seeds, arguments.jobs, TrueSigner if arguments.true else IdealSigner)
    scribe, kind = Scribe if arguments.true else IdealScribe, NODES if arguments.nodes else MACHINES
    if arguments.certified:
        kind = CERTIFIED[kind]
    if arguments.seed is not None:
        n, m, quorum = arguments.size
        size = GameSize(int(n), int(m), quorum, arguments.drawn, arguments.certified)
        return one(size, arguments.seed, scribe, kind)
    began, by_size, failed = perf_counter(), dict[tuple[int, int], _Tally](), Counter[str]()
    every = list(parts(arguments.schedules, arguments.first, arguments.every_m, kind))
    for part in outcomes(partial(tally, scribe, kind), every, arguments.jobs):
        key = (part.validators, part.attackers)
        whole = by_size.setdefault(key, _Tally(*key, "both"))
        for name in ("schedules", "rounds", "late", "framed", "accused", "seconds", "failed"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for seed, violation in part.failed:
            failed[violation] += 1
            if failed[violation] <= 3:
                drawn = " --drawn" if part.drawn else ""
                where = f"{kind.flag}--size {part.validators} {part.attackers} {part.quorum}{drawn} --seed {seed}"
                print(f"{violation}: python -m verification.schedules {where}", file=sys.stderr)
    seconds, rows = perf_counter() - began, list(by_size.values())
    if arguments.json:
        line = {"seconds": seconds, "true": arguments.true, "nodes": arguments.nodes}
        line |= {"sizes": [asdict(row) for row in rows]}
        with arguments.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    many = sum(row.schedules for row in rows)
    table = Table(title=f"{many:,} schedules in {seconds:.0f} s on {arguments.jobs} processes")
    for name in ("n", "m", "schedules", "rounds", "of them late", "broken", "honest framed", "proofs", "CPU ms each"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = (row.schedules, row.rounds, row.late, len(row.failed), row.framed, row.accused)
        each = 1e3 * row.seconds / max(row.schedules, 1)
        table.add_row(str(row.validators), str(row.attackers), *(f"{figure:,}" for figure in figures), f"{each:.2f}")
    Console().print(table)
    if arguments.record and not (kind.certified or failed or arguments.first or arguments.every_m or arguments.true):
        record(kind.play.__module__, arguments.schedules)
    return 14 if failed else 0
