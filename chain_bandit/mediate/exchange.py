"""MATE's exchange of tokens (the paper's section 3), step by step: request, response, and the rewards to learn from.

Readable reference; `stacked_exchange.py` gives the same for many episodes at once. Tokens change neither what agents
see nor what happens, so that an epoch can be played first and its tokens exchanged afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Improvement(Enum):
    """When a step went well for an agent (monotonic improvement).

    TD: r + gamma V(z') - V(z) >= 0, V the critic of the epoch before. V counts at the end of an episode, too.
    REWARD: r is at least the mean of the agent's rewards in the episode so far; the first always is.
    """

    TD = "td"
    REWARD = "reward"


@dataclass(frozen=True, slots=True)
class EpisodeStep:
    """One step of an episode, an entry an agent everywhere.

    Attributes:
        rewards: of the environment.
        values, next_values: V of what each saw before and after the step.
        neighbours: whom each reaches.
    """

    rewards: Sequence[float]
    values: Sequence[float]
    next_values: Sequence[float]
    neighbours: Sequence[frozenset[int]]


def exchanged(
    steps: Sequence[EpisodeStep], tokens: Sequence[float], discount: float, improvement: Improvement
) -> list[list[float]]:
    """What each agent learns from in each step of an episode.

    Args:
        tokens: what each agent's token is worth, 0 or more. With 0 for all, rewards stay as they are, bit for bit.
    """
    seen: list[list[float]] = [[] for _ in tokens]
    shaped = []
    for step in steps:
        shaped.append(_step(step, tokens, discount, improvement, seen))
        for past, reward in zip(seen, step.rewards, strict=True):
            past.append(reward)
    return shaped


def _step(
    step: EpisodeStep, tokens: Sequence[float], discount: float, improvement: Improvement, seen: list[list[float]]
) -> list[float]:
    def improved(agent: int, reward: float) -> bool:
        if improvement is Improvement.TD:
            return reward + discount * step.next_values[agent] - step.values[agent] >= 0
        return not seen[agent] or reward >= sum(seen[agent]) / len(seen[agent])

    agents = range(len(tokens))
    requests = {
        (agent, other): tokens[agent]
        for agent in agents
        if improved(agent, step.rewards[agent]) and tokens[agent] > 0
        for other in step.neighbours[agent]
    }
    thanked = [
        step.rewards[agent] + max([requests.get((other, agent), 0.0) for other in step.neighbours[agent]], default=0.0)
        for agent in agents
    ]
    responses = {
        (agent, other): tokens[agent] if improved(agent, thanked[agent]) else -tokens[agent]
        for agent in agents
        if tokens[agent] > 0
        for other in step.neighbours[agent]
        if (other, agent) in requests
    }
    return [
        thanked[agent] + min([responses[pair] for pair in responses if pair[1] == agent], default=0.0)
        for agent in agents
    ]
