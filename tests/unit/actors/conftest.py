"""One opened game of four honest seats at round 5, every actor within reach."""

import pytest

from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain


@pytest.fixture
def opened(scenario):
    """A game of which rounds 1 to 4 (L = 4) have been played and round 5 has begun."""
    game = Game(scenario(4, 2, 12), NoChain(), verifier=Verifier())
    rounds = game.play()
    while next(rounds).round < 4:
        pass
    game.cast.begin(game.progress.ledger)
    assert game.progress.ledger.round == 5
    return game
