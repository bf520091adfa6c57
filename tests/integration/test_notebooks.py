"""Each notebook of the documentation is kept without outputs, and runs from top to bottom."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def executed(file: Path, place: Path) -> nbformat.NotebookNode:
    """A notebook with what its cells give, in a folder of its own."""
    book = nbformat.read(file, as_version=4)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    return book


@pytest.fixture(autouse=True)
def _commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 5


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_has_no_outputs_and_runs(file: Path, tmp_path: Path) -> None:
    kept = nbformat.read(file, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in kept.cells if cell.cell_type == "code")
    assert "(../glossary.md)" in file.read_text(encoding="utf-8")
    cells = [cell for cell in executed(file, tmp_path).cells if cell.cell_type == "code"]
    assert cells[-1].outputs


def test_a_cell_that_raises_is_found(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("raise ValueError('on purpose')")])
    nbformat.write(book, tmp_path / "planted.ipynb")
    with pytest.raises(CellExecutionError, match="on purpose"):
        executed(tmp_path / "planted.ipynb", tmp_path)
