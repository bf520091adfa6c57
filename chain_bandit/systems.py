"""Systems of other packages on the same chain: each has a contract of its own, and tells what its history says.

A package offers one as an entry point of the group `chain_bandit.systems`: an object of the kind `System`.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chain_bandit import plugins
from chain_bandit.chain_history.blocks import History

if TYPE_CHECKING:
    from rich.console import RenderableType

Shown = tuple[Any, "Sequence[RenderableType]"]
"""The answer, as JSON takes it, and the same for a terminal."""


class System(Protocol):
    """A system beside the core's game, as the core asks it.

    Attributes:
        owner: whose a contract of its kind is, in a sentence.
        audited_by: the command that audits such a history, without `chain-bandit`.
        export: name of the exported history in its run folder.
    """

    owner: str
    audited_by: str
    export: str

    def made(self, history: History) -> bool:
        """Whether a history is one of this system's contract."""

    def show(self, history: History, what: str | None, which: str | None) -> Shown:
        """The overview, or one part of it by its name. Raises `Usage` for a part that it has not."""


def all_systems() -> list[System]:
    """Those of all installed packages that can be imported: one that cannot is in the way of no game."""
    found = list[System]()
    for point in plugins.points("systems"):
        with suppress(Exception, SystemExit):  # its module may raise anything
            found.append(point.load())
    return found


def export_in(run: Path) -> Path | None:
    """The exported history of a system in its run folder; None of a game's folder, and of a file."""
    return next((run / system.export for system in all_systems() if (run / system.export).is_file()), None)


def system_of(history: History) -> System | None:
    """The system whose contract a history is of; None of a game, and of a contract that no package knows."""
    return next((system for system in all_systems() if system.made(history)), None)
