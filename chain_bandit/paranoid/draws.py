"""Rewards: the model that the environment committed to, and the draws that its secret makes."""

from dataclasses import dataclass

from chain_bandit.paranoid.parameters import UNIT
from chain_bandit.paranoid.words import Broken, Reader, keccak, number

WORD = 2**64
MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
ROUNDS = 10
LIVE = keccak(b"chain-bandit/live-rewards/1")
"""The secret of a game whose rewards are not drawn."""
DECLARED = keccak(b"chain-bandit/self-declared/1")
"""That of a game whose participants observe rewards that nobody else sees, and are paid alike for every pull."""
NOBODY = 255
"""The arm of a seat that did not pull."""


def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Philox4x64-10 (Salmon and others, 2011): four words of a counter, scrambled under two of a key."""
    a, b, c, d = counter
    for turn in range(ROUNDS):
        first, second = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        left, right = (key[0] + turn * STEPS[0]) % WORD, (key[1] + turn * STEPS[1]) % WORD
        a, b, c, d = second // WORD ^ b ^ left, second % WORD, first // WORD ^ d ^ right, first % WORD
    return a, b, c, d


@dataclass(frozen=True)
class Disclosed:
    """What the environment opened: roles by seat (bit 0 lies, bit 1 attacks), the hidden cost, the recorded rewards.

    Attributes:
        tables: by arm, (reward, how often it was recorded), ascending.
        live: whether this is the opening of every game with live rewards, which come from outside: nothing is drawn,
            and nobody's role is known.
        declared: whether it is the opening of every game with self-declared rewards: nobody's role is known, every pull
            is paid one whole reward, and reports say what they like.
    """

    secret: bytes
    seed: bytes
    roles: bytes
    cost: int
    tables: list[list[tuple[int, int]]]
    live: bool = False
    declared: bool = False

    def is_honest(self, seat: int) -> bool:
        """Whether a seat is known to be honest."""
        return not self.unlabelled and not self.roles[seat]

    @property
    def unlabelled(self) -> bool:
        """Whether no role is known, nor a true mean."""
        return self.live or self.declared

    def means(self, arm: int) -> int:
        """The floored true mean of an arm."""
        table = self.tables[arm]
        return sum(reward * often for reward, often in table) // sum(often for _, often in table)

    def draw(self, round_: int, seat: int, arm: int, failed: int) -> int:
        """The reward of a pull, in units."""
        digest = keccak(self.secret, self.seed, b"reward")
        key = number(digest[:8]), number(digest[8:16])
        chance = philox(key, (round_, seat // 4, arm, failed))[seat % 4]
        index = chance * sum(often for _, often in self.tables[arm]) // WORD
        for reward, often in self.tables[arm]:
            if index < often:
                return reward
            index -= often
        raise AssertionError("an index is below the size of its table")


def disclosed(
    secret: bytes, roles: bytes, model: bytes, seed: bytes, seats: int, arms: int, provable: bool
) -> Disclosed:
    """The opened commitment, decoded; nothing costs where false reports can be proven. Raises `Broken`."""
    reader, tables = Reader(model), []
    for _ in range(arms):
        table = [(reader.uint(4), reader.uint(4)) for _ in range(reader.uint(2))]
        rewards = [reward for reward, _ in table]
        if rewards != sorted(set(rewards)) or not any(often for _, often in table) or rewards[-1] > UNIT:
            raise Broken("the reward model is malformed")
        tables.append(table)
    if reader.left or len(roles) != seats or max(roles) > 3:
        raise Broken("roles or reward model are malformed")
    cost = 0 if provable else number(keccak(secret, seed, b"cost")) % (UNIT + 1)
    live = secret == LIVE and not any(roles) and tables == [[(0, UNIT // 2), (UNIT, UNIT // 2)]] * arms
    declared = secret == DECLARED and not any(roles) and tables == [[(UNIT, 1)]] * arms
    return Disclosed(secret, seed, roles, cost, tables, live, declared)
