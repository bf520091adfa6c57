"""What holds of every attack, environment, rule, policy and incentive, ours and those of plug-ins.

Each `…_conformance` raises `AssertionError` with one sentence that says what does not hold; any test framework may call
it. `misreport_grid` counts what false reports bring.
"""

from chain_bandit.testing.attacks import attack_conformance
from chain_bandit.testing.environments import environment_conformance
from chain_bandit.testing.incentives import incentive_conformance
from chain_bandit.testing.misreports import misreport_grid
from chain_bandit.testing.policies import policy_conformance
from chain_bandit.testing.rules import (
    aggregation_conformance,
    disclosure_conformance,
    index_policy_conformance,
    reputation_conformance,
    selection_conformance,
)

__all__ = [
    "aggregation_conformance", "attack_conformance", "disclosure_conformance", "environment_conformance",
    "incentive_conformance", "index_policy_conformance", "misreport_grid", "policy_conformance",
    "reputation_conformance", "selection_conformance",
]  # fmt: skip
