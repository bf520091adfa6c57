"""Every entry of the changelog stands under its version and its kind; no kind is there twice in a version."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("Added", "Changed", "Fixed", "Removed", "Renamed", "Known limits")
"""In this order. Those of Keep a Changelog; a table of old and new names; what a user of the version has to know."""


def faults(page: str) -> list[str]:
    """What is wrong with the headings of a changelog, and with what stands under none of them."""
    wrong = []
    for version in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        name, *lines = version.splitlines()
        kinds: list[str] = []
        for line in lines:
            if line.startswith("### "):
                kinds.append(line[4:])
            elif line.startswith("#### ") and not kinds:
                wrong.append(f"{name}: {line[5:]} is under no kind")
            elif line.strip() and not line.startswith("#") and not kinds:
                wrong.append(f"{name}: {line[:40]!r} is under no kind")
        wrong += [f"{name}: {kind} is no kind" for kind in kinds if kind not in KINDS]
        wrong += [f"{name}: {kind} twice" for kind in KINDS if kinds.count(kind) > 1]
        known = [kind for kind in kinds if kind in KINDS]
        if known != sorted(known, key=KINDS.index):
            wrong.append(f"{name}: {', '.join(known)} in this order")
    return wrong


def test_entries_are_by_version_and_kind() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d+\.\d+\.\d+$", page, flags=re.MULTILINE)) >= 2
    assert len(re.findall(r"^- ", page, flags=re.MULTILINE)) > 100
    assert faults(page) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("- New.\n\n### Added\n\n- More.", "0.2.0: '- New.' is under no kind"),
        ("New.\n\n### Added\n\n- More.", "0.2.0: 'New.' is under no kind"),
        ("#### Command line\n\n### Added\n\n- More.", "0.2.0: Command line is under no kind"),
        ("### Improved\n\n- New.", "0.2.0: Improved is no kind"),
        ("### Added\n\n- New.\n\n### Added\n\n- More.", "0.2.0: Added twice"),
        ("### Fixed\n\n- New.\n\n### Added\n\n- More.", "0.2.0: Fixed, Added in this order"),
    ],
)
def test_a_planted_fault_is_reported(body: str, fault: str) -> None:
    old = "\n\n## 0.1.0\n\n### Added\n\n- Old.\n"
    assert faults(f"# Changelog\n\n## 0.2.0\n\n{body}{old}") == [fault]
    assert faults(f"# Changelog\n\n## 0.2.0\n\n### Added\n\n#### Command line\n\n- New.{old}") == []
