"""The readable reference loop and the live game, fed the same streams, decide alike in every round."""

from collections.abc import Mapping

import pytest

from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import genesis_digest
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.units import UNIT, Means
from chain_bandit.scenario import Scenario
from chain_bandit.simulation import reference

ROUNDS = 60


def constant(value: int) -> reference.Lie:
    def lie(round_: int, seat: int, truth: Mapping[int, Means], ledger: Ledger) -> Means:
        return (value,) * len(truth[seat])

    return lie


def scenario(participants: int, malicious: list[dict[str, object]], seed: int) -> Scenario:
    bound = (participants - 1) // 3
    return Scenario.model_validate(
        {
            "name": "equal", "seed": seed, "participants": participants, "rounds": ROUNDS, "liars": bound,
            "attackers": bound, "rewards": {"kind": "bernoulli", "means": [0.7, 0.5, 0.45]}, "malicious": malicious,
        }
    )  # fmt: skip


def decisions_of_game(case: Scenario) -> list[object]:
    game = Game(case, NoChain())
    rows: list[object] = []
    for played in game.play():
        header = played.record.header if played.record else None
        kind = played.record.kind if played.record else None
        rows.append((played.round, kind, played.arm, header.means if header else None, played.cost))
    return rows


def decisions_of_reference(case: Scenario, liars: Mapping[int, reference.Lie], failed: frozenset[int]) -> list[object]:
    plan = Plan(case)
    seed_0, _ = genesis_digest(plan.game, plan.seated, plan.salt)
    game = reference.Game(case.parameters, case.model, plan.secret, seed_0, liars=dict(liars), failed=failed)
    rows: list[object] = []
    previous = None
    for outcome in reference.play(game):
        block = outcome.kind is not None and outcome.kind.name == "APPROVED"
        means = outcome.ledger.means if block else None
        rows.append((outcome.round, outcome.kind, outcome.arm, means, outcome.cost))
        previous = outcome
    assert previous is not None
    return rows


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("participants", [4, 7])
def test_game_decides_like_the_reference_when_all_are_honest(participants: int, seed: int) -> None:
    case = scenario(participants, [], seed)
    live = decisions_of_game(case)
    assert len(live) == ROUNDS
    assert live == decisions_of_reference(case, {}, frozenset())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("value", [0.0, 0.55, 1.0])
def test_game_decides_like_the_reference_when_some_lie(value: float, seed: int) -> None:
    seats = [5, 6]
    malicious: list[dict[str, object]] = [
        {"seat": seat, "attacks": [{"name": "constant-lie", "options": {"value": value}}]} for seat in seats
    ]
    case = scenario(7, malicious, seed)
    live = decisions_of_game(case)
    liars = {seat: constant(round(value * UNIT)) for seat in seats}
    assert len(live) == ROUNDS
    assert live == decisions_of_reference(case, liars, frozenset())
    assert any(row[4] is not None for row in live) or value in (0.0, 1.0)  # type: ignore[index]


def test_game_decides_like_the_reference_when_rounds_fail() -> None:
    first, last = 20, 27
    silent = {"name": "silent-validator", "options": {"first": first, "last": last, "reports": True}}
    malicious: list[dict[str, object]] = [{"seat": seat, "attacks": [silent]} for seat in (2, 3)]
    case = scenario(4, malicious, 3)
    live = decisions_of_game(case)
    kinds = {row[0]: row[1].name for row in live if row[1]}  # type: ignore[index]
    failed = frozenset(t for t, kind in kinds.items() if kind == "SKIP")
    assert failed == frozenset({20, 21, 23, 24, 26, 27})
    assert [t for t, kind in kinds.items() if kind == "EXPLORATION"] == [22, 25, 28]
    assert live == decisions_of_reference(case, {}, failed)


def test_reference_differs_when_a_lie_is_left_out() -> None:
    """The planted fault: the comparison above can fail."""
    lie = {"name": "constant-lie", "options": {"value": 0.55}}
    case = scenario(7, [{"seat": 6, "attacks": [lie]}], 0)
    assert decisions_of_game(case) != decisions_of_reference(case, {}, frozenset())


