"""Interface that the tests' rules import, in place of the project's: shaped like it, and small."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from chain_bandit.foreign.load import load
from chain_bandit.foreign.source import Source
from chain_bandit.protocol.aggregation import trimmed


class Aggregation:
    """The base of a rule."""


class Terms(NamedTuple):
    """Of a game."""

    seats: int = 10
    arms: int = 5
    liars: int = 2


class Estimate(NamedTuple):
    """An answer."""

    state: Any
    values: Any
    sets: Any = ()


@dataclass(frozen=True)
class Option:
    """Of a rule."""

    default: int


@dataclass(frozen=True)
class Agreed:
    """Of a round."""

    reports: Mapping[int, tuple[int, ...]]
    seed: bytes = bytes(32)


def total(values: Any) -> int:
    """A function of the project."""
    return sum(values)


def nothing(arms: int) -> Estimate:
    """No answer for so many arms."""
    return Estimate((), (0,) * arms)


NAMES: dict[str, object] = {
    "Aggregation": Aggregation, "Agreed": Agreed, "Estimate": Estimate, "Option": Option, "UNIT": 2**32 - 1,
    "total": total, "Means": tuple[int, ...], "nothing": nothing, "trimmed": trimmed,
}  # fmt: skip


def loaded(text: str, attribute: str = "Rule") -> Any:
    """An instance of the class that the text defines."""
    return load(Source(Path("rule.py"), attribute, text.encode()), NAMES)()


def body(code: str, imports: str = "") -> Any:
    """An instance with a verb `f(x)` of these lines, where no name is missing."""
    lines = "\n".join(f"        {line}" for line in code.strip("\n").split("\n"))
    return loaded(f"{imports}\nclass Rule:\n    def f(self, x=None):\n{lines}\n")


def reports(seats: int = 10, arms: int = 5) -> Agreed:
    """Reports that look random."""
    rows = {seat: tuple((seat + 3) ** (arm + 7) % (2**32 - 5) for arm in range(arms)) for seat in range(seats)}
    return Agreed(MappingProxyType(rows))
