"""The coverage floor is a check that can fail."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "coverage_floor.py"


def report(taken: int, of: int) -> str:
    lines = f'<line number="1" hits="1" branch="true" condition-coverage="50% ({taken}/{of})"/>'
    files = "".join(
        f'<class filename="{folder}/some.py"><lines>{lines}</lines></class>' for folder in ("protocol", "consensus")
    )
    return f"<coverage><packages><package><classes>{files}</classes></package></packages></coverage>"


@pytest.mark.parametrize(("taken", "of", "code"), [(94, 100, 1), (95, 100, 0), (100, 100, 0), (0, 0, 1)])
def test_coverage_floor_exits_1_below_ninety_five_percent_or_without_a_branch(
    taken: int, of: int, code: int, tmp_path: Path
) -> None:
    (tmp_path / "coverage.xml").write_text(report(taken, of))
    result = subprocess.run([sys.executable, SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout
