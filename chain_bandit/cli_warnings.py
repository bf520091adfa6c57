"""What is said on stderr before anything is paid."""

import sys


def warn_of_public_keys(chain_id: int, holding: str = "the scenario") -> None:
    """Off development chains: that all keys follow from `holding`."""
    from chain_bandit.chain.development import DEVELOPMENT_IDS

    if chain_id not in DEVELOPMENT_IDS:
        print(
            f"warning: chain {chain_id} is no development chain; whoever has {holding} has the participants' keys",
            file=sys.stderr,
        )
