"""Many games of one setting, each with chance of its own: regret at checkpoints, with intervals."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.array_types import Ints
from chain_bandit.attacks.attack import Attack, NotSimulated
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation import batch
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.compiled import AVAILABLE, FASTER
from chain_bandit.simulation.kernel.encoding import KernelParameters, Keys
from chain_bandit.simulation.student import half_width
from chain_bandit.simulation.sums import SUMS

PARTS = ("burn_in", "arms", "failed", "cost")
"""Of the regret: `protocol.regret.Regret`."""

CONFIDENCE = 0.95

CHECKPOINTS = 10
"""By default."""


Attacks = Mapping[int, Attack]
"""Of the malicious, by seat."""

Games = Callable[[], tuple[Ints, Ints]]
"""Plays some replicates: (replicates, checkpoints, `SUMS`), and `Measured.settled`."""

_Alone = Callable[[int], tuple[Ints, Ints]]
"""The same of one replicate."""


class NeedsNumba(NotSimulated):
    """The compiled engine is not here."""

    def __init__(self) -> None:
        ChainBanditError.__init__(self, f"the compiled engine needs numba: {FASTER}, or leave out --engine")
        self.attack, self.reason = "a game", "it needs numba"


ReplicateObserver = Callable[[int], None]
"""Told how many replicates are over."""


def nobody(done: int) -> None:
    """An `ReplicateObserver` that looks away."""


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
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
        engine: that played them, if it is known.
        settled: (replicates, 3, participants): of each seat what it was paid and keeps, less the penalty of a sealing
            key that it does not reveal, what was transferred for the rounds in case 2 before it was on the block list,
            both in units, and its first round on that list, 0 for
            never; None where the sums alone were kept. Where false reports are proven nothing is kept that came after
            what the first one rests on, and nothing is transferred.
    """

    parameters: Parameters
    checkpoints: tuple[int, ...]
    sums: NDArray[np.int64]
    cpu_seconds: float
    engine: Engine | None = None
    settled: NDArray[np.int64] | None = None

    @property
    def agent_steps(self) -> int:
        """Participants times rounds times replicates."""
        return self.parameters.participants * self.parameters.horizon * len(self.sums)

    def regret(self, *parts: str) -> tuple[IntervalEstimate, ...]:
        """The sum of some `PARTS`, of all without any, at each checkpoint."""
        chosen = [SUMS.index(part) for part in parts or PARTS]
        return tuple(map(estimate, self.sums[:, :, chosen].sum(axis=2).T / UNIT))

    def payoffs(self, roles: Sequence[Conduct]) -> NDArray[np.int64]:
        """(replicates, participants): rewards, less the costs for the honest, and with them for all others, in units.

        Stakes aside it is `protocol.settlement.final_balance`, in which every role but `HONEST` is paid the costs, and
        a seat on the block list loses the slash.
        """
        assert self.settled is not None
        earned, charged, since = np.moveaxis(self.settled, 1, 0)
        taken = np.where(since > 0, self.parameters.slash // self.parameters.wei_per_unit, 0)
        payoffs: NDArray[np.int64] = np.where(roles, earned + charged, earned - charged) - taken
        return payoffs

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
            "engine": self.engine,
            "checkpoints": [
                {"round": round_, "regret": asdict(total)}
                | {name: asdict(part) for name, part in zip(PARTS, parts, strict=True)}
                for round_, total, *parts in rows
            ],
        }


def estimate(values: NDArray[np.float64]) -> IntervalEstimate:
    """The mean of independent values; without an interval where there is one alone."""
    mean = float(values.mean())
    if len(values) < 2:
        return IntervalEstimate(mean, None, None)
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    half = half_width(len(values) - 1, CONFIDENCE) * error
    return IntervalEstimate(mean, mean - half, mean + half)


def checkpoints(horizon: int, burn_in: int, count: int = CHECKPOINTS) -> tuple[int, ...]:
    """L, T, and others evenly spread between them by their logarithm."""
    return tuple(sorted({int(round_) for round_ in np.geomspace(burn_in, horizon, count).round()}))


def measure(
    parameters: Parameters, rules: KernelParameters, attacks: Attacks, chances: Sequence[Keys], marks: Sequence[int],
    jobs: int = 1, engine: Engine = Engine.COMPILED, observe: ReplicateObserver = nobody, alone: _Alone | None = None,
) -> Measured:  # fmt: skip
    """Play one game for each of the chances, on so many threads; neither these nor the engine change the sums.

    Args:
        engine: not the plain one.
        alone: plays one of the games by the plain loop, where another engine leaves it over.

    Raises:
        NotSimulated: the engine does not play this game, or is not there.
        LeavesLockstep: a game is left over, and nobody plays it.
    """
    if engine is Engine.COMPILED:
        games = _compiled(parameters, rules, attacks, chances, marks, alone)
    else:
        games = _batches(parameters, rules, attacks, chances, marks, jobs, alone)
    return gathered(parameters, games, marks, jobs, engine, observe)


def gathered(
    parameters: Parameters, games: Sequence[Games], marks: Sequence[int], jobs: int, engine: Engine,
    observe: ReplicateObserver = nobody,
) -> Measured:  # fmt: skip
    """What all the games come to, played on so many threads."""
    start = time.process_time()
    with ThreadPoolExecutor(jobs) as threads:
        played, done = [], 0
        for found in threads.map(lambda each: each(), games):
            played.append(found)
            done += len(found[0])
            observe(done)
    spent = time.process_time() - start
    sums = np.concatenate([np.zeros((0, len(marks), len(SUMS)), np.int64), *(found for found, _ in played)])
    ends = np.concatenate([np.zeros((0, 3, parameters.participants), np.int64), *(end for _, end in played)])
    return Measured(parameters, tuple(marks), sums, spent, engine, ends)


def _compiled(
    parameters: Parameters, rules: KernelParameters, attacks: Attacks, chances: Sequence[Keys], marks: Sequence[int],
    alone: _Alone | None,
) -> list[Games]:  # fmt: skip
    """One game each, already compiled."""
    encoding.require_compiled(parameters)
    cast = encoding.cast(parameters, attacks)
    if not AVAILABLE:
        raise NeedsNumba
    from chain_bandit.simulation.kernel.play import DOUBTED, opening, play, settled, trace

    nothing, at = trace(0, rules.arms, rules.participants), np.array(marks, np.int64)

    def game(keys: Keys, replicate: int) -> tuple[Ints, Ints]:
        state, sums = opening(rules, cast), np.zeros((1, len(marks), len(SUMS)), np.int64)
        play(rules, cast, keys, state, at, sums[0], nothing)
        if not state.now[DOUBTED]:
            return sums, settled(state)[np.newaxis]
        if alone is None:
            raise batch.LeavesLockstep
        return alone(replicate)

    blank = opening(rules, cast), at, np.zeros((len(marks), len(SUMS)), np.int64), nothing
    play(rules._replace(horizon=1), cast, encoding.keys(bytes(32), bytes(32)), *blank)  # compiles
    return [partial(game, keys, replicate) for replicate, keys in enumerate(chances)]


def _batches(
    parameters: Parameters, rules: KernelParameters, attacks: Attacks, chances: Sequence[Keys], marks: Sequence[int],
    jobs: int, alone: _Alone | None,
) -> list[Games]:  # fmt: skip
    """As many games together as are best played so, and no fewer batches than threads."""
    batch.require_lockstep(parameters, attacks)
    size = max(1, min(batch.at_once(rules), -(-len(chances) // jobs)))

    def play(games: range) -> tuple[Ints, Ints]:
        try:
            return batch.play(parameters, rules, attacks, chances[games.start : games.stop], marks)
        except batch.LeavesLockstep:
            if alone is None:
                raise
            sums, ends = zip(*map(alone, games), strict=True)
            return np.concatenate(sums), np.concatenate(ends)

    return [partial(play, range(len(chances))[at : at + size]) for at in range(0, len(chances), size)]
