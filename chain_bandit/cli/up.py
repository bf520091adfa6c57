"""`chain-bandit up`: a game of processes, or the nodes of a folder."""

import os
from pathlib import Path
from time import sleep
from typing import Annotated

import typer

from chain_bandit.cli.finished import label_of, say_finished
from chain_bandit.cli.options import Json, Override, Payer, PublicKeys, RoundCount, Seed, overrides
from chain_bandit.cli.stopping import when_stopped
from chain_bandit.cli.warnings import allow_public_keys, say_beforehand
from chain_bandit.output import answer
from chain_bandit.usage import Usage

EXAMPLES = ("up small", "up game.toml --chain anvil --rounds 100")


def up(
    scenario: Annotated[
        Path, typer.Argument(metavar="SCENARIO", help="Scenario file (TOML), an example by name, or a folder of nodes.")
    ],
    processes: Annotated[bool, typer.Option("--processes", hidden=True)] = False,
    chain: Annotated[
        str | None, typer.Option("--chain", help="anvil (the default), hardhat, or a node's URL.")
    ] = None,
    account: Payer = None,
    rounds: RoundCount = None,
    seed: Seed = None,
    override: Override = None,
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; by default nodes/NAME-SEED.")] = None,
    revive: Annotated[bool, typer.Option("--revive", help="Restart a node that was killed.")] = False,
    game: Annotated[Path | None, typer.Option("--game", help="With a folder: game.json with all participants.")] = None,
    public_keys: PublicKeys = False,
    as_json: Json = False,
) -> None:
    """Start all nodes of a game on this machine as processes, wait for their end, and audit the game.

    Of a folder that `deploy --key` or `join` made, run the nodes that are there; others run theirs.
    """
    if scenario.is_dir():
        _take_up(scenario, revive, game, [rounds, seed, override, out, account, chain, public_keys or None], as_json)
        return
    if game is not None:
        raise Usage("--game is for a folder that deploy --key or join made: a scenario's game gets a file of its own")
    from chain_bandit.scenario import load

    given, named = load(scenario, overrides(override, rounds, seed)), chain or "anvil"
    from chain_bandit.game.chains import is_url
    from chain_bandit.game.folder import NODES
    from chain_bandit.nodes.up import last_round
    from chain_bandit.nodes.up import up as started
    from chain_bandit.views.terminal import ProgressLine

    place = out or Path("nodes") / label_of(given, named)
    say_beforehand(given, played=True)

    def left() -> str | None:
        gone = f"its chain is gone, its nodes' logs are in {place}"
        told = f"chain-bandit up {place} goes on" if is_url(named) else gone
        return told if (place / NODES).exists() else None

    with ProgressLine("round", given.rounds) as line, when_stopped(left):

        def pause(seconds: float) -> None:
            line.show(last_round(place), str)
            sleep(seconds)

        manifest, report = started(
            given, place, named, account, revives=lambda name: revive, pause=pause,
            on_connected=allow_public_keys(public_keys),
        )  # fmt: skip
    say_finished(given, manifest, report, place, named, as_json)


def _take_up(place: Path, revive: bool, game: Path | None, others: list[object], as_json: bool) -> None:
    """The nodes of a folder, of a game that exists already."""
    from chain_bandit.game.folder import MANIFEST
    from chain_bandit.nodes.node_files import PlaceRefused, game_of, take_game
    from chain_bandit.nodes.node_start import to_audit
    from chain_bandit.nodes.processes import places
    from chain_bandit.nodes.up import last_round, take_up

    if any(each is not None for each in others):
        options = "--chain, --account, --rounds, --seed, -o, --out and --public-keys"
        raise Usage(f"{place}: its game is deployed; {options} are for a scenario, ETH_RPC_URL names the chain's node")
    here = [each for each in places(place) if each.is_dir()]
    if not here:
        raise PlaceRefused(place, "has no folder of a node")
    if game is not None:
        take_game(game, here[0])
    take_up(place, revives=lambda name: revive, url=os.environ.get("ETH_RPC_URL"))
    names, last = [each.name for each in here], max(last_round(each.parent, each.name) for each in here)
    if as_json:
        answer({"ended": names, "round": last})
        return
    shown = f"chain-bandit show {place} shows it" if (place / MANIFEST).exists() else to_audit(game_of(here[0]))
    print(f"all nodes of {place} have ended with their game, after round {last:,}; {shown}")
