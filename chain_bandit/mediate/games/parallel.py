"""The games behind PettingZoo's parallel interface, for learners of other packages. Needs the extra `mediate`."""

from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from chain_bandit.array_types import Singles
from chain_bandit.mediate.games.game import GameParameters

Infos = dict[str, dict[str, Any]]


class ParallelGame(ParallelEnv):  # type: ignore[misc]
    """One game after the other; agents are called agent_0, agent_1, ...

    In `infos` each finds its `neighbours`, the names of whom it could exchange tokens with in the step. A game that
    comes to its time limit is truncated; one that is over before is terminated.
    """

    metadata: dict[str, Any] = {"name": "chain_bandit_mediate_v0", "render_modes": []}  # noqa: RUF012

    def __init__(self, rules: GameParameters, seed: int = 0) -> None:
        self.rules = rules
        self.possible_agents = [f"agent_{agent}" for agent in range(rules.agents)]
        self.agents: list[str] = []
        self.render_mode = None
        self._game, self._steps = rules.game(), 0
        self._chance = np.random.Generator(np.random.Philox(seed))
        self._seen = spaces.Box(0.0, float(rules.agents), (rules.inputs,), np.float32)
        self._done = spaces.Discrete(rules.actions)

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The same for all."""
        return self._seen

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The same for all."""
        return self._done

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Singles], Infos]:
        """Begin a game; with a seed, the one that follows from it, else the next one."""
        if seed is not None:
            self._chance = np.random.Generator(np.random.Philox(seed))
        self.agents, self._steps = list(self.possible_agents), 0
        seen = self._game.reset(self._chance.random(self.rules.reset_draws))
        return dict(zip(self.agents, seen, strict=True)), {name: {"neighbours": ()} for name in self.agents}

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Singles], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """All act at once. A game that has ended has no agents, and a step of it gives nothing."""
        names = self.agents
        if not names:
            return {}, {}, {}, {}, {}
        chosen = [int(actions[name]) for name in names]
        moment = self._game.step(chosen, self._chance.random(self.rules.step_draws))
        self._steps += 1
        late = self._steps == self.rules.limit
        if late or moment.over:
            self.agents = []
        infos: Infos = {
            name: {"neighbours": tuple(self.possible_agents[other] for other in sorted(near))}
            for name, near in zip(names, moment.neighbours, strict=True)
        }
        return (
            dict(zip(names, moment.observations, strict=True)),
            dict(zip(names, moment.rewards, strict=True)),
            dict.fromkeys(names, moment.over),
            dict.fromkeys(names, late and not moment.over),
            infos,
        )
