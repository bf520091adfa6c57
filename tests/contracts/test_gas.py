"""Gas of whole `submitBlocks` transactions of one block, Prague rules: steady state, K = 10, n = 3f + 1, quorum 2f + 1.

`WRITE_SNAPSHOTS=1 pytest tests/contracts/test_gas.py` rewrites the snapshot.
"""

import json
import os
from pathlib import Path

from tests.contracts.played import Played, played

SNAPSHOT = Path(__file__).resolve().parents[1] / "snapshots" / "gas.json"
SIZES = (4, 7, 10, 16, 31)


def gas_of_a_block(participants: int, mode: int) -> int:
    bound = (participants - 1) // 3
    game: Played = played(
        participants=participants, arms=10, burn_in=20, horizon=40, liars=bound, attackers=bound, quorum_choice=1,
        body_mode=mode,
    )
    for _ in range(3):
        game.approve()
    return game.coordinator.gas["submitBlocks"][-1]


def test_gas_of_a_submitted_block_is_the_recorded_one():
    measured = {"hardfork": "prague"} | {
        f"submitBlocks, {name}, K = 10": {str(n): gas_of_a_block(n, mode) for n in SIZES}
        for mode, name in enumerate(("full", "compact"))
    }
    if os.environ.get("WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    assert json.loads(SNAPSHOT.read_text()) == measured
