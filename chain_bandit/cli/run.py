"""`chain-bandit run`: a game in this process, audited, in a folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from chain_bandit.cli.finished import label_of, say_finished
from chain_bandit.cli.options import (
    Json,
    Out,
    Override,
    Payer,
    PublicKeys,
    RoundCount,
    ScenarioFile,
    Seed,
    overrides,
)
from chain_bandit.cli.warnings import allow_public_keys, say_beforehand

EXAMPLES = ("run flights", "run game.toml --chain anvil --out runs/anvil", "run small -o policy=kl-ucb --seed 7")


def run(
    scenario: ScenarioFile,
    chain: Annotated[str, typer.Option("--chain", help="embedded, anvil, hardhat, or a node's URL.")] = "embedded",
    account: Payer = None,
    rounds: RoundCount = None,
    seed: Seed = None,
    override: Override = None,
    out: Out = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a stopped run on the chain at the same URL.")
    ] = False,
    public_keys: PublicKeys = False,
    as_json: Json = False,
) -> None:
    """Play a scenario on a chain, audit it, and write a run folder."""
    values = overrides(override, rounds, seed)
    play_scenario(scenario, values, out, as_json, chain, account, resume, public_keys=public_keys)


def play_scenario(
    scenario_file: Path, overrides: dict[str, Any], out: Path | None, as_json: bool,
    chain_name: str = "embedded", account: str | None = None, resume: bool = False, named: str = "",
    public_keys: bool = False,
) -> None:  # fmt: skip
    """Game of a scenario with progress, its run folder and its summary. Raises `ChainBanditError`."""
    from chain_bandit.stopwatch import Stopwatch

    watch = Stopwatch()  # before the imports: they are part of the time that one waits
    from chain_bandit.game.folder import free_place, fresh, is_free
    from chain_bandit.scenario import load

    scenario = load(scenario_file, overrides)
    base = Path("runs") / (named or label_of(scenario, chain_name))
    place = out or fresh(base, is_free)
    if not resume:
        free_place(place)
    # These take two seconds to load, and nobody waits so long to be refused.
    from chain_bandit.game.chains import chain, is_url
    from chain_bandit.game.unfinished import kept_in, stopped_run
    from chain_bandit.runs import play

    if resume and out is None:
        place = stopped_run(base)
    from chain_bandit.views import terminal

    on = chain(chain_name, account, allow_public_keys(public_keys))
    say_beforehand(scenario, played=True)
    what = scenario.parameters.counted
    with terminal.RunProgress(scenario.parameters.horizon, what=what) as observe:
        finished = play(scenario, place, observe, watch, on, is_url(chain_name), resume, observe.stage)
    note = kept_in(finished.kept) if finished.kept else None
    measured, report = finished.measured, finished.report
    say_finished(scenario, finished.manifest, report, finished.out, chain_name, as_json, measured, note, bool(named))
