"""Gas of transactions under Prague rules: of `submitBlocks` with one block (steady state, K = 10, n = 3f + 1, quorum
2f + 1), and of every call of whole games.

`WRITE_SNAPSHOTS=1 pytest tests/contracts/test_gas.py` rewrites the snapshots.
"""

import json
import os
from pathlib import Path

from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.played import Played, played

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "tests" / "snapshots"
SIZES = (4, 7, 10, 16, 31)
GAMES = {
    "open records": {}, "sealed records": {"sealed": True, "unrevealed_penalty": "1"},
    "proofs and silence": {
        "rounds": 60, "participants": 7, "liars": 1, "attackers": 2, "quorum": "majority", "commanders": "trust",
        "sortition": 1.0,
        "malicious": [
            {"seat": 5, "attacks": [{"name": "silent-validator"}]},
            {"seat": 6, "attacks": [{"name": "equivocating-commander"}]},
        ],
    },
}


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
    assert recorded("gas", measured) == measured


def gas_of_calls(**changes: object) -> dict[str, dict[str, int]]:
    """By method, the least and the most of its transactions in a game of `examples/small.toml`."""
    case = load(ROOT / "examples" / "small.toml", {"expect": {}, **changes})
    plan = Plan(case)
    recorder = OnChain(embedded_node(plan), Stopwatch())
    for _ in Game(case, recorder, plan).play():
        pass
    return {name: {"least": min(used), "most": max(used)} for name, used in recorder.contract.gas.items()}


def test_gas_of_every_call_is_the_recorded_one():
    measured = {name: gas_of_calls(**changes) for name, changes in GAMES.items()}
    assert recorded("gas_calls", measured) == measured


def recorded(name: str, measured: object) -> object:
    """What the snapshot holds, once it is written where that is asked for."""
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("WRITE_SNAPSHOTS"):
        path.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    return json.loads(path.read_text())
