"""What a word draws from an arm, compiled: `protocol.rewards.Draws`."""

from typing import Any

from chain_bandit.simulation.kernel.compiled import inlined


@inlined
def reward(environment: Any, arm: Any, word: Any) -> Any:
    """In units; the last of the arm's values whose words begin at `word` or before it."""
    at, count = environment.first[arm], environment.first[arm + 1] - environment.first[arm]
    while count > 1:  # halving without a branch that nobody could foretell
        half = count // 2
        at += half * (word >= environment.from_word[at + half])
        count -= half
    return environment.values[at]
