"""`chain-bandit watch`: a page of a game while it is played."""

import sys
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from chain_bandit.cli.errors import on_one_line
from chain_bandit.cli.page import end_audit, lost_as_json, write_page
from chain_bandit.cli.stopping import when_stopped
from chain_bandit.output import answer
from chain_bandit.usage import Usage, named_game

EXAMPLES = ("watch game.json --rpc URL",)


def watch(
    game: Annotated[str, typer.Argument(metavar="GAME", help="game.json, a deployment file, or a contract's address.")],
    rpc: Annotated[str, typer.Option("--rpc", envvar="ETH_RPC_URL", help="A node's URL.")],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Listen address of the page; port 0: any.")
    ] = "127.0.0.1:0",
    every: Annotated[float, typer.Option("--every", min=0.2, help="Polling interval in seconds.")] = 1.0,
    keep: Annotated[bool, typer.Option("--keep", help="Serve the last page until Ctrl-C.")] = False,
    page: Annotated[
        Path | None, typer.Option("--page", help="File of the last page; by default watched-CONTRACT.html.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Two JSON objects on stdout: url, at the end audit.")] = False,
) -> None:
    """Serve a live report page of a running game: rounds, reports, misbehaviour, reputations, money and gas.

    It reads the chain alone and audits what is there each time. It ends with the game: the last page is written to a
    file, and the exit code is the audit's. With --keep the page stays until Ctrl-C (exit code 130).
    """
    from chain_bandit.chain.remote import at_url
    from chain_bandit.game_names import names_in
    from chain_bandit.loopback import served
    from chain_bandit.watching import Watched

    def say(line: str) -> None:
        print(on_one_line(line), file=sys.stderr, flush=True)

    if page is not None and (page.is_dir() or not page.parent.is_dir()):
        raise Usage(f"--page {page}: there is no folder for it, or a folder in its place")
    contract, first = named_game(at_url(rpc), game, "GAME")
    watched = Watched(rpc, contract, first, every, say, names=names_in(Path(game)))
    page = page or Path(f"watched-0x{contract.hex()}.html")
    with served(listen, watched.answer) as port:
        url = f"http://{listen.rpartition(':')[0]}:{port}/"
        if as_json:
            answer({"url": url})
        say(f"{url} until the game is over, or Ctrl-C")
        watched.run()
        assert watched.report is not None
        verdict, lost = watched.report.verdict, write_page(page, watched.last)
        if as_json:
            answer({"audit": verdict, "page": str(page)} | lost_as_json(lost))
        else:
            print(f"the game is over: audit {verdict}" + ("" if lost else f"; open {page}"), flush=True)
        if keep:
            say(f"{url} until Ctrl-C")
            with when_stopped(lambda: f"the audit is {verdict}; the page is {lost or page}"):
                Event().wait()
    end_audit(lost, watched.report.exit_code)
