"""Second implementation beside the audit: the same file recomputed by `paranoid`, which shares no rule or codec."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from chain_bandit.auditor.agreement import SECOND_OF_TOKENS, AgreementReport
from chain_bandit.auditor.catalogue import SECOND
from chain_bandit.auditor.report import KEPT, AuditReport, Checked, CheckTally, Violation, plain, worded
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.paranoid.tokens import recompute_tokens
from chain_bandit.paranoid.verdict import Difference, Verdict

MONEY = ("role", "stake", "rewards", "cost", "penalty", "void", "share", "net", "withdrawn", "owed")
"""What an account says in either computation, beside whose it is."""

CHAIN = ("chain.links", "chain.transactions", "chain.receipts")
"""What makes blocks a chain: where it does not hold neither computation has anything to follow."""

UNMADE = CheckTally(
    not_checkable=1, evidence="the blocks are no chain that can be followed: nothing was computed again"
)


def with_second_opinion(report: AuditReport, path: Path) -> AuditReport:
    """The report of an exported history, with what a second computation of it comes to.

    Args:
        report: what the audit found in that file.
        path: the file.

    Returns:
        The report with the checks of `SECOND`: whatever differs between history, audit and second implementation is a
        violation under `paranoid.` and what it is, with its round, what was expected and what was found. Where the
        blocks are no chain there is no second computation: all of it is not checkable. What follows from a rule that
        has one implementation is no check, neither passed nor not checkable; its evidence says so.
    """
    if _is_no_chain(report):
        return replace(report, checks={**report.checks, **dict.fromkeys(SECOND, UNMADE)})
    verdict = recompute(path)
    _compare_rounds(report, verdict)
    if verdict.complete:
        _compare_game(report, verdict)
    return _with_verdict(report, verdict, SECOND)


def with_second_agreement(report: AgreementReport, path: Path) -> AgreementReport:
    """The same of an agreement on tokens: the report of an exported history, with the checks of `SECOND_OF_TOKENS`."""
    if _is_no_chain(report):
        return replace(report, checks={**report.checks, **dict.fromkeys(SECOND_OF_TOKENS, UNMADE)})
    second = recompute_tokens(path)
    verdict, rows = second.verdict, {row.epoch: row for row in second.epochs}
    audited = {row.epoch: row for row in report.epochs}
    for t in sorted(rows.keys() | audited.keys()):
        mine, theirs = rows.get(t), audited.get(t)
        if mine is None or theirs is None:
            if verdict.complete:
                verdict.same("record", t, "record", mine and mine.kind, theirs and theirs.kind)
            continue
        for what, about in (
            ("record", "kind"), ("groups", "counted"), ("sums", "means"), ("token", "agreed"), ("token", "token"),
            ("certificate", "signers"),
        ):  # fmt: skip
            verdict.same(what, t, about, getattr(mine, about), getattr(theirs, about))
    if verdict.complete:
        verdict.same("record", None, "digest", "0x" + second.head.hex(), report.digest)
        verdict.same("credits", None, "credits", tuple(second.credits), report.credits)
        verdict.same("blocklist", None, "seats left out from", tuple(second.blocked_from), report.blocked_from)
        verdict.same("setup", None, "terms", second.terms, report.terms and asdict(report.terms))
    return _with_verdict(report, verdict, SECOND_OF_TOKENS)


def _is_no_chain(report: Checked) -> bool:
    return any(report.checks[name].failed or report.checks[name].not_checkable for name in CHAIN)


_Report = TypeVar("_Report", AuditReport, AgreementReport)


def _with_verdict(report: _Report, verdict: Verdict, second: Iterable[str]) -> _Report:
    """With a check for each thing that was computed twice."""
    checks, violations = dict(report.checks), list(report.violations)
    for name in second:
        what = name.removeprefix("paranoid.")
        found = [each for each in verdict.differences.values() if each.what == what]
        violations += [
            Violation(name, each.round, each.about, _sentence(each), plain(each.found), plain(each.expected), None)
            for each in found[:KEPT]
        ]
        reason, unknown = verdict.unknown.get(what, ("", 0))
        evidence = _sentence(found[0]) if found else reason or verdict.single.get(what, "")
        checks[name] = CheckTally(verdict.passed[what], len(found), unknown, verdict.trusted[what], evidence)
    return replace(report, checks=checks, violations=violations)


def _sentence(found: Difference) -> str:
    place = "" if found.round is None else f"round {found.round}: "
    expected, other = worded(found.expected), worded(found.found)
    return f"{place}{found.about}: expected {expected}, found {other}"


def _compare_rounds(report: AuditReport, verdict: Verdict) -> None:
    """Every row of the audit against that of the second implementation."""
    rows, audited = {row.round: row for row in verdict.rounds}, {row.round: row for row in report.rounds}
    for t in sorted(rows.keys() | audited.keys()):
        mine, theirs = rows.get(t), audited.get(t)
        if mine is None or theirs is None:
            if verdict.complete:
                verdict.same("record", t, "record", mine and mine.kind, theirs and theirs.kind)
            continue
        costly = theirs.costly if mine.costly is None and "cost" in verdict.single else mine.costly
        paid = (
            ("reward", "rewards", mine.rewards, theirs.rewards),
            ("cost", "costly", costly, theirs.costly),
        )
        for what, about, expected, found in (
            ("kind", "kind", mine.kind, theirs.kind),
            ("arm", "arm", mine.arm, theirs.arm),
            ("arm", "pulls", mine.length, theirs.length),
            ("committee", "validators", mine.validators, theirs.validators),
            ("blocklist", "block list", mine.blocked, theirs.blocked),
            ("means", "means", mine.means, theirs.means),
            ("selection", "selected", mine.selected, theirs.selected),
            ("reputation", "reputations", mine.reputations, theirs.reputations),
            *(paid if verdict.complete else ()),
        ):
            if what not in verdict.single or expected != found:
                verdict.same(what, t, about, expected, found)


def _compare_game(report: AuditReport, verdict: Verdict) -> None:
    """Run digest, block list, cost and money."""
    digest = verdict.run_digest
    verdict.same("digest", None, "run digest", digest and "0x" + digest.hex(), report.run_digest)
    verdict.same("blocklist", None, "seats listed from", verdict.blocked_from, report.game["blocked_from"])
    verdict.same("cost", None, "cost", verdict.cost, report.game["cost"])
    verdict.same("cost", None, "true means", verdict.true_means, report.game["true_means"])
    verdict.same("balance", None, "burned", verdict.burned, report.burned)
    holders = ["0x" + account.address.hex() for account in verdict.accounts]
    verdict.same("balance", None, "holders of accounts", holders, [account.address for account in report.accounts])
    for holder, mine, theirs in zip(holders, verdict.accounts, report.accounts, strict=False):  # as many, or it is said
        for name in MONEY:
            verdict.same("balance", None, f"{name} of account {holder}", getattr(mine, name), getattr(theirs, name))
