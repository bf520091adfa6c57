"""`make gas` in small: the committed figures hold, and a figure that drifts is found."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "snapshots" / "gas_rounds.json"


def gas(snapshot: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "benchmarks/gas.py", "--sizes", "4", "--snapshot", str(snapshot)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_committed_gas_of_rounds_holds() -> None:
    found = gas(SNAPSHOT)
    assert found.returncode == 0, found.stderr


def test_a_drift_of_one_percent_is_found(tmp_path: Path) -> None:
    rows = json.loads(SNAPSHOT.read_text())
    planted = next(row for row in rows if (row["n"], row["body"], row["batch"]) == (4, "full", 1))
    planted["gas"] = round(planted["gas"] * 1.01)
    (tmp_path / "gas.json").write_text(json.dumps(rows))
    found = gas(tmp_path / "gas.json")
    assert found.returncode == 1
    assert found.stderr.count("committed:") == 1
    assert "full, 1 a transaction, n = 4" in found.stderr
