"""Each promise of docs/protocol.md names the test that keeps it, and such a test exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_promise_names_its_test():
    section = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").partition("## What is promised")[2]
    rows = [line for line in section.partition("\n- **")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 5
    for row in rows:
        (path, name) = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)[0]
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name
