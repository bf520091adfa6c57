"""How soon whoever lies is excluded: settle_every + 2w + 5 records after the record of its first false report."""

from pathlib import Path

import pytest

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario, load

THEOREMS = Path(__file__).resolve().parents[2] / "examples" / "theorems"
LIES = (None, "copycat", "sign-flip", "constant-lie", "few-counts", "offset")


def scenario(theorem: int, lie: str | None) -> Scenario:
    """The theorem's scenario with a slash; its liars tell their own lie, or another one."""
    path, settings = THEOREMS / f"theorem{theorem}.toml", {"expect": {}, "slash": 0.01, "rounds": 130}
    return load(path, settings | ({} if lie is None else {"adversary.estimators": [{"name": lie}]}))


@pytest.mark.parametrize("lie", LIES, ids=str)
@pytest.mark.parametrize("theorem", range(1, 8))
def test_whoever_lies_is_listed_within_the_bound(theorem: int, lie: str | None) -> None:
    case = scenario(theorem, lie)
    assert case.parameters.provable
    game = Game(case, NoChain())
    rounds = list(game.play())
    first: dict[int, int] = {}
    for proof in game.progress.false_reports:
        first[proof.seat] = min(proof.slot.round, first.get(proof.seat, proof.slot.round))
    liars = {seat for seat, role in enumerate(case.roles) if role & Conduct.LIAR}
    listed = game.progress.ledger.blocked_from
    assert first.keys() <= liars
    honest = set(range(case.participants)) - {seat for seat, role in enumerate(case.roles) if role}
    assert not any(listed[seat] for seat in honest)
    bound = case.chain.settle_every + 2 * case.parameters.unrecorded + 5
    for seat, round_ in first.items():
        unpaid = sum(played.record is not None and not played.pulls for played in rounds if played.round > round_)
        assert 0 < listed[seat] <= round_ + bound + unpaid, (seat, round_, listed[seat])
    assert first.keys() == liars or lie in (None, "offset", "few-counts")
