"""Nodes on a chain that takes seconds over each block."""

import re
from pathlib import Path

import pytest

from tests.integration.live import anvil
from tests.integration.nodes_up import NAMES, game
from tests.integration.test_processes import small

BLOCK = 3


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_no_receipt_waits_for_the_block_of_a_settlement(tmp_path: Path):
    """A seat with so late a receipt would miss the next round, and take two blocks over this one."""
    scenario = small(16, bound_ms=1000, burn_in=6, malicious=[], liars=0, chain={"settle_every": 2})
    with anvil("--block-time", str(BLOCK)) as node, game(scenario, tmp_path / "game", chain=node.url) as played:
        _, report = played.end()
        took = {name: re.findall(r"^round \d+ \w+ after ([\d.]+) s", played.log(name), re.MULTILINE) for name in NAMES}
    assert report.verdict == "passed", report.violations
    assert all(took.values())
    assert max(float(each) for name in NAMES if name.startswith("seat") for each in took[name]) < 1.7 * BLOCK, took
