"""A relayer that turns to a round's deadline: what it does until that is over."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.nodes import relayer as module
from chain_bandit.nodes.relayer import RelayerRole

ROUND, BLOCKS = 9, 15


@dataclass
class Chain:
    """Its height, whether it mines when asked to, and what was called."""

    hurries: bool
    at: int = 100
    calls: list[str] = field(default_factory=list)

    def height(self) -> int:
        return self.at

    def hurry(self, blocks: int) -> None:
        self.calls.append(f"hurry {blocks}")
        self.at += blocks * self.hurries

    def recorded_since(self, round_: int) -> Any:
        return lambda block: 0

    def skip_after_deadline(self, wallet: object, committee: int, recorded: object) -> None:
        self.calls.append("skip after deadline")

    def skip(self, *given: object) -> None:
        self.calls.append("skip")

    def settle(self) -> None:
        self.calls.append("settle")


def opened(chain: Chain) -> tuple[RelayerRole, Any]:
    """A role in an open round, and its relayer, who may come to a certificate."""
    parameters = SimpleNamespace(burn_in=4, burn_in_blocks=3, skip_deadline=BLOCKS, has_committees=False)
    rules = SimpleNamespace(parameters=parameters)
    holds = SimpleNamespace(rules=rules, block=None, skip=None, begin=lambda ledger: None)
    given: Any = (holds, chain, None, chain, SimpleNamespace(accusations={}), None)
    role = RelayerRole(*given)
    for round_ in (1, ROUND):
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
    return role, holds


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.0)
    monkeypatch.setattr(RelayerRole, "_next_committee", lambda self: 0)


def test_it_does_nothing_before_the_round_is_late():
    chain = Chain(hurries=True)
    role, _ = opened(chain)
    role.act(heard=True, late=False)
    assert chain.calls == []


def test_a_chain_that_nobody_can_hurry_is_waited_for_one_look_at_a_time():
    chain = Chain(hurries=False)
    role, _ = opened(chain)
    for height in range(100, 100 + BLOCKS):
        chain.at = height
        role.act(heard=True, late=True)
        assert chain.calls == [f"hurry {BLOCKS}"]
    chain.at = 100 + BLOCKS
    role.act(heard=True, late=True)
    assert chain.calls == [f"hurry {BLOCKS}", "skip after deadline", "settle"]


@pytest.mark.parametrize("hurries", [False, True])
def test_a_certificate_that_comes_while_the_deadline_is_waited_for_counts(hurries: bool):
    chain = Chain(hurries)
    role, holds = opened(chain)
    role.act(heard=False, late=True)
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=False, late=True)
    assert chain.calls == [f"hurry {BLOCKS}", "skip", "settle"]
