"""What a sweep is: a scenario, axes that change it, and the points that are their product (TOML, pydantic)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from chain_bandit.protocol.errors import Stopped
from chain_bandit.scenario import ScenarioInvalid, Strict, built, read, valid
from chain_bandit.sweep.cell import COLUMNS, Cell, reason

MOST_POINTS = 100_000

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)%")

AxisName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
Overrides = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of the axes.

    Attributes:
        labels: one an axis.
        cell: what is played there; None where nothing can be.
        failure: why.
    """

    labels: tuple[str, ...]
    cell: Cell | None
    failure: str = ""


class Sweep(Strict):
    """A sweep file. An axis is a list of values of the key that it is named after, or a table of named overrides.

    A value such as "30%" is that share of the participants, rounded down.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    base: str | dict[str, Any] = Field(description="a scenario file, relative to the sweep file, or a scenario")
    axes: dict[AxisName, Annotated[list[Any], Field(min_length=1)] | dict[Label, dict[str, Any]]] = Field(min_length=1)
    replicates: int = Field(default=20, ge=1, le=10**5, description="games a cell, of seeds in a row")
    seed: int | None = Field(default=None, ge=0, lt=2**256, description="of the first game; by default the scenario's")
    checkpoints: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), strict=False, max_length=1_000, description="ascending rounds; by default ten from L to T"
    )
    file: Path = Field(default=Path(), exclude=True, strict=False)

    @property
    def size(self) -> int:
        """How many points there are."""
        return prod(map(len, self.axes.values()))

    def cases(self) -> dict[str, dict[str, Overrides]]:
        """By axis and label what each changes."""
        return {
            axis: {**given} if isinstance(given, dict) else {_label(value): {axis: value} for value in given}
            for axis, given in self.axes.items()
        }

    def points(self) -> Iterator[Point]:
        """All combinations, the last axis fastest.

        Raises:
            ScenarioInvalid: what an axis makes of the scenario is none. What the theory forbids fails at its point.
        """
        path, text, data = self.file, "", self.base
        if isinstance(data, str):
            path = self.file.parent / data
            text, data = read(path)
        for chosen in product(*(cases.items() for cases in self.cases().values())):
            overrides: dict[str, Any] = {} if self.seed is None else {"seed": self.seed}
            for _, case in chosen:
                overrides |= case
            labels = tuple(label for label, _ in chosen)
            try:
                scenario = built(path, text, data, _counted(overrides, data), on_chain=False)
                cell = Cell.of(scenario, self.replicates, self.checkpoints)
            except (ScenarioInvalid, KeyboardInterrupt, Stopped):
                raise
            except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything
                yield Point(labels, None, reason(error))
            else:
                yield Point(labels, cell)

    def check(self) -> None:
        """Refuse axes that say one thing twice, or too much. Raises `ScenarioInvalid`."""
        for axis, given in self.axes.items():
            if len(self.cases()[axis]) != len(given):
                raise self._invalid(f"axes.{axis} has a value twice")
            if axis in COLUMNS:
                raise self._invalid(f"axes.{axis}: a column of the table has this name; take another")
        if self.size > MOST_POINTS:
            raise self._invalid(f"{self.size:,} cells are more than {MOST_POINTS:,}")
        for (one, ones), (other, others) in combinations(self.cases().items(), 2):
            for a, b in product(_keys(ones), _keys(others)):
                if a == b or a.startswith(f"{b}.") or b.startswith(f"{a}."):
                    raise self._invalid(f"axes.{one} and axes.{other} both set {min(a, b, key=len)}")
        if list(self.checkpoints) != sorted(set(self.checkpoints)):
            raise self._invalid("checkpoints do not ascend")

    def _invalid(self, why: str) -> ScenarioInvalid:
        return ScenarioInvalid(str(self.file), None, why)


def load(path: Path, replicates: int | None = None) -> Sweep:
    """The sweep in a TOML file. Raises `ScenarioInvalid` or `AssumptionBroken`."""
    text, data = read(path)
    if "file" in data:
        raise ScenarioInvalid(str(path), None, "unknown key 'file'")
    given = {} if replicates is None else {"replicates": replicates}
    sweep = valid(Sweep, {**data, **given, "file": path}, path, text)
    sweep.check()
    return sweep


def _keys(cases: Mapping[str, Overrides]) -> set[str]:
    return {key for case in cases.values() for key in case}


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _counted(overrides: Overrides, base: Mapping[str, Any]) -> dict[str, Any]:
    """Shares as numbers of participants."""
    everybody = overrides.get("participants", base.get("participants"))
    shares = {key: _SHARE.fullmatch(value) for key, value in overrides.items() if isinstance(value, str)}
    return {**overrides} | {
        key: int(Fraction(share[1]) * everybody / 100)
        for key, share in shares.items() if share and isinstance(everybody, int)
    }  # fmt: skip
