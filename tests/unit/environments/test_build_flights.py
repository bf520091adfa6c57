import subprocess
import sys
from filecmp import cmp
from pathlib import Path

from chain_bandit.environments.table import load_table

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "examples" / "flights.csv"


def test_script_rebuilds_the_shipped_table_byte_by_byte(tmp_path):
    rebuilt = tmp_path / "flights.csv"
    subprocess.run([sys.executable, ROOT / "scripts" / "build_flights.py", rebuilt], check=True)
    assert cmp(rebuilt, SHIPPED, shallow=False)


def test_provenance_page_counts_every_carrier_as_the_table_does():
    page = (ROOT / "examples" / "flights.md").read_text(encoding="utf-8").splitlines()
    table = load_table(SHIPPED)
    for name, arm in zip(table.names, table.model.arms, strict=True):
        code, _, said = name.partition(" ")
        (row,) = [line for line in page if line.startswith(f"| {code} | {said}")]
        late, on_time = arm.weights
        assert row.endswith(f"| {late + on_time:,} | {on_time:,} | {on_time / (late + on_time):.4f} |")
