"""A game of 50 epochs on Anvil, one of four validators Byzantine: tokens to the unit, gas, the audit of it all.

`WRITE_SNAPSHOTS=1 pytest tests/integration/test_agreement_on_chain.py` rewrites the snapshot of gas.
"""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chain_bandit.actors.epochs.epoch import Stage, Staged
from chain_bandit.actors.messages import Send
from chain_bandit.auditor.agreement import CHECKS, AgreementReport, audit_agreement
from chain_bandit.chain import anvil as own
from chain_bandit.chain.node import account
from chain_bandit.chain.remote import at_url
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.evm import decode_receipt, decode_transaction
from chain_bandit.consensus.broadcast import Frame
from chain_bandit.game.agreement import Agreement, AgreementOnChain
from chain_bandit.mediate.agreement.agreer import AgreedTokens
from chain_bandit.mediate.token_rule import Episode, Method, TokenAccount, TokenRuleOptions, after_epoch, opened
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.agreement.tokens import clamped, mean
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.units import UNIT
from tests.unit.mediate import company as c
from tests.unit.mediate.company import company, salts

EPOCHS, EQUIVOCATES_IN = 50, 40
SNAPSHOT = Path(__file__).resolve().parents[1] / "snapshots" / "gas_tokens.json"
TERMS = replace(c.TERMS, most=2 * UNIT, step=UNIT // 5)


class Byzantine(c.TwoSums):
    """Lies in its sum, then in its probes, is silent, and at last says two sums."""

    def _command(self, stage: Stage, content: bytes) -> list[Send]:
        epoch = self.epoch.ledger.epoch
        if epoch == EQUIVOCATES_IN:
            return super()._command(stage, content)
        lies = {0: Stage.SUM, 1: Stage.PROBE}.get(epoch % 4)
        said = c.flipped(content) if stage is lies else content
        return [] if epoch % 4 == 2 else [Send(self._others, Staged(stage, self._stated(stage, said)))]

    def _stated(self, stage: Stage, content: bytes) -> Frame:
        return self._stages[stage].open(content)


@dataclass
class Clamped:
    """What all in one process come to, clamped as the contract does."""

    last: int
    terms: AgreementTerms = TERMS

    def agree(self, tokens: list[int], of: list[bytes]) -> AgreedTokens:
        agreed = mean(sum(tokens), len(tokens))
        assert agreed is not None
        self.last = clamped(agreed, self.last, self.terms.most, self.terms.step)
        return (self.last,) * len(tokens)


def values(epoch: int, agents: int) -> list[list[Episode]]:
    """What everybody made of an epoch: values that wander, two episodes each."""
    chance = random.Random(epoch)
    return [
        [Episode([chance.gauss(1 + agent, 1) for _ in range(4)], [chance.uniform(-1, 1) for _ in range(3)])] * 2
        for agent in range(agents)
    ]


def tokens_of(agreer: object) -> Iterator[tuple[TokenAccount, ...]]:
    """MEDIATE-S, epoch by epoch."""
    accounts = opened(Method.SYNCHRONISED, TERMS.participants)
    for epoch in range(EPOCHS):
        made = values(epoch, TERMS.participants)
        of = salts(epoch, TERMS.participants)
        accounts = after_epoch(accounts, made, Method.SYNCHRONISED, TokenRuleOptions(clip=1.0), agreer, of)  # type: ignore[arg-type]
        yield accounts


@dataclass
class Played:
    agreement: Agreement
    recorder: AgreementOnChain
    used: list[float]
    own: list[float]
    history: History


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Iterator[Played]:
    relayer = account(keccak(b"relayer"))
    with own.anvil() as node:
        assert node.grant({bytes.fromhex(relayer.address[2:]): 10**20})
        recorder = AgreementOnChain(node, relayer)
        agreement = company(TERMS, recorder, holders={8: Byzantine})
        accounts = list(tokens_of(agreement))
        first = recorder.contract.created_in
        assert first is not None
        path = tmp_path_factory.mktemp("agreement") / "history.jsonl.gz"
        files.write(collect(at_url(node.url), recorder.contract.address, first), path)
        yield Played(agreement, recorder, [each[0].used for each in accounts],
                     [a.own for each in accounts for a in each], files.read(path))  # fmt: skip


@pytest.fixture(scope="module")
def report(played) -> AgreementReport:
    return audit_agreement(played.history)


def test_tokens_are_those_of_the_in_process_run_to_the_unit(played):
    expected = [each[0].used for each in tokens_of(Clamped(TERMS.first))]
    assert played.used == expected
    assert len(set(expected)) == EPOCHS
    assert played.recorder.contract.token() == round(expected[-1] * UNIT)


def test_the_byzantine_one_changes_no_token_is_found_out_and_left_out(played, report):
    assert played.agreement.ledger.blocked_from == (*[0] * 8, EQUIVOCATES_IN + 1, 0)
    assert played.recorder.contract.blocked_from(8) == EQUIVOCATES_IN + 1
    found = {(finding.kind, finding.seat): finding.count for finding in report.findings}
    assert found == {("equivocated", 8): 1, ("false sum", 8): 10, ("no sum", 8): 11}


def test_the_audit_passes_every_check_and_computes_every_token(played, report):
    assert report.exit_code == 0, list(report.lines())
    unused = {"chain.head", "token.deadline", "token.credits", "token.seed"}
    assert {name for name, tally in report.checks.items() if not tally.passed} == unused - {"chain.head"}
    assert {*report.checks, "chain.head"} == {*CHECKS}
    assert [row.token for row in report.epochs] == [round(used * UNIT) for used in played.used]
    assert all(row.counted == tuple(range(6)) and row.agreed is not None for row in report.epochs)
    assert json.loads(report.json())["exit_code"] == 0


def test_no_byte_of_the_chain_is_a_token_of_a_participant(played):
    said = b""
    for block in played.history.blocks:
        said += b"".join(decode_transaction(raw).data for raw in block.transactions)
        said += b"".join(log.data for raw in block.receipts for log in decode_receipt(raw).logs)
    agreed = {round(used * UNIT) for used in played.used}
    private = {round(own * UNIT) for own in played.own} - agreed
    assert len(private) > 250
    large = [token for token in private if token >= 2**24]
    assert len(large) > 200
    for token in large:
        assert token.to_bytes(4, "big") not in said
    assert next(iter(agreed)).to_bytes(8, "big") in said


def test_gas_of_an_epoch_is_the_recorded_one(played):
    gas = played.recorder.contract.gas
    measured = {
        "hardfork": "prague", "participants": 6, "validators": 4, "deploy": gas["deploy"][0],
        "agree, first": gas["agree"][0], "agree, mean": round(sum(gas["agree"]) / len(gas["agree"]), -2),
        "reportEquivocation": gas["reportEquivocation"][0],
    }  # fmt: skip
    assert len(gas["agree"]) == EPOCHS
    if os.environ.get("WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=2, sort_keys=True) + "\n")
    assert json.loads(SNAPSHOT.read_text()) == measured


def with_calldata(history: History, change: tuple[bytes, bytes]) -> History:
    """The same with some bytes of transactions replaced: no chain any more, but its first blocks."""
    blocks = []
    for block in history.blocks:
        raw = tuple(each.replace(*change) for each in block.transactions)
        blocks.append(RawBlock(block.header, raw, block.receipts))
    return History(history.origin, tuple(blocks))


def test_a_changed_byte_is_found(played):
    ended = played.agreement.ended[7]
    assert ended is not None
    changed = audit_agreement(with_calldata(played.history, (ended.body, b"\1" + ended.body[1:])))
    assert changed.exit_code == 12
    assert {each.check for each in changed.violations} == {"chain.transactions"}
