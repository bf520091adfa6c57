"""Warnings on stderr before anything is paid, and the refusal of public keys."""

import sys
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from chain_bandit.presets import RECOMMENDED, explained, unproven
from chain_bandit.protocol.errors import ChainBanditError

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario


class KeysPublic(ChainBanditError):
    """A chain with money of its own, and keys that follow from a scenario."""

    exit_code = 2

    def __init__(self, chain_id: int, holding: str, instead: str) -> None:
        super().__init__(
            f"chain {chain_id} is no development chain, and anybody with {holding} has the participants' keys: "
            f"{instead}say --public-keys where its money is worth nothing"
        )
        self.chain_id = chain_id


def allow_public_keys(
    allowed: bool, holding: str = "the scenario", instead: str = "chain-bandit keygen and deploy --key make others; or "
) -> Callable[[int], None]:
    """What is told the chain id before anything is paid, where all keys follow from `holding`.

    Off development chains it raises `KeysPublic`, or where it is allowed says so on stderr.
    """

    def on_connected(chain_id: int) -> None:
        from chain_bandit.chain.development import DEVELOPMENT_IDS

        if chain_id in DEVELOPMENT_IDS:
            return
        if not allowed:
            raise KeysPublic(chain_id, holding, instead)
        print(
            f"warning: chain {chain_id} is no development chain; anybody with {holding} has the participants' keys",
            file=sys.stderr,
        )

    return on_connected


def warn_of_unproven_lies(scenario: "Scenario") -> None:
    """Where a slash takes nothing for a false report, or nothing is taken for any lie: that it does not, and why."""
    if scenario.is_self_declared:
        print(
            "warning: a lie costs nothing in this game: rewards are self-declared, and nobody can prove one; robust "
            "aggregation alone protects the estimators, and every pull is paid one whole reward",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    elif scenario.is_live and not scenario.slash:
        print(
            "warning: a lie costs nothing in this game: the environment of live rewards knows of nobody that lies, and "
            "without a slash no proof takes anything",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    if scenario.slash and scenario.unproven:
        print(
            "warning: the slash is for equivocation alone, a false report costs nothing in this game "
            f"({scenario.unproven}): none can be proven while it runs",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def warn_of_no_contract(games: "Collection[Scenario]") -> None:
    """Whether no contract takes games that are simulated, and why."""
    from chain_bandit.game.simulated import no_contract_takes

    if said := no_contract_takes(games):
        print(f"warning: {said}", file=sys.stderr, flush=True)


def warn_of_other_policy(scenario: "Scenario") -> None:
    """Where liars stay in the game, and its policy is another than that whose exploration was searched for them."""
    policy, why = scenario.parameters.policy.name, unproven(dict(scenario))
    if scenario.preset == RECOMMENDED and scenario.liars and policy != "kl-ucb" and why:
        print(
            f"warning: no liar is excluded while this game is played ({why}), and {policy} was not searched against "
            "such liars: thompson lost seven times as much as kl-ucb, the preset's policy",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def say_beforehand(scenario: "Scenario", played: bool = False) -> None:
    """Which lies cost nothing, what a preset chose, whether rewards may run out, how likely a bad committee is.

    Args:
        played: whether everybody's node is started here too, so that all sources of own rewards must be there.

    Raises:
        ChainBanditError: a source of rewards is not there, or ends within the burn-in.
    """
    from chain_bandit.protocol.sortition import chances

    warn_of_unproven_lies(scenario)
    warn_of_other_policy(scenario)
    if chosen := explained(dict(scenario)):
        print(chosen, file=sys.stderr, flush=True)
    say_left_out([scenario])
    if scenario.is_live:
        from chain_bandit.game.live import require_own, require_rows  # late: few games need it

        if played:
            require_own(scenario)
        if short := require_rows(scenario):
            print(f"warning: {short}", file=sys.stderr, flush=True)
    said = chances(scenario.parameters, scenario.all_weights)
    if said is not None:
        print(f"sortition: {said}", file=sys.stderr, flush=True)


def say_left_out(scenarios: "Iterable[Scenario]") -> None:
    """Name the keys of a preset that scenarios are without, each set of them once."""
    for preset, without in dict.fromkeys((each.preset, each.excluded) for each in scenarios):
        if without:
            left = f"the game's own keys exclude {', '.join(without)} of the preset {preset}: it plays without"
            print(left, file=sys.stderr, flush=True)
