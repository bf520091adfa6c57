"""Cost of the consensus in one process: messages, bytes, signatures and time of a round, beside its signatures alone.

    python benchmarks/consensus.py [--rounds 40] [--certified] [--json]
    python benchmarks/consensus.py --bytes [--certified] [--json]

Everybody validates and commands, m = floor((n - 1) / 3), quorum two thirds. A round is all that seats and relayer do
from reports to certificates, less what is agreed on: the comparison, and computing the block, which are a column of
their own. "Bare" is the time of its distinct signings and verifications, made again in a plain loop right after it. All
are CPU time, medians of so many rounds; the ratio is the median of each round's own, so that load disturbs both of its
halves. Bytes are of contents, signatures and seats.
Exit code 14 where a round takes more than 1.3 x the bare time for n <= 10, or 2 x above.

With --bytes one round each of 31 and 100, without faults and with one commander that tells half of the others its
report, or one half another report than the rest; of the latter what the others send. Exit code 14 above `BYTES`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from chain_bandit.actors import validator
from chain_bandit.actors.comparer import Comparer
from chain_bandit.actors.messages import COMPARISON, RELAYER, Send
from chain_bandit.actors.relayer import Relayer
from chain_bandit.actors.seat import Seat
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.consensus.echo import TAG_BYTES, Echo
from chain_bandit.consensus.vector import Vector
from chain_bandit.crypto.verify import signer
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.proposal import propose
from verification.schedules.acts import GameSize
from verification.schedules.keyring import Scribe
from verification.schedules.stage import ScheduleStage

SIZES = (4, 7, 10, 16, 31)
GOALS = {4: 1.3, 7: 1.3, 10: 1.3, 16: 2.0, 31: 2.0}
BYTES = {
    (31, "none"): 0.5, (31, "half"): 0.9, (31, "two"): 1.3,
    (100, "none"): 6.0, (100, "half"): 10.0, (100, "two"): 15.0,
}  # fmt: skip
"""MB of a round, at most, by validators and the fault of seat 0."""
SEAT, SIGNATURE = 2, 64

_Actors = Mapping[int, "Seat | Comparer | Relayer | _Liar"]


@dataclass(frozen=True)
class _Row:
    """One size: of a round its steps, messages, statements, bytes, distinct signatures, CPU milliseconds, a ratio."""

    validators: int
    steps: int
    messages: int
    statements: int
    bytes: int
    signings: int
    verifications: int
    milliseconds: float
    proposing: float
    bare: float
    ratio: float


class _Liar:
    """A seat that keeps its report from half of the others, or tells them another one; an honest one else."""

    def __init__(self, stage: ScheduleStage, number: int, fault: str) -> None:
        self._seat, self._other, self._fault = stage.seats[number], stage.seat(number, 1), fault

    def begin(self, ledger: Ledger) -> None:
        self._seat.begin(ledger)
        self._other.begin(ledger)

    def on_tick(self, step: int) -> list[Send]:
        said = self._seat.on_tick(step)
        if step:
            return said
        opening, (to, report) = said
        half, (_, other) = len(to) // 2, self._other.on_tick(0)
        rest = [Send(to[half:], other.message)] if self._fault == "two" else []
        return [opening, Send(to[:half], report), *rest]

    def on_message(self, sender: int, message: Any) -> list[Send]:
        return self._seat.on_message(sender, message)


def bytes_of(validators: int, fault: str = "none", certified: bool = False) -> int:
    """Bytes of a round in which one commander has a fault: "none", "half" or "two"; of the latter two the others'."""
    stage = ScheduleStage(GameSize(validators, (validators - 1) // 3, certified=certified), Plain)
    liars = {} if fault == "none" else {0: _Liar(stage, 0, fault)}
    everybody = dict(enumerate(stage.seats))
    actors: dict[int, Any] = {COMPARISON: stage.comparer, RELAYER: stage.relayer, **everybody, **liars}
    return total_bytes(stage, actors, liars)


class Plain(Scribe):
    """A key that keeps no book, so that nothing but signing is timed."""

    log: list[tuple["Plain", bytes]] | None = None

    def sign(self, digest: bytes) -> bytes:
        """As any key; into the log where there is one."""
        if Plain.log is not None:
            Plain.log.append((self, digest))
        return super(Scribe, self).sign(digest)


def size_of(send: Send) -> int:
    """Bytes of a message, less framing."""
    match send.message:
        case Frame(claims=claims):
            relays = sum(len(claim.relays) for claim in claims)
            return relays * (SEAT + SIGNATURE) + sum(SEAT + len(claim.content) + SIGNATURE for claim in claims)
        case Echo(salt=salt, tags=tags, signature=signature):
            return 4 + len(salt) + len(tags) * (TAG_BYTES + 2) // TAG_BYTES + len(signature)
        case Vector(values=values, signatures=signatures, relays=relays):
            said = sum(SEAT + len(claim.content) + SIGNATURE for claim in values)
            return 4 + said + len(signatures) + len(relays) * (SEAT + SIGNATURE)
        case Vote(content=content):
            return SEAT + len(content) + SIGNATURE
    return 0


def measure(validators: int, rounds: int, certified: bool = False) -> _Row:
    stage = ScheduleStage(GameSize(validators, (validators - 1) // 3, certified=certified), Plain)
    actors: _Actors = {COMPARISON: stage.comparer, RELAYER: stage.relayer, **dict(enumerate(stage.seats))}
    sent = 0, 0
    proposing = 0.0

    def apart(work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: object) -> Any:
            nonlocal proposing
            began = process_time()
            result = work(*arguments)
            proposing += process_time() - began
            return result

        return timed

    stage.comparer.on_message = apart(stage.comparer.on_message)  # type: ignore[method-assign]

    def play(number: int) -> tuple[float, float]:
        nonlocal proposing, sent
        ledger = replace(stage.ledger, round=number)
        for seat in stage.seats:
            stage.report(ledger, seat.number, 0)
        stage.verifier.forget()
        began, proposing = process_time(), 0.0
        for seat in stage.seats:
            seat.begin(ledger)
        stage.comparer.begin(ledger)
        stage.relayer.begin(ledger)
        network = MemoryNetwork(actors, list(actors), frozenset())
        for step in range(stage.rules.schedule.steps):
            network.step(step)
        seconds = process_time() - began
        assert stage.relayer.block is not None
        sent = network.delivered, network.statements
        return seconds - proposing, proposing

    def bare() -> float:
        began = process_time()
        for key, digest in signed:
            key.sign(digest)
        for digest, signature in checked:
            signer(digest, signature)
        return process_time() - began

    with patch.object(validator, "propose", apart(propose)):
        Plain.log = []
        play(100)
        signed, Plain.log = Plain.log, None
        checked = list(stage.verifier._signers)
        times = [(*play(101 + number), bare()) for number in range(rounds)]
    seconds, other, alone = map(median, zip(*times, strict=True))
    return _Row(
        validators, stage.rules.schedule.certify + 1, *sent, total_bytes(stage, actors), len(signed), len(checked),
        1e3 * seconds, 1e3 * other, 1e3 * alone, median(took / plain for took, _, plain in times),
    )  # fmt: skip


def total_bytes(stage: ScheduleStage, actors: _Actors, but: Collection[int] = ()) -> int:
    """Bytes of one round, by a network that counts them, but for what some send."""
    total = 0

    def count(sender: int, send: Send) -> None:
        nonlocal total
        total += size_of(send) * len(send.to) * (sender not in but)

    ledger = replace(stage.ledger, round=99)
    stage.verifier.forget()
    for actor in actors.values():
        actor.begin(ledger)
    network = MemoryNetwork(actors, list(actors), frozenset(), count)
    for step in range(stage.rules.schedule.steps):
        network.step(step)
    return total


def print_bytes(certified: bool, as_json: bool) -> int:
    found = {case: bytes_of(*case, certified) / 1e6 for case in BYTES}
    if as_json:
        print(json.dumps([{"validators": n, "fault": fault, "mb": mb} for (n, fault), mb in found.items()]))
    else:
        table = Table("n", "fault", "MB of a round", "goal", title="What a round delivers", box=None)
        for (n, fault), mb in found.items():
            table.add_row(str(n), fault, f"{mb:.2f}", f"{BYTES[n, fault]:.1f}")
        Console().print(table)
    return 14 if any(mb > BYTES[case] for case, mb in found.items()) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--certified", action="store_true")
    parser.add_argument("--bytes", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.bytes:
        return print_bytes(arguments.certified, arguments.json)
    rows = [measure(validators, arguments.rounds, arguments.certified) for validators in SIZES]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        table = Table(title="One round of consensus in one process, without faults", box=None)
        figures = "messages", "statements", "kB", "signed", "verified", "ms", "proposing", "bare", "ratio", "goal"
        for name in ("n", "steps", *figures):
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                str(row.validators), str(row.steps), f"{row.messages:,}", f"{row.statements:,}",
                f"{row.bytes / 1e3:,.0f}", str(row.signings), str(row.verifications),
                *(f"{value:.2f}" for value in (row.milliseconds, row.proposing, row.bare)),
                f"{row.ratio:.2f}", f"{GOALS[row.validators]:.1f}",
            )  # fmt: skip
        Console().print(table)
    return 14 if any(row.ratio > GOALS[row.validators] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
