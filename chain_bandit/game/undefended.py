"""The undefended mean: a game in which the same liars lie, every report counts alike, and nobody is excluded."""

from chain_bandit.attacks.registry import make
from chain_bandit.game.plan import Plan
from chain_bandit.game.without_messages import simulated
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.regret import Regret
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Malicious, Scenario

CHANGES = {"aggregation": "option-2", "reputation": "accuracy", "liars": 0, "slash": 0.0}
"""Option 2 with f = 0 trims nobody: it is the mean. That reputation leaves out nobody; without a slash no report is
proven false."""


def undefended(scenario: Scenario) -> Scenario:
    """The same game without a defence: its liars lie and do nothing else, and the mean of all reports is learned from.

    Raises:
        ChainBanditError: there is no such game.
    """
    lies = {
        entry.seat: [choice for choice in entry.attacks if make(choice.name, choice.options).conduct == Conduct.LIAR]
        for entry in scenario.all_malicious
    }
    given = scenario.model_dump(exclude={"malicious", "adversary"}) | CHANGES
    malicious = tuple(Malicious(seat=seat, attacks=tuple(lie)) for seat, lie in lies.items() if lie)
    return Scenario.model_validate(given | {"malicious": malicious, "folder": scenario.folder})


def regret_undefended(scenario: Scenario) -> int | None:
    """The regret of an honest participant in it, on the draws of the game, in units.

    None where nobody lies, and where there is no such game or it is not simulated.
    """
    try:
        game = undefended(scenario)
        if not game.malicious:
            return None
        p = game.parameters
        counted = Regret(game.model.means, p.burn_in, bool(p.paid_burn_in))
        for outcome in simulated(Plan(game)):
            counted.add(outcome.round, outcome.arm, outcome.paid, outcome.cost, outcome.length)
    except ChainBanditError:
        return None
    return counted.total
