"""`chain-bandit watch`: a page of a game while it is played."""

import sys
from typing import Annotated

import typer

from chain_bandit.cli.errors import on_one_line
from chain_bandit.cli.options import named_game
from chain_bandit.output import answer


def watch(
    game: Annotated[str, typer.Argument(metavar="GAME", help="game.json, a deployment file, or a contract's address.")],
    rpc: Annotated[str, typer.Option("--rpc", envvar="ETH_RPC_URL", help="A node's URL.")],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Listen address of the page; port 0: any.")
    ] = "127.0.0.1:0",
    every: Annotated[float, typer.Option("--every", min=0.2, help="Polling interval in seconds.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Two JSON objects on stdout: url, at the end audit.")] = False,
) -> None:
    """Serve a live report page of a running game: rounds, reports, misbehaviour, reputations, money and gas.

    It reads the chain alone and audits what is there each time. It ends with the game; the exit code is the audit's.
    """
    from chain_bandit.chain.remote import at_url
    from chain_bandit.loopback import served
    from chain_bandit.watching import Watched

    def say(line: str) -> None:
        print(on_one_line(line), file=sys.stderr, flush=True)

    watched = Watched(rpc, *named_game(at_url(rpc), game, "GAME"), every, say)
    with served(listen, watched.answer) as port:
        url = f"http://{listen.rpartition(':')[0]}:{port}/"
        if as_json:
            answer({"url": url})
        say(f"{url} until the game is over, or Ctrl-C")
        watched.run()
    assert watched.report is not None
    verdict = watched.report.verdict
    answer({"audit": verdict}) if as_json else print(f"the game is over: audit {verdict}")
    raise typer.Exit(watched.report.exit_code)
