"""The environment's rewards: what it commits to before the game, and the draw that follows (protocol.md: Bytes).

Every reward is one word of a counter-based Philox4x64-10 block under a committed key, four seats to a block, so that
the environment, the simulator and the auditor draw the same; the contract never draws.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import Malformed
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.protocol.within_a_round import kept_within_a_round

_MASK = 2**64 - 1

LIVE = keccak(b"chain-bandit/live-rewards/1")
"""The secret of a game whose rewards come from outside while it runs: public, since nothing is drawn from it."""

SELF_DECLARED = keccak(b"chain-bandit/self-declared/1")
"""The same of a game in which each participant observes its own rewards, and is paid alike for every pull."""


@kept_within_a_round(1024)
def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The four 64-bit words of Philox4x64-10 (Salmon et al. 2011) under `key` at `counter`."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & _MASK, (p0 >> 64) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & _MASK, (k1 + 0xBB67AE8584CAA73B) & _MASK
    return c0, c1, c2, c3


@dataclass(frozen=True, slots=True)
class Distribution:
    """Rewards of one arm: distinct values in units, ascending, each with the number of times it was recorded.

    A Bernoulli arm of mean mu is the table of a billion draws, `UNIT * mu` of them whole: the same rule serves both.
    """

    values: tuple[int, ...]
    weights: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many recorded rewards the table stands for."""
        return sum(self.weights)

    @property
    def mean(self) -> int:
        """The true mean in units, floored."""
        return sum(v * w for v, w in zip(self.values, self.weights, strict=True)) // self.size


def bernoulli(mean: int) -> Distribution:
    """Reward 1 with probability mean / UNIT, else 0; mean in units."""
    return Distribution((0, UNIT), (UNIT - mean, mean))


@dataclass(frozen=True, slots=True)
class RewardModel:
    """All arms of an environment. `encode` is what the environment commits to and reveals."""

    arms: tuple[Distribution, ...]

    @property
    def means(self) -> Means:
        """The true means in units."""
        return tuple(arm.mean for arm in self.arms)

    @property
    def size(self) -> int:
        """Bytes of the encoding."""
        return sum(2 + 8 * len(arm.values) for arm in self.arms)

    def encode(self) -> bytes:
        """For each arm: uint16 n, then n pairs of uint32 value and uint32 weight."""
        return b"".join(
            uint(len(arm.values), 2)
            + b"".join(uint(v, 4) + uint(w, 4) for v, w in zip(arm.values, arm.weights, strict=True))
            for arm in self.arms
        )

    @staticmethod
    def decode(data: bytes, arms: int) -> "RewardModel":
        """The model in `data`. Raises `Malformed` unless it is the canonical encoding of `arms` distributions."""
        at, distributions = 0, []
        for arm in range(arms):
            n = int.from_bytes(data[at : at + 2], "big")
            pairs = data[at + 2 : at + 2 + 8 * n]
            if n == 0 or len(pairs) != 8 * n:
                raise Malformed("reward model", f"{n or 'some'} rewards of arm {arm}", f"{len(pairs)} bytes")
            numbers = [int.from_bytes(pairs[i : i + 4], "big") for i in range(0, 8 * n, 4)]
            values, weights = tuple(numbers[::2]), tuple(numbers[1::2])
            if list(values) != sorted(set(values)) or values[-1] > UNIT or sum(weights) == 0:
                raise Malformed("reward model", "ascending rewards up to one unit, recorded at least once", values)
            distributions.append(Distribution(values, weights))
            at += 2 + 8 * n
        if at != len(data):
            raise Malformed("reward model", f"{at} bytes", len(data))
        return RewardModel(tuple(distributions))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pulls of one seat in a round: `count` of one arm."""

    seat: int
    arm: int
    count: int = 1


class Draws:
    """The reward of (round, participant, arm): a pure function of the committed model and the reward key."""

    def __init__(self, model: RewardModel, secret: bytes, seed_0: bytes) -> None:
        key = keccak(secret, seed_0, b"reward")
        self._key = (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:16], "big"))
        self._tables = [(arm.values, tuple(accumulate(arm.weights)), arm.size) for arm in model.arms]

    def reward(self, round_: int, participant: int, arm: int, failed_rounds: int) -> int:
        """Reward in units; `failed_rounds` counts the failed rounds recorded before `round_`."""
        block, place = divmod(participant, 4)
        u = philox(self._key, (round_, block, arm, failed_rounds))[place]
        values, cumulative, size = self._tables[arm]
        return values[bisect_right(cumulative, u * size >> 64)]

    def rewards(self, time: int, participant: int, arm: int, failed_rounds: int, count: int) -> int:
        """What so many pulls of an arm give from one on, in units."""
        return sum(self.reward(at, participant, arm, failed_rounds) for at in range(time, time + count))


def hidden_cost(secret: bytes, seed_0: bytes, provable: int = 0) -> int:
    """c in units, drawn once from [0, 1] (Block Operation): hidden until the secret is revealed.

    0 where false reports can be proven: a liar pays for it, and the honest pay nobody.
    """
    return 0 if provable else int.from_bytes(keccak(secret, seed_0, b"cost"), "big") % (UNIT + 1)


def secret_commitment(secret: bytes, roles: bytes, model: bytes) -> bytes:
    """The environment's commitment to its secret, to the roles by seat and to the reward model."""
    return keccak(secret, keccak(roles), keccak(model))


def live_model(arms: int) -> RewardModel:
    """What a live game commits to in the place of a model, which it has none of: every arm pays 1 half of the time."""
    return RewardModel((bernoulli(UNIT // 2),) * arms)


def live_commitment(participants: int, arms: int) -> bytes:
    """The commitment of every live game of that size: it shows to joining participants that rewards are not drawn."""
    return secret_commitment(LIVE, bytes(participants), live_model(arms).encode())


def self_declared_model(arms: int) -> RewardModel:
    """What every pull is paid in a game of self-declared rewards: one whole reward, whatever its participant saw."""
    return RewardModel((Distribution((UNIT,), (1,)),) * arms)


def self_declared_commitment(participants: int, arms: int) -> bytes:
    """The commitment of every such game of that size: it shows to joining participants that nothing backs a report."""
    return secret_commitment(SELF_DECLARED, bytes(participants), self_declared_model(arms).encode())
