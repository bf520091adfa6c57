"""`chain-bandit new`: a plug-in's package, a scenario's file."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json
from chain_bandit.cli.verbs import epilog
from chain_bandit.output import answer
from chain_bandit.presets import RECOMMENDED

new = typer.Typer(no_args_is_help=True)


@new.callback()
def _new() -> None:
    """Create a plug-in package or a scenario from a template."""


@new.command("plugin", epilog=epilog("new plugin attack mine", "new plugin aggregation middle --out rules/middle"))
def new_plugin(
    kind: Annotated[str, typer.Argument(help="Kind, such as attack; an unknown one lists all.")],
    name: Annotated[str, typer.Argument(help="Name of the plug-in in scenarios.")],
    out: Annotated[Path | None, typer.Option("--out", help="By default chain-bandit-NAME.")] = None,
    as_json: Json = False,
) -> None:
    """Write a plug-in package with a working example, its test and a README."""
    from chain_bandit.scaffold import new

    files = new(kind, name, out)
    if as_json:
        answer({"kind": kind, "name": name, "files": [str(file) for file in files]}, sort_keys=True)
    else:
        print(*files, sep="\n")


@new.command("scenario", epilog=epilog("new scenario mine", "new scenario mine --preset paper --out games/mine.toml"))
def new_scenario(
    name: Annotated[str, typer.Argument(help="Name of the game.")],
    preset: Annotated[str, typer.Option("--preset", help="recommended or paper: defaults of the keys.")] = RECOMMENDED,
    out: Annotated[Path | None, typer.Option("--out", help="A new file, by default NAME.toml.")] = None,
    as_json: Json = False,
) -> None:
    """Write a scenario file that runs: seven participants, two liars."""
    from chain_bandit.scaffold import new_scenario as written

    file = written(name, preset, out)
    command = f"chain-bandit run {shlex.quote(str(file))}"
    if as_json:
        answer({"name": name, "preset": preset, "file": str(file), "next": command}, sort_keys=True)
    else:
        print(file, command, sep="\n")
