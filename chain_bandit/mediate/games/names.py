"""The games of the paper by name, with its parameters (its Table 3)."""

from chain_bandit.mediate.games.coin_game import CoinRules
from chain_bandit.mediate.games.dilemma import DilemmaRules
from chain_bandit.mediate.games.game import GameParameters
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.protocol.errors import ChainBanditError

GAMES: dict[str, GameParameters] = {
    "ipd": DilemmaRules(),
    "coin-game-2": CoinRules(agents=2, width=3),
    "coin-game-4": CoinRules(agents=4, width=5),
    "coin-game-6": CoinRules(agents=6, width=7),
    "rescaled-coin-game-2": CoinRules(agents=2, width=3, scale=0.1),
    "harvest-6": HarvestRules(),
}


class UnknownGame(ChainBanditError):
    """No game of that name."""

    exit_code = 3

    def __init__(self, name: str) -> None:
        super().__init__(f"no game is called {name[:40]!r}; games: {', '.join(GAMES)}")
        self.name = name


def game_of(name: str) -> GameParameters:
    """The rules of a game by its name. Raises `UnknownGame`."""
    if name not in GAMES:
        raise UnknownGame(name)
    return GAMES[name]
