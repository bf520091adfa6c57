"""Registry of stacks, the vectorised games, by their rules."""

from functools import singledispatch

from chain_bandit.mediate.games.coin_game import CoinRules
from chain_bandit.mediate.games.dilemma import DilemmaRules
from chain_bandit.mediate.games.game import GameParameters, Stack
from chain_bandit.mediate.games.harvest import HarvestRules
from chain_bandit.mediate.games.stacked_coin_game import CoinGameStack
from chain_bandit.mediate.games.stacked_dilemma import DilemmaStack
from chain_bandit.mediate.games.stacked_harvest import HarvestStack


@singledispatch
def stack_of(rules: GameParameters) -> Stack:
    """Many games of these rules at once; how many, `reset` says. Raises TypeError for rules that nothing stacks."""
    raise TypeError(f"no stack plays {type(rules).__name__}")


@stack_of.register
def _(rules: DilemmaRules) -> Stack:
    return DilemmaStack()


@stack_of.register
def _(rules: CoinRules) -> Stack:
    return CoinGameStack(rules)


@stack_of.register
def _(rules: HarvestRules) -> Stack:
    return HarvestStack(rules)
