"""Many games of one setting, each with chance of its own: regret at checkpoints, with intervals."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as students_t

from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.kernel.numbers import Cast, Keys, Rules
from chain_bandit.simulation.kernel.play import SUMS, opening, play, settled, trace

PARTS = ("burn_in", "arms", "failed", "cost")
"""Of the regret: `protocol.regret.Regret`."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replicates, with its 95 % interval by Student's t, in whole rewards."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Measured:
    """What replicates came to.

    Attributes:
        parameters: of each.
        checkpoints: ascending rounds.
        sums: (replicates, checkpoints, `SUMS`).
        cpu_seconds: of this process.
        settled: (replicates, 2, participants): what each seat was paid, and what its rounds in case 2 cost; None where
            the sums alone were kept.
    """

    parameters: Parameters
    checkpoints: tuple[int, ...]
    sums: NDArray[np.int64]
    cpu_seconds: float
    settled: NDArray[np.int64] | None = None

    @property
    def agent_steps(self) -> int:
        """Participants times rounds times replicates."""
        return self.parameters.participants * self.parameters.horizon * len(self.sums)

    def regret(self, *parts: str) -> tuple[Estimate, ...]:
        """The sum of some `PARTS`, of all without any, at each checkpoint."""
        chosen = [SUMS.index(part) for part in parts or PARTS]
        return tuple(map(estimate, self.sums[:, :, chosen].sum(axis=2).T / UNIT))

    def payoffs(self, roles: Sequence[Conduct]) -> NDArray[np.int64]:
        """(replicates, participants): rewards, less the costs for the honest, and with them for all others, in units.

        Stakes aside it is `protocol.settlement.final_balance`, in which every role but `HONEST` is paid the costs.
        """
        assert self.settled is not None
        earned, charged = self.settled[:, 0], self.settled[:, 1]
        return np.where(roles, earned + charged, earned - charged)

    def mean(self, name: str) -> float:
        """Of one of the `SUMS` at the end."""
        return float(self.sums[:, -1, SUMS.index(name)].mean())

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        rows = zip(self.checkpoints, self.regret(), *(self.regret(part) for part in PARTS), strict=True)
        return {
            "replicates": len(self.sums),
            "agent_steps": self.agent_steps,
            "cpu_seconds": self.cpu_seconds,
            "checkpoints": [
                {"round": round_, "regret": asdict(total)}
                | {name: asdict(part) for name, part in zip(PARTS, parts, strict=True)}
                for round_, total, *parts in rows
            ],
        }


def estimate(values: NDArray[np.float64]) -> Estimate:
    """The mean of independent values; without an interval where there is one alone."""
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, None, None)
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(students_t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
    return Estimate(mean, mean - half, mean + half)


def checkpoints(horizon: int, burn_in: int, count: int = 10) -> tuple[int, ...]:
    """L, T, and others evenly spread between them by their logarithm."""
    return tuple(sorted({int(round_) for round_ in np.geomspace(burn_in, horizon, count).round()}))


def measure(
    parameters: Parameters, rules: Rules, cast: Cast, chances: Sequence[Keys], marks: Sequence[int], jobs: int = 1
) -> Measured:
    """Play one game for each of the chances, on so many threads; which one plays what changes nothing."""
    sums = np.zeros((len(chances), len(marks), len(SUMS)), np.int64)
    ends = np.zeros((len(chances), 2, rules.participants), np.int64)
    nothing, at = trace(0, rules.arms, rules.participants), np.array(marks, np.int64)

    def game(rules: Rules, keys: Keys, row: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        state = opening(rules, cast)
        play(rules, cast, keys, state, at, row, nothing)
        end[:] = settled(state)

    if chances:
        game(rules._replace(horizon=1), chances[0], sums[0], ends[0])  # compiles
    start = time.process_time()
    with ThreadPoolExecutor(jobs) as threads:
        list(threads.map(lambda keys, row, end: game(rules, keys, row, end), chances, sums, ends))
    return Measured(parameters, tuple(marks), sums, time.process_time() - start, ends)
