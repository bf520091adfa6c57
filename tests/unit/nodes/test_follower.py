"""What a follower says of the records on the chain before any is taken."""

import pytest

from chain_bandit.nodes.environment import ReceiptsLost, require_receipts
from chain_bandit.nodes.follower import Follower
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.nodes.sign_once import SignedJournal
from tests.unit.audit.played_game import PARAMETERS, Played, Script

GAMES = {
    "reports of all": (Script(), True),
    "only by deadlines": (Script(kind=lambda t: "late"), False),
    "reports of as many as may be malicious": (Script(reporters=lambda t: (0, 3)), False),
}


@pytest.mark.parametrize("game", GAMES)
def test_an_environment_without_receipts_has_lost_some_only_where_somebody_honest_reported(game, tmp_path):
    """One that died before its first receipt finds rounds that were let pass by their deadlines."""
    script, reported = GAMES[game]
    played = Played(script)
    follower = Follower(played.contract, played.history.origin.first_block)
    assert follower.opening() is not None
    kept = KeptReceipts(tmp_path / "receipts.jsonl")
    journal = SignedJournal(tmp_path / "signed.jsonl", bytes(32), bytes(20))
    assert follower.has_reports(PARAMETERS) == reported
    if reported:
        with pytest.raises(ReceiptsLost, match="lacks 3 receipts"):
            require_receipts(kept, journal, PARAMETERS.burn_in, reported)
    else:
        require_receipts(kept, journal, PARAMETERS.burn_in, reported)
