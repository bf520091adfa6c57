"""`chain-bandit node`: one node of a game, and its log."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from chain_bandit.cli.errors import print_error
from chain_bandit.cli.options import Json, PasswordFile, RpcUrl
from chain_bandit.output import answer
from chain_bandit.protocol.errors import ChainBanditError

EXAMPLES = ("node ann --game game.json", "node ann --metrics 127.0.0.1:9100 --log json")


class LogFormat(StrEnum):
    """How a node writes its log."""

    TEXT = "text"
    JSON = "json"


def node(
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Node folder, made by `up`, `deploy` or `join`.")],
    rpc: RpcUrl = None,
    game: Annotated[Path | None, typer.Option("--game", help="game.json; a copy of it stays with the node.")] = None,
    password_file: PasswordFile = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="HOST:PORT", help="Serve /metrics, /healthz, /readyz.")
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


_WARNINGS = "not read any more", "; it is forfeited", "; it is asked for again"
"""Within a message."""


def log_object(name: str, line: str) -> dict[str, Any]:
    """Object of a line in a node's log, which may be an object already."""
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
        print(json.dumps({"time": now, **log_object(name, line)}), file=sys.stderr, flush=True)

    return say
