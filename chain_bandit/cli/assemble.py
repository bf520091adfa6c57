"""`chain-bandit assemble`: the game file with all participants."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json, OrganiserFile, RpcUrl
from chain_bandit.output import answer

EXAMPLES = ("assemble game.json ann/join.json bob/join.json",)


def assemble(
    game: OrganiserFile,
    joins: Annotated[list[Path], typer.Argument(metavar="JOIN…", help="join.json of each participant.")],
    out: Annotated[Path | None, typer.Option("--out", help="Output file; by default GAME itself.")] = None,
    rpc: RpcUrl = None,
    as_json: Json = False,
) -> None:
    """Write the game file with all participants' addresses and certificates; each is signed by its participant's key.

    Everybody needs this file before the nodes start. It holds no secret.
    """
    from chain_bandit.nodes.open_game import assemble as assembled

    whole = assembled(game, joins, out or game, rpc)
    said = {"game": whole.game, "participants": len(whole.participants), "out": str(out or game)}
    line = f"{said['out']} has {said['participants']} participants: hand it to everybody"
    answer(said) if as_json else print(line)
