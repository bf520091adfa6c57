"""The audit of an agreement on tokens: every epoch computed again from the chain alone (`docs/mediate.md`)."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from chain_bandit.auditor import catalogue
from chain_bandit.auditor.artifact import creation_code
from chain_bandit.auditor.chain import Survey, survey
from chain_bandit.auditor.evidence import unproven
from chain_bandit.auditor.exhibits import Place
from chain_bandit.auditor.refused import may_have_run_out
from chain_bandit.auditor.report import Checked, Checks, Finding, Weight, counted
from chain_bandit.auditor.trial import DueEvents
from chain_bandit.chain_history.blocks import History, RawBlock
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.chain_history.evm import decode_transaction
from chain_bandit.chain_history.records import CREATION, ContractCall, Event, calls_in
from chain_bandit.chain_history.tokens import TOKENS
from chain_bandit.crypto.verify import signer
from chain_bandit.paranoid.verdict import TOKEN_WHAT
from chain_bandit.protocol.agreement import body as bodies
from chain_bandit.protocol.agreement import ledger, shamir
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.blocks import SIGNATURE_BYTES, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import AssumptionBroken, BadEncoding
from chain_bandit.protocol.messages import NO_BLOCK, Domain, Phase, Role, Slot
from chain_bandit.protocol.transaction import FIRST_CREDITS, gas_of_anybodys_call, gas_of_call

CHECKS = {
    **{name: catalogue.CHECKS[name] for name in ("chain.links", "chain.transactions", "chain.receipts", "chain.head")},
    "token.code": "The contract was created from the code that this version ships.",
    "token.terms": "The terms satisfy every assumption, and every seat has an account.",
    "token.calls": "The contract took nothing but calls that it has, straight from accounts, without wei.",
    "token.quorum": "Every decision on an epoch is that of a quorum of its validators less the block list.",
    "token.signatures": "Every signature is its validator's, over this epoch of this agreement.",
    "token.deadline": "Every epoch without a quorum's decision ended after its deadline.",
    "token.body": "Every body is well formed: nobody is in two groups, nobody blocked in one.",
    "token.groups": "The groups are those that the seed draws of the seats that count.",
    "token.seed": "The seed of the groups was unknown until tokens were fixed: on the quorum's word.",
    "token.sums": "What a group's tokens add up to is what its validators' sums say, 2f + 1 of them at least.",
    "token.agreed": "Every token is the median of the groups' means, clamped.",
    "token.credits": "What participants were sent is what the epoch's steps allow; their rows: on the quorum's word.",
    "token.links": "Every epoch extends the one before it.",
    "token.events": "Every event is what its transaction implies, and nothing else.",
    "evidence.proof": "Every proof of equivocation is two contents with the seat's signature in one slot.",
    "evidence.listing": "Who equivocated is left out from the next epoch on, once.",
}
"""Every check of an agreement by name, and what it proves when it passes."""

SECOND_OF_TOKENS = {f"paranoid.{what}": f"Computed a second time: {proves}" for what, proves in TOKEN_WHAT.items()}
"""What `mediate audit --paranoid` adds: the plain re-computation, the history and the audit agree."""

PROVES = {**CHECKS, **SECOND_OF_TOKENS}
"""Every check by name, with those of the second implementation."""

_WIDTHS = (16, 16, 16, 16, 64, 64, 64, 16, 32)
_HEAD_WORDS = len(_WIDTHS) + 2
"""Of the constructor's arguments: the terms, where the seats begin, and how many there are."""


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch.

    Attributes:
        kind: agreed, nothing (by a quorum's word) or deadline.
        token: in use after it; agreed: before it was clamped; both in units.
        means: of each group; None of one that came to nothing.
        counted, signers: seats.
        wrong, missing: validators whose sum is off what the others say, or not there.
    """

    epoch: int
    kind: str
    token: int
    agreed: int | None
    means: tuple[int | None, ...]
    counted: tuple[int, ...]
    signers: tuple[int, ...]
    wrong: tuple[int, ...]
    missing: tuple[int, ...]
    gas: int
    block: int


@dataclass(frozen=True, slots=True)
class AgreementReport(Checked):
    """Everything that an audit of an agreement found.

    Attributes:
        digest: of terms, accounts and all epochs, as the contract has it; the same on every chain.
    """

    head: str
    head_trusted: bool
    contract: str
    terms: AgreementTerms | None
    digest: str | None
    token: int | None
    credits: tuple[int, ...]
    blocked_from: tuple[int, ...]
    epochs: list[EpochRow] = field(default_factory=list)

    def json(self) -> str:
        """Deterministic JSON text."""
        value: dict[str, Any] = asdict(self)
        value["checks"] = {name: {"proves": PROVES[name], **tally} for name, tally in value["checks"].items()}
        return json.dumps(value | {"exit_code": self.exit_code}, sort_keys=True)

    def lines(self) -> Iterator[str]:
        """The report in plain lines for a terminal."""
        yield self.summary()
        yield from self.details(PROVES, self.head if self.head_trusted else "")


def audit_agreement(history: History, head: bytes | None = None) -> AgreementReport:
    """Replay an agreement from its history alone.

    Args:
        history: what `chain_history.files.read` or `chain_history.collect.collect` gives; it is gone through twice.
        head: the hash of the last block, kept by the auditor; without it the history's own is trusted.

    Raises:
        HistoryError: when the history cannot be read; everything else that is wrong with it is in the report.
    """
    checks = Checks((*CHECKS, "chain.trail"))
    found = survey(history, head, checks)
    replay = _Replay(history, checks)
    if found.sound:
        last = b""
        for number, block in enumerate(history.blocks, history.origin.first_block):
            last = block.header
            if found.readable(number):
                replay.block(block, number)
        if keccak(last) != found.head:
            raise HistoryError(1, "it changed while it was read")
    checks.place = None
    return replay.report(found, head is None)


def creates(history: History, contract: str) -> bool:
    """Whether a history is that of a contract created from the code of `contract`: of agreements it is `Tokens`."""
    code = creation_code(contract)
    for block in history.blocks:
        with suppress(BadEncoding):  # which an audit tells
            for call in calls_in(block, history.origin.contract, TOKENS):
                if call.method == CREATION and call.succeeded:
                    return code is not None and call.arguments is not None and call.arguments[0].startswith(code)
        break
    return False


class _Replay:
    """The second pass."""

    def __init__(self, history: History, checks: Checks) -> None:
        self._origin, self._checks = history.origin, checks
        self._terms: AgreementTerms | None = None
        self._blind = "there is no deployment to start from"
        self._rows: list[EpochRow] = []
        self._noted: Counter[tuple[str, int]] = Counter()
        self._without_code: set[bytes] = set()
        self._delegating: set[bytes | None] = set()

    def block(self, block: RawBlock, number: int) -> None:
        """Take in a block."""
        for sent in map(decode_transaction, block.transactions):
            self._delegating.update(each.signer for each in sent.authorizations)
        for call in calls_in(block, self._origin.contract, TOKENS):
            self._checks.place = Place(block, number, call)
            if call.transaction.nonce == 0:
                self._without_code.add(call.sender)
            if not call.succeeded:
                self._refused(call)
            elif call.direct and call.method == CREATION:
                self._create(call)
            elif self._terms is not None and self._take(call):
                self._without_code.add(call.sender)  # the contract takes no call from another account

    def _take(self, call: ContractCall) -> bool:
        """Follow a call; whether it is one that the contract takes."""
        taken = self._that(
            call.direct and not call.value and call.arguments is not None, "token.calls", "transaction",
            "{} through {} with {} wei is no call that the contract takes", call.method or "something",
            "an account" if call.direct else "a contract", call.value,
        )  # fmt: skip
        if taken:
            self._CALLS[call.method](self, call)
        return taken

    def _refused(self, call: ContractCall) -> None:
        """A receipt says only that a call failed: one that every rule allows had to be taken."""
        sender, terms = call.sender, self._terms
        if terms is None or call.method not in self._CALLS or sender not in self._without_code - self._delegating:
            return
        size = len(call.transaction.data)
        if call.method == "agree":
            enough = gas_of_call(size, FIRST_CREDITS)
        else:
            enough = gas_of_anybodys_call(size, terms.places)
        if may_have_run_out(call, enough):
            return
        asked = self._tried(replace(call, succeeded=True, events=()))
        tried = self._tried(replace(call, succeeded=True, events=asked.due))
        if not tried.violations:
            self._that(False, "token.events", "refused call",
                       "the contract refused it, with {} events, though every rule allows it: the rules give {}",
                       len(call.events), asked.due)  # fmt: skip

    def _tried(self, call: ContractCall) -> DueEvents:
        """What the checks say of a call that changes nothing here."""
        tried, checks = copy(self), DueEvents(self._checks.tallies)
        tried._checks, tried._rows, tried._noted = checks, [], Counter()
        if tried._take(call) and tried._rows and tried._rows[0].kind == "agreed":
            tried._that(tried._rows[0].agreed is not None, "token.body", "body", "no group of it came to anything")
        return checks

    def report(self, found: Survey, trusted: bool) -> AgreementReport:
        """What it came to."""
        checks, state = self._checks, self._ledger if self._terms else None
        if state is None or found.unread:
            blind = self._blind if found.sound else "the blocks are no chain that can be followed"
            for name in CHECKS:
                if name.startswith("token.") and not checks.tallies[name].failed:
                    checks.unknown(name, found.unread or blind)
        kept = (name for name in CHECKS if not (trusted and name == "chain.head"))
        return AgreementReport(
            {name: checks.tallies[name] for name in kept}, checks.violations, self._findings(), "0x" + found.head.hex(),
            trusted, "0x" + self._origin.contract.hex(), self._terms,
            "0x" + state.head.hex() if state else None, state.token if state else None,
            state.credits if state else (), state.blocked_from if state else (), self._rows,
        )  # fmt: skip

    def _that(self, holds: bool, check: str, about: str, problem: str, *values: object, part: bytes = b"") -> bool:
        where = self._ledger.epoch if self._terms else None
        found, expected, *more = (*values, None, None)
        return self._checks.that(holds, check, where, about, problem, found, expected, *more, part=part)

    def _create(self, call: ContractCall) -> None:
        data, code = call.arguments[0] if call.arguments else b"", creation_code("Tokens")
        same = code is not None and data.startswith(code) and call.block == self._origin.first_block
        if not self._that(same and self._terms is None, "token.code", "creation", "in block {} from code of hash {}",
                          call.block, keccak(data[: len(code or b"")])):  # fmt: skip
            self._blind = "the contract is another one"
            return
        words = data[len(code or b"") :]
        numbers = [int.from_bytes(words[at : at + 32], "big") for at in range(0, len(words), 32)]
        problem = _problem(numbers, len(words))
        if not self._that(not problem, "token.terms", "terms", "{}", problem, part=words):
            self._blind = "the terms are not those of an agreement"
            return
        terms = AgreementTerms(*numbers[: len(_WIDTHS)])
        self._accounts = [number.to_bytes(20, "big") for number in numbers[_HEAD_WORDS:]]
        self._ledger = ledger.opening(terms, self._accounts)
        domain = Domain(self._origin.chain_id, self._origin.contract, terms.digest(self._accounts))
        self._separator, self._recorded_in, self._terms = domain.separator(), call.block, terms
        self._that(call.events == (), "token.events", "creation", "the history says {}", call.events)

    @property
    def _open(self) -> tuple[AgreementTerms, ledger.AgreementLedger]:
        assert self._terms is not None
        return self._terms, self._ledger

    def _agree(self, call: ContractCall) -> None:
        (terms, state), (data, signers, signatures) = self._open, call.arguments or ()
        self._certified(keccak(data) if data else NO_BLOCK, signers, signatures)
        if not data:
            self._end(call, "nothing", None, NO_BLOCK, signers)
            return
        try:
            body = bodies.decode(terms, data)
        except bodies.BodyMalformed as error:
            self._that(False, "token.body", "body", "{}", error.reason, part=data)
            self._end(call, "nothing", None, keccak(data), signers)
            return
        left, twice = ledger.participants(terms, state), sum(group.members.bit_count() for group in body.groups)
        self._that(
            body.counted & ~left == 0 and twice == body.counted.bit_count(), "token.body", "groups",
            "they hold {}, {} may be in one each", [seats(group.members) for group in body.groups], seats(left),
            part=data,
        )  # fmt: skip
        drawn = bodies.drawn(terms, seats(body.counted), body.seed)
        masks = tuple(group.members for group in body.groups)
        self._that(masks == drawn, "token.groups", "groups", "{}, the seed draws {}", list(map(seats, masks)),
                   list(map(seats, drawn)), part=body.seed)  # fmt: skip
        for at, group in enumerate(body.groups):
            expected = bodies.total(terms, group.members, group.sums)
            self._that(group.total == expected, "token.sums", f"total of group {at}", "it is {}, the sums say {}",
                       group.total, expected, part=bodies.encoded(group.sums))  # fmt: skip
        self._checks.trust("token.seed", "seeds", 1)
        if terms.steps:
            within = all(-terms.steps <= net <= 2 * terms.steps for net in body.nets)
            self._that(within, "token.credits", "tokens sent", "{} in {} steps", body.nets, terms.steps, part=data)
            self._checks.trust("token.credits", "rows", len(body.nets))
        self._end(call, "agreed", body, keccak(data), signers)

    def _keep(self, call: ContractCall) -> None:
        terms, _ = self._open
        deadline = self._recorded_in + terms.deadline
        self._that(call.block > deadline, "token.deadline", "end", "in block {}, its deadline was block {}", call.block,
                   deadline)  # fmt: skip
        self._end(call, "deadline", None, NO_BLOCK, 0)

    def _certified(self, content: bytes, signers: int, signatures: bytes) -> None:
        terms, state = self._open
        members, holders = ledger.validators(terms, state), seats(signers)
        quorum = terms.quorum(members.bit_count())
        formed = len(signatures) == SIGNATURE_BYTES * len(holders)
        self._that(
            formed and len(holders) >= quorum and signers & ~members == 0, "token.quorum", "signers",
            "seats {0} signed, a quorum is {3} of {1}; {2} bytes of signatures", holders, seats(members),
            len(signatures), quorum, part=signatures,
        )  # fmt: skip
        digest = Slot(self._separator, state.epoch, state.head).digest(Phase.BLOCK, Role.SIGNER, 0, content)
        for at, seat in enumerate(holders if formed else ()):
            signature = signatures[SIGNATURE_BYTES * at : SIGNATURE_BYTES * (at + 1)]
            self._that(seat < terms.places and signer(digest, signature) == self._accounts[seat], "token.signatures",
                       f"signature of seat {seat}", "{} is not its own over this epoch", signature,
                       part=signature)  # fmt: skip

    def _end(
        self, call: ContractCall, kind: str, body: bodies.AgreementBody | None, content: bytes, signers: int
    ) -> None:
        """Hold the event against the rules, and go on from them."""
        terms, state = self._open
        after = ledger.after_epoch(terms, state, body, content)
        counted = body.counted if body else 0
        said = next((event.values for event in call.events if event.name == "TokenAgreed"), (None,) * 4)
        self._that(said[1] == after.token, "token.agreed", "token", "the history says {}, the rules give {}", said[1],
                   after.token)  # fmt: skip
        self._that((said[0], said[3]) == (state.epoch, after.head), "token.links", "epoch and head",
                   "the history says {}, the rules give {}", (said[0], said[3]), (state.epoch, after.head))  # fmt: skip
        expected = Event("TokenAgreed", (state.epoch, after.token, counted, after.head))
        self._that(call.events == (expected,), "token.events", "events", "the history says {}, the rules give {}",
                   call.events, (expected,))  # fmt: skip
        wrong, missing = self._faults(terms, body, ledger.validators(terms, state))
        for seat in seats(ledger.participants(terms, state) & ~counted) if body else ():
            self._noted["left out", seat] += 1
        self._rows.append(EpochRow(
            state.epoch, kind, after.token, body.agreed if body else None,
            tuple(group.mean for group in body.groups) if body else (), seats(counted), seats(signers), wrong, missing,
            call.gas, call.block,
        ))  # fmt: skip
        self._ledger, self._recorded_in = after, call.block

    def _faults(
        self, terms: AgreementTerms, body: bodies.AgreementBody | None, members: int
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Validators whose sums are off, or missing, in any group that came to something."""
        wrong: set[int] = set()
        missing: set[int] = set()
        for group in body.groups if body else ():
            given = {at: value for at, value in enumerate(group.sums) if value is not None}
            missing |= {at + terms.participants for at in range(terms.validators)} - {
                at + terms.participants for at in given
            }
            if bodies.total(terms, group.members, group.sums) is not None:
                wrong |= {at + terms.participants for at in shamir.opened(given, terms.faulty).wrong}
        missing &= set(seats(members))
        for what, who in (("false sum", wrong), ("no sum", missing)):
            for seat in who:
                self._noted[what, seat] += 1
        return tuple(sorted(wrong)), tuple(sorted(missing))

    def _accuse(self, call: ContractCall) -> None:
        (terms, state), (proof,) = self._open, call.arguments or ()
        problem = unproven(proof, terms.places, self._separator, partial(self._is_its, proof.seat))
        self._that(not problem, "evidence.proof", f"proof against seat {proof.seat}", "{}", problem)
        if proof.seat >= terms.places:
            return
        fresh = not state.blocked_from[proof.seat]
        self._ledger = ledger.accused(state, proof.seat)
        expected = (Event("Accused", (proof.seat, self._ledger.blocked_from[proof.seat])),)
        self._that(fresh and call.events == expected, "evidence.listing", f"seat {proof.seat}",
                   "the history says {}, the rules {}", call.events, expected if fresh else ())  # fmt: skip
        if not problem:
            self._noted["equivocated", proof.seat] += 1

    def _is_its(self, seat: int, digest: bytes, signature: bytes) -> bool:
        return signer(digest, signature) == self._accounts[seat]

    _CALLS: ClassVar[Mapping[str, Callable[["_Replay", ContractCall], None]]] = {
        "agree": _agree, "keepAfterDeadline": _keep, "reportEquivocation": _accuse,
    }  # fmt: skip

    def _findings(self) -> list[Finding]:
        weights = {"equivocated": Weight.PROOF}
        return [
            Finding(kind, seat, count, (), _SAID[kind].format(seat=seat, epochs=counted(count, 'epoch')),
                    weights.get(kind, Weight.OBSERVATION))
            for (kind, seat), count in sorted(self._noted.items())
        ]  # fmt: skip


_SAID = {
    "equivocated": "seat {seat} is proven to have signed two contents in one slot",
    "false sum": "the sum of seat {seat} is off what the other validators' say in {epochs}",
    "no sum": "there is no agreed sum of seat {seat} in {epochs}",
    "left out": "seat {seat} did not count in {epochs}: its dealing was not agreed on, or was none",
}


def _problem(numbers: list[int], size: int) -> str:
    """What is wrong with a constructor's arguments; empty when nothing is."""
    if size % 32 or len(numbers) < _HEAD_WORDS:
        return "they are cut off"
    if any(number >> bits for number, bits in zip(numbers, _WIDTHS, strict=False)):
        return "a number is too large for its field"
    terms = AgreementTerms(*numbers[: len(_WIDTHS)])
    try:
        terms.check()
    except AssumptionBroken as error:
        return str(error)
    accounts, first = numbers[_HEAD_WORDS:], terms.participants
    if numbers[len(_WIDTHS) : _HEAD_WORDS] != [32 * (len(_WIDTHS) + 1), terms.places] or len(accounts) != terms.places:
        return f"there are {len(accounts)} accounts, not {terms.places}"
    for row in (accounts[:first], accounts[first:]):
        if row != sorted(set(row)) or not 0 < row[0] <= row[-1] < 2**160:
            return "the accounts of a role do not ascend"
    return ""
