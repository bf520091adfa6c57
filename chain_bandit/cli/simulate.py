"""`chain-bandit simulate`: a scenario many times without messages."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chain_bandit.cli.errors import as_json_of, say_error
from chain_bandit.cli.options import Json, Override, RoundCount, ScenarioFile, Seed, overrides
from chain_bandit.cli.warnings import say_beforehand, warn_of_no_contract
from chain_bandit.output import answer
from chain_bandit.protocol.ruleset import RuleUnanswered
from chain_bandit.simulation.engine import Engine

if TYPE_CHECKING:
    from chain_bandit.game.baselines import Baselines

EXAMPLES = ("simulate flights --replicates 200 --jobs 2", "simulate flights --baselines")


def simulate(
    scenario: ScenarioFile,
    replicates: Annotated[
        int, typer.Option("--replicates", min=1, max=10**6, help="Number of games, each with its own seed.")
    ] = 20,
    rounds: RoundCount = None,
    seed: Seed = None,
    override: Override = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=1024, help="Threads; the results do not depend on it.")] = 1,
    engine: Annotated[
        Engine | None,
        typer.Option("--engine", help="Engine, by default the fastest; the results are equal."),
    ] = None,
    compared: Annotated[
        bool, typer.Option("--baselines", help="Also UCB1 alone, the own policy alone, an oracle, an undefended mean.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Simulate a scenario without chain and messages, and estimate the regret of an honest participant."""
    from chain_bandit.scenario import load

    given = load(scenario, overrides(override, rounds, seed), on_chain=False)
    from chain_bandit.game.live import require_model
    from chain_bandit.game.simulated import engines, what_takes_long
    from chain_bandit.game.simulated import replicates as played
    from chain_bandit.views.simulated import beside_baselines, regret_by_round
    from chain_bandit.views.terminal import ProgressLine, console

    require_model(given)
    say_beforehand(given)
    warn_of_no_contract([given])
    chosen = engine or engines([(given, replicates)])[0]
    with ProgressLine("game", replicates) as line:
        if said := what_takes_long([(given, replicates)], [chosen]):
            line.say(said)
        try:
            measured, failed = played(given, replicates, (), jobs, chosen, lambda done: line.show(done, str)), None
        except RuleUnanswered as error:
            if error.results is None:
                raise
            measured, failed = error.results, error
    beside: Baselines = {}
    if compared:
        from chain_bandit.game.baselines import baselines  # late: rivals and the undefended game, for nobody else

        with ProgressLine("baselines of game", replicates) as line:
            beside = baselines(given, replicates, measured.checkpoints, lambda done: line.show(done, str))
    if as_json:
        table = {"scenario": given.name, "seed": given.seed} | measured.as_dict()
        if compared:
            table["baselines"] = {name: [asdict(each) for each in row] for name, row in beside.items()}
        answer(table | ({"error": as_json_of(failed)} if failed else {}), sort_keys=True)
    else:
        parts = [beside_baselines(measured, beside)] if compared else []
        console().print(regret_by_round(measured), *parts, sep="\n")
    if failed:
        say_error(failed)
        raise typer.Exit(failed.exit_code)
