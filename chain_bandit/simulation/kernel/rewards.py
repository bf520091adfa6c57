"""Draws of rewards, compiled: an arm's reward by a word, as `protocol.rewards.Draws`."""

from typing import Any, NamedTuple

from chain_bandit.simulation.kernel.compiled import inlined


class Drawable(NamedTuple):
    """The values of an arm.

    Attributes:
        at, count: where they are, how many.
        low, high, from_word: the first and the last, and the least word that draws the last.
    """

    at: Any
    count: Any
    low: Any
    high: Any
    from_word: Any


@inlined
def drawable(environment: Any, arm: Any) -> Any:
    """`Drawable` of an arm."""
    at, last = environment.first[arm], environment.first[arm + 1] - 1
    return Drawable(
        at, last + 1 - at, environment.values[at], environment.values[last], environment.from_word[last]
    )


@inlined
def reward(environment: Any, values: Any, word: Any) -> Any:
    """In units; the last of the arm's values whose words begin at `word` or before it."""
    if values.count <= 2:  # nearly always
        return values.high if word >= values.from_word else values.low
    at, count = values.at, values.count
    while count > 1:  # halving without a branch that nobody could foretell
        half = count // 2
        at += half * (word >= environment.from_word[at + half])
        count -= half
    return environment.values[at]
