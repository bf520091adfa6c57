"""Help: every command has examples that its parser takes, and shells complete commands."""

import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from chain_bandit.cli import verbs
from chain_bandit.cli.root import app
from chain_bandit.plugins import PluginBroken

COMMANDS = {
    " ".join(filter(None, (name, inner))): command
    for name, each in get_command(app).commands.items()
    for inner, command in getattr(each, "commands", {"": each}).items()
}
"""Those of groups by both words."""
EXAMPLES = {
    name: re.findall(r"^  chain-bandit (.+)$", command.epilog or "", re.MULTILINE) for name, command in COMMANDS.items()
}
LINES = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_has_examples() -> None:
    assert all(EXAMPLES.values())
    assert len(LINES) > 45


@pytest.mark.parametrize("point", verbs._offered().values(), ids=lambda point: point.name)
def test_help_lists_a_command_by_the_first_sentence_of_its_own_help_without_importing_it(point: EntryPoint) -> None:
    command = get_command(app).commands[point.name]
    assert " ".join(verbs.line(point).split()) == " ".join(command.help.split("\n\n")[0].replace("\b", "").split())


def test_help_imports_no_command() -> None:
    code = (
        "import sys\nfrom chain_bandit.cli.root import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "verbs = {name for name in sys.modules if name.startswith('chain_bandit.cli.')}\n"
        "print('IMPORTED', *sorted(verbs))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Commands:" in said
    needed = {"errors", "root", "stopping", "verbs"}
    assert set(said.partition("IMPORTED ")[2].split()) == {f"chain_bandit.cli.{each}" for each in needed}


def test_another_package_adds_a_command_and_takes_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = [
        EntryPoint(name, "tests.unit.verb_of_others:shout", "chain_bandit.verbs") for name in ("shout", "run")
    ]
    ours = verbs.plugins.points("verbs")
    monkeypatch.setattr(verbs.plugins, "points", lambda group: [*theirs, *ours])
    assert verbs._offered()["run"].value == "chain_bandit.cli.run:run"
    listed = CliRunner().invoke(app, ["--help"]).output
    assert re.search(r"^  shout +Print a word in capitals\.$", listed, re.MULTILINE)
    shown = CliRunner().invoke(app, ["shout", "--help"]).output
    assert "  chain-bandit shout hello\n" in shown
    assert CliRunner().invoke(app, ["shout", "hello"]).output == "HELLO\n"


@pytest.mark.parametrize(("name", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_is_in_the_help_and_parses(name: str, line: str) -> None:
    assert line == name or line.startswith(f"{name} ")
    COMMANDS[name].make_context(name, line.removeprefix(name).split())
    shown = CliRunner().invoke(app, [*name.split(), "--help"], terminal_width=80)
    assert f"  chain-bandit {line}\n" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_an_example_with_a_wrong_option_is_refused() -> None:
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["run"].make_context("run", ["small", "--rouns", "5"])


@pytest.mark.parametrize(
    ("typed", "expected"), [("chain-bandit sim", "simulate"), ("chain-bandit audit --che", "--checks")]
)
def test_a_shell_completes_commands_and_options(typed: str, expected: str) -> None:
    asked = {
        "_CHAIN_BANDIT_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1),
    }  # fmt: skip
    said = subprocess.run(
        [Path(sys.executable).with_name("chain-bandit")], env={**os.environ, **asked}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert expected in said.stdout.split()


@pytest.mark.parametrize("value", ["no_such_package.verbs:go", "tests.unit.verb_of_others:gone", "tests.no_module:go"])
def test_a_command_of_others_that_cannot_be_imported_is_named_and_breaks_no_other(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = verbs.plugins.points("verbs")
    monkeypatch.setattr(
        verbs.plugins, "points", lambda group: [*ours, EntryPoint("lost", value, "chain_bandit.verbs")]
    )
    listed = CliRunner().invoke(app, ["--help"])
    assert (listed.exit_code, "  lost" in listed.output, "  run " in listed.output) == (0, True, True)
    assert CliRunner().invoke(app, ["explain", "simulate"]).exit_code == 0
    called = CliRunner().invoke(app, ["lost", "--any", "thing"])
    assert isinstance(called.exception, PluginBroken)
    assert value in str(called.exception)
    assert "cannot be imported" in str(called.exception)
    names = [name for name, _ in get_command(app).commands.items()]
    assert "lost" in names
    assert len(names) == len(ours) + 1
