"""The Python API: what `import chain_bandit as cb` offers. Each function is a verb of the command line.

Errors are `ChainBanditError` with the sentence and the exit code of the command line.
"""

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, time
from decimal import Decimal
from html import escape
from numbers import Real
from operator import index
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, TypeVar
from warnings import warn

from pydantic import BaseModel

from chain_bandit import plugins
from chain_bandit.attacks.attack import Attack
from chain_bandit.environments.bernoulli import Number, bernoulli_model
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.rewards import RewardModel
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario, ScenarioInvalid, built, valid
from chain_bandit.scenario import load as loaded
from chain_bandit.usage import Usage, hexadecimal, named_game

if TYPE_CHECKING:
    import pyarrow

    from chain_bandit.auditor.report import AuditReport
    from chain_bandit.chain_history.blocks import History
    from chain_bandit.gym_envs import BanditEnv, ReportingEnv
    from chain_bandit.simulation.replicates import IntervalEstimate, Measured
    from chain_bandit.sweeps.run import Swept

__all__ = ["Attack", "ChainBanditError", "Conduct", "Run", "Scenario", "Simulation", "SweepResult", "Table", "attack",
           "audit", "bernoulli", "build", "deploy", "environment", "gym_env", "history", "load", "parallel_env", "play",
           "simulate", "sweep"]  # fmt: skip

Given = Scenario | str | Path
"""A scenario, or what `load` takes."""
Maker = TypeVar("Maker", bound=Callable[..., Any])
Progress = Callable[[int, int], None]
"""`progress(done, total)`, called now and then; True shows a bar, in a terminal or a notebook."""


NESTED = 32
"""Tables and lists within each other, at most."""

MOST_COUNTED = 10**9
"""Replicates, or threads, at most."""

SHOWN = 20
"""Rows of a table that a notebook shows."""


class Table(Sequence[Mapping[str, Any]]):
    """Rows by column name; a sequence of mappings, and a data frame on demand."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = tuple(rows)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        """A row, or a table of some."""
        return Table(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __eq__(self, other: object) -> bool:
        """Whether it has the same rows."""
        return self._rows == other._rows if isinstance(other, Table) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Its size and columns."""
        return f"<Table of {len(self)} rows: {', '.join(self._rows[0]) if self._rows else 'empty'}>"

    def _repr_html_(self) -> str:
        rows = [tuple(self._rows[0]) if self._rows else ("empty",), *(row.values() for row in self._rows[:SHOWN])]
        lines = ("".join(f"<td>{escape(_shown(value))}</td>" for value in row) for row in rows)
        more = f"<p>and {len(self) - SHOWN:,} more rows</p>" if len(self) > SHOWN else ""
        return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>{more}"

    def to_arrow(self) -> "pyarrow.Table":
        """A pyarrow table; a column of integers beyond 64 bits, wei for instance, is one of decimals.

        Raises `ImportError` without pyarrow.
        """
        import pyarrow

        wide = {
            name for row in self._rows for name, value in row.items()
            if isinstance(value, int) and not -(2**63) <= value < 2**63
        }  # fmt: skip
        return pyarrow.Table.from_pylist([
            {name: Decimal(value) if name in wide and isinstance(value, int) else value for name, value in row.items()}
            for row in self._rows
        ])

    def to_pandas(self) -> Any:
        """A pandas data frame. Raises `ImportError` without pandas."""
        import pandas  # type: ignore[import-untyped]

        return pandas.DataFrame.from_records(list(self._rows))

    def to_polars(self) -> Any:
        """A polars data frame. Raises `ImportError` without polars."""
        import polars  # type: ignore[import-not-found]

        return polars.DataFrame(list(self._rows), infer_schema_length=None)


@dataclass(frozen=True)
class Run:
    """A game that was played on a chain, in its run folder.

    Attributes:
        out: the folder.
        manifest: what the run says of itself.
        audit: what its history says.
    """

    out: Path
    manifest: Mapping[str, Any]
    audit: "AuditReport"

    @property
    def passed(self) -> bool:
        """Whether the audit found nothing wrong and could check everything, and no rule of the game failed."""
        from chain_bandit.runs import unanswered_rule

        return self.audit.exit_code == 0 and unanswered_rule(self.audit) is None

    @property
    def regret(self) -> float | None:
        """Whole rewards that an honest participant lost on average, of all rounds and all money; None of live rewards,
        whose true means nobody knows."""
        known: float | None = self.manifest["regret"]
        return known

    @property
    def rounds(self) -> Table:
        """One row a recorded round: its kind, arm, regret and what was said of it (rounds.csv)."""
        from chain_bandit.game import folder

        columns = folder.read_rounds(self.out)
        return Table(dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))

    @property
    def participants(self) -> Table:
        """One row a party: rewards in units of 1e-9 (`rewards_units`), the rest in wei."""
        rows = map(asdict, self.audit.accounts)
        return Table({"rewards_units" if name == "rewards" else name: row[name] for name in row} for row in rows)

    @property
    def report(self) -> Path:
        """The page to open in a browser."""
        from chain_bandit.game import folder

        return self.out / folder.REPORT

    def __repr__(self) -> str:
        """One line."""
        return f"Run({str(self.out)!r}, audit {self.audit.verdict})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.report.resolve().as_uri()}">{self.out.name}: audit {self.audit.verdict}</a>'


@dataclass(frozen=True, eq=False)
class Simulation:
    """Replicates of a scenario without messages.

    Attributes:
        scenario: what was played.
        measured: sums of each replicate at each checkpoint, and of each participant's payoffs.
    """

    scenario: Scenario
    measured: "Measured"

    def __eq__(self, other: object) -> bool:
        """Whether the same scenario came to the same numbers, however long that took."""
        if not isinstance(other, Simulation):
            return NotImplemented
        import numpy as np

        mine, its = self.measured, other.measured
        return (self.scenario, mine.checkpoints) == (other.scenario, its.checkpoints) and all(
            np.array_equal(np.asarray(one), np.asarray(another))
            for one, another in ((mine.sums, its.sums), (mine.settled, its.settled))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """One line."""
        found = self.regret
        interval = "" if found.high is None else f" ± {found.high - found.mean:.1f}"
        count = len(self.measured.sums)
        return f"Simulation({self.scenario.name!r}, {count} replicates, regret {found.mean:.1f}{interval})"

    @property
    def regret(self) -> "IntervalEstimate":
        """Rewards that an honest participant loses by the end: mean and 95 % interval (Student's t)."""
        return self.measured.regret()[-1]

    @property
    def table(self) -> Table:
        """One row a checkpoint: the round or pull, and regret and each of its parts with intervals."""
        from chain_bandit.simulation.replicates import PARTS

        columns = {"regret": self.measured.regret()} | {part: self.measured.regret(part) for part in PARTS}
        return Table(
            {self.measured.parameters.counted: at}
            | {
                f"{name}{end}": getattr(values[row], field)
                for name, values in columns.items()
                for end, field in (("", "mean"), ("_low", "low"), ("_high", "high"))
            }
            for row, at in enumerate(self.measured.checkpoints)
        )

    def baselines(self) -> Table:
        """Regret by the end of UCB1 alone, the game's policy alone, an oracle and an undefended mean: a row each.

        They are played when this is called, on the same draws; intervals are of 95 %.
        """
        from chain_bandit.game.baselines import baselines

        found = baselines(self.scenario, len(self.measured.sums), self.measured.checkpoints)
        return Table({"learner": name} | asdict(values[-1]) for name, values in found.items())

    def plot(self) -> Any:
        """Regret by rounds or pulls with its 95 % interval, as a matplotlib figure."""
        from chain_bandit.views.regret_figure import regret_figure

        return regret_figure([(self.scenario.name, self.measured)])


@dataclass(frozen=True)
class SweepResult:
    """A scenario at every combination of some settings.

    Attributes:
        swept: cells, rows and failures.
    """

    swept: "Swept"

    @property
    def table(self) -> Table:
        """One row a point and checkpoint; of a point that failed one row with its error."""
        return Table(self.swept.rows)

    @property
    def final(self) -> Table:
        """The last row of each point."""
        return Table(self.swept.final)

    def __repr__(self) -> str:
        """One line."""
        failed = f", {len(self.swept.failed)} failed" if self.swept.failed else ""
        return f"SweepResult({self.swept.name!r}, {' by '.join(self.swept.axes)}: {self.swept.points} points{failed})"

    def plot(self) -> Any:
        """Regret at the end, as a matplotlib figure: over the last axis of numbers with its 95 % interval.

        Where no axis has numbers it is a table with the last axis from left to right.
        """
        from chain_bandit.views.sweep import heat_figure, line_figure

        return line_figure(self.swept) or heat_figure(self.swept)


def load(source: str | Path, **overrides: Any) -> Scenario:
    """A checked scenario: of a TOML file, or a shipped example by its name ("flights").

    Args:
        overrides: keys in place of the file's; of a table with `__` (`chain__batch=10`).

    Raises:
        ChainBanditError: what is wrong, with the file's line where there is one.
    """
    changed = {key.replace("__", "."): _as_in_a_file(key, value) for key, value in overrides.items()}
    return loaded(_path(source), changed, on_chain=False)


def build(**keys: Any) -> Scenario:
    """A checked scenario of keys as a scenario file has them; files are relative to the current folder.

    Raises:
        ChainBanditError: as `load`.
    """
    given = {key: _as_in_a_file(key, value) for key, value in keys.items()}
    scenario = built(Path("scenario"), "", {"name": "scenario", **given}, {}, on_chain=False)
    return scenario.model_copy(update={"folder": Path.cwd()})


def play(
    scenario: Given, out: str | Path | None = None, *, chain: str = "embedded", account: str | None = None,
    progress: Progress | bool = False,
) -> Run:  # fmt: skip
    """Play a scenario on a chain, audit it, and leave a run folder; by default a temporary one.

    Args:
        scenario: or what `load` takes, as everywhere here.
        chain: embedded, anvil, hardhat, or a node's URL.
        account: that funds deployment and gas on a URL; the embedded chain refuses it.

    Raises:
        ChainBanditError: what stopped the game; nothing half-written stays.
    """
    from chain_bandit.game import chains
    from chain_bandit.runs import play as played

    scenario = _scenario(scenario)
    place = _place(out, scenario.name)
    horizon = scenario.parameters.horizon
    with _telling(progress) as tell:
        finished = played(
            scenario, place, lambda status: tell(status.pulls, horizon),
            chain=chains.chain(_text(chain), _payer(account)),
            outlives=chains.is_url(chain),
        )  # fmt: skip
    return Run(finished.out.absolute(), finished.manifest, finished.report)


def simulate(
    scenario: Given, replicates: int = 20, *, jobs: int = 1, progress: Progress | bool = False
) -> Simulation:
    """Play a scenario many times without messages; the results do not depend on `jobs` (threads).

    The extra `fast` (numba) compiles the games: without it those in phases and those of `thompson` play at some 20,000
    agent-steps a second, as games with a policy of your own always do.

    Raises:
        ChainBanditError: a scenario that cannot be simulated, or a number below 1; where a rule failed in some rounds,
            the `measured` of the simulation are its `results`.
    """
    from chain_bandit.game.simulated import engines
    from chain_bandit.game.simulated import replicates as measure

    scenario = _scenario(scenario)
    replicates, jobs = _count("replicates", replicates), _count("jobs", jobs)
    _warn_of_no_contract([scenario])
    (engine,) = engines([(scenario, replicates)])
    with _telling(progress) as tell:
        measured = measure(scenario, replicates, (), jobs, engine, lambda done: tell(done, replicates))
    return Simulation(scenario, measured)


def sweep(
    source: Given, out: str | Path | None = None, *, axes: Mapping[str, Any] | None = None,
    replicates: int | None = None, jobs: int = 1, resume: bool = False, progress: Progress | bool = False,
) -> SweepResult:  # fmt: skip
    """Simulate a scenario at every combination of some axes, by so many processes.

    Args:
        source: a sweep file; with `axes` a scenario.
        out: the folder of the cells, by default a temporary one.
        axes: by the name of each axis the values of the key of this name, or named overrides, as a sweep file has them.

    Raises:
        ChainBanditError: the file is none, the folder cannot be used, or the extra `parquet` is not installed. Cells
            that fail are in the table.
    """
    from chain_bandit.runner.workers import processes
    from chain_bandit.sweeps import grid
    from chain_bandit.sweeps.run import run as swept

    jobs, replicates = _count("jobs", jobs), None if replicates is None else _count("replicates", replicates)
    if axes is not None:
        base = _scenario(source) if isinstance(source, Scenario) else _path(source)
        given = grid.of(base, _as_in_a_file("axes", axes), replicates)
    elif isinstance(source, Scenario):
        raise Usage("sweep: expected a sweep file, or axes={key: values} for the scenario")
    else:
        given = grid.load(_path(source), replicates)
    place = _place(out, given.name)
    _warn_of_no_contract([point.cell.scenario for point in given.points() if point.cell is not None])
    with _telling(progress) as tell:
        return SweepResult(swept(given, place, processes(jobs), resume, lambda done, failed: tell(done, given.size)))


def audit(
    source: str | Path, *, contract: str | Path | None = None, rules: Sequence[str] = (), bodies: Sequence[str] = (),
    head: str | None = None, paranoid: bool = False,
) -> "AuditReport":  # fmt: skip
    """Derive a whole game again from its history: of a run folder, an exported file, or a contract at a node's URL.

    Args:
        contract: with a URL: the address, 0x and 40 digits, a deployment file or a run folder.
        rules: foreign rules of the game, whose code then runs here: names or FILE.py:Class.
        bodies: with a contract of a compact game: exported histories, or URLs of nodes.
        head: the trusted hash of the last block, 0x and 64 digits.
        paranoid: compute everything a second time by the second implementation, and compare.

    Raises:
        ChainBanditError: there is no such history; what is wrong in it is in the report.
    """
    from chain_bandit.audits import audit_file, audit_folder
    from chain_bandit.foreign.registry import run_rules

    list(run_rules(_names("rules", rules)))  # each runs from when it is named
    kept, bodies = hexadecimal(_text(head), 32, "head") if head is not None else None, _names("bodies", bodies)
    if contract is not None:
        with _from_node(str(source), str(contract), bodies=bodies, head=kept) as path:
            return audit_file(path, kept, paranoid=paranoid)
    if bodies:
        raise Usage("bodies go with a node's URL and contract=ADDRESS")
    path = _path(source)
    return (audit_folder if path.is_dir() else audit_file)(path, kept, paranoid=paranoid)


def history(source: str | Path, out: str | Path | None = None, *, contract: str | None = None) -> "History":
    """The raw blocks of a game: of a run folder, an exported file, or a contract at a URL.

    Args:
        out: a file to export them to; a contract needs one.

    Raises:
        ChainBanditError: there is none, or it cannot be read.
    """
    from chain_bandit.chain_history import files
    from chain_bandit.game import folder

    if contract is not None:
        if out is None:
            raise Usage("history(url, out, contract=…) needs a file to export to")
        with _from_node(str(source), str(contract), _file(out)) as path:
            return files.read(path)
    path = _path(source)
    found = files.read(path / folder.HISTORY if path.is_dir() else path)
    if out is not None:
        place = _file(out)
        with folder.writing(place):
            files.write(found, place)
    return found


def deploy(
    scenario: Given, url: str, organiser: str | Path, password: str, *, listen: str, out: str | Path = "game.json",
    account: str | None = None,
) -> Mapping[str, Any]:  # fmt: skip
    """Put a game with open places on the chain at a URL, by the keystore in a folder; what is in `out`, game.json.

    Raises:
        ChainBanditError: as `chain-bandit deploy --key`.
    """
    from chain_bandit.game import chains
    from chain_bandit.nodes import keystore
    from chain_bandit.nodes.open_game import deploy_open

    place, game_file, listen = _path(organiser), _file(out), _text(listen)
    with chains.connected(_text(url)) as node:
        secret = keystore.unlock(place, _text(password))
        game = deploy_open(_scenario(scenario), node, place, secret, listen, game_file, None, _payer(account))
    dumped: Mapping[str, Any] = game.model_dump(mode="json")
    return dumped


def attack(name: str) -> Callable[[Maker], Maker]:
    """Make a class of attacks known to scenarios of this process, without a package: `@cb.attack("mine")`."""
    from chain_bandit.attacks.registry import ATTACKS

    return _given("attacks", name, ATTACKS)


def environment(name: str) -> Callable[[Maker], Maker]:
    """The same of a function of options that gives a `RewardModel`: `@cb.environment("mine")`, `kind = "mine"`."""
    from chain_bandit.environments.registry import OURS

    return _given("environments", name, OURS)


def bernoulli(means: Iterable[Number]) -> RewardModel:
    """Arms that pay 1 with these probabilities, in their order, else 0.

    Raises:
        ChainBanditError: there are none or too many, a mean is not a number from 0 to 1, or they have no order.
    """
    if isinstance(means, str | Mapping | Set) or not isinstance(row := _python(means), Iterable):
        raise Usage(f"expected the means of the arms in their order, got {means!r:.80}")
    return bernoulli_model([_python(mean) for mean in row])


def gym_env(scenario: Given, seat: int = 0) -> "BanditEnv":
    """A Gymnasium environment: one participant alone against the scenario's arms, on the draws of `simulate`.

    Raises:
        ChainBanditError: no such seat, rewards are live, or the extra `gym` is not installed.
    """
    from chain_bandit.gym_envs import BanditEnv

    return BanditEnv(_scenario(scenario), seat)


def parallel_env(scenario: Given, seats: Sequence[int] | None = None) -> "ReportingEnv":
    """A PettingZoo environment: the scenario's game, in which learners decide what the participants at `seats` report.

    Args:
        seats: by default all. The others play as the scenario says, its liars too.

    Raises:
        ChainBanditError: as `gym_env`.
    """
    from chain_bandit.gym_envs import ReportingEnv

    return ReportingEnv(_scenario(scenario), seats)


@contextmanager
def _telling(progress: Progress | bool) -> Iterator[Progress]:
    """Progress callback; of True a bar, which notebooks show as their own."""
    if not isinstance(progress, bool) and not callable(progress):
        raise Usage(f"progress: expected True, or a function of (done, total); got {progress!r:.80}")
    if progress is not True:
        yield progress or (lambda done, total: None)
        return
    from rich.progress import Progress as Bar

    with Bar() as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _warn_of_no_contract(games: Collection[Scenario]) -> None:
    from chain_bandit.game.simulated import no_contract_takes

    if said := no_contract_takes(games):
        warn(said, stacklevel=3)


def _shown(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _scenario(given: object) -> Scenario:
    if isinstance(given, str | Path):
        return load(given)
    if not isinstance(given, Scenario):
        raise Usage(f"expected a scenario, as cb.build(…) gives one, a file or an example; got {given!r:.80}")
    # pydantic copies with other keys, whatever these are, and does not check what it constructs
    keys = {key: _as_in_a_file(key, getattr(given, key)) for key in {*given.model_fields_set, "preset", "folder"}}
    scenario = valid(Scenario, keys, Path("scenario"), "", but=given.excluded)
    scenario.check()
    return scenario


def _count(name: str, value: Any) -> int:
    try:
        count = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        count = 0
    if not 1 <= count <= MOST_COUNTED:
        got = f"{value!r:.80}" if count.bit_length() <= 256 else "one of more than 256 bits"
        raise Usage(f"{name}: expected a whole number from 1 to {MOST_COUNTED:,}, got {got}")
    return count


def _python(value: Any) -> Any:
    """A number or array of another library as Python's."""
    return value.tolist() if hasattr(value, "tolist") else value


def _as_in_a_file(key: str, value: Any, depth: int = 0) -> Any:
    """A value as a scenario file has it: numbers of any library as Python's, what has an order as lists."""
    value = _python(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True, warnings=False)
    if (value is None and not depth) or isinstance(value, bool | int | float | str | date | time):
        return value
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if depth < NESTED and isinstance(value, Mapping):
        return {
            name: None if each is None else _as_in_a_file(f"{key}.{name}", each, depth + 1)
            for name, each in value.items()
        }
    if depth < NESTED and isinstance(value, Sequence | Iterator) and not isinstance(value, bytes | bytearray):
        return [_as_in_a_file(key, each, depth + 1) for each in value]
    wanted = "expected what a scenario file can hold (numbers, text, true, false, lists, tables)"
    raise ScenarioInvalid("scenario", None, f"{key}: {wanted}, got {value!r:.80}")


def _place(out: str | Path | None, name: str) -> Path:
    """Where results go: the folder that is named, or a new one for them alone."""
    return Path(mkdtemp(prefix="chain-bandit-")) / name if out is None else _path(out)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise Usage(f"expected text, got {given!r:.80}")
    return given


def _payer(account: object) -> str | None:
    return None if account is None else _text(account)


def _names(name: str, given: Sequence[str]) -> Sequence[str]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise Usage(f"{name}: expected a list of names, got {given!r:.80}")
    return [str(each) for each in given]


def _given(kind: str, name: str, ours: Container[str]) -> Callable[[Maker], Maker]:
    def take(maker: Maker) -> Maker:
        plugins.give(kind, name, maker, ours)
        return maker

    if not isinstance(name, str):
        plugins.give(kind, name, None, ours)  # a decorator without parentheses is given the class: refused
    return take


def _path(given: object) -> Path:
    if not isinstance(given, str | Path):
        raise Usage(f"expected a path, got {given!r:.80}")
    if str(given).startswith(("http://", "https://")):
        raise Usage(f"{given}: a node's URL goes with contract=ADDRESS")
    try:
        named = b"\0" not in os.fsencode(given)
    except UnicodeEncodeError:  # half of a pair
        named = False
    if not named:
        raise Usage(f"{given!r:.80}: no file has such a name")
    return Path(given)


def _file(given: object) -> Path:
    place = _path(given)
    if not place.name:
        raise Usage(f"expected a file, got {str(given)!r}")
    return place


def _from_node(
    url: str, contract: str, export: Path | None = None, bodies: Sequence[str] = (), head: bytes | None = None
) -> AbstractContextManager[Path]:
    from chain_bandit.chain.remote import at_url
    from chain_bandit.runs import history_of_node

    node = at_url(url)
    address, first = named_game(node, contract, "contract")
    return history_of_node(node, address, first, None, bodies, export, head=head)
