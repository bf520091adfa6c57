"""A relayer that turns to a round's deadline: what it does until that is over."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.chain.retry_budget import Clock
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.nodes import relayer as module
from chain_bandit.nodes.relayer import RelayerRole
from chain_bandit.protocol.messages import Phase, Role, Slot

ROUND, BLOCKS = 9, 15
SLOT = Slot(bytes(32), ROUND, bytes(32))


@dataclass
class Chain:
    """Its height, whether it mines when asked to, and what was called."""

    hurries: bool
    at: int = 100
    calls: list[str] = field(default_factory=list)
    refusal: str = ""
    no_proof: str = "InvalidSignature"
    ended: list[int] = field(default_factory=list)
    """Rounds that the next skips after a deadline end; each ends the open one where there is none."""
    rpc: Any = field(default_factory=lambda: SimpleNamespace(clock=Clock()))

    def height(self) -> int:
        return self.at

    def hurry(self, blocks: int) -> None:
        self.calls.append(f"hurry {blocks}")
        self.at += blocks * self.hurries

    def recorded_since(self, round_: int) -> Any:
        return lambda block: 0

    def skip_after_deadline(self, wallet: object, committee: int, recorded: object) -> None:
        self.calls.append("skip after deadline")

    def records(self, call: object) -> list[tuple[int, int, bytes]] | None:
        return [(self.ended.pop(0), 2, bytes(32))] if self.ended else None

    def skip(self, *given: object) -> None:
        self.calls.append("skip")
        if self.refusal:
            raise TransactionReverted("skip", self.refusal, ())

    def blocked_from(self, seat: int) -> int:
        return 0

    def report_equivocation(self, *given: object) -> None:
        self.calls.append("report")
        if self.no_proof:
            raise TransactionReverted("reportEquivocation", self.no_proof, ())

    def settle(self) -> None:
        self.calls.append("settle")


def opened(chain: Chain) -> tuple[RelayerRole, Any]:
    """A role in an open round, and its relayer, who may come to a certificate."""
    parameters = SimpleNamespace(burn_in=4, burn_in_blocks=3, skip_deadline=BLOCKS, has_committees=False, provable=0)
    rules = SimpleNamespace(parameters=parameters, addresses=(), slot=lambda ledger: replace(SLOT, round=ledger.round))
    holds = SimpleNamespace(rules=rules, block=None, skip=None, begin=lambda ledger: None)
    given: Any = (holds, chain, None, chain, SimpleNamespace(accusations={}), None)
    role = RelayerRole(*given)
    for round_ in (ROUND - 2, ROUND - 1, ROUND):
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


def test_a_chain_is_hurried_no_further_than_to_the_record_that_comes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "STRIDE", 4)
    chain = Chain(hurries=True)
    role, _ = opened(chain)
    for _ in range(5):
        role.act(heard=True, late=True)
    assert chain.calls == ["hurry 4", "hurry 4", "hurry 4", "hurry 3", "skip after deadline", "settle"]
    role, holds = opened(chain)
    chain.calls.clear()
    role.act(heard=True, late=True)
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=True, late=True)
    assert chain.calls == ["hurry 4", "skip", "settle"]


def test_a_skip_that_ended_a_round_which_fell_out_is_made_again_for_the_open_one_after_its_own_deadline():
    chain = Chain(hurries=True, ended=[ROUND - 1, ROUND])
    role, _ = opened(chain)
    for _ in range(5):
        role.act(heard=True, late=True)
    assert chain.calls == 2 * [f"hurry {BLOCKS}", "skip after deadline", "settle"]


@pytest.mark.parametrize("hurries", [False, True])
def test_a_certificate_that_comes_while_the_deadline_is_waited_for_counts(hurries: bool):
    chain = Chain(hurries)
    role, holds = opened(chain)
    role.act(heard=False, late=True)
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=False, late=True)
    assert chain.calls == [f"hurry {BLOCKS}", "skip", "settle"]


def test_a_proof_that_the_contract_refuses_was_none_and_the_round_is_recorded(monkeypatch):
    monkeypatch.setattr(Equivocation, "proves", lambda *given: True)
    chain = Chain(hurries=True)
    role, holds = opened(chain)
    role.take(3, ROUND, Equivocation(SLOT, Phase.BLOCK, Role.SIGNER, 3, b"", b"", b"", b""))
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=True, late=False)
    assert chain.calls == ["report", "skip", "settle"]


@pytest.mark.parametrize(("of", "calls"), [(ROUND - 1, ["report"]), (ROUND - 2, []), (ROUND + 1, [])])
@pytest.mark.parametrize("said_in", [ROUND - 1, ROUND])
def test_a_proof_of_the_last_round_is_taken_and_none_of_another(monkeypatch, of, calls, said_in):
    monkeypatch.setattr(Equivocation, "proves", lambda *given: True)
    chain = Chain(hurries=True)
    role, holds = opened(chain)
    role.take(3, said_in, Equivocation(replace(SLOT, round=of), Phase.BLOCK, Role.SIGNER, 3, b"", b"", b"", b""))
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=True, late=False)
    assert chain.calls == [*calls, "skip", "settle"]


def test_a_proof_that_comes_once_the_round_is_recorded_is_handed_in_with_the_next_one(monkeypatch):
    monkeypatch.setattr(Equivocation, "proves", lambda *given: True)
    chain = Chain(hurries=True)
    role, holds = opened(chain)
    monkeypatch.setattr(role, "_prover", SimpleNamespace(on_record=lambda *given: None, prove=lambda wallet: None))
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    role.act(heard=True, late=False)
    role.take(3, ROUND, Equivocation(SLOT, Phase.BLOCK, Role.SIGNER, 3, b"", b"", b"", b""))
    for round_ in (ROUND + 1, ROUND + 2):
        role.close(SimpleNamespace())  # type: ignore[arg-type]
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        role.act(heard=True, late=False)
    assert chain.calls == ["skip", "settle", "report", "skip", "settle", "skip", "settle"]


@pytest.mark.parametrize("no_proof", ["", "AlreadyAccused"])
@pytest.mark.parametrize("lied", [True, False])
def test_of_who_is_listed_for_a_false_report_alone_one_equivocation_is_handed_in(monkeypatch, lied, no_proof):
    monkeypatch.setattr(Equivocation, "proves", lambda *given: True)
    chain = Chain(hurries=True, no_proof=no_proof)
    role, holds = opened(chain)
    role._events.accusations[3] = ROUND
    role._events.is_liar = lambda seat: lied  # type: ignore[attr-defined]
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    for round_ in (ROUND, ROUND + 1):
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        of = replace(SLOT, round=round_)
        role.take(3, round_, Equivocation(of, Phase.BLOCK, Role.SIGNER, 3, b"", b"", b"", b""))
        role.act(heard=True, late=False)
    assert chain.calls.count("report") == lied


def test_a_game_whose_last_block_has_passed_takes_no_record_and_ends_no_relayer():
    chain = Chain(hurries=True, refusal="GameIsOver")
    role, holds = opened(chain)
    holds.skip = SimpleNamespace(signers=7, signatures=b"")
    for _ in range(2):
        role.act(heard=True, late=False)
    assert chain.calls == ["skip"]
    chain.refusal = "QuorumMissing"
    role.begin(SimpleNamespace(round=ROUND))  # type: ignore[arg-type]
    with pytest.raises(TransactionReverted):
        role.act(heard=True, late=False)
