"""The command line called in this process, from the test's own folder."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.nodes import here

Called = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def called(tmp_path: Path) -> Called:
    """`nodes.here` from `tmp_path`."""
    return lambda *arguments, **environment: here(*arguments, cwd=tmp_path, **environment)
