"""The command line called in this process: one of its own spends a second or two on imports first."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chain_bandit.cli import main

Called = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """`chain-bandit` with these arguments, from `tmp_path`, without a terminal."""

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        line = ["chain-bandit", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", line)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(line, ended.value.code, *capsys.readouterr())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return call
