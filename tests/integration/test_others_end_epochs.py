"""An agreement on a chain that others write to: they end epochs by the deadline, hand in proofs, submit what we do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.actors.epochs.epoch import Ended
from chain_bandit.auditor.agreement import AgreementReport, audit_agreement
from chain_bandit.chain import anvil as own
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.node import DevelopmentNode, account
from chain_bandit.chain.remote import at_url, json_rpc
from chain_bandit.chain.tokens import Tokens
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.chain_history import files
from chain_bandit.chain_history.collect import collect
from chain_bandit.consensus.evidence import Equivocation
from chain_bandit.game import mediated
from chain_bandit.game.agreement import Agreement, AgreementOnChain
from chain_bandit.game.errors import RecordMismatch
from chain_bandit.protocol.agreement import tokens as agreement_tokens
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role, Slot
from chain_bandit.stopwatch import Stopwatch
from tests.unit.mediate import company as c

TERMS = c.TERMS
OURS, OTHER = account(keccak(b"relayer")), account(keccak(b"other"))
MONEY = {bytes.fromhex(each.address[2:]): 10**20 for each in (OURS, OTHER)}
COUNT, FALSE = TERMS.participants, 7


class Overtaken(AgreementOnChain):
    """Somebody else acts just before what we record of an epoch, or what we report.

    Attributes:
        theirs: their own client of the contract.
    """

    before: Callable[["Overtaken", int, Ended | None], None] = staticmethod(lambda self, epoch, ended: None)
    reports: Callable[["Overtaken", Equivocation], None] = staticmethod(lambda self, proof: None)

    @property
    def theirs(self) -> Tokens:
        return Tokens.at(self.node.line, self.contract.address, Stopwatch(), AT_ONCE)

    def keep(self) -> None:
        self.contract.settle()
        self.node.mine(TERMS.deadline)
        self.theirs.keep_after_deadline(OTHER, self.contract.next_epoch())

    def record(self, epoch: int, ended: Ended | None) -> None:
        self.before(self, epoch, ended)
        super().record(epoch, ended)

    def report(self, proof: Equivocation) -> None:
        self.reports(self, proof)
        super().report(proof)


@pytest.fixture(params=["embedded", "anvil"])
def node(request: pytest.FixtureRequest) -> Iterator[DevelopmentNode]:
    if request.param == "embedded":
        yield EmbeddedNode(MONEY)
        return
    with own.anvil() as live:
        assert live.grant(MONEY)
        yield live


def opened(node: DevelopmentNode, **company: object) -> tuple[Overtaken, Agreement]:
    recorder = Overtaken(node, OURS)
    return recorder, c.company(TERMS, recorder, **company)  # type: ignore[arg-type]


def played(agreement: Agreement, epochs: int) -> list[int]:
    return [agreement.play(c.some_tokens(COUNT, epoch), c.salts(epoch, COUNT)) for epoch in range(epochs)]


def audited(recorder: Overtaken) -> AgreementReport:
    recorder.contract.settle()
    node, first = recorder.node, recorder.contract.created_in
    assert first is not None
    rpc = at_url(node.url) if isinstance(node, HttpNode) else json_rpc(node.line)
    return audit_agreement(collect(rpc, recorder.contract.address, first))


def mean(epoch: int) -> int:
    agreed = agreement_tokens.mean(sum(c.some_tokens(COUNT, epoch)), COUNT)
    assert agreed is not None
    return agreed


@pytest.mark.parametrize("times", [1, 2])
def test_epochs_that_others_end_while_they_are_played_keep_the_token_and_the_game_goes_on(node, times):
    recorder, agreement = opened(node)

    def before(self: Overtaken, epoch: int, ended: Ended | None) -> None:
        for _ in range(times if epoch == 1 else 0):
            self.keep()

    recorder.before = before
    assert played(agreement, 3) == [mean(0), mean(0), mean(2)]
    assert agreement.ledger.epoch == recorder.contract.next_epoch() == 2 + times
    report = audited(recorder)
    assert report.exit_code == 0, list(report.lines())
    assert [row.kind for row in report.epochs] == ["agreed", *["deadline"] * times, "agreed"]


def test_what_others_submit_of_a_quorum_counts_as_ours(node):
    recorder, agreement = opened(node)

    def before(self: Overtaken, epoch: int, ended: Ended | None) -> None:
        assert ended is not None
        self.contract.settle()
        certificate = ended.certificate
        self.theirs.agree(OTHER, epoch, ended.body, certificate.signers, certificate.signatures)

    recorder.before = before
    assert played(agreement, 2) == [mean(0), mean(1)]
    assert [row.kind for row in audited(recorder).epochs] == ["agreed"] * 2


def test_an_epoch_without_a_quorum_may_be_ended_by_others_before_its_deadline_is_waited_for_or_after(node):
    recorder, agreement = opened(node, holders={6: c.Silent, 9: c.Silent})
    recorder.before = lambda self, epoch, ended: self.keep() if epoch == 0 else None

    class Slow:
        line, chain_id = node.line, node.chain_id

        @staticmethod
        def mine(blocks: int) -> None:
            node.mine(blocks)
            recorder.theirs.keep_after_deadline(OTHER, recorder.contract.next_epoch())

    assert played(agreement, 1) == [TERMS.first]
    recorder.node = Slow()
    assert played(agreement, 1) == [TERMS.first]
    assert agreement.ledger.epoch == recorder.contract.next_epoch() == 2


@pytest.mark.parametrize("late", [False, True])
def test_a_proof_that_others_hand_in_first_counts_from_when_it_did(node, late):
    recorder, agreement = opened(node, holders={FALSE: c.TwoVotes})

    def reports(self: Overtaken, proof: Equivocation) -> None:
        if late:  # the next epoch is open by then, and its validators may be signing
            self.keep()
        self.contract.settle()
        self.theirs.report_equivocation(OTHER, proof.instance, proof.calldata())

    recorder.reports = reports
    assert played(agreement, 4) == [TERMS.first if late else mean(0), mean(1), mean(2), mean(3)]
    since = agreement.ledger.blocked_from[FALSE]
    assert since == recorder.contract.blocked_from(FALSE) == 1 + late
    report = audited(recorder)
    assert report.exit_code == 0, list(report.lines())


def test_a_proof_that_nobody_here_had_leaves_its_seat_out_as_the_chain_has_it(node):
    recorder, agreement = opened(node)
    signer = c.signers(b"validator", TERMS.validators)[FALSE - COUNT]

    def before(self: Overtaken, epoch: int, ended: Ended | None) -> None:
        if epoch == 0:
            slot = Slot(agreement._separator, 0, bytes(32))
            one, other = keccak(b"one"), keccak(b"other")
            signed = (signer.state(slot, Phase.BLOCK, Role.SIGNER, 0, content) for content in (one, other))
            proof = Equivocation(slot, Phase.BLOCK, Role.SIGNER, FALSE, one, next(signed), other, next(signed))
            self.contract.settle()
            self.theirs.report_equivocation(OTHER, FALSE, proof.calldata())

    recorder.before = before
    assert played(agreement, 3) == [mean(0), mean(1), mean(2)]
    assert agreement.ledger.blocked_from[FALSE] == 1
    last = agreement.ended[-1]
    assert last is not None
    assert not last.certificate.signers >> FALSE & 1


def test_a_contract_that_stands_where_no_rule_leads_is_a_mismatch():
    recorder, agreement = opened(EmbeddedNode(MONEY))
    agreement.ledger = replace(agreement.ledger, token=5)
    recorder.before = lambda self, epoch, ended: self.keep()
    with pytest.raises(RecordMismatch, match="round 0: the contract recorded"):
        played(agreement, 1)


def test_a_game_that_is_stopped_leaves_what_the_chain_has_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    record = AgreementOnChain.record

    def failing(self: AgreementOnChain, epoch: int, ended: Ended | None) -> None:
        if epoch == 2:
            raise NodeUnreachable("gone")
        record(self, epoch, ended)

    monkeypatch.setattr(AgreementOnChain, "record", failing)
    terms = mediated.default_terms(6, 4, 1, 1, 4, deadline=77)
    with pytest.raises(NodeUnreachable) as stopped:
        mediated.play_on("embedded", mediated.AgreementGame(terms, (0.8, 0.6), 4, 1), tmp_path / "out")
    assert stopped.value.__notes__ == [f"history and audit of 2 epochs are in {tmp_path / 'out'}"]
    report = audit_agreement(files.read(tmp_path / "out" / mediated.HISTORY))
    assert (report.exit_code, len(report.epochs)) == (0, 2)
    assert report.terms is not None
    assert report.terms.deadline == 77


def test_where_nothing_came_to_the_chain_no_folder_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(self: AgreementOnChain, *arguments: object) -> None:
        raise NodeUnreachable("gone")

    monkeypatch.setattr(AgreementOnChain, "open", refused)
    terms = mediated.default_terms(6, 4, 1, 1, 4)
    with pytest.raises(NodeUnreachable):
        mediated.play_on("embedded", mediated.AgreementGame(terms, (0.8, 0.6), 4, 1), tmp_path / "out")
    assert not (tmp_path / "out").exists()
