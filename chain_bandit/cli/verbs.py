"""Commands of `chain-bandit`: of this package and of others, each imported when it is called.

A package offers one as an entry point of the group `chain_bandit.verbs`: a function as typer takes it, beside which its
module has `EXAMPLES`, what is typed after `chain-bandit`, or a `Typer` of several.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from chain_bandit import plugins

ORDER = "run", "deploy", "demo", "simulate", "sweep", "audit", "show", "watch", "explain", "list", "new"
"""Commands that help lists first."""


class Verbs(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._points = _offered()
        self.commands = _Imported(self._points)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands; none of them is imported."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the first sentence of each command's help; none of them is imported."""
        listed = [TyperCommand(name, help=line(point)) for name, point in self._points.items()]
        TyperGroup(commands=listed).format_commands(ctx, formatter)


class _Imported(Mapping[str, Any]):
    """Commands by name: to look one up imports it."""

    def __init__(self, points: Mapping[str, EntryPoint]) -> None:
        self._points, self._commands = points, dict[str, Any]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, name: str) -> Any:
        if name not in self._commands:
            point = self._points[name]
            self._commands[name] = _command(name, point.load()) if _is_ours(point) else _of_others(point)
        return self._commands[name]


def _offered() -> dict[str, EntryPoint]:
    """Entry points by the name of the command. Of several of one name that of `chain-bandit` itself counts."""

    def place(point: EntryPoint) -> tuple[bool, int, str]:
        return not _is_ours(point), ORDER.index(point.name) if point.name in ORDER else len(ORDER), point.name

    found = dict[str, EntryPoint]()
    for point in sorted(plugins.points("verbs"), key=place):
        found.setdefault(point.name, point)
    return found


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "chain-bandit"


def _of_others(point: EntryPoint) -> Any:
    """The command of another package; of one that cannot be imported a command that says so when it is called."""
    try:
        return _command(point.name, point.load())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its module may raise anything
        reason = f"{point.value} cannot be imported ({type(error).__name__}: {error})"

    def broken(ctx: typer.Context) -> None:
        raise plugins.PluginBroken("verbs", point.name, reason)

    broken.__doc__ = f"Nothing: {reason}."
    return _command(point.name, broken, {"ignore_unknown_options": True, "allow_extra_args": True})


def _command(name: str, verb: Any, settings: dict[str, Any] | None = None) -> Any:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(verb, typer.Typer):
        app.add_typer(verb, name=name)
        return get_group(app).commands[name]
    examples = getattr(sys.modules[verb.__module__], "EXAMPLES", ())
    app.command(name, epilog=epilog(*examples), context_settings=settings)(verb)
    return get_command(app)


def epilog(*examples: str) -> str:
    """The examples of a command as its help ends; empty where it has none."""
    lines = "\n".join(f"  chain-bandit {each}" for each in examples)
    return f"\b\nExamples:\n{lines}" if lines else ""


def line(point: EntryPoint) -> str:
    """First paragraph of a command's docstring, read from its file; of a `Typer` that of its callback."""
    try:
        spec = find_spec(point.module)
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its package may raise anything while it is imported
        return f"cannot be imported: {type(error).__name__}: {error}"
    within = rf"^def {point.attr}\(|^@{point.attr}\.callback\("
    found = re.search(rf'(?:{within}).*?^    """(.*?)(?:"""|\n\n)', source, re.DOTALL | re.MULTILINE)
    return found[1] if found else ""
