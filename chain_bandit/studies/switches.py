"""Choices that the paper leaves open, by names, as `mediate run -o` takes them (docs/mediate.md has why)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chain_bandit.mediate.exchange import Improvement
from chain_bandit.mediate.games.game import GameParameters
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.mediate.token_rule import PAPER, Size, TokenRuleOptions
from chain_bandit.protocol.errors import ChainBanditError


class SwitchInvalid(ChainBanditError):
    """No switch of that name, or none that takes such a value."""

    exit_code = 2

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"-o {name[:40]}: {why}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True)
class Switches:
    """The paper's way unless switched.

    Attributes:
        penalty: of a turn in Harvest; None for what its rules say.
    """

    rule: TokenRuleOptions = PAPER
    improvement: Improvement = Improvement.TD
    penalty: float | None = None

    def of(self, rules: GameParameters) -> GameParameters:
        """A game's rules as they are played."""
        if self.penalty is None or not isinstance(rules, HarvestRules):
            return rules
        return replace(rules, penalty=self.penalty)


PAPERS = Switches()


def switched(values: Mapping[str, object]) -> Switches:
    """Switches from values by name, as `SWITCHES` lists them. Raises `SwitchInvalid`."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SWITCHES:
            raise SwitchInvalid(name, f"there is no such switch; there are {', '.join(SWITCHES)}")
        takes, words = SWITCHES[name]
        try:
            made[name] = takes(value)
        except (ValueError, TypeError) as error:
            raise SwitchInvalid(name, f"takes {words}, not {str(value)[:40]!r}") from error
    beside = {name: made.pop(name) for name in ("improvement", "penalty") if name in made}
    return Switches(replace(PAPER, **made), **beside)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError
    return float(value)


SWITCHES: dict[str, tuple[Callable[[object], Any], str]] = {
    "size": (Size, " or ".join(each.value for each in Size)),
    "last_value": (_flag, "true or false"),
    "clip": (_amount, "a number from 0 on"),
    "improvement": (Improvement, " or ".join(each.value for each in Improvement)),
    "penalty": (_amount, "a number from 0 on"),
}
"""By name what makes one of a value, and what it takes in words."""
