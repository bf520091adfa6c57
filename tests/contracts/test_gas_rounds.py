"""`python -m benchmarks.gas` in small: the committed figures hold, and a figure that drifts is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gas import GasRow, drift

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "snapshots" / "gas_rounds.json"
WHO = {
    "": SNAPSHOT, "--committees": SNAPSHOT.with_stem("gas_rounds_committees"),
    "--proofs": SNAPSHOT.with_stem("gas_rounds_proofs"),
}  # fmt: skip


def gas(snapshot: Path, *sizes: int, who: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "benchmarks/gas.py", "--json", *who, "--sizes", *map(str, sizes), "--snapshot", str(snapshot)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("who", WHO)
def test_the_committed_gas_of_rounds_holds(who: str) -> None:
    found = gas(WHO[who], 4, 7, 10, 16, 31, who=(who,) if who else ())
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("who", filter(None, WHO))
def test_the_committed_gas_at_four_holds_whoever_validates(who: str) -> None:
    found = gas(WHO[who], 4, who=(who,))
    assert found.returncode == 0, found.stderr


def test_the_committed_gas_at_four_holds_and_a_drift_of_one_percent_and_other_code_are_found(tmp_path: Path) -> None:
    """Figures of the sizes that are not measured here are those of the same code, by its digest."""
    committed = json.loads(SNAPSHOT.read_text())
    committed["code"] = committed["code"][::-1]
    planted = next(row for row in committed["rows"] if (row["n"], row["body"], row["batch"]) == (4, "full", 1))
    planted["gas"] = round(planted["gas"] * 1.01)
    (tmp_path / "gas.json").write_text(json.dumps(committed))
    found = gas(tmp_path / "gas.json", 4)
    assert found.returncode == 1
    assert found.stderr.count("committed:") == 1
    assert "full, 1 a transaction, n = 4" in found.stderr
    assert "the committed figures are of other code" in found.stderr
    rows = [GasRow(**row) for row in json.loads(found.stdout)["rows"]]
    assert {(row.n, row.gas > 0) for row in rows} == {(4, True)}
    assert drift(rows, SNAPSHOT) == []
