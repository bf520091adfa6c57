"""Live rewards as a node keeps them: the environment's, and a participant's own; a journal of pulls beside receipts."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from chain_bandit.actors.own_rewards import OwnRewards
from chain_bandit.actors.rules import Rules
from chain_bandit.append_log import AppendLogFile
from chain_bandit.environments.errors import PullsLost
from chain_bandit.environments.live_rewards import LiveRewards
from chain_bandit.nodes.receipts import KeptReceipts
from chain_bandit.protocol.units import NO_PULL

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario

_AT_ONCE = 256


def kept_rewards(
    place: Path, scenario: "Scenario", game: bytes, receipts: KeptReceipts, stack: ExitStack,
    say: Callable[[str], None],
) -> LiveRewards | None:  # fmt: skip
    """Client for them, with the journal of earlier runs in the folder; None of rewards that are drawn.

    Raises:
        PullsLost: a receipt rests on a pull that the journal does not have.
        ChainBanditError: the source is not there, or the journal is damaged.
    """
    from chain_bandit.game.live import PULLS, live_rewards  # late, as the scenario is

    if not scenario.is_live or scenario.is_self_declared:
        return None
    path = place / PULLS
    lines = AppendLogFile(path)
    stack.callback(lines.close)
    rewards = live_rewards(scenario, game, lines, say)
    if rewards is not None:
        _require(rewards, receipts, scenario.participants, path)
    return rewards


def kept_own(
    place: Path, scenario: "Scenario | None", source: str | None, rules: Rules, seat: int, stack: ExitStack,
    say: Callable[[str], None],
) -> OwnRewards:  # fmt: skip
    """A participant's self-declared rewards, with what an earlier process has kept in the folder.

    Args:
        scenario: that a game of one machine has left in the folder.
        source: that the node was given; it goes before that of the scenario. Arms have their numbers for names.

    Raises:
        NoSourceNamed: there is none.
        ChainBanditError: the source is not there, or the journal is damaged.
    """
    from chain_bandit.game.live import PULLS, own_rewards  # late, as the scenario is
    from chain_bandit.scenario import SelfDeclaredRewards

    p = rules.parameters
    given = SelfDeclaredRewards(kind="self-declared", arms=tuple(map(str, range(p.arms))), source=source)
    if source is None and scenario is not None and isinstance(scenario.rewards, SelfDeclaredRewards):
        given = scenario.rewards
    lines = AppendLogFile(place / PULLS)
    stack.callback(lines.close)
    giver = own_rewards(given, place, (seat,), rules.domain.separator(), lines, say)
    return OwnRewards(giver, seat, p.arms, p.burn_in, waits=False)


def _require(rewards: LiveRewards, receipts: KeptReceipts, participants: int, path: Path) -> None:
    """Raise `PullsLost` unless every receipt says what the journal of pulls does."""
    for seat in range(participants):
        since = 1
        while given := receipts.since(seat, since, _AT_ONCE):
            for receipt in given:
                pulled = rewards.journal.get((receipt.round, seat))
                said = None if pulled is None or pulled.rewards is None else (pulled.arm, sum(pulled.rewards))
                if receipt.arm != NO_PULL and said != (receipt.arm, receipt.reward):
                    raise PullsLost(path, seat, receipt.round)
            since = given[-1].round + 1
