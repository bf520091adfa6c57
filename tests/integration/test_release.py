"""A release: archives, notes, bill of materials and checksums that hold; and the files around it say one version."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from chain_bandit import __version__
from scripts.release import notes, release

ROOT = Path(__file__).parents[2]


def test_a_release_is_whole_and_its_checksums_hold(tmp_path: Path) -> None:
    made = {file.name for file in release(tmp_path / "dist")}
    assert made == {
        f"chain_bandit-{__version__}-py3-none-any.whl", f"chain_bandit-{__version__}.tar.gz", "NOTES.md", "SHA256SUMS",
        "sbom.cdx.json",
    }  # fmt: skip
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path / "dist", check=True)
    listed = json.loads((tmp_path / "dist" / "sbom.cdx.json").read_text(encoding="utf-8"))
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert {each["name"] for each in listed["components"]} == set(pinned)
    assert listed["metadata"]["component"]["name"] == "chain-bandit"
    (tmp_path / "dist" / "NOTES.md").write_text("something else", encoding="utf-8")
    assert subprocess.run(check, cwd=tmp_path / "dist", capture_output=True, check=False).returncode == 1
    with pytest.raises(FileExistsError, match="not empty"):
        release(tmp_path / "dist")


def test_notes_are_a_versions_part_of_the_changelog() -> None:
    text = "# Changelog\n\n## 0.2.0\n\n- New.\n\n## 0.1.0\n\n- Old.\n"
    assert notes(text, "0.2.0") == "- New.\n"
    assert notes(text, "0.1.0") == "- Old.\n"
    with pytest.raises(ValueError, match=r"nothing of 0\.3\.0"):
        notes(text, "0.3.0")


def test_project_citation_and_package_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    versions = [each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3." in each]
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', workflow)[:3] == versions == ["3.11", "3.12", "3.13"]
    assert {"run: make demo", "run: make test"} <= set(re.findall(r"run: make \w+", workflow))
