"""Baselines of simulated games, on the games' own draws: UCB1 alone, the game's index policy alone, an oracle, and an
undefended mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import engines, replicates, seeds_of
from chain_bandit.game.undefended import undefended
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.estimation import choose_arm
from chain_bandit.protocol.parameters import UCB1
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.rule import Learnt
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.replicates import IntervalEstimate, estimate
from chain_bandit.simulation.rivals.on_draws import C1, pooled, ucb1

Baselines = Mapping[str, Sequence[IntervalEstimate]]
"""Regret at each checkpoint by the baseline's name."""


def baselines(
    scenario: Scenario, count: int, marks: Sequence[int], observe: Callable[[int], None] = lambda done: None
) -> Baselines:
    """The regret of each baseline in the first `count` games of a scenario: replicate r has the seed of `replicates`.

    "ucb1 alone" and "POLICY alone" are one honest participant without the others; "oracle" plays the game's policy on
    all honest rewards at once; "undefended mean" is the game whose reports all count alike, where there is one.

    Args:
        marks: ascending rounds or pulls.
        observe: told how many games are over.

    Raises:
        ChainBanditError: as `replicates`.
    """
    lost: dict[str, list[list[int]]] = {}
    for done, seed in enumerate(seeds_of(scenario, count, len(marks)), 1):
        for name, arms in _learners(scenario, seed).items():
            lost.setdefault(name, []).append(_regret(scenario, arms, marks))
        observe(done)
    found: dict[str, Sequence[IntervalEstimate]] = {
        name: [estimate(at) for at in np.array(rows).T / UNIT] for name, rows in lost.items()
    }
    return {**found, **_undefended(scenario, count, marks)}


def _learners(scenario: Scenario, seed: int) -> dict[str, Iterator[int]]:
    """The arms that each learner of a seed pulls, pull by pull."""
    parameters, seed_0 = scenario.parameters, derive(seed, "seed_0")
    draws = Draws(scenario.model, derive(seed, "secret"), seed_0)
    sources = replace(parameters, c1_numerator=C1, c1_denominator=1)
    honest = tuple(sorted(set(range(parameters.participants)) - scenario.attacks().keys()))

    def choose(learnt: Learnt) -> int:
        return choose_arm(sources, learnt)[0]

    def learner(seats: tuple[int, ...]) -> Iterator[int]:
        return pooled(draws, seats, parameters.arms, parameters.horizon, choose, seed_0)

    own = {} if parameters.policy == UCB1 else {f"{parameters.policy.name} alone": learner(honest[:1])}
    alone = ucb1(draws, honest[0], parameters.arms, parameters.horizon)
    return {"ucb1 alone": alone, **own, "oracle": learner(honest)}


def _regret(scenario: Scenario, arms: Iterator[int], marks: Sequence[int]) -> list[int]:
    """Against the best arm, in units, at each mark."""
    means = scenario.model.means
    best, lost, at, found = max(means), 0, 0, []
    for mark in marks:
        lost += sum(best - means[arm] for arm in islice(arms, mark - at))
        at = mark
        found.append(lost)
    return found


def _undefended(scenario: Scenario, count: int, marks: Sequence[int]) -> Baselines:
    try:
        game = undefended(scenario)
        if not game.malicious:
            return {}
        (engine,) = engines([(game, count)])
        return {"undefended mean": replicates(game, count, marks, engine=engine).regret()}
    except ChainBanditError:  # there is no such game, or none that is simulated
        return {}
