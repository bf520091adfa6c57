"""`chain-bandit logs`: the logs of nodes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.errors import on_one_line
from chain_bandit.cli.node import log_object
from chain_bandit.output import answer

EXAMPLES = ("logs nodes/small",)


def logs(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a game of nodes.")],
    name: Annotated[str | None, typer.Argument(help="Name of one node; by default all.")] = None,
    lines: Annotated[int, typer.Option("--lines", min=1, help="Number of last lines of each node.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, on stdout.")] = False,
) -> None:
    """Print the logs of nodes."""
    from chain_bandit.nodes.processes import log

    found = list(log(place, name, lines))
    for each, line in found:
        answer(log_object(each, line)) if as_json else print(f"{each}: {on_one_line(line)}")
    if not found:
        where = place / name if name else place
        print(f"no log in {where}: chain-bandit node writes to its terminal; 2>> FOLDER/log keeps it", file=sys.stderr)
