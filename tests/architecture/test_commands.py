"""Each command of the three folders beside the package is on the folder's page, and the Makefile has few targets."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "science", "verification")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_of_a_folder_is_on_its_page(folder):
    page = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    modules = {Path(name).relative_to(folder).parts[0].removesuffix(".py") for name in listed.split()} - {"README.md"}
    named = set(re.findall(rf"{folder}\.(\w+)|`(\w+)\.py`", page))
    assert {one or other for one, other in named} == modules


def test_the_makefile_has_fifteen_targets_at_most():
    targets = re.findall(r"^[a-z-]+:.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert 10 <= len(targets) <= 15
