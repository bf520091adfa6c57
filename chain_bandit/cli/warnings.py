"""What is said on stderr before anything is paid."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain_bandit.scenario import Scenario


def warn_of_public_keys(chain_id: int, holding: str = "the scenario") -> None:
    """Off development chains: that all keys follow from `holding`."""
    from chain_bandit.chain.development import DEVELOPMENT_IDS

    if chain_id not in DEVELOPMENT_IDS:
        print(
            f"warning: chain {chain_id} is no development chain; whoever has {holding} has the participants' keys",
            file=sys.stderr,
        )


def warn_of_unproven_lies(scenario: "Scenario") -> None:
    """Where a slash takes nothing for a false report, or nothing is taken for any lie: that it does not, and why."""
    if scenario.is_live and not scenario.slash:
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


def say_beforehand(scenario: "Scenario") -> None:
    """Which lies cost nothing and how likely a bad committee is, before anything is played or paid."""
    from chain_bandit.protocol.sortition import chances

    warn_of_unproven_lies(scenario)
    said = chances(scenario.parameters, scenario.all_weights)
    if said is not None:
        print(f"sortition: {said}", file=sys.stderr, flush=True)
