"""Files beside an audit's verdict: where one cannot be written, the verdict is printed all the same."""

from pathlib import Path
from typing import Any, NoReturn

import typer

from chain_bandit.cli.errors import say_error
from chain_bandit.output import UNWRITTEN, naming


def write_page(page: Path, drawn: str) -> str:
    """Write it; gives the reason where it cannot be written, else nothing."""
    from chain_bandit.append_log import whole_file

    try:
        with naming(page), whole_file(page) as file:
            file.write(drawn.encode())
    except OSError as error:
        return unwritten(error)
    return ""


def unwritten(error: OSError) -> str:
    """Which file cannot be written, and why."""
    return f"{error.filename}: cannot be written ({error.strerror})"


def lost_as_json(lost: str) -> dict[str, Any]:
    """What the verdict's object has beside it."""
    return {"error": {"type": "FileUnwritten", "message": lost, "exit_code": UNWRITTEN}} if lost else {}


def end_audit(lost: str, code: int) -> NoReturn:
    """End with the audit's exit code, or where that is 0 with the one of an output that is not written."""
    if lost:
        say_error(lost)
    raise typer.Exit(code or (UNWRITTEN if lost else 0))
