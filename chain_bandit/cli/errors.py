"""Printing of an error: one line on stderr, and with `--json` an object on stdout."""

import sys
from typing import Any, NoReturn

from chain_bandit.output import answer
from chain_bandit.protocol.errors import ChainBanditError


def as_json_of(error: ChainBanditError) -> dict[str, Any]:
    """Its class, its sentence and its exit code."""
    return {"type": type(error).__name__, "message": str(error), "exit_code": error.exit_code}


def fail(error: BaseException, code: int, said: str) -> NoReturn:
    """Say an error with its notes, and end with a code."""
    message = "; ".join([said, *getattr(error, "__notes__", [])])
    print_error(type(error).__name__, message, code)
    say_error(message)
    sys.exit(code)


def print_error(kind: str, message: str, code: int) -> None:
    """The object on stdout, where the command was given `--json`."""
    if "--json" in sys.argv:
        answer({"error": {"type": kind, "message": message, "exit_code": code}})


def say_error(message: object) -> None:
    """On one line."""
    print(f"error: {on_one_line(message)}", file=sys.stderr)


def on_one_line(message: object) -> str:
    """Without what a terminal would obey, whatever a file or another host had in it."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(message))
