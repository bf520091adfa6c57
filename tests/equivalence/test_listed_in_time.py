"""Time to the exclusion of a liar: settle_every + 2w + 5 records after its first lie, skips included."""

from pathlib import Path

import pytest

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import seats
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario, load
from tests.few import crossed

THEOREMS = Path(__file__).resolve().parents[2] / "examples" / "theorems"
LIES = (None, "copycat", "sign-flip", "constant-lie", "few-counts", "offset")


def scenario(theorem: int, lie: str | None) -> Scenario:
    """The theorem's scenario with a slash; its liars tell their own lie, or another one."""
    path, settings = THEOREMS / f"theorem{theorem}.toml", {"expect": {}, "slash": 0.01, "rounds": 130}
    return load(path, settings | ({} if lie is None else {"adversary.estimators": [{"name": lie}]}))


@pytest.mark.parametrize(("theorem", "lie"), crossed(range(1, 8), LIES, every=3))
def test_whoever_lies_is_listed_within_the_bound(theorem: int, lie: str | None) -> None:
    case = scenario(theorem, lie)
    assert case.parameters.provable
    game = Game(case, NoChain())
    first: dict[int, int] = {}
    for played in game.play():
        if played.record is not None and played.record.header is not None:
            for seat in seats(played.record.header.reporters):
                first.setdefault(seat, played.round)
    liars = {seat for seat, role in enumerate(case.roles) if role & Conduct.LIAR}
    assert {proof.seat for proof in game.progress.false_reports} == liars
    listed = game.progress.ledger.blocked_from
    honest = {seat for seat, role in enumerate(case.roles) if not role}
    assert not any(listed[seat] for seat in honest)
    bound = case.chain.settle_every + 2 * case.parameters.unrecorded + 5
    for seat in liars:  # its first report is false, or, where the lie repeats a block, its second one
        assert first[seat] < listed[seat] <= first[seat] + bound, (seat, first[seat], listed[seat])
