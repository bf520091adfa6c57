"""A party with one fault, for tests: python false_party.py FAULT INDEX MARK [MPyC's options].

The party of that index, or each with -1, has the fault; with a MARK (a path) only the first time, without one ("-")
always.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chain_bandit.comparison import party
from chain_bandit.comparison.session import MpcSession
from chain_bandit.crypto.keys import Signer

REFUSED = 1


def dies(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_computing() -> None:
    party.mpc.output = dies  # what MPyC opens in the midst of a comparison


def die_at_once() -> None:
    dies()


async def changed(floors: Sequence[int], elements: party.Elements) -> dict[int, Any]:
    bits = await TRUE_COMPARE(floors, elements)
    return {seat: (not row[0], *row[1:]) for seat, row in bits.items()}


async def shortened(floors: Sequence[int], elements: party.Elements) -> dict[int, Any]:
    bits = await TRUE_COMPARE(floors, elements)
    return {seat: row[:-1] for seat, row in bits.items()}


def refused(*arguments: Any) -> party.Elements:
    return {seat: values for seat, values in TRUE_OPEN(*arguments).items() if seat != REFUSED}


def babble(desk: party.PartyChannel, line: Any) -> None:
    desk._answers.write(b'{"probes": "all"}\n')


def flood(desk: party.PartyChannel, line: Any) -> None:
    while True:
        desk._answers.write(b"x" * 65_536)


def hang(desk: party.PartyChannel, line: Any) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def leave_a_child(in_group: bool) -> None:
    """Dies at the first line after all are linked up; its child holds what it held, and is written into the mark."""

    def write(desk: party.PartyChannel, line: Any) -> None:
        if isinstance(line, party.Linked):
            child = subprocess.Popen(("sleep", "60"), stdout=desk._answers, start_new_session=not in_group)
            Path(sys.argv[3]).write_text(str(child.pid))
        TRUE_WRITE(desk, line)

    async def read(desk: party.PartyChannel, kind: Any) -> Any:
        if kind is party.Check:
            await desk._lines.get()
            dies()
        return await TRUE_READ(desk, kind)

    party.PartyChannel.write, party.PartyChannel.read = write, read  # type: ignore[method-assign]


def sign_with_another_key(*turns: int) -> None:
    """The first, the second signature of a session, or both."""

    class Turncoat(Signer):
        signed = 0

        def sign(self, digest: bytes) -> bytes:
            self.signed += 1
            return (Signer(b"\x66" * 32) if self.signed in turns else super()).sign(digest)

    party.Signer = Turncoat  # type: ignore[misc]


def trust_everybody() -> None:
    """Nobody looks at what party 1 signs before the comparison, and it signs with another key."""
    party.heard = lambda session, question: [said.probes for said in question.opened]
    if party.mpc.pid == 1:
        sign_with_another_key(1)


def invent_rows() -> None:
    """A row for each seat that was asked about, whether its shares open or not."""
    asked: set[int] = set()

    def heard(session: MpcSession, question: Any) -> list[dict[int, int]]:
        asked.update(session.asked)
        return TRUE_HEARD(session, question)

    async def compare(floors: Sequence[int], elements: party.Elements) -> dict[int, Any]:
        return dict.fromkeys(asked, (True,) * len(floors)) | await TRUE_COMPARE(floors, elements)

    party.heard, party.compare = heard, compare


TRUE_COMPARE, TRUE_HEARD, TRUE_OPEN = party.compare, party.heard, party.open_shares
TRUE_READ, TRUE_WRITE = party.PartyChannel.read, party.PartyChannel.write
FAULTS = {
    "dies at once": die_at_once,
    "dies while it computes": die_while_computing,
    "hangs": lambda: setattr(party.PartyChannel, "write", hang),
    "leaves a child in its group": lambda: leave_a_child(in_group=True),
    "leaves a child out of its group": lambda: leave_a_child(in_group=False),
    "signs another matrix": lambda: setattr(party, "compare", changed),
    "signs short rows": lambda: setattr(party, "compare", shortened),
    "opens no share of a seat": lambda: setattr(party, "open_shares", refused),
    "signs a row for whoever is asked about": invent_rows,
    "speaks with another key": lambda: sign_with_another_key(1, 2),
    "signs bits with another key": lambda: sign_with_another_key(2),
    "hears whatever is said in any name": trust_everybody,
    "babbles": lambda: setattr(party.PartyChannel, "write", babble),
    "floods": lambda: setattr(party.PartyChannel, "write", flood),
}


def is_due(mark: str) -> bool:
    """Whether it is the first time, or every time."""
    if mark == "-":
        return True
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    fault, index, mark = sys.argv[1:4]
    if int(index) in (-1, party.mpc.pid) and is_due(mark):
        FAULTS[fault]()
    party.mpc.run(party.serve(party.compare))
