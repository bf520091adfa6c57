"""`chain-bandit up`, `node`, `ps`, `logs` and `down`: a game of processes."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Annotated, Any

import typer

from chain_bandit.cli.errors import on_one_line, print_error
from chain_bandit.cli.finished import label_of, say_finished
from chain_bandit.cli.keys import PasswordFile
from chain_bandit.cli.options import Json, Override, Payer, PublicKeys, RoundCount, RpcUrl, Seed, Usage, overrides
from chain_bandit.cli.stopping import when_stopped
from chain_bandit.cli.warnings import allow_public_keys, say_beforehand
from chain_bandit.output import answer
from chain_bandit.protocol.errors import ChainBanditError


class LogFormat(StrEnum):
    """How a node writes its log."""

    TEXT = "text"
    JSON = "json"


_WARNINGS = "not read any more", "; it is forfeited", "; it is asked for again"
"""Within a message."""


def _message(name: str, line: str) -> dict[str, Any]:
    """What a node's log has in a line, which may be an object already."""
    with suppress(ValueError, RecursionError):
        if isinstance(said := json.loads(line), dict):
            return said
    warns = line.startswith(("waiting", "warning", "not signed")) or any(part in line for part in _WARNINGS)
    level = "error" if line.startswith("error: ") else "warning" if warns else "info"
    return {"level": level, "node": name, "message": line}


def _json_lines(name: str) -> Callable[[str], None]:
    """Messages as JSON, each with its time (UTC), level and node."""

    def say(line: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(json.dumps({"time": now, **_message(name, line)}), file=sys.stderr, flush=True)

    return say


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
    take_up(place, revives=lambda name: revive)
    names, last = [each.name for each in here], max(last_round(each.parent, each.name) for each in here)
    if as_json:
        answer({"ended": names, "round": last})
        return
    shown = f"chain-bandit show {place} shows it" if (place / MANIFEST).exists() else to_audit(game_of(here[0]))
    print(f"all nodes of {place} have ended with their game, after round {last:,}; {shown}")


def node(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Node folder, made by `up`, `deploy` or `join`.")],
    rpc: RpcUrl = None,
    game: Annotated[Path | None, typer.Option("--game", help="game.json; a copy of it stays with the node.")] = None,
    password_file: PasswordFile = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="HOST:PORT", help="Serve /metrics and /healthz there.")
    ] = None,
    log: Annotated[
        LogFormat, typer.Option("--log", help="json: one object per message, with time and level.")
    ] = LogFormat.TEXT,
    rewards: Annotated[
        str | None,
        typer.Option("--rewards", metavar="SOURCE", help="Of self-declared rewards: URL, CSV file, module:name."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one node of a game: a participant, the environment, the relayer or the comparison, until the game's end."""
    from chain_bandit.environments.live_csv import is_file
    from chain_bandit.nodes.load import load

    load()
    from chain_bandit.nodes import keystore
    from chain_bandit.nodes.node_files import take_game
    from chain_bandit.nodes.node_start import said
    from chain_bandit.nodes.start import main

    file = password_file.resolve() if password_file else keystore.password_file()  # the node changes its folder
    say = _json_lines(place.resolve().name) if log is LogFormat.JSON else said
    try:
        if game is not None:
            take_game(game, place)
        own = str(Path(rewards).resolve()) if rewards and is_file(rewards) else rewards
        ended = main(place, rpc, lambda holder: keystore.password(file, holder.name), metrics, say, own)
    except ChainBanditError as error:
        if log is LogFormat.TEXT:
            raise
        message = "; ".join([str(error), *getattr(error, "__notes__", [])])
        print_error(type(error).__name__, message, error.exit_code)
        say(f"error: {message}")
        raise typer.Exit(error.exit_code) from error
    if as_json:
        answer(ended)


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

    from chain_bandit.nodes.overview import overview

    status = overview(place / "game.json" if place.is_dir() else place, rpc)
    if as_json:
        answer(asdict(status))
        return
    print(f"round {status.round:,}, {status.kind}")
    for each in status.accounts:
        heard = "" if each.reported is None else f"last report {each.reported:,}, {each.missed:,} blocks without since"
        out = f", excluded from round {each.excluded:,} on" if each.excluded else ""
        print(f"{each.name:<12} {each.address} {each.balance / 10**18:>16.6f} ETH  {heard}{out}".rstrip())


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
        answer(_message(each, line)) if as_json else print(f"{each}: {on_one_line(line)}")
    if not found:
        where = place / name if name else place
        print(f"no log in {where}: chain-bandit node writes to its terminal; 2>> FOLDER/log keeps it", file=sys.stderr)


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
