"""The audit of an agreement: a history with one thing forged, all else made to fit, fails the check that it is of."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import encode

from chain_bandit.actors.epochs.epoch import Epoch
from chain_bandit.actors.epochs.transcript import Sent
from chain_bandit.auditor.agreement import CHECKS, SECOND_OF_TOKENS, audit_agreement
from chain_bandit.auditor.second_implementation import with_second_agreement
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain.node import account
from chain_bandit.chain.remote import json_rpc
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.collect import collect
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.chain_history.tokens import TOKENS
from chain_bandit.crypto.keys import Signer
from chain_bandit.game.agreement import Agreement, AgreementOnChain
from chain_bandit.paranoid.tokens import recompute_tokens
from chain_bandit.protocol import rlp
from chain_bandit.protocol.agreement import body as bodies
from chain_bandit.protocol.agreement import ledger
from chain_bandit.protocol.agreement.body import AgreementBody, Group
from chain_bandit.protocol.blocks import mask, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.messages import Phase, Role
from chain_bandit.protocol.units import UNIT
from tests.unit.audit.forging import Forgery
from tests.unit.mediate import company as c
from verification.tampering import rehashed, taken_apart

TERMS = replace(c.TERMS, participants=9, groups=3, steps=2, step=UNIT)
RELAYER = Signer(keccak(b"relayer"))
QUORUM = 0b111 << 9


class Once(c.Silent):
    """Silent in the second epoch."""

    def on_tick(self, step: int) -> list:
        return super().on_tick(step) if self.epoch.ledger.epoch == 1 else super(c.Silent, self).on_tick(step)


class TwiceInTheThird(c.TwoDealings):
    """Deals two ways in the third epoch, to nobody in the second."""

    def on_tick(self, step: int) -> list:
        return super().on_tick(step) if self.epoch.ledger.epoch == 2 else super(c.TwoDealings, self).on_tick(step)


class Story:
    """Four epochs: agreed, ended by the deadline, one with a proof, one without whom it was against."""

    def __init__(self) -> None:
        relayer = account(RELAYER.secret)
        node = EmbeddedNode({bytes.fromhex(relayer.address[2:]): 10**20})
        self.recorder, self.states = AgreementOnChain(node, relayer), [None]
        self.agreement: Agreement = c.company(
            TERMS, self.recorder, dealers={4: TwiceInTheThird}, holders={9: Once, 12: Once}
        )
        chance = random.Random(1)
        for epoch in range(4):
            self.state = self.agreement.ledger
            rows = [[Sent(chance.random() < 0.5, chance.random() < 0.5) for _ in range(2)] for _ in range(9)]
            self.agreement.play(c.some_tokens(9, epoch), c.salts(epoch, 9), rows)
        ended = self.agreement.ended[-1]
        assert ended is not None
        self.body = bodies.decode(TERMS, ended.body)
        first = self.recorder.contract.created_in
        assert first is not None
        self.history: History = collect(json_rpc(node.line), self.recorder.contract.address, first)
        self.history = History(self.history.origin, tuple(self.history.blocks))
        self.keys = c.signers(b"participant", 9) + c.signers(b"validator", 4)

    def forgery(self) -> Forgery:
        return Forgery(self.history, {RELAYER.address: RELAYER}, TOKENS)

    def ends(self, forgery: Forgery, body: AgreementBody | bytes, signers: int = QUORUM, keys: int = QUORUM) -> None:
        """The last epoch ends with another body, signed by these, and by the keys of those; its event as it follows."""
        data = body if isinstance(body, bytes) else body.encode()
        separator = self.agreement._separator
        slot = Epoch(TERMS, self.state, [key.address for key in self.keys], separator).slot
        digest = slot.digest(Phase.BLOCK, Role.SIGNER, 0, keccak(data))
        signatures = b"".join(self.keys[seat].sign(digest) for seat in seats(keys))
        calldata = TOKENS.selectors["agree"] + encode(TOKENS.methods["agree"], [data, signers, signatures])
        forgery.call("agree", 2, lambda old: calldata)
        try:
            found = bodies.decode(TERMS, data)
        except bodies.BodyMalformed:
            found = None
        after = ledger.after_epoch(TERMS, self.state, found, keccak(data))
        counted = found.counted if found else 0
        said = encode(TOKENS.events["TokenAgreed"], [self.state.epoch, after.token, counted, after.head])
        forgery.event("TokenAgreed", 3, lambda old: said)


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def failed(history: History, head: bytes | None = None) -> set[str]:
    report = audit_agreement(history, head)
    assert {each.check for each in report.violations} == {n for n, tally in report.checks.items() if tally.failed}
    assert all(each.exhibit is not None for each in report.violations if each.check != "chain.head")
    assert report.exit_code == (12 if report.failed else 0)
    return {each.check for each in report.violations}


def test_the_story_as_it_was_passes_and_says_who_did_what(story):
    report = audit_agreement(story.history, keccak(story.history.blocks[-1].header))
    assert report.exit_code == 0, list(report.lines())
    assert {n for n, tally in report.checks.items() if not tally.passed} == {"token.seed"}
    assert report.checks.keys() == CHECKS.keys()
    assert [row.kind for row in report.epochs] == ["agreed", "deadline", "agreed", "agreed"]
    assert [row.token for row in report.epochs][1] == report.epochs[0].token
    assert report.credits == story.agreement.ledger.credits
    assert report.credits == tuple(story.recorder.contract._view("creditsOf", seat) for seat in range(9))
    assert report.blocked_from == story.agreement.ledger.blocked_from
    assert report.blocked_from[4] == 3
    assert {(each.kind, each.seat) for each in report.findings} == {("equivocated", 4), ("left out", 4)}
    assert audit_agreement(story.history).head_trusted


def test_what_nothing_was_forged_in_passes(story):
    assert failed(story.forgery().made()) == set()
    forgery = story.forgery()
    story.ends(forgery, story.body)
    assert failed(forgery.made()) == set()


def one_group(body: AgreementBody, at: int, **changes: object) -> AgreementBody:
    groups = list(body.groups)
    groups[at] = replace(groups[at], **changes)
    return replace(body, groups=tuple(groups))


def with_blocked(body: AgreementBody) -> AgreementBody:
    """Seat 4, which is blocked, takes the place of another."""
    at, out = next((at, min(seats(group.members))) for at, group in enumerate(body.groups))
    return one_group(body, at, members=body.groups[at].members ^ 1 << out | 1 << 4)


BODIES: dict[str, tuple[Callable[[AgreementBody], AgreementBody | bytes], set[str]]] = {
    "total": (lambda body: one_group(body, 1, total=(body.groups[1].total or 0) + 1), {"token.sums"}),
    "total of nothing": (lambda body: one_group(body, 1, total=None), {"token.sums"}),
    "two sums": (lambda body: one_group(body, 0, sums=(1, 2, *body.groups[0].sums[2:])), {"token.sums"}),
    "order of groups": (lambda body: replace(body, groups=body.groups[::-1]), {"token.groups"}),
    "seed": (lambda body: replace(body, seed=keccak(b"another")), {"token.groups"}),
    "too few groups": (lambda body: replace(body, groups=body.groups[:2]), {"token.groups"}),
    "blocked": (with_blocked, {"token.body", "token.groups"}),
    "twice": (lambda body: one_group(body, 1, members=body.groups[1].members | mask(seats(body.groups[0].members)[:1])),
              {"token.body", "token.groups"}),
    "nets": (lambda body: replace(body, nets=(5, *body.nets[1:])), {"token.credits"}),
    "a byte more": (lambda body: body.encode() + b"\0", {"token.body"}),
    "one in a group": (lambda body: replace(body, groups=(Group(1, 0, (0,) * 4),)), {"token.body"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_quorum_that_signs_a_false_body_is_found_out(story, name):
    change, checks = BODIES[name]
    forgery = story.forgery()
    story.ends(forgery, change(story.body))
    assert failed(forgery.made()) == checks


@pytest.mark.parametrize(
    ("signers", "keys", "checks"),
    [
        (0b11 << 9, 0b11 << 9, {"token.quorum"}),
        (0b11 << 9 | 1, 0b11 << 9 | 1, {"token.quorum"}),
        (QUORUM, 0b11 << 9 | 1 << 12, {"token.signatures"}),
        (QUORUM, 0b11 << 9, {"token.quorum"}),
        (0b11 << 9 | 1 << 200, 0b111 << 9, {"token.quorum", "token.signatures"}),
    ],
)
def test_signatures_that_are_no_quorum_s_are_found(story, signers, keys, checks, tmp_path):
    forgery = story.forgery()
    story.ends(forgery, story.body, signers, keys)
    assert failed(forgery.made()) == checks
    assert "certificate" in second(forgery.made(), tmp_path / "tokens.jsonl")


def word(data: bytes, at: int, value: int) -> bytes:
    return data[: 32 * at] + value.to_bytes(32, "big") + data[32 * at + 32 :]


OTHERS: dict[str, tuple[Callable[[Forgery], None], set[str]]] = {
    "token said": (lambda f: f.event("TokenAgreed", 3, lambda data: word(data, 1, 5)),
                   {"token.agreed", "token.events"}),
    "head said": (lambda f: f.event("TokenAgreed", 3, lambda data: word(data, 3, 5)), {"token.links", "token.events"}),
    "epoch said": (lambda f: f.event("TokenAgreed", 1, lambda data: word(data, 0, 5)),
                   {"token.links", "token.events"}),
    "counted said": (lambda f: f.event("TokenAgreed", 0, lambda data: word(data, 2, 5)), {"token.events"}),
    "nothing said": (lambda f: f.event("TokenAgreed", 1, lambda data: None),
                     {"token.agreed", "token.links", "token.events"}),
    "too early": (lambda f: f.wait(f.block_of("keepAfterDeadline", 0), -3), {"token.deadline"}),
    "wei": (lambda f: f.value(f.block_of("keepAfterDeadline", 0), 1),
            {"token.calls", "token.links", "token.events", "token.signatures", "evidence.listing"}),
    "one content": (lambda f: f.call("reportEquivocation", 0, lambda d: d[:4] + d[4:260] + d[164:260]),
                    {"evidence.proof"}),
    "another seat": (lambda f: f.call("reportEquivocation", 0, lambda d: d[:4] + word(d[4:], 0, 5)),
                     {"evidence.proof", "evidence.listing", "token.body"}),
    "no such seat": (lambda f: f.call("reportEquivocation", 0, lambda d: d[:4] + word(d[4:], 0, 13)),
                     {"evidence.proof"}),
    "since": (lambda f: f.event("Accused", 0, lambda data: word(data, 1, 7)), {"evidence.listing"}),
    "code": (lambda f: f.creation(lambda data: data[:99] + b"\xfe" + data[100:]), {"token.code"}),
    "terms": (lambda f: f.creation(lambda data: data[: -32 * 24] + word(data[-32 * 24 :], 2, 2)), {"token.terms"}),
    "a seat fewer": (lambda f: f.creation(lambda data: data[:-32]), {"token.terms"}),
    "a key twice": (lambda f: f.creation(lambda data: data[:-32] + data[-64:-32]), {"token.terms"}),
    "cut off": (lambda f: f.creation(lambda data: data[: -32 * 20]), {"token.terms"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_contradicts_the_rules_fails_its_check(story, name):
    change, checks = OTHERS[name]
    forgery = story.forgery()
    change(forgery)
    found = failed_or_blind(forgery.made())
    assert found == checks


def failed_or_blind(history: History) -> set[str]:
    report = audit_agreement(history)
    assert report.exit_code == 12
    return {each.check for each in report.violations}


def test_another_head_and_a_history_of_nothing(story):
    assert failed(story.history, bytes(32)) == {"chain.head"}
    nothing = audit_agreement(History(replace(story.history.origin, contract=bytes(20)), story.history.blocks))
    assert nothing.exit_code == 13
    assert {n for n, tally in nothing.checks.items() if tally.not_checkable} == {n for n in CHECKS if n[0] == "t"}
    with pytest.raises(HistoryError):
        audit_agreement(History(story.history.origin, _Changing(story.history.blocks)))


def test_a_type_that_came_later_ends_the_audit_but_hides_nothing(story):
    forgery = story.forgery()
    forgery.event("TokenAgreed", 1, lambda data: None)
    planted = forgery.made()
    for history, expected in ((story.history, 13), (planted, 12)):
        blocks = taken_apart(history.blocks)
        last = [index for index, (_, sent, _) in enumerate(blocks) if sent][-1]
        blocks[last][1][0] = b"\5" + blocks[last][1][0][1:]
        changed = History(history.origin, rehashed(blocks))
        report = audit_agreement(changed)
        assert report.exit_code == expected
        assert "no transactions of type 5" in report.checks["token.credits"].evidence
        assert "chain.head" in {each.check for each in audit_agreement(changed, bytes(32)).violations}


class _Changing:
    """Blocks that are others when they are gone through again."""

    def __init__(self, blocks) -> None:
        self._blocks, self._walks = blocks, 0

    def __iter__(self):
        self._walks += 1
        return iter(self._blocks[: len(self._blocks) - self._walks + 1])


def test_every_check_is_seen_to_fail_but_for_what_rests_on_a_word():
    seen = set().union(*(checks for _, checks in (*BODIES.values(), *OTHERS.values())))
    assert {name for name in CHECKS if not name.startswith("chain.")} - seen == {"token.quorum", "token.seed"}


def second(history: History, path: Path) -> set[str]:
    """What the second implementation fails of a history, less what the audit does."""
    files.write(history, path)
    report = with_second_agreement(audit_agreement(history), path)
    return {name.removeprefix("paranoid.") for name in SECOND_OF_TOKENS if report.checks[name].failed}


def test_the_second_implementation_comes_to_the_same(story, tmp_path):
    path = tmp_path / "tokens.jsonl.gz"
    files.write(story.history, path)
    report = with_second_agreement(audit_agreement(story.history), path)
    assert report.exit_code == 0, list(report.lines())
    assert all(report.checks[name].passed for name in SECOND_OF_TOKENS)
    assert json.loads(report.json())["checks"]["paranoid.sums"]["proves"] == SECOND_OF_TOKENS["paranoid.sums"]
    mine, ended = recompute_tokens(path), story.agreement.ledger
    assert (mine.head, mine.token, tuple(mine.credits)) == (ended.head, ended.token, ended.credits)


SECOND = {
    "total": {"sums"},
    "total of nothing": {"record", "sums", "token"},
    "two sums": {"record", "sums", "token"},
    "order of groups": {"groups"},
    "seed": {"groups"},
    "too few groups": {"groups"},
    "blocked": {"groups"},
    "twice": {"groups", "record"},
    "nets": {"credits"},
    "a byte more": {"record"},
    "one in a group": {"record"},
    "token said": {"record", "token"},
    "head said": {"record"},
    "epoch said": {"record"},
    "counted said": {"record"},
    "nothing said": {"record", "token"},
    "too early": {"time"},
    "wei": {"record"},
    "one content": {"evidence"},
    "another seat": {"blocklist", "evidence", "groups"},
    "no such seat": {"record"},
    "since": {"blocklist"},
    "code": {"blocklist", "credits", "record", "setup"},
    "terms": {"certificate", "record", "setup", "sums"},
    "a seat fewer": {"setup"},
    "a key twice": {"blocklist", "certificate", "credits", "evidence", "record", "setup"},
    "cut off": {"setup"},
}
"""What the second implementation says of each: it takes totals from the sums, and ends where it cannot follow."""


@pytest.mark.parametrize("name", [*BODIES, *OTHERS])
def test_the_second_implementation_finds_it_too(story, name, tmp_path):
    forgery = story.forgery()
    if name in BODIES:
        story.ends(forgery, BODIES[name][0](story.body))
    else:
        OTHERS[name][0](forgery)
    assert second(forgery.made(), tmp_path / "tokens.jsonl") == SECOND[name]


@pytest.mark.parametrize(("method", "which"), [("agree", -1), ("keepAfterDeadline", 0), ("reportEquivocation", 0)])
@pytest.mark.parametrize("used", [None, 60_000])
def test_a_refusal_of_a_call_that_every_rule_allows_is_found(story, method, which, used):
    """Nobody signs a receipt; a forger says of it what it likes, and of all that follows."""
    forgery = story.forgery()
    forgery.refuse(method, which, used)
    (violation,) = [each for each in audit_agreement(forgery.made()).violations if "refused" in each.sentence]
    assert (violation.check, violation.found) == ("token.events", 0)
    assert violation.expected


def test_a_call_that_the_contract_refuses_is_no_violation(story):
    """The same call once more: the epoch is over, and the proof is known."""
    blocks = taken_apart(story.history.blocks)
    forgery = story.forgery()
    for method in ("reportEquivocation", "agree"):
        at = forgery.block_of(method, -1)
        forgery.blocks.append(deepcopy(forgery.blocks[at]))
        forgery.refuse(method, -1)
    for number, (fields, _, _) in enumerate(forgery.blocks, story.history.origin.first_block):
        fields[8] = rlp.encode_number(number)
        fields[11] = blocks[-1][0][11] if number > len(blocks) else fields[11]
    assert failed(forgery.made()) == set()


def test_a_refused_call_of_an_account_that_may_have_code_is_not_tried(story):
    forgery = story.forgery()
    forgery.sender("agree", -1, Signer(keccak(b"another")))
    forgery.change_transaction(*forgery._place("agree", -1), lambda fields: fields.__setitem__(1, b"\7"),
                               Signer(keccak(b"another")))  # fmt: skip
    forgery.refuse("agree", -1)
    assert failed(forgery.made()) == set()
