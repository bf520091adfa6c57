"""`chain-bandit down`: the end of all node processes of a game."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json
from chain_bandit.output import answer

EXAMPLES = ("down nodes/small",)


def down(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a game of nodes.")], as_json: Json = False
) -> None:
    """Stop all node processes of a game."""
    from chain_bandit.nodes.processes import down as stopped

    names = [each.name for each in stopped(place)]
    if as_json:
        answer({"stopped": names})
    else:
        print("\n".join(f"{each} stopped" for each in names) or f"no node of {place} runs")
