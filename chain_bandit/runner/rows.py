"""Rows of results in a file of JSON Lines: each has the inputs that it follows from, and is played once."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, Literal

from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ruleset import canonical_json
from chain_bandit.runner.workers import Task, TaskResult, Workers, here

Row = dict[str, Any]


def digest(inputs: Any) -> str:
    """What inputs are known by: 64 hexadecimal digits."""
    return keccak(canonical_json(inputs)).hex()


def read_rows(file: Path) -> list[Row]:
    """The rows of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def kept_rows(file: Path | None) -> list[Row]:
    """The rows of a file, none where there is none."""
    return read_rows(file) if file and file.exists() else []


def recorded(rows: Iterable[Row], file: Path | None, mode: Literal["a", "w"] = "a") -> Iterator[Row]:
    """The same rows, each of them in the file as soon as it is there."""
    with file.open(mode, encoding="utf-8") if file else nullcontext() as out:
        for row in rows:
            if out:
                print(json.dumps(row), file=out, flush=True)
            yield row


def missing(rows: Iterable[Mapping[str, Any]], tasks: Iterable[Task], inputs: Callable[[Task], Row]) -> list[Task]:
    """Tasks whose inputs, columns of a row, are those of none of the rows."""
    asked = [(task, inputs(task)) for task in tasks]
    columns = asked[0][1] if asked else ()
    known = {digest({name: row.get(name) for name in columns}) for row in rows}
    return [task for task, given in asked if digest(given) not in known]


def played_rows(
    tasks: Sequence[Task], play: Callable[[Task], TaskResult], row: Callable[[Task, TaskResult], Row],
    file: Path | None = None, workers: Workers = here,
) -> Iterator[Row]:  # fmt: skip
    """A row a task, in the order in which they are over, added to the file. Raises whatever `play` raises."""
    with closing(workers(play, tasks)) as results:
        yield from recorded((row(task, result()) for task, result in results), file)


def resumed_rows(
    tasks: Iterable[Task], inputs: Callable[[Task], Row], play: Callable[[Task], TaskResult],
    row: Callable[[Task, TaskResult], Row], file: Path | None = None, workers: Workers = here,
) -> Iterator[Row]:  # fmt: skip
    """All rows that the file holds, then those of the tasks that it lacks."""
    there = kept_rows(file)
    yield from there
    yield from played_rows(missing(there, tasks, inputs), play, row, file, workers)
