"""`chain-bandit deploy`: a game's contract on a chain, and its participants' money."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json, Override, Rounds, Seed, overrides
from chain_bandit.cli.warnings import say_beforehand, warn_of_public_keys


def deploy(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    chain: Annotated[str, typer.Option("--chain", envvar="ETH_RPC_URL", help="A node's URL, or anvil or hardhat.")],
    account: Annotated[str, typer.Option("--account", help="File in ETH_KEYSTORE; dev0 … dev9 for development.")],
    rounds: Rounds = None,
    seed: Seed = None,
    override: Override = None,
    out: Annotated[Path | None, typer.Option("--out", help="By default deployments/NAME-GAME.json.")] = None,
    as_json: Json = False,
) -> None:
    """Put a game's contract on a chain, fund its participants, and leave a deployment file.

    Participants' keys derive from the scenario's seed. A node of its own (anvil, hardhat) stays until Ctrl-C.
    """
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
        warn_of_public_keys(node.chain_id)
        with deployment.kept_journal(place) if is_url(chain) else nullcontext(Journal()) as journal:
            made = deployment.deploy(plan, node, accounts.named(account, node.chain_id), place, journal)
        said = {**made, "out": str(place)} | ({"url": node.url} if isinstance(node, OwnNode) else {})
        if as_json:
            print(json.dumps(said, sort_keys=True), flush=True)
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
