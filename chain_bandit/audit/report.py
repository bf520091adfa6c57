"""What an audit says: checks counted one by one, violations apart from findings, money, and one row a round."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from chain_bandit.audit.catalogue import CHECKS, PROVES

KEPT = 20
"""Violations and findings of one sort that are kept in words; all are counted."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What contradicts the rules: the check, the round (None outside rounds), the field, one sentence."""

    check: str
    round: int | None
    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that breaks no check: a participant's lie or silence; with no seat, about the game as a whole."""

    kind: str
    seat: int | None
    count: int
    rounds: tuple[int, ...]
    sentence: str


@dataclass(slots=True)
class Tally:
    """How one check went; `on_trust` counts what stands on the word of a quorum and was not checked."""

    passed: int = 0
    failed: int = 0
    not_checkable: int = 0
    on_trust: int = 0
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Money of one party. Rewards in units of 1e-9, the rest in wei; None where it is not known."""

    seat: int | None
    address: str
    role: str | None
    stake: int
    rewards: int
    cost: int | None
    net: int | None
    withdrawn: int


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One record.

    Attributes:
        rewards: by seat in units, None where no pull was settled.
        costly: None where not known.
        gas: the record's share of its transaction's.
        signers: of its certificate; nobody for a block that a later one of its transaction vouches for.
        validators: the round's committee less its block list.
        blocked: the round's block list.
        reputations: of every seat after the record.
    """

    round: int
    kind: str
    arm: int | None
    means: tuple[int, ...] | None
    reporters: tuple[int, ...]
    selected: tuple[tuple[int, ...], ...]
    costly: bool | None
    rewards: tuple[int | None, ...] | None
    gas: int
    block: int
    signers: tuple[int, ...] = ()
    validators: tuple[int, ...] = ()
    blocked: tuple[int, ...] = ()
    reputations: tuple[int, ...] = ()


class Checks:
    """The running count of every check, and the first violations in words."""

    def __init__(self) -> None:
        self.tallies = {name: Tally() for name in CHECKS}
        self.violations: list[Violation] = []

    def that(self, holds: bool, check: str, where: int | None, about: str, problem: str, *values: object) -> bool:
        """Count one check; on failure keep `problem`, a sentence that `values` are put into."""
        tally = self.tallies[check]
        if holds:
            tally.passed += 1
            return True
        tally.failed += 1
        place = "" if where is None else f"round {where}: "
        sentence = f"{place}{about}: {problem.format(*map(shown, values))}"
        if tally.failed == 1:
            tally.evidence = sentence
        if tally.failed <= KEPT:
            self.violations.append(Violation(check, where, about, sentence))
        return False

    def same(self, got: object, expected: object, check: str, where: int | None, about: str) -> bool:
        """Count one comparison of what the history says with what follows from the rest of it."""
        return self.that(got == expected, check, where, about, "the history says {}, the rules give {}", got, expected)

    def each_same(
        self, got: Sequence[object], expected: Sequence[object], check: str, where: int | None, about: str
    ) -> None:
        """Count a comparison for every entry; `about` is followed by the entry's index."""
        if list(got) == list(expected):
            self.tallies[check].passed += len(expected)
            return
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            self.same(one, other, check, where, f"{about} {index}")

    def unknown(self, check: str, reason: str, count: int = 1) -> None:
        """Count what could not be checked, and why."""
        tally = self.tallies[check]
        if not tally.failed and not tally.not_checkable:
            tally.evidence = reason
        tally.not_checkable += count

    def trust(self, check: str, what: str, count: int) -> None:
        """Count what nothing in the history can prove or disprove, and which rests on a quorum's word alone."""
        tally = self.tallies[check]
        tally.on_trust += count
        if not tally.failed and not tally.not_checkable:
            tally.evidence = f"{tally.on_trust} {what} rest on the quorum's word alone"


def shown(value: object) -> object:
    """A value as a sentence has it: bytes in hexadecimal, nothing at length."""
    if isinstance(value, bytes):
        return "0x" + value.hex() if len(value) <= 32 else f"0x{value[:8].hex()}… ({len(value)} bytes)"
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Everything that an audit found. `json` is its stable form, `lines` its short text.

    Attributes:
        complete: whether the game was closed, or called off before its opening.
        run_digest: None when bodies are missing that it is over.
        head: the hash of the last block.
        head_trusted: True when no head was given, so that the file's own is believed.
        game: facts of the game by name: parameters, records, approved, cost, true means, gas.
        accounts: the money table, the environment last.
        rounds: one row a record.
        other_transactions: how many were reverted, were without effect, or came through another contract: listed,
            not judged.
    """

    checks: dict[str, Tally]
    violations: list[Violation]
    findings: list[Finding]
    run_digest: str | None
    head: str
    head_trusted: bool
    complete: bool
    game: dict[str, Any]
    accounts: list[Account]
    burned: int
    rounds: list[RoundRow]
    other_transactions: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Checks that failed."""
        return sum(tally.failed for tally in self.checks.values())

    @property
    def not_checkable(self) -> int:
        """Checks that could not be made."""
        return sum(tally.not_checkable for tally in self.checks.values())

    @property
    def on_trust(self) -> int:
        """What was taken on a quorum's word: no failure, but not checked either."""
        return sum(tally.on_trust for tally in self.checks.values())

    @property
    def exit_code(self) -> int:
        """0 all passed, 12 a violation, 13 something not checkable."""
        return 12 if self.failed else 13 if self.not_checkable else 0

    @property
    def verdict(self) -> str:
        """One word for the exit code."""
        return {0: "passed", 12: "violated", 13: "incomplete"}[self.exit_code]

    def as_dict(self, with_rounds: bool = True) -> dict[str, Any]:
        """JSON-ready: integers of wei as they are, bytes in hexadecimal."""
        value = {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "on_trust": self.on_trust,
            "checks": {
                name: {"proves": PROVES[name], **asdict(tally)} for name, tally in self.checks.items()
            },
            "violations": [asdict(item) for item in self.violations],
            "findings": [asdict(item) for item in self.findings],
            "run_digest": self.run_digest,
            "head": self.head,
            "head_trusted": self.head_trusted,
            "complete": self.complete,
            "game": self.game,
            "accounts": [asdict(item) for item in self.accounts],
            "burned": self.burned,
            "other_transactions": self.other_transactions,
        }
        if with_rounds:
            value["rounds"] = [asdict(item) for item in self.rounds]
        return value

    def json(self, with_rounds: bool = True) -> str:
        """Deterministic JSON text."""
        return json.dumps(self.as_dict(with_rounds), sort_keys=True)

    def lines(self) -> list[str]:
        """The report in plain lines for a terminal."""
        passed = sum(tally.passed for tally in self.checks.values())
        head = f"audit {self.verdict}: {passed} passed, {self.failed} failed, {self.not_checkable} not checkable"
        out = [f"{head}, {self.on_trust} on the quorum's word" if self.on_trust else head]
        for name, tally in self.checks.items():
            mark = "FAILED" if tally.failed else "?" if tally.not_checkable else "ok" if tally.passed else "-"
            counts = f"{tally.passed}/{tally.failed}/{tally.not_checkable}"
            out.append(f"  {mark:<6} {name:<24} {counts:>12}  {PROVES[name]}")
            if tally.evidence:
                out.append(f"         {tally.evidence}")
        if self.head_trusted:
            out.append(f"  no head was given: the last block of the history, {self.head}, is trusted")
        out.extend(f"  finding: {finding.sentence}" for finding in self.findings)
        return out
