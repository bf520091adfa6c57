"""Options that several verbs have, and what is made of them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from chain_bandit.usage import Usage

ScenarioFile = Annotated[Path, typer.Argument(help="Scenario file (TOML), or an example by name.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="A new run folder; by default runs/NAME-SEED, numbered from the second on.")
]
RoundCount = Annotated[int | None, typer.Option("--rounds", help="T; overrides the scenario's.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed; overrides the scenario's.")]
PublicKeys = Annotated[
    bool, typer.Option("--public-keys", help="Allow keys derived from a seed on other than development chains.")
]
Payer = Annotated[str | None, typer.Option("--account", help="Account that funds deployment and gas at a URL.")]
Funder = Annotated[str | None, typer.Option("--account", help="Funding account: file in ETH_KEYSTORE; dev0 … dev9.")]
Override = Annotated[
    list[str] | None,
    typer.Option("-o", "--override", metavar="KEY=VALUE", help="Override a key of the scenario; TOML value."),
]
TrustedHead = Annotated[str | None, typer.Option("--head", help="Trusted hash of the last block.")]
Page = Annotated[Path | None, typer.Option("--page", metavar="FILE", help="Write the report page: one HTML file.")]
Paranoid = Annotated[bool, typer.Option("--paranoid", help="Recompute with the second implementation, and compare.")]
ForeignRules = Annotated[
    list[str] | None, typer.Option("--rule", metavar="NAME", help="Run this foreign rule of the game.")
]
KeyFolder = Annotated[Path, typer.Option("--key", metavar="FOLDER", help="Folder of the keystore, made by keygen.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="By default the file that ETH_PASSWORD names, or the terminal.")
]
OrganiserFile = Annotated[Path, typer.Argument(metavar="GAME", help="game.json of the organiser.")]
Listen = Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Listen address of the node.")]


def _named(url: str | None) -> str | None:
    """Of a variable that is not set the game's own URL would be taken, which somebody else chose."""
    if url is not None and not url.strip():
        raise Usage("--rpc: is empty; name a node's URL, or leave the option out")
    return url


RpcUrl = Annotated[
    str | None, typer.Option("--rpc", envvar="ETH_RPC_URL", callback=_named, help="JSON-RPC URL of your node.")
]


def overrides(pairs: list[str] | None, rounds: int | None, seed: int | None) -> dict[str, Any]:
    """What `-o`, `--rounds` and `--seed` set, by dotted key. Raises `Usage`."""
    from chain_bandit.scenario import parsed

    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Usage(f"-o {pair}: expected KEY=VALUE")
        try:
            values[key] = parsed(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            values[key] = value  # a bare word is a string
    if rounds is not None:
        values["rounds"] = rounds
    if seed is not None:
        values["seed"] = seed
    return values


def run_foreign(rules: list[str] | None) -> None:
    """Have this process run the rules that `--rule` names, and say so. Raises `ChainBanditError`."""
    from chain_bandit.foreign.registry import run_rules

    for each in run_rules(rules or ()):
        print(f"runs foreign code: {each}", file=sys.stderr)
