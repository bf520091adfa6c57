"""Gas of transactions under Prague rules: of `submitBlocks` with one block (steady state, K = 10, n = 3f + 1, quorum
2f + 1), and of every call of whole games.

`WRITE_SNAPSHOTS=1 pytest tests/contracts/test_gas.py` rewrites the snapshots.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain import create2, embedded
from chain_bandit.chain.answers import as_int, field
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.modules import deploy_modules
from chain_bandit.chain.node import account
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.crypto.keys import Signer, source
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Slot, commitment, commitment_salt
from chain_bandit.protocol.settlement import Pull, encode_pulls
from chain_bandit.protocol.tallies import FalseReport, Settled, Tally, tallies_digest
from chain_bandit.protocol.units import MAX_ARMS, UNIT, sample_means
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch
from tests.contracts.harness import BASE, least_pool
from tests.contracts.played import Played
from tests.integration.framed import frame

pytestmark = pytest.mark.py_evm

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "tests" / "snapshots"
SIZES = (4, 7, 10, 16, 31)
GAMES = {
    "open records": {}, "sealed records": {"sealed": True, "unrevealed_penalty": 1.0},
    "proofs and silence": {
        "rounds": 60, "participants": 7, "liars": 1, "attackers": 2, "quorum": "majority", "commanders": "trust",
        "sortition": 1.0,
        "malicious": [
            {"seat": 5, "attacks": [{"name": "silent-validator"}]},
            {"seat": 6, "attacks": [{"name": "equivocating-commander"}]},
        ],
    },
}


PROOFS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "examples/flights.toml, K = 16, M = 10": (  # settled late: the framed seat is cleared before it is out
        {"rounds": 60, "burn_in": 32, "growth": 0, "chain.settle_every": 25}, {"participants": 10, "arms": 16},
    ),
    "K = 250, M = 4": (
        {
            "rounds": 530, "burn_in": 500, "rewards": {"kind": "bernoulli", "means": [0.5] * 250},
            "chain.body": "compact", "malicious": [{"seat": 3, "attacks": [{"name": "constant-lie"}]}],
        }, {"participants": 4, "arms": 250, "body_mode": 1},
    ),
}  # fmt: skip
"""Games with proofs of false reports, and what a game of the same size is: what ships, and what was dearest."""
MOST = {"reportFalse": 250_000, "root": 3_000}


def gas_of_a_block(participants: int, mode: int) -> int:
    bound = (participants - 1) // 3
    game = Played(
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
    return gas_of_a_game(load(ROOT / "tests" / "scenarios" / "small.toml", {"expect": {}, **changes}))


def gas_of_a_game(case: Scenario) -> dict[str, dict[str, int]]:
    plan = Plan(case)
    recorder = OnChain(embedded_node(plan), Stopwatch())
    for _ in Game(case, recorder, plan).play():
        pass
    return {name: {"least": min(used), "most": max(used)} for name, used in recorder.contract.gas.items()}


def test_gas_of_every_call_is_the_recorded_one():
    measured = {name: gas_of_calls(**changes) for name, changes in GAMES.items()}
    assert recorded("gas_calls", measured) == measured


def test_gas_of_the_modules_and_of_a_game_is_the_recorded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a chain that has neither yet, by the gas of its blocks."""
    payer = account(bytes(31) + b"\1")
    had = embedded.installed()
    monkeypatch.setattr(embedded, "installed", lambda: {create2.PROXY: had[create2.PROXY]})
    node = embedded.EmbeddedNode({bytes.fromhex(payer.address[2:]): 10**24})
    rpc = Rpc(node.line, Stopwatch(), AT_ONCE)
    deploy_modules(rpc, payer, AT_ONCE)
    modules = rpc.ask("eth_blockNumber", [], as_int)
    Coordinator.deploy(node.line, payer, BASE, bytes(32), bytes(32), least_pool(BASE), Stopwatch())
    blocks = range(1, rpc.ask("eth_blockNumber", [], as_int) + 1)
    used = [as_int(field(rpc.ask("eth_getBlockByNumber", [hex(at), False]), "gasUsed")) for at in blocks]
    measured = {"modules": sum(used[:modules]), "game": sum(used[modules:])}
    assert recorded("gas_deployment", measured) == measured
    assert measured["game"] <= 600_000


@pytest.mark.parametrize("size", PROOFS)
def test_gas_of_proofs_is_the_recorded_one_and_below_its_goal(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what a false report and an acquittal add to a game, and of the root in each settlement."""
    changes, alike = PROOFS[size]
    case = "flights" if "flights" in size else "small"
    frame(monkeypatch, 0, int(changes["burn_in"]) + 8)
    preset = {"small": "paper", "flights": "recommended"}[case]
    given = {"preset": preset, "expect": {}, "slash": 0.25, "chain.settlement_window": 100, **changes}
    calls = gas_of_a_game(load(ROOT / "examples" / f"{case}.toml", given))
    measured = {name: calls[name] for name in ("reportFalse", "acquit")} | {"root": gas_of_a_root(**alike)}
    kept = recorded("gas_proofs", {size: measured}, whole=False)
    assert isinstance(kept, dict)
    assert kept[size] == measured
    assert measured["reportFalse"]["most"] <= MOST["reportFalse"]
    assert measured["root"]["most"] <= MOST["root"]


@pytest.mark.parametrize("arms", [2, 64, MAX_ARMS])
def test_a_proof_costs_as_much_whatever_is_false_and_less_than_its_goal_with_any_number_of_arms(arms: int) -> None:
    """Made up, with numbers as wide as can be and a longer path than a game of this size has."""
    used = {false: gas_of_a_proof(arms, false) for false in (0, arms - 1, arms)}
    assert abs(used[0] - used[arms - 1]) < 100
    assert 0 < used[arms] - used[0] < 2_000
    name = f"made up, K = {arms}"
    measured = {"first mean": used[0], "last mean": used[arms - 1], "counts": used[arms]}
    kept = recorded("gas_proofs", {name: measured}, whole=False)
    assert isinstance(kept, dict)
    assert kept[name] == measured
    assert max(used.values()) <= MOST["reportFalse"]


def gas_of_a_proof(arms: int, false: int) -> int:
    chance, seat, burn_in = random.Random("proof"), 1, 2 * arms
    game = Played(
        arms=arms, burn_in=burn_in, horizon=burn_in + 20, burn_in_blocks=burn_in, liars=1, attackers=1,
        quorum_choice=1, slash=UNIT, provable=1, body_mode=1,
    )  # fmt: skip
    slot = Slot(game.separator, burn_in + 5, chance.randbytes(32))
    counts = tuple(chance.randrange(2**31, 2**32) for _ in range(arms))
    tally = Tally(slot.round - 1, seat, 2**64 - 1, counts, tuple(count * UNIT - count // 2 for count in counts))
    means = list(sample_means(tally.totals, counts))
    said = commitment(counts, commitment_salt(game.seed_0, slot.round, seat))
    if false < arms:
        means[false] -= 1
    else:
        said = keccak(said)
    way = [chance.randbytes(32) for _ in range(16)]
    root = tally.leaf
    for node in way:
        root = keccak(*sorted((root, node)))
    owner = Signer(source(game.environment.key))
    proof = FalseReport(
        slot, seat, game.signed_report(seat, Report(tuple(means), said, named=(tally.round,)), slot), tally, slot.round,
        root, owner.sign(tallies_digest(game.separator, game.genesis, slot.round, root)), tuple(way), false,
    )  # fmt: skip
    game.coordinator.report_false(game.environment, seat, slot.round, proof.calldata())
    return game.coordinator.gas["reportFalse"][-1]


def gas_of_a_root(**size: int) -> dict[str, int]:
    """The least and the most that it adds to settlements of 1 to 3 rounds, beside games that have none."""
    used = [gas_of_settlements(provable, **size) for provable in (1, 0)]
    added = [with_root - without for with_root, without in zip(*used, strict=True)]
    return {"least": min(added), "most": max(added)}


def gas_of_settlements(provable: int, **size: int) -> list[int]:
    """Of the second settlement on: the first one has the rows of the burn-in too."""
    rows, burn_in = random.Random("rows"), 2 * size["arms"]
    game = Played(
        horizon=burn_in + 20, burn_in=burn_in, liars=1, attackers=1, quorum_choice=1, slash=UNIT, provable=provable,
        burn_in_blocks=burn_in, **size,
    )
    game.approve()  # round L, which pays nothing
    for count in (1, 1, 2, 3):
        for _ in range(count):
            game.approve()
        paid = b"".join(
            encode_pulls(tuple(Pull(rows.randrange(size["arms"]), rows.choice((0, UNIT))) for _ in game.seats))
            for _ in range(count)
        )
        root, signature = rows.randbytes(32), rows.randbytes(64)
        first = not game.coordinator.gas.get("settleRewards")
        unpaid = encode_pulls(tuple(Pull(0, 0) for _ in game.seats)) * (burn_in if first else 0)
        data = Settled(paid, root, signature, unpaid).encode() if provable else paid
        game.coordinator.settle_rewards(game.environment, game.coordinator.next_round() - 1, data)
    return game.coordinator.gas["settleRewards"][1:]


def recorded(name: str, measured: dict[str, Any], whole: bool = True) -> object:
    """What the snapshot holds, once it is written where that is asked for, as a `whole` or a part of it."""
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("WRITE_SNAPSHOTS"):
        kept = {} if whole or not path.exists() else json.loads(path.read_text())
        measured = kept | measured
        path.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    return json.loads(path.read_text())
