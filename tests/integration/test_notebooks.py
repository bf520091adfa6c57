"""Each notebook of the documentation is kept without outputs, and runs from top to bottom."""

import ast
import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
TABLE = ROOT / "docs" / "notebooks" / "attacks-by-rules.ipynb"
TOPICS = {
    "first-game": "A first game", "rules-and-attacks": "Which rule stands against which attack",
    "attacks-by-rules": "Every attack against every rule of the paper", "price-of-security": "What security costs",
    "own-rule": "A rule of your own, and its misreport grid",
    "audit": "The audit of a contract", "mediate": "Peer incentives: MEDIATE",
}  # fmt: skip


def executed(file: Path, place: Path) -> nbformat.NotebookNode:
    """A notebook with what its cells give, in a folder of its own."""
    book = nbformat.read(file, as_version=4)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    return book


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def test_each_topic_has_its_notebook() -> None:
    titles = {file.stem: nbformat.read(file, as_version=4).cells[0].source.splitlines()[0] for file in NOTEBOOKS}
    assert titles == {name: f"# {title}" for name, title in TOPICS.items()}


def test_the_gas_of_the_notebook_on_costs_is_that_of_the_page() -> None:
    source = (ROOT / "docs" / "notebooks" / "price-of-security.ipynb").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "gas.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| a round |"))
    used = re.findall(r"10{0,2}: ([\d_]+)", source.partition("GAS = {")[2].partition("}")[0])
    assert [int(gas) for gas in used] == [int(cell.replace(",", "")) for cell in row.split(" | ")[1:4]]


def printed(file: Path, place: Path) -> tuple[list[str], str]:
    """The sources of the cells of a notebook that is kept without outputs, and what the last one prints."""
    kept = nbformat.read(file, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in kept.cells if cell.cell_type == "code")
    assert "(../glossary.md)" in file.read_text(encoding="utf-8")
    cells = [cell for cell in executed(file, place).cells if cell.cell_type == "code"]
    assert cells[-1].outputs
    return [cell.source for cell in cells], "".join(each.get("text", "") for each in cells[-1].outputs)


@pytest.mark.parametrize("file", [each for each in NOTEBOOKS if each != TABLE], ids=lambda file: file.stem)
def test_a_notebook_has_no_outputs_and_runs(file: Path, tmp_path: Path) -> None:
    """Games that a reader lets play long are short here."""
    short = tmp_path / file.name
    short.write_text(file.read_text(encoding="utf-8").replace("rounds=5_000", "rounds=500"), encoding="utf-8")
    printed(short, tmp_path)


def test_ten_lines_give_the_table_of_the_results_within_its_intervals(tmp_path: Path) -> None:
    """With 12 games a cell in place of 50, whose intervals are wider."""
    short = tmp_path / TABLE.name
    short.write_text(TABLE.read_text(encoding="utf-8").replace("**setting), 50)", "**setting), 12)"), encoding="utf-8")
    sources, table = printed(short, tmp_path)
    statements = [each for source in sources for each in ast.walk(ast.parse(source)) if isinstance(each, ast.stmt)]
    assert len(statements) == 10
    kept = json.loads((ROOT / "docs" / "figures" / "heat.json").read_text(encoding="utf-8"))["figures"]["regret"]
    rules = ("option-1", "option-2", "option-3", "delta-safe", "confidence")
    found = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
    assert found.keys() == kept.keys()
    for attack, words in found.items():
        for rule, mean, half in zip(rules, words[::3], words[2::3], strict=True):
            row = kept[attack][rule]
            assert abs(float(mean) - row["mean"]) <= float(half) + row["high"] - row["mean"], (attack, rule)


def test_a_cell_that_raises_is_found(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise ValueError('on purpose')")])
    nbformat.write(book, tmp_path / "planted.ipynb")
    with pytest.raises(CellExecutionError, match="on purpose"):
        executed(tmp_path / "planted.ipynb", tmp_path)
