"""Baselines of simulated games, on the games' own draws: UCB1 alone, the game's index policy alone, an oracle, and an
undefended mean."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from chain_bandit.crypto.keys import derive
from chain_bandit.game.simulated import engines, keys_of, replicates, seeds_of
from chain_bandit.game.undefended import undefended
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.estimation import choose_arm
from chain_bandit.protocol.parameters import UCB1
from chain_bandit.protocol.rewards import Draws
from chain_bandit.protocol.rule import Learnt
from chain_bandit.protocol.units import UNIT
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.replicates import IntervalEstimate, estimate
from chain_bandit.simulation.rivals.on_draws import C1, pooled

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
    (engine,) = engines([(scenario, count)])
    by_kernel = _kernel(scenario, marks) if engine is Engine.COMPILED else _untold
    for done, seed in enumerate(seeds_of(scenario, count, len(marks)), 1):
        for name, (seats, policy) in _learners(scenario).items():
            told = by_kernel(seed, seats, policy) or _regret(scenario, _arms(scenario, seed, seats, policy), marks)
            lost.setdefault(name, []).append(told)
        observe(done)
    found: dict[str, Sequence[IntervalEstimate]] = {
        name: [estimate(at) for at in np.array(rows).T / UNIT] for name, rows in lost.items()
    }
    return {**found, **_undefended(scenario, count, marks)}


_Told = Callable[[int, tuple[int, ...], str], list[int] | None]
"""The regret at each mark of a seed, of the learner of these seats' rewards by this policy."""


def _untold(seed: int, seats: tuple[int, ...], policy: str) -> None:
    """Where no kernel is compiled."""


def _kernel(scenario: Scenario, marks: Sequence[int]) -> _Told:
    """By the compiled kernel; None of a policy that it does not have, and where doubles do not tell an arm."""
    from chain_bandit.simulation.kernel.forms import POLICIES
    from chain_bandit.simulation.kernel.pooled import pooled as compiled

    p, at, arms = scenario.parameters, np.array(marks, np.int64), len(scenario.model.arms)
    environment, widths = encoding.environment(scenario.model), encoding.widths(p.horizon, C1, 1)

    def told(seed: int, seats: tuple[int, ...], policy: str) -> list[int] | None:
        state, out = (np.zeros((3, arms), np.int64), np.full(arms, np.inf)), np.zeros(len(marks), np.int64)
        known = POLICIES.get(policy)
        if known is None or not compiled(environment, widths, keys_of(seed), np.array(seats), known, *state, at, out):
            return None
        found: list[int] = out.tolist()
        return found

    return told


def _learners(scenario: Scenario) -> dict[str, tuple[tuple[int, ...], str]]:
    """By name whose rewards a learner has, and its policy."""
    policy, malicious = scenario.parameters.policy, scenario.attacks().keys()
    honest = tuple(sorted(set(range(scenario.participants)) - malicious))
    own = {} if policy == UCB1 else {f"{policy.name} alone": (honest[:1], policy.name)}
    return {"ucb1 alone": (honest[:1], UCB1.name), **own, "oracle": (honest, policy.name)}


def _arms(scenario: Scenario, seed: int, seats: tuple[int, ...], policy: str) -> Iterator[int]:
    """The arms that a learner pulls, pull by pull."""
    parameters, seed_0 = scenario.parameters, derive(seed, "seed_0")
    draws = Draws(scenario.model, derive(seed, "secret"), seed_0)
    if policy == UCB1.name:
        return pooled(draws, seats, parameters.arms, parameters.horizon)
    sources = replace(parameters, c1_numerator=C1, c1_denominator=1)

    def choose(learnt: Learnt) -> int:
        return choose_arm(sources, learnt)[0]

    return pooled(draws, seats, parameters.arms, parameters.horizon, choose, seed_0)


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
