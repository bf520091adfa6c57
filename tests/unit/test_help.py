"""Help: every command has examples that its parser takes, and shells complete commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from chain_bandit.cli.examples import EXAMPLES
from chain_bandit.cli.root import app

COMMANDS = {
    " ".join(filter(None, (name, inner))): command
    for name, each in get_command(app).commands.items()
    for inner, command in getattr(each, "commands", {"": each}).items()
}
"""Those of groups by both words."""
LINES = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_has_examples() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()
    assert all(EXAMPLES.values())


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
