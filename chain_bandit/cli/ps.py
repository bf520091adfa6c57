"""`chain-bandit ps`: node status, of a folder or from the chain."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json
from chain_bandit.output import answer

EXAMPLES = ("ps nodes/small",)


def ps(
    place: Annotated[Path, typer.Argument(metavar="FOLDER|GAME", help="Folder of nodes; with --rpc game.json.")],
    rpc: Annotated[str | None, typer.Option("--rpc", help="A node's URL: show all accounts from the chain.")] = None,
    as_json: Json = False,
) -> None:
    """Show node status: of a folder, the processes on this machine and the last round in each log.

    With --rpc, of all hosts: the last round, each participant's last report, how many blocks have been without one
    since, and balances, from the chain alone. A node without a folder here is `not here`.
    """
    if rpc is not None:
        _across_hosts(place, rpc, as_json)
        return
    from chain_bandit.nodes.processes import states
    from chain_bandit.nodes.up import last_round

    parent = place.parent if (place / "node.json").exists() else place
    found = [(each, last_round(parent, each.name)) for each in states(place)]
    if as_json:
        said = [{"name": each.name, "pid": each.pid, "state": each.word, "round": at} for each, at in found]
        answer(said)
    else:
        for each, at in found:
            print(f"{each.name:<12} {each.word:<9} {each.pid or '':<9}{f' round {at:,}' if at else ''}".rstrip())


def _across_hosts(place: Path, rpc: str, as_json: bool) -> None:
    """What the chain shows of everybody."""
    from dataclasses import asdict

    from chain_bandit.cli.coins import coin
    from chain_bandit.nodes.node_files import read_game
    from chain_bandit.nodes.overview import overview

    file = place / "game.json" if place.is_dir() else place
    status = overview(file, rpc)
    if as_json:
        answer(asdict(status))
        return
    print(f"round {status.round:,}, {status.kind}; balances in {coin(read_game(file).chain_id)}")
    for each in status.accounts:
        heard = "" if each.reported is None else f"last report {each.reported:,}, {each.missed:,} blocks without since"
        out = f", excluded from round {each.excluded:,} on" if each.excluded else ""
        print(f"{each.name:<12} {each.address} {each.balance / 10**18:>16.6f}  {heard}{out}".rstrip())
