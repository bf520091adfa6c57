"""Sentences about a run that more than one view shows."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from chain_bandit.auditor.findings import ALWAYS
from chain_bandit.auditor.report import Weight, counted
from chain_bandit.game_names import clean
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.view_model import PROVEN_FALSE, ViewModel

SECTIONS = {
    "conduct": "Misbehaviour, and what it cost",
    "rounds": "Rounds",
    "money": "Money",
    "regret": "Regret",
    "estimators": "Estimators against truth",
    "consensus": "Consensus",
    "reputation": "Reputation",
    "chain": "Chain",
    "audit": "Audit",
    "method": "Method",
}
"""Anchor and title of each section of a page, in order."""


NO_ANSWER = "the rule of aggregation selected no report, and gave no estimator"
"""Of a rejected block in which nobody was selected."""

_LIVE = (
    "The rewards are live: they come from outside, so that nobody knows true means, and what was lost against the best "
    "arm cannot be told."
)
_SELF_DECLARED = (
    "The rewards are self-declared: each participant observes its own, and reports what it likes of them. Robust "
    "aggregation alone protects the estimators. Every pull is paid one whole reward, whatever it gave. True means and "
    "regret are not known."
)


def verdict(facts: ViewModel) -> str:
    """How the audit ended, in one sentence."""
    report = facts.report
    made = facts.passed + report.failed + report.not_checkable
    broken = sum(tally.failed > 0 for tally in report.checks.values())
    return {
        "passed": f"The game was played, recorded and paid by the rules: all {made:,} checks of its history passed.",
        "violated": f"The rules were broken: {report.failed:,} of {made:,} checks of the history failed, "
                    f"of {counted(broken, 'kind')}.",
        "incomplete": f"Nothing that could be checked is wrong, but {report.not_checkable:,} of {made:,} checks could "
                      "not be made.",
    }[report.verdict]  # fmt: skip


def misbehaved(facts: ViewModel) -> str:
    """Against whom there is proof, in one sentence; and that there is less than proof against others."""
    found = facts.report.findings
    proven = [item for item in found if item.weight is Weight.PROOF]
    seats = sorted({seat for item in proven for seat in (item.seat, *item.others) if seat is not None})
    names = {p.seat: f"{p.seat} ({clean(p.role)})" if p.role else str(p.seat) for p in facts.participants}
    named = [names.get(seat, str(seat)) for seat in seats[:_NAMED]]
    if len(seats) > _NAMED:
        named.append(f"{len(seats) - _NAMED:,} more")
    who = f"seat{'s' if len(seats) > 1 else ''} {_listed(named)}"
    said = f"There is proof that {who} sent a false report or signed twice." if seats else (
        "There is no proof of a false report or of two signatures in one slot."
    )
    if any(item.seat is None for item in proven):
        said += " There is proof against the environment."
    return said


_NAMED = 12


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))


def no_regret(facts: ViewModel) -> str:
    """What stands in the place of regret where rewards come from outside."""
    return _SELF_DECLARED if facts.is_self_declared else _LIVE


def what_it_cost(facts: ViewModel) -> str:
    """What failed rounds and those of case 2 took from an honest participant, in one sentence."""
    if not facts.columns and not facts.is_live:
        return "What that cost the honest in expectation is not in a history: only who played the game counts regret."
    if facts.is_live:
        return no_regret(facts)
    lost, misled = {line.key: line.total / UNIT for line in facts.regret}, facts.case_2
    failed, cost = lost["failed"], lost["cost"]
    if not facts.unpaid and misled == 0:
        return "It cost the honest nothing: no round failed, and none was in case 2."
    in_case_2 = "rounds of case 2" if misled is None else f"{counted(misled, 'round')} of case 2"
    said = (
        f"Each honest participant lost {failed + cost:,.2f} rewards in expectation: {failed:,.2f} in "
        f"{counted(len(facts.unpaid), 'round')} without an approved block, {cost:,.2f} in {in_case_2}."
    )
    provable = facts.parameters is not None and facts.parameters.provable
    return f"{said} A round of case 2 costs nothing where false reports can be proven." if provable else said


def what_proofs_cost(facts: ViewModel) -> list[str]:
    """What a proof of a false report took from each seat, in a sentence each."""
    wei = (facts.report.game.get("parameters") or {}).get("wei_per_unit", 0)
    named = [item.seat for item in facts.report.findings if item.kind in PROVEN_FALSE and item.seat is not None]
    said = []
    for account in facts.report.accounts if wei else ():
        if account.seat in named and account.net is not None:
            slash, void = account.penalty / wei / UNIT, account.void / wei / UNIT
            said.append(
                f"A report of seat {account.seat} was proven false: that took {slash:,.2f} rewards of its stake, "
                f"and {void:,.2f} of the {account.rewards / UNIT:,.2f} that it had earned."
            )
    return said[:_NAMED]


def attacks_in_words(facts: ViewModel) -> list[str]:
    """Each attack of the malicious, and the seats that tried it; empty where only a history is known."""
    seats: dict[str, list[str]] = {}
    for seat, attacks in facts.manifest.attacks.items():
        for name, sentence in attacks.items():
            seats.setdefault(f"{clean(name)}: {clean(sentence, 200)}", []).append(clean(seat))
    return [f"Seat{'s' if len(who) > 1 else ''} {_listed(who)} tried {what}" for what, who in seats.items()][:_NAMED]


CONDUCT = (
    "False: reports of other means than those of its receipts. Equivocated: signed two contents in one slot. Since: "
    "the round of the first of these. Excluded: the first round without the seat. The rest is in rewards. Slash: taken "
    "from the stake. Voided: of what it earned, not paid. Took home: paid out beyond the stake."
)
"""What the columns of the table of conduct are."""


def honest_average(facts: ViewModel) -> tuple[float, float | None]:
    """What an honest participant earned and took home on average; None where that is not known."""
    honest = [p for p in facts.participants if p.malicious is False and p.net is not None]
    if not honest:
        return 0.0, None
    return fmean(p.reward for p in honest), fmean(p.net or 0.0 for p in honest)


def others_in_words(facts: ViewModel) -> list[str]:
    """What the other lines of the table of regret are."""
    others = (
        "Rewards lost in expectation against always pulling the best arm; all learners have the same draws. UCB1 alone "
        "shares nothing; the oracle pools the rewards of all honest participants, under the game's index policy."
    )
    undefended = "The undefended mean believes every report, those of the same liars too, and excludes nobody."
    return [others] if facts.manifest.undefended is None else [others, undefended]


def headline(facts: ViewModel) -> list[str]:
    """What happened, in two sentences that a newcomer understands, and which rules of the game failed."""
    manifest, people = facts.manifest, facts.participants
    malicious = sum(bool(p.malicious) for p in people)
    known = all(p.role for p in people) and bool(people)
    who = f"{len(people)} participants" + (f", {malicious} of them malicious," if known else "")
    due = "rounds" if manifest.rounds is None else counted(manifest.rounds, "round")
    if manifest.rounds and facts.parameters and facts.parameters.has_phases:
        due = f"{counted(manifest.rounds, 'pull')} each, in {counted(len(facts.rows), 'round')}"
    first = (
        f"{who} learned together which of {counted(len(facts.names), 'arm')} pays best, over {due} that a contract "
        "recorded."
    )
    return [first, learned(facts), *_failed_rules(facts)]


def learned(facts: ViewModel) -> str:
    """Which arm the last approved block puts first, and what is true."""
    last = next((row.means for row in reversed(facts.rows) if row.kind == "approved" and row.means), None)
    if last is None:
        return "No block was approved."
    truth, best = facts.manifest.arm_means, facts.by_mean[0]
    found = max(range(len(last)), key=lambda arm: (last[arm], -arm))
    said = f"The last block puts {facts.names[found]} first, at {last[found] / UNIT:.3f}"
    if facts.is_live:
        return f"{said}; true means are not known, as the rewards are {facts.come}."
    if truth is None:
        return f"{said}; the true means are not revealed."
    if truth[found] == truth[best]:
        return f"{said}; it is the best arm, with a true mean of {truth[best] / UNIT:.3f}."
    return (
        f"{said} (true mean {truth[found] / UNIT:.3f}); the best arm is {facts.names[best]}, "
        f"with a true mean of {truth[best] / UNIT:.3f}."
    )


def _failed_rules(facts: ViewModel) -> list[str]:
    """The rules of the game that failed each time, and why the first time."""
    failed = [clean(each.sentence, 400) for each in facts.report.findings if each.evidence.get(ALWAYS)]
    return [f"{said[0].upper()}{said[1:]}." for said in failed[:1]]


def attacking_pays(facts: ViewModel) -> str:
    """Whether the malicious took home more than the honest, in this one game."""
    groups: dict[bool, list[float]] = {False: [], True: []}
    for p in facts.participants:
        if p.net is not None and p.malicious is not None:
            groups[p.malicious].append(p.net / UNIT)
    if not groups[False] or not groups[True]:
        return "What honest and malicious participants took home cannot be compared."
    honest, malicious = fmean(groups[False]), fmean(groups[True])
    return (
        f"On average the honest took home {honest:,.1f} rewards, the malicious {malicious:,.1f}. That is one game, in "
        f"which the honest differ by up to {max(groups[False]) - min(groups[False]):,.1f} among themselves: it does "
        "not say what attacking pays on average."
    )


def beyond_bounds(facts: ViewModel) -> str:
    """Sentence for a game in which more misbehaved than was assumed; empty otherwise."""
    given = facts.report.game.get("parameters")
    roles = [p.role or "" for p in facts.participants]
    if not given or not all(roles):
        return ""
    liars, attackers = sum("liar" in role for role in roles), sum("attacker" in role for role in roles)
    if liars <= given["liars"] and attackers <= given["attackers"]:
        return ""
    return (
        f"The game assumed at most {given['liars']} liars and {given['attackers']} attackers; revealed were "
        f"{liars} and {attackers}. Beyond its assumptions the protocol promises nothing."
    )


def aborted(facts: ViewModel) -> str:
    """In how many rounds nobody could compare counts, and why in the first; empty where all had their bits."""
    rounds = facts.manifest.aborted
    if not rounds:
        return ""
    first = min(rounds, key=lambda text: (len(text), text))
    return (
        f"In {len(rounds):,} rounds the comparison was aborted, and no block came of them; the first is round "
        f"{clean(first)}: {clean('; '.join(rounds[first]), 400)}."
    )


_SECTIONS = {"evm": "EVM and contract", "sign": "signing", "verify": "verifying signatures"}


def seconds(measured: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Where the time of a run went: (name, seconds, share), the rest and the whole last."""
    whole = float(measured["seconds"])
    parts = {str(name): float(value) for name, value in measured["sections"].items()}
    rows = [(clean(_SECTIONS.get(name, name)), value) for name, value in sorted(parts.items(), key=lambda i: -i[1])]
    rows += [("consensus and all the rest", whole - sum(parts.values())), ("in all", whole)]
    return [(name, value, value / whole if whole else 0.0) for name, value in rows]
