"""Live or self-declared rewards of a scenario: their source, and its client."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from chain_bandit.append_log import AppendLog
from chain_bandit.environments.errors import RewardsTooFew
from chain_bandit.environments.live import CallableSource, PullKey, RewardSource, SourceFailed
from chain_bandit.environments.live_csv import CsvSource, is_file
from chain_bandit.environments.live_http import HttpSource, without_keys
from chain_bandit.environments.live_rewards import PATIENCE, LiveRewards
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.scenario import (
    CallableRewards,
    CsvRewards,
    HttpRewards,
    OutsideRewards,
    Scenario,
    SelfDeclaredRewards,
)

PULLS = "pulls.jsonl"
"""The journal of pulls, in the folder of an environment or of a run that can be taken up; where rewards are
self-declared, of each participant."""


class NothingToSimulate(ChainBanditError):
    """Live rewards where games are played without a source of them."""

    exit_code = 3

    def __init__(self, kind: str) -> None:
        super().__init__(f"rewards.kind = {kind!r}: live rewards have no model, so there is nothing to simulate; play "
                         "the scenario with run or up")  # fmt: skip
        self.kind = kind


def require_model(scenario: Scenario) -> None:
    """Raise `NothingToSimulate` where rewards are live."""
    if isinstance(scenario.rewards, OutsideRewards):
        raise NothingToSimulate(scenario.rewards.kind)


def source_of(scenario: Scenario) -> RewardSource | None:
    """Where live rewards come from; None of rewards that are drawn. Raises `ChainBanditError` where it is not there."""
    match scenario.rewards:
        case HttpRewards(url=url, arms=arms):
            return HttpSource(url, arms)
        case CsvRewards(file=file, arms=arms):
            return CsvSource(scenario.folder / file, arms)
        case CallableRewards(source=source):
            return CallableSource(source)
    return None


def require_rows(scenario: Scenario) -> str:
    """Hold a file of rewards in order against the pulls of a game, before it begins.

    Returns:
        That the file may end before the game; empty where it cannot, and of other rewards.

    Raises:
        RewardsTooFew: it ends within the burn-in.
        ChainBanditError: it is not there, or is none.
    """
    source = source_of(scenario) if isinstance(scenario.rewards, CsvRewards) else None
    if not isinstance(source, CsvSource):
        return ""
    p = scenario.parameters
    least = p.participants * p.burn_in // p.arms
    most = least + p.participants * (p.horizon - p.burn_in)
    arm, found = min(source.rows.items(), key=lambda each: each[1])
    if found < least:
        raise RewardsTooFew(source.name, arm, found, least)
    return "" if found >= most else (
        f"{source.name} has {found:,} rows of the arm {arm!r}; rounds 1 to L take {least:,} of each arm, the game "
        f"{most:,} of one at most: where there is none for a pull, it stops"
    )


def live_rewards(
    scenario: Scenario, game: bytes, lines: AppendLog,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> LiveRewards | None:  # fmt: skip
    """Client for the live rewards of a game, which its domain separator names; None of rewards that are drawn.

    Raises:
        ChainBanditError: the source is not there, or the lines are none of pulls.
    """
    source, given = source_of(scenario), scenario.rewards
    if source is None or not isinstance(given, OutsideRewards):
        return None
    return LiveRewards(source, game, given.arms, given.reward_timeout, lines, say, PATIENCE)


class NoSourceNamed(ChainBanditError):
    """Self-declared rewards of a participant that does not say where it observes them, or a source of other rewards."""

    exit_code = 3


class _BySeat:
    """The sources of participants, as one."""

    def __init__(self, name: str, sources: Mapping[int, RewardSource]) -> None:
        self.name, self._sources = name, sources

    def asked(self, key: PullKey, arm: int) -> None:
        """Tell the participant's."""
        self._sources[key.participant].asked(key, arm)

    def pull(self, key: PullKey, arm: int, seconds: float) -> object:
        """Ask the participant's; one that has nothing more to observe gives no answer. Raises `SourceFailed`."""
        try:
            return self._sources[key.participant].pull(key, arm, seconds)
        except SourceFailed as error:
            raise SourceFailed(str(error)) from error  # final for nobody: the game goes on


def own_rewards(
    given: SelfDeclaredRewards, folder: Path, seats: Iterable[int], game: bytes, lines: AppendLog,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> LiveRewards:  # fmt: skip
    """Client for the self-declared rewards of some seats.

    Args:
        folder: from which a file is named.

    Raises:
        NoSourceNamed: none is.
        ChainBanditError: the source is not there, or the lines are none of pulls.
    """
    if given.source is None:
        raise NoSourceNamed(
            "the rewards of this game are self-declared: name a source of them, in a scenario as rewards.source, for a "
            "node by --rewards"
        )
    sources = {seat: _own_source(given.source_of(seat), given.arms, folder) for seat in seats}
    source = _BySeat(without_keys(given.source) if "://" in given.source else given.source, sources)
    return LiveRewards(source, game, given.arms, given.reward_timeout, lines, say, PATIENCE)


def require_own(scenario: Scenario) -> None:
    """Of self-declared rewards, the source of every participant is there. Raises as `own_rewards`."""
    if isinstance(scenario.rewards, SelfDeclaredRewards):
        own_rewards(scenario.rewards, scenario.folder, range(scenario.participants), b"", AppendLog())


def _own_source(named: str, arms: tuple[str, ...], folder: Path) -> RewardSource:
    if named.startswith(("http://", "https://")):
        return HttpSource(named, arms)
    return CsvSource(folder / named, arms) if is_file(named) else CallableSource(named)
