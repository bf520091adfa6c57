"""The suite in `tests/forge`, through the very command that everybody uses: it passes, and a failure is seen."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True, check=False
    )


def test_suite_passes_and_a_planted_failure_is_seen():
    result = run("make", "forge")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 failed, 0 skipped" in result.stdout
    planted = run("make", "forge", PLANT_FAILURE="true", FOUNDRY_FUZZ_RUNS="1", FOUNDRY_INVARIANT_RUNS="1")
    assert planted.returncode != 0
    assert "5 failed, 0 skipped" in planted.stdout
    assert 'Wrong("planted")' in planted.stdout
