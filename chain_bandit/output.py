"""Standard output of a command, in an encoding that the terminal can show, into a closed pipe, on a full disk."""

import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from select import select
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

UNWRITTEN = 2
"""Exit code of a command that was good, but whose output could not all be written."""

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY)
"""Errors of a disk that is full, and of a place that is not the user's to write to, or that another process writes."""

UNUSABLE = (errno.ENAMETOOLONG, errno.ELOOP)
"""Errors of a path that no file has."""


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Add the file to the error of a failed write. Raises `OSError` as the block does."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


_answers: TextIO | None = None
"""Where answers go, while nothing else may be printed there."""


class _Stream(io.FileIO):
    """One of the process's own streams. Nothing that is written to it raises.

    Attributes:
        lost: why something was not written; empty while all was, or where the reader has gone and wants no more.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self.lost = ""

    def write(self, data: "ReadableBuffer") -> int:
        """All of it, or as much as there is room for at once; a descriptor that does not block is waited for."""
        try:
            while True:
                written: int | None = super().write(data)
                if written is not None:
                    return written
                select([], [self], [])
        except BrokenPipeError:
            pass
        except OSError as error:
            self.lost = self.lost or str(error.strerror)
        return memoryview(data).nbytes


def answer(said: object, **form: Any) -> None:
    """Print an object as JSON on standard output, with what `json.dumps` takes."""
    print(json.dumps(said, **form), file=_answers or sys.stdout, flush=True)


def own_line(docstring: str | None) -> str:
    """First sentence of a docstring."""
    return " ".join((docstring or "").split("\n\n")[0].split())


def _opened(own: io.TextIOWrapper, number: int | None = None) -> tuple[_Stream, io.TextIOWrapper]:
    own.flush()
    stream = _Stream(own.fileno() if number is None else number)
    buffered = io.BufferedWriter(stream)
    return stream, io.TextIOWrapper(buffered, own.encoding, "backslashreplace", line_buffering=own.line_buffering)


@contextmanager
def forgiving(answers_alone: bool = False) -> Iterator[None]:
    """Let the block print anything: what a stream has no character for as an escape, what nobody reads into nowhere.

    The block ends by `SystemExit`, whose code stays what it is; of a good command whose output was lost it is
    `UNWRITTEN`. Streams that somebody put in the place of the process's own are left alone.

    Args:
        answers_alone: only `answer` writes on standard output; what plug-ins and other processes print there goes to
            standard error.
    """
    global _answers
    said, own = None, sys.stdout
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        _, sys.stderr = _opened(sys.stderr)
    if isinstance(own, io.TextIOWrapper) and own is sys.__stdout__:
        if answers_alone and isinstance(sys.stderr, io.TextIOWrapper):
            said, _answers = _opened(own, os.dup(own.fileno()))
            os.dup2(sys.stderr.fileno(), own.fileno())
            sys.stdout = sys.stderr
        else:
            said, sys.stdout = _opened(own)
    try:
        yield
    except SystemExit as ended:
        for stream in (sys.stdout, _answers):
            if stream is not None:  # nobody has closed it
                stream.flush()
        if said is not None and said.lost:
            print(f"error: standard output cannot be written ({said.lost}): not all is there", file=sys.stderr)
            if not ended.code:
                sys.exit(UNWRITTEN)
        raise
