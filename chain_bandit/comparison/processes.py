"""Processes of a set of parties: started, linked and ended together."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from tempfile import TemporaryFile
from typing import TypeVar

from chain_bandit.comparison.wire import Link, Linked, Listening, Open, WireMessage
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.sharing import PRIME

PARTY = (sys.executable, "-m", "chain_bandit.comparison.party")
LONGEST_ANSWER = 1 << 24
"""Bytes of a line; a party that writes more counts as failed."""

_Kind = TypeVar("_Kind", bound=WireMessage)


class PartyFailed(ChainBanditError):
    """A party died, hangs, or answers what it should not: its set is of no use any more."""

    exit_code = 11

    def __init__(self, index: int | None, reason: str) -> None:
        super().__init__(f"{'the parties' if index is None else f'party {index}'} {reason}")
        self.index, self.reason = index, reason


class PartyProcess:
    """One party, in a session of its own: it lives as long as the end of a socket that only we hold.

    A socket rather than pipes: we can close it even if another process holds the other end too.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        with ExitStack() as undo:
            self._errors = undo.enter_context(TemporaryFile())
            ours, theirs = map(undo.enter_context, socket.socketpair())
            self._socket, self._answers = ours, undo.enter_context(ours.makefile("rb"))
            self.process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._errors, start_new_session=True
            )
            theirs.close()
            self._held = undo.pop_all()  # it runs: `close` does it

    def ask(self, line: WireMessage, kind: type[_Kind]) -> _Kind:
        """Send a line and wait for the answer. Raises OSError or ValueError when there is none, or another."""
        self._socket.sendall(line.model_dump_json().encode() + b"\n")
        answer = self._answers.readline(LONGEST_ANSWER)
        if not answer.endswith(b"\n"):
            raise OSError("died")
        return kind.model_validate_json(answer)

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()[-300:].decode("utf-8", "replace").strip()

    def kill(self) -> None:
        """End it, its children and a pending `ask`, whatever they do; a child may have left its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._socket.shutdown(socket.SHUT_RDWR)
        self.process.wait()

    def close(self) -> None:
        """Let go of its files, once nobody reads from it."""
        self._held.close()


class PartyProcesses:
    """`count` parties, ready for sessions. Close them; a failing `ask` does.

    Args:
        width: bits of the differences that are compared, sign included. What the field has left hides them.
        timeout: seconds for each question, the start included.

    Raises:
        PartyFailed: they did not start.
    """

    def __init__(self, count: int, width: int, timeout: float, command: Sequence[str] = PARTY) -> None:
        self.timeout = timeout
        security = PRIME.bit_length() - width - 2  # MPyC wants two bits for itself
        options = ("-M", str(count), "-L", str(width), "-K", str(security), "--no-log")
        self.members: list[PartyProcess] = []
        self._threads = ThreadPoolExecutor(count, "party")
        try:
            for index in range(count):
                self.members.append(PartyProcess((*command, *options, "-I", str(index))))
            token = secrets.token_bytes(32)
            node_records = self.ask([Open(token=token)] * count, Listening)
            self.ask([Link(ports=tuple(endpoint.port for endpoint in node_records))] * count, Linked)
        except OSError as error:
            index = len(self.members)
            self.close()
            raise PartyFailed(index, f"could not be started ({error.strerror})") from error
        except BaseException:
            self.close()
            raise

    def ask(self, lines: Sequence[WireMessage], kind: type[_Kind]) -> list[_Kind]:
        """Send one line to each party and receive one from each.

        Raises:
            PartyFailed: the first that died, answered something else, or had no answer in time. All are gone then.
        """
        try:
            answers = [self._submit(index, line, kind) for index, line in enumerate(lines)]
            wait(answers, self.timeout, FIRST_EXCEPTION)
            for index, answer in enumerate(answers):
                self._check(index, answer)
            for index, answer in enumerate(answers):
                if not answer.done():
                    raise PartyFailed(index, f"did not answer within {self.timeout:g} s")
            return [answer.result() for answer in answers]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all parties. Again does nothing."""
        for party in self.members:
            party.kill()
        self._threads.shutdown()
        while self.members:
            self.members.pop().close()

    def _submit(self, index: int, line: WireMessage, kind: type[_Kind]) -> "Future[_Kind]":
        try:
            return self._threads.submit(self.members[index].ask, line, kind)
        except RuntimeError as error:
            raise PartyFailed(index, f"could not be asked ({error})") from error

    def _check(self, index: int, answer: "Future[_Kind]") -> None:
        error = answer.exception() if answer.done() else None
        if isinstance(error, OSError):
            raise PartyFailed(index, f"died; it said: {self.members[index].last_words() or 'nothing'}") from error
        if isinstance(error, ValueError):
            raise PartyFailed(index, "answered out of turn") from error
        if error is not None:
            raise error
