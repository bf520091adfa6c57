"""One cell: a scenario, how often it is played and when it is looked at. Its digest names the file with its results."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from inspect import getsource
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit import __version__, plugins
from chain_bandit.append_log import regular_file, whole_file
from chain_bandit.arrow import ParquetReader, parquet, pyarrow
from chain_bandit.attacks.registry import ATTACKS
from chain_bandit.game.simulated import cast_of, engines, seeds_of, what_takes_long
from chain_bandit.game.simulated import replicates as played
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError, Stopped, require
from chain_bandit.protocol.ruleset import canonical_json
from chain_bandit.runner.workers import Workers, reason
from chain_bandit.scenario import Scenario
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.replicates import PARTS, Measured, checkpoints
from chain_bandit.simulation.sums import NAMES, SUMS

FORMAT = 1
"""Of a cell's results: raise it when the same cell comes to something else."""

COLUMNS = (
    "digest", "round", "replicates", "agent_steps", "seed", "error",
    *(f"{name}_{what}" for name in ("regret", *PARTS) for what in ("mean", "low", "high")),
)  # fmt: skip
"""Of the table, after one an axis."""

CheckpointSums = NDArray[np.int64]
"""(replicates, checkpoints, `SUMS`)."""

_KEY, _CHECK = b"chain_bandit.cell", b"chain_bandit.sums"


class CellDamaged(ChainBanditError):
    """A file that is not the results of the cell that it is named after."""

    exit_code = 3

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


@dataclass(frozen=True, slots=True)
class Cell:
    """What is played.

    Attributes:
        checkpoints: ascending rounds from 1 to T.
    """

    scenario: Scenario
    replicates: int
    checkpoints: tuple[int, ...]

    @staticmethod
    def of(scenario: Scenario, replicates: int, marks: Sequence[int] = ()) -> "Cell":
        """The cell of a scenario. Raises `AssumptionBroken` for a checkpoint or a seed that no game of it has."""
        p = scenario.parameters
        last = max(marks, default=0)
        require(last <= p.horizon, "checkpoints", "the last <= T", last=last, T=p.horizon)
        cell = Cell(scenario, replicates, tuple(marks) or checkpoints(p.horizon, p.burn_in))
        seeds_of(scenario, replicates, len(cell.checkpoints))
        cell.key()
        return cell

    def key(self) -> bytes:
        """Everything that its results depend on, as canonical JSON. Raises `NotSimulated`.

        Rules are there with their versions, foreign ones with the digests of their files. Rewards and attacks are there
        as what they come to, whatever file or plug-in they come from; attacks of plug-ins
        that have no numbers, whose names and options the scenario has, with the code that they are.
        """
        model, cast = self.scenario.model, cast_of(self.scenario)
        said = {
            "format": FORMAT,
            "version": __version__,
            "scenario": self.scenario.model_dump(mode="json", exclude={"name", "expect"}),
            "rewards": keccak(model.encode()).hex(),
            "rules": self.scenario.parameters.declaration.decode(),
            "attacks": [np.asarray(rows).tolist() for rows in cast] if cast else self._code(),
            "replicates": self.replicates,
            "checkpoints": self.checkpoints,
        }
        return canonical_json(said)

    def _code(self) -> dict[str, str]:
        """By name, of every attack that is not ours."""
        told = {choice.name for entry in self.scenario.all_malicious for choice in entry.attacks}
        return {name: _code_of(name) for name in told - ATTACKS.keys()}

    @property
    def digest(self) -> str:
        """Its name: 64 hexadecimal digits."""
        return keccak(self.key()).hex()

    def rows(self, sums: CheckpointSums) -> Iterator[dict[str, Any]]:
        """What the table says of it, a row a checkpoint."""
        measured = Measured(self.scenario.parameters, self.checkpoints, sums, 0.0)
        named = {"regret": measured.regret()} | {part: measured.regret(part) for part in PARTS}
        digest = self.digest
        for at, round_ in enumerate(self.checkpoints):
            yield {
                "digest": digest, "round": round_, "replicates": self.replicates, "seed": str(self.scenario.seed),
                "agent_steps": measured.agent_steps, "error": None,
            } | {
                f"{name}_{what}": value
                for name, estimates in named.items() for what, value in asdict(estimates[at]).items()
            }  # fmt: skip


_Task = tuple[Cell, str, Engine]
"""A cell, its digest, and the engine that plays it."""


def play(task: _Task) -> CheckpointSums | str:
    """What a worker makes of a cell: its sums, or why there are none.

    A worker with another version than the digest's would play something else. The sums do not depend on the engine.
    """
    cell, digest, engine = task
    try:
        if cell.digest != digest:
            return f"the worker has another version of chain_bandit ({__version__}), or of a plug-in"
        return played(cell.scenario, cell.replicates, cell.checkpoints, engine=engine).sums
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything
        return reason(error)


def play_all(
    cells: Mapping[str, Cell], workers: Workers, on_waiting: Callable[[str], None] = lambda said: None
) -> Generator[tuple[str, CheckpointSums | str], None, None]:
    """What comes of cells, by digest, as they are over. The game is compiled here, so that no worker has to.

    Args:
        on_waiting: is told what takes long, in a sentence.
    """
    games = [(cell.scenario, cell.replicates) for cell in cells.values()]
    chosen = engines(games)
    if said := what_takes_long(games, chosen):
        on_waiting(said)
    each = ((cell, digest, engine) for (digest, cell), engine in zip(cells.items(), chosen, strict=True))
    tasks = sorted(each, key=lambda task: list(Engine).index(task[2]))
    for cell in [cell for cell, _, engine in tasks if engine is Engine.COMPILED][:1]:
        with suppress(Exception):  # what is wrong with a cell is the worker's to say
            played(cell.scenario, 0, engine=Engine.COMPILED)
    with closing(workers(play, tasks)) as results:
        for (_, digest, _), result in results:
            try:
                yield digest, result()
            except Exception as error:  # noqa: BLE001 - of whatever library brings the result
                yield digest, f"its worker died ({reason(error)[:200]})"


def write(path: Path, cell: Cell, sums: CheckpointSums) -> None:
    """Keep the results: the whole file, or none. The same cell gives the same bytes."""
    games, marks = np.indices(sums.shape[:2]).reshape(2, -1)
    columns = {"replicate": games, "round": np.array(cell.checkpoints)[marks]}
    columns |= dict(zip(NAMES, sums.reshape(-1, len(SUMS)).T, strict=True))
    table = pyarrow.table(columns).replace_schema_metadata({_KEY: cell.key(), _CHECK: _check(sums)})
    with whole_file(path) as file:
        parquet.write_table(table, file, compression="zstd")


def read(path: Path, cell: Cell) -> CheckpointSums | None:
    """What was kept, None if nothing was. Raises `CellDamaged` unless it is what `write` wrote of this cell."""
    shape = (cell.replicates, len(cell.checkpoints), len(SUMS))
    try:
        with regular_file(path) as raw, ParquetReader(raw) as file:
            kept = file.schema_arrow.metadata or {}
            if kept.get(_KEY) != cell.key() or file.metadata.num_rows * len(SUMS) != np.prod(shape):
                raise CellDamaged(path, "holds another cell")
            table = file.columns(NAMES)
        sums = np.stack([table[name].to_numpy() for name in NAMES], axis=1).reshape(shape)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, MemoryError, pyarrow.ArrowException) as error:
        raise CellDamaged(path, f"cannot be read ({type(error).__name__})") from error
    if sums.dtype != np.int64 or kept.get(_CHECK) != _check(sums):
        raise CellDamaged(path, "its numbers are not those that were written")
    return sums


def _check(sums: CheckpointSums) -> bytes:
    return keccak(np.ascontiguousarray(sums, "<i8").tobytes()).hex().encode()


def _code_of(attack: str) -> str:
    """Which code an attack is; of a class that a console or a notebook defines, which has no source, its bytecode."""
    known, kind = plugins.code("attacks", attack), plugins.find("attacks", attack, ATTACKS)
    try:
        getsource(kind)
    except (OSError, TypeError):
        own = [each for each in kind.__mro__ if each.__module__ == kind.__module__]
        return keccak(repr([known, *map(_compiled, own)]).encode()).hex()
    return known


def _compiled(value: Any) -> Any:
    """What a class, a function or a constant was compiled to, without where."""
    if isinstance(value, type):
        return [(name, _compiled(each)) for name, each in sorted(vars(value).items())
                if not name.startswith("__") or hasattr(each, "__code__")]  # fmt: skip
    if isinstance(value, CodeType):
        return value.co_code, value.co_names, [_compiled(each) for each in value.co_consts]
    function = getattr(value, "__func__", value)
    if isinstance(function, FunctionType):
        return _compiled(function.__code__), repr(function.__defaults__), repr(function.__kwdefaults__)
    return repr(value)
