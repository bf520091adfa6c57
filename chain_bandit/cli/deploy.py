"""`chain-bandit deploy`: a game's contract on a chain, and its participants' money."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from chain_bandit.cli.options import (
    Funder,
    Json,
    Override,
    PasswordFile,
    PublicKeys,
    RoundCount,
    ScenarioFile,
    Seed,
    overrides,
)
from chain_bandit.cli.warnings import allow_public_keys, say_beforehand
from chain_bandit.output import answer
from chain_bandit.usage import Usage, hexadecimal

EXAMPLES = (
    "deploy game.toml --chain anvil --account dev0",
    "deploy game.toml --key organiser --chain URL --listen HOST:7700",
)


# Long by the declarations of its options.
def deploy(
    scenario: ScenarioFile,
    chain: Annotated[str, typer.Option("--chain", envvar="ETH_RPC_URL", help="A node's URL, or anvil or hardhat.")],
    account: Funder = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FOLDER", help="Keystore of the environment; places are open.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="With --key: listen address; two ports follow.")
    ] = None,
    announce: Annotated[
        str | None, typer.Option("--announce", metavar="HOST", help="With --key: host name for the other nodes.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private-addresses", help="With --key: allow loopback and private addresses.")
    ] = False,
    invite: Annotated[
        list[str] | None,
        typer.Option("--invite", metavar="ADDRESS", help="With --key: account that may join, repeated; default: any."),
    ] = None,
    password_file: PasswordFile = None,
    public_keys: PublicKeys = False,
    rounds: RoundCount = None,
    seed: Seed = None,
    override: Override = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="By default deployments/NAME-GAME.json; with --key game.json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Deploy a game's contract on a chain.

    With --key its places are open: participants join with keys of their own, the folder gets those of environment,
    relayer and comparison, and --out is the game file for everybody, without a secret. Without, participants' keys
    derive from the scenario's seed, they are funded, and a deployment file is left. A node of its own (anvil, hardhat)
    stays until Ctrl-C.
    """
    if key is not None:
        _with_open_places(
            scenario, overrides(override, rounds, seed), chain, key, listen, announce, private, password_file, account,
            out or Path("game.json"), as_json, invite or [],
        )  # fmt: skip
        return
    given = {"--listen": listen, "--announce": announce, "--private-addresses": private, "--invite": invite}
    if open_alone := [option for option, value in given.items() if value]:
        raise Usage(f"{', '.join(open_alone)}: only with --key FOLDER; without it no place of the game is open")
    if account is None:
        raise Usage("deploy needs --account NAME, which pays, or --key FOLDER, for a game with open places")
    from chain_bandit.game.plan import Plan
    from chain_bandit.scenario import load

    plan = Plan(load(scenario, overrides(override, rounds, seed)))
    from chain_bandit.chain import accounts
    from chain_bandit.chain.journal import Journal
    from chain_bandit.chain.process import OwnNode
    from chain_bandit.game import deployment
    from chain_bandit.game.chains import connected, is_url
    from chain_bandit.game.folder import SEED
    from chain_bandit.views import terminal

    say_beforehand(plan.scenario)
    place = out or Path("deployments") / f"{plan.label}.json"
    with connected(chain) as node:
        allow_public_keys(public_keys)(node.chain_id)
        with deployment.kept_journal(place) if is_url(chain) else nullcontext(Journal()) as journal:
            made = deployment.deploy(plan, node, accounts.named(account, node.chain_id), place, journal)
        said = {**made, "out": str(place)} | ({"url": node.url} if isinstance(node, OwnNode) else {})
        if as_json:
            answer(said, sort_keys=True)
        else:
            named = {"scenario": plan.scenario.name, "participants": plan.scenario.participants}
            terminal.console().print(terminal.header({**said, **named}))
        if isinstance(node, OwnNode):
            print(f"{chain} answers at {node.url} until Ctrl-C", file=sys.stderr, flush=True)
            try:
                node.wait()
            finally:
                for file in (place, place.with_suffix(f".{SEED}")):
                    file.unlink(missing_ok=True)  # its chain is gone


def _with_open_places(
    scenario: Path, changes: dict[str, Any], chain: str, key: Path, listen: str | None, announce: str | None,
    private: bool, password_file: Path | None, account: str | None, out: Path, as_json: bool, invite: list[str],
) -> None:  # fmt: skip
    """A game that others join: its contract, the organiser's folders, and the file for everybody."""
    from chain_bandit.game.chains import connected, is_url
    from chain_bandit.nodes import keystore
    from chain_bandit.nodes.open_game import deploy_open
    from chain_bandit.scenario import load

    if listen is None:
        raise Usage("--key needs --listen HOST:PORT, where the environment listens")
    if not is_url(chain):
        raise Usage("--chain: a game with open places needs a node's URL (http://…), which everybody reaches")
    invited = [hexadecimal(each, 20, "--invite") for each in invite]
    given = load(scenario, changes)
    say_beforehand(given)
    secret = keystore.unlock(key, keystore.password(password_file, key.name))
    with connected(chain) as node:
        game = deploy_open(given, node, key, secret, listen, out, announce, account, private, invited)
        if game.url != node.url:
            print(f"{out} names {game.url} alone, since the rest of the URL may be a key: set ETH_RPC_URL where nodes "
                  "run", file=sys.stderr, flush=True)  # fmt: skip
    said = {"contract": game.contract, "places": given.participants, "out": str(out), "nodes": str(key)}
    if as_json:
        answer(said)
    else:
        print(f"{said['contract']} has {said['places']} open places: hand out {out}")
