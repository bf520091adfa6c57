"""Grid of a sweep: a scenario, axes that change it, and the points that are their product (TOML, pydantic)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, product
from math import prod
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from chain_bandit.examples import found
from chain_bandit.protocol.errors import Stopped
from chain_bandit.runner.workers import reason
from chain_bandit.scenario import Scenario, ScenarioInvalid, Strict, built, read, valid
from chain_bandit.scenario import load as load_scenario
from chain_bandit.simulation.replicates import CHECKPOINTS
from chain_bandit.sweeps.cell import COLUMNS, Cell

MOST_AXES = 64

MOST_ROWS = 100_000
"""Of the table: cells times checkpoints."""

MOST_BYTES = 5 * 10**7
"""Of the scenarios of all cells, as JSON: they are in memory together."""

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)%")

AxisName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Label = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
_KeyName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Overrides = Mapping[str, Any]


def _shape(given: Any) -> str:
    return "table" if isinstance(given, Mapping) else "other"


Base = Annotated[
    Annotated[str, Tag("other")] | Annotated[dict[str, Any], Tag("table")],
    Discriminator(_shape),
    Field(description="a scenario file, relative to the sweep file, or a scenario"),
]
Axis = Annotated[
    Annotated[list[Any], Field(min_length=1), Tag("other")]
    | Annotated[dict[Label, dict[_KeyName, Any]], Field(min_length=1), Tag("table")],
    Discriminator(_shape),
]


@dataclass(frozen=True, slots=True)
class GridPoint:
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
    base: Base
    axes: dict[AxisName, Axis] = Field(min_length=1, max_length=MOST_AXES)
    replicates: int = Field(default=20, ge=1, le=10**5, description="games a cell, of seeds in a row")
    seed: int | None = Field(default=None, ge=0, lt=2**256, description="of the first game; by default the scenario's")
    checkpoints: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), strict=False, max_length=1_000, description="ascending rounds; by default ten from L to T"
    )
    file: Path = Field(default=Path(), exclude=True, strict=False)

    @cached_property
    def _base(self) -> tuple[Path, str, dict[str, Any]]:
        """Where the scenario is from, the text there, and what it says."""
        if isinstance(self.base, str):
            path = self.file.parent / self.base
            path = path if path.exists() else self.file.parent / found(Path(self.base))
            return path, *read(path)
        return self.file, "", self.base

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

    def points(self) -> Iterator[GridPoint]:
        """All combinations, the last axis fastest.

        Raises:
            ScenarioInvalid: what an axis makes of the scenario is none. What the theory forbids fails at its point.
        """
        path, text, data = self._base
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
                yield GridPoint(labels, None, reason(error))
            else:
                yield GridPoint(labels, cell)

    def check(self) -> None:
        """Refuse axes that say one thing twice, or too much. Raises `ScenarioInvalid`."""
        axes = self.cases()
        for axis, given in self.axes.items():
            if len(axes[axis]) != len(given):
                raise self._invalid(f"axes.{axis} has a value twice")
            if axis in COLUMNS:
                raise self._invalid(f"axes.{axis}: a column of the table has this name; take another")
        rows = self.size * (len(self.checkpoints) or CHECKPOINTS)
        if rows > MOST_ROWS:
            raise self._invalid(f"{self.size:,} cells, {rows:,} rows of the table, are more than {MOST_ROWS:,}")
        heaviest = _weight(self._base[2]) + sum(max(map(_weight, cases.values())) for cases in axes.values())
        if self.size * heaviest > MOST_BYTES:
            raise self._invalid(f"{self.size:,} cells of {heaviest:,} bytes are more than {MOST_BYTES:,}")
        self._check_keys(axes)
        if list(self.checkpoints) != sorted(set(self.checkpoints)):
            raise self._invalid("checkpoints do not ascend")

    def _check_keys(self, axes: Mapping[str, Mapping[str, Overrides]]) -> None:
        """Refuse two axes that set one key, or one of them a key within the other's. Raises `ScenarioInvalid`."""
        whole: dict[str, str] = {}
        within: dict[str, str] = {}
        for axis, cases in axes.items():
            for key in sorted({key for case in cases.values() for key in case}):  # one before those within it
                around = tuple(accumulate(key.split("."), "{}.{}".format))
                for other, both in (*((whole.get(part, axis), part) for part in around), (within.get(key, axis), key)):
                    if other != axis:
                        raise self._invalid(f"axes.{other} and axes.{axis} both set {both}")
                whole[key] = axis
                within = dict.fromkeys(around, axis) | within

    def _invalid(self, why: str) -> ScenarioInvalid:
        return ScenarioInvalid(str(self.file), None, why)


def load(path: Path, replicates: int | None = None) -> Sweep:
    """The sweep in a TOML file. Raises `ScenarioInvalid` or `AssumptionBroken`."""
    path = found(path)
    text, data = read(path)
    if "file" in data:
        raise ScenarioInvalid(str(path), None, "unknown key 'file'")
    return _checked({**data, "file": path}, replicates, text)


def of(source: Scenario | Path, axes: Mapping[str, Any], replicates: int | None = None) -> Sweep:
    """A scenario, or a file or shipped example of one, at every combination of some axes. Errors as of `load`."""
    scenario = source if isinstance(source, Scenario) else load_scenario(source, on_chain=False)
    base: Any = str(found(source).absolute()) if isinstance(source, Path) else {
        **source.model_dump(mode="json", exclude_unset=True, exclude={"folder"}), "preset": source.preset,
    }  # fmt: skip
    data = {"name": scenario.name, "base": base, "axes": axes, "file": scenario.folder / "axes"}
    return _checked(data, replicates, "")


def _checked(data: dict[str, Any], replicates: int | None, text: str) -> Sweep:
    given = {} if replicates is None else {"replicates": replicates}
    sweep = valid(Sweep, data | given, data["file"], text)
    sweep.check()
    return sweep


def _weight(data: Any) -> int:
    return len(json.dumps(data, default=str))


def _label(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("name"), str) and value.keys() <= {"name", "options"}:
        return " ".join([value["name"], *(f"{key}={_label(each)}" for key, each in value.get("options", {}).items())])
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _counted(overrides: Overrides, base: Mapping[str, Any]) -> dict[str, Any]:
    """Shares as numbers of participants."""
    everybody = overrides.get("participants", base.get("participants"))
    shares = {key: _SHARE.fullmatch(value) for key, value in overrides.items() if isinstance(value, str)}
    return {**overrides} | {
        key: int(Fraction(share[1]) * everybody / 100)
        for key, share in shares.items() if share and isinstance(everybody, int)
    }  # fmt: skip
