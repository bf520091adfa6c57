"""Two-process audit: this process replays the game, the other one checks the chain and the signatures.

The game is replayed as on a sound chain, of which every signature is whose it should be; what should be goes to the
process beside it (`auditor/signature_checker.py`). Where its pipe is full, this one checks the signatures itself.

Where all of that holds, both together have done what `auditor.audit` does, and the report is the same. Where anything
does not, or goes wrong, there is none, and the caller audits in one process: no verdict depends on the number of them.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from chain_bandit.auditor import signature_checker
from chain_bandit.auditor.audit import finish, observed, replay, reported
from chain_bandit.auditor.chain import OPENING, STEP, check_head, opened
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.report import AuditReport, Checks
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.resumable_download import BlocksObserver
from chain_bandit.protocol.digests import keccak

WORTH = 1 << 20
"""Bytes of a file that are worth a process."""


def able(path: Path) -> bool:
    """Whether a file is worth a second process, and there is a core for it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores > 1 and path.is_file() and path.stat().st_size >= WORTH


def audit_by_two(
    path: Path, head: bytes | None, observe: BlocksObserver = lambda done, total: None
) -> AuditReport | None:
    """The report of `auditor.audit`; None where it takes one process to say what is wrong."""
    with suppress(Exception), SecondProcess(path) as other:  # the audit by one comes to the same error, if it is one
        history, checks = files.read(path), Checks()
        found = opened(observed(files.skim(path, OPENING), observe), history.origin)
        game = ReplayedGame(history.origin, found, checks, whose=other.whose)
        found.head = replay(game, History(history.origin, other.counted(history.blocks)), observe)
        for name in ("chain.links", "chain.transactions", "chain.receipts"):
            checks.passed(name, found.number + 1 - history.origin.first_block)
        found.trail = other.trail
        check_head(found, head, checks)
        finish(game)
        # Of order it takes the head to say, which is known too late here; and a wrong head is told before all else.
        order = checks.tallies["chain.order"]
        in_order = not (order.failed or order.not_checkable or checks.tallies["chain.head"].failed)
        if other.agrees(signature_checker.seen(found)) and in_order and not game.nonces.repeated():
            return reported(game, {"chain.trail"} if head else {"chain.trail", "chain.head"})
    return None


class SecondProcess(AbstractContextManager["SecondProcess"]):
    """The other process, for as long as a `with` lasts."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", signature_checker.__name__, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        self._asking, self._answer = (
            cast("IO[bytes]", each) for each in (self._process.stdin, self._process.stdout)
        )  # fmt: skip
        os.set_blocking(self._asking.fileno(), False)
        self._records, self._replayed, self._hold = bytearray(), 0, True
        self.trail = bytearray()

    def __enter__(self) -> Self:
        """Ask it."""
        return self

    def counted(self, blocks: Iterable[RawBlock]) -> Iterator[RawBlock]:
        """The blocks that are replayed, with their trail."""
        for self._replayed, block in enumerate(blocks, 1):
            self.trail += keccak(block.header)[:STEP]
            yield block

    def whose(self, digest: bytes, signature: bytes, expected: bytes) -> bytes:
        """`expected`, which is checked meanwhile."""
        self._records += digest + signature + expected
        if len(self._records) >= signature_checker.RECORD * signature_checker.TOGETHER:
            self._ask()
        return expected

    def agrees(self, seen: bytes) -> bool:
        """Whether all signatures hold, and the other one saw a chain, and the same one."""
        os.set_blocking(self._asking.fileno(), True)
        self._ask()
        self._asking.close()
        return self._hold and self._answer.read() == seen

    def _ask(self) -> None:
        records = bytes(self._records)
        self._records.clear()
        try:
            os.write(self._asking.fileno(), signature_checker.message(self._replayed, records))
        except BlockingIOError:
            self._hold &= signature_checker.hold(records)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._asking.close()
        self._answer.close()
