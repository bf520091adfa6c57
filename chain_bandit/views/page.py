"""Report page of a run: one self-contained HTML file, which opens from disk, makes no requests, and prints."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from chain_bandit.auditor.report import AuditReport
from chain_bandit.game_names import clean
from chain_bandit.protocol import rules
from chain_bandit.protocol.parameters import ESTIMATES, ODDS, BodyMode, Parameters
from chain_bandit.protocol.ruleset import RuleChoice, RulesUnknown
from chain_bandit.protocol.sortition import in_decimals
from chain_bandit.views import plots
from chain_bandit.views.canvas import themed
from chain_bandit.views.document import document
from chain_bandit.views.markup import Markup, TableCell, code, facts_list, joined, picture, table, tag
from chain_bandit.views.page_audit import audit_section
from chain_bandit.views.page_conduct import conduct_section, conduct_table
from chain_bandit.views.page_money import money_section
from chain_bandit.views.page_rounds import rounds_section
from chain_bandit.views.phrases import SECTIONS, aborted, headline, no_regret, others_in_words, seconds, verdict
from chain_bandit.views.view_model import ViewModel, amount, span, whole

MARKS = {"ok": "✓", "bad": "✗", "open": "?", "none": "\N{EN DASH}"}


def page(
    manifest: Mapping[str, Any],
    report: AuditReport,
    rounds: Any = None,
    measured: Mapping[str, Any] | None = None,
    *,
    scenario: str | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
    every: float | None = None,
    pictures: dict[str, Any] | None = None,
) -> str:
    """The page of one run, or of a history alone. The same arguments give the same text.

    Args:
        manifest: of the run folder, or `manifest_of` the history.
        report: of the audit of its history.
        rounds: the table of rounds by column; None where there is only a history.
        measured: seconds of the machine that ran it.
        scenario: the locked scenario's text.
        evidence: proofs of equivocation, as in the run folder.
        every: of a page that a server serves while the game is played: seconds after which it asks for itself again, 0
            when the game is over. Its rounds and participants can be opened.
        pictures: of an earlier page of the game, which are not drawn anew; those that are missing are added.

    Raises:
        RunUnreadable: when manifest or rounds are not those of a run.
    """
    facts, live = ViewModel.of(manifest, report, rounds, pictures), every is not None
    body = joined(
        _live_bar(facts, every) if every is not None else None,
        _top(facts),
        conduct_section(facts, evidence),
        rounds_section(facts, live),
        money_section(facts),
        _regret(facts),
        _estimators(facts),
        _consensus(facts, live),
        _reputation(facts),
        _chain(facts),
        audit_section(facts.report, facts.report.head if facts.report.head_trusted else ""),
        _method(facts, measured, scenario),
    )
    if not live:
        return document(clean(facts.manifest.scenario), body)
    refresh = [tag("noscript", tag("meta", http_equiv="refresh", content=f"{max(1, round(every))}"))] if every else []
    return document(clean(facts.manifest.scenario), body, True, *refresh)


def _live_bar(facts: ViewModel, every: float) -> Markup:
    """How far the game is, and a form that opens a round or a participant; with scripts alone."""
    last = facts.rows[-1].round if facts.rows else 0
    due = f" of {facts.manifest.rounds:,}" if facts.manifest.rounds and facts.at == "round" else ""  # or T is of pulls
    said = f"Round {last:,}{due} is recorded" + ("." if every else "; the game is over.")
    which = tag("select", tag("option", "round", value="round"), tag("option", "participant", value="participant"),
                aria_label="What to open")  # fmt: skip
    return tag(
        "div",
        tag("span", said, role="status"),
        tag("form", "Open ", which, tag("input", type="text", required="", size="6", inputmode="numeric",
                                        aria_label="Number of the round, or seat of the participant"),
            tag("button", "open", type="submit")),
        id="live", data_every=f"{every:g}" if every else None,
        data_lost="The server of this page does not answer: the game is over, or it was stopped.",
    )  # fmt: skip


def _section(anchor: str, *children: object) -> Markup:
    return tag("section", tag("h2", SECTIONS[anchor]), *children, id=anchor)


def _top(facts: ViewModel) -> Markup:
    strip = [
        tag(
            "a",
            tag("span", verdict.name, class_="name"),
            tag("span", f"{MARKS[verdict.status]} {verdict.word}", class_=f"word {verdict.status}"),
            tag("span", verdict.sentence, class_="why"),
            href=f"#{verdict.anchor}",
        )
        for verdict in facts.verdicts
    ]
    return tag(
        "header",
        tag("h1", clean(facts.manifest.scenario)),
        tag("p", f"{MARKS[facts.verdicts[2].status]} {verdict(facts)}", class_=f"verdict {facts.verdicts[2].status}"),
        *(tag("p", sentence, class_="lead") for sentence in headline(facts)),
        conduct_table(facts),
        _losses(facts),
        tag("div", *strip, class_="verdicts", id="verdict"),
        tag("nav", *(tag("a", title, href=f"#{anchor}") for anchor, title in SECTIONS.items()), aria_label="Sections"),
    )


def _losses(facts: ViewModel) -> Markup | None:
    """The regret of all rounds beside that of others, without its parts."""
    if not facts.columns or facts.is_live:
        return None
    rows: list[list[object]] = [[line.name, amount(line.total)] for line in facts.regret if not line.is_part]
    title = f"rewards lost by an honest participant in {facts.at}s {span(1, facts.pulls[-1])}"
    return joined(table([title, "in all"], rows, "-n"),
                  tag("p", " ".join(others_in_words(facts)), class_="quiet"))  # fmt: skip


def _regret(facts: ViewModel) -> Markup:
    if facts.is_live:
        if not facts.columns:
            return _section("regret", tag("p", no_regret(facts)))
        pulled = themed(facts.drawn(plots.arms_pulled))
        drawn = picture(pulled, "Which arm the honest pulled, round by round.", "broad")
        return _section("regret", tag("p", no_regret(facts)), drawn)
    if not facts.columns:
        said = (
            "Regret, and what others would have lost on the same draws, is counted by who plays a game, and is not in "
            "its history: the page of the run folder has it."
        )
        return _section("regret", tag("p", said, class_="quiet"))
    burn_in, horizon = facts.manifest.burn_in, facts.last
    rows: list[list[object]] = [
        [
            tag("span", line.name, class_="part") if line.is_part else line.name,
            amount(line.total),
            amount(line.after),
        ]
        for line in facts.regret
    ]
    return _section(
        "regret",
        tag("p", "Pseudo-regret: what an honest participant lost in expectation against always pulling the best arm. "
            "It is the same for every honest participant. A learner alone shares nothing and runs from round 1; the "
            "oracle sees all honest data at once, with nobody to agree with, under the game's index policy."),
        tag(
            "div",
            picture(themed(facts.drawn(plots.regret_from_start)), f"The burn-in, {facts.at}s 1 to {burn_in:,}, is " + (
                    "paid with a participant's first settled pull after it; who has none is not credited."
                    if facts.manifest.paid_burn_in else
                    "observed and never paid: its whole price is counted here.")),
            picture(themed(facts.drawn(plots.regret_after_burn_in)),
                    "Counted from the end of the burn-in on: what learning alone costs."),
            class_="pair",
        ),
        table(["rewards lost, per honest participant", f"rounds {span(1, horizon)}", span(burn_in + 1, horizon)],
              rows, "-nn"),
        picture(themed(facts.drawn(plots.arms_pulled)), "Which arm the honest pulled, round by round; the best arm is "
                "on top, beside each name its true mean." + ("" if facts.last <= plots.MARKS else
                " Rounds that share a mark show every arm that was pulled in one of them."), "broad"),
    )  # fmt: skip


def _estimators(facts: ViewModel) -> Markup:
    panels = facts.drawn(plots.estimators)
    if not panels:
        return _section("estimators", tag("p", "No block was recorded.", class_="quiet"))
    more, p = len(facts.names) - len(panels), facts.parameters
    return _section(
        "estimators",
        tag("p", "The global estimator of each arm (line), as the contract recorded it"
            + (", against the true mean (dashed), which the environment revealed after the game. Best arm first."
               if facts.manifest.arm_means
               else f". True means are not known, as the rewards are {facts.come}." if facts.is_live
               else ". The environment has not revealed the true means.")
            + (f" {more:,} further arms are in the files of the run." if more else "")
            + (f" {_ruled(p, p.policy, 'Which arm is pulled')}" if p else "")
            + (f" {_ruled(p, p.disclosure, 'What a report says')}" if p and p.disclosure != ESTIMATES else "")),
        tag("div", *(tag("div", Markup(themed(svg))) for _, svg in panels), class_="panels"),
        _rejections(facts),
    )  # fmt: skip


def _rejections(facts: ViewModel) -> Markup:
    """What was rejected and why."""
    rejected = [row for row in facts.failures if row.kind == "rejected"]
    if not rejected:
        return tag("p", "The contract rejected no block.", class_="quiet")
    why = ", ".join(f"{name} {count}\N{MULTIPLICATION SIGN}" for name, count in plots.without_estimator(facts).items())
    sentence = f"The contract rejected {len(rejected):,} blocks, first in round {rejected[0].round:,}"
    reason = f": too few reports were left for {why}." if why else ": an estimator was above the bound."
    return tag("p", sentence + reason)


def _consensus(facts: ViewModel, live: bool) -> Markup:
    rows: list[list[object]] = []
    for p in facts.participants:
        share = plots.counted_share(facts.rows, p.seat)
        reported = sum(p.seat in row.reporters for row in facts.rows if row.means is not None)
        seat = tag("a", p.seat, href=f"/participant/{p.seat}") if live else p.seat
        rows.append([
            seat, p.role or facts.no_role, whole(reported), whole(p.silent),
            TableCell("\N{EN DASH}" if share is None else f"{share:.0%}", share), whole(p.false_reports),
            whole(p.accused), whole(p.blocked_from or None),
        ])  # fmt: skip
    lanes = picture(
        themed(facts.drawn(plots.consensus_lanes)),
        tag("span", *(tag("span", tag("span", class_=f"key {key}"), words) for key, words in _LEGEND), class_="legend"),
        "broad",
    )  # fmt: skip
    return _section(
        "consensus",
        tag("p", _agreement(facts)),
        lanes,
        table(["seat", "role as revealed", "reports agreed", "no report", "counted", "false reports",
               "rounds accused", "blocked from"], rows, "n-nnnnnn") if rows else None,
        _failed_rounds(facts),
    )  # fmt: skip


_LEGEND = (
    ("most", "report counted for most arms"),
    ("light", "for few"),
    ("out", "for none: not selected, or too few pulls"),
    ("accused", "proof of equivocation"),
    ("blocked", "on the block list"),
    ("silent", "no report"),
    ("empty", "no block"),
)


def _agreement(facts: ViewModel) -> str:
    p = facts.parameters
    if p is None:
        return "The parameters of the game are not in this history."
    return (
        f"In each recorded round {_validating(p)}, less the seats on the block list; {_commanding(p)}, and the "
        f"block is certified by {_certified(facts, p)}. {_ruled(p, p.aggregation, 'Which reports count')}"
    )


def _certified(facts: ViewModel, p: Parameters) -> str:
    """How many signatures a block took: a quorum of its round's validators, which may change every round."""
    counts = {len(row.validators) for row in facts.rows if row.means is not None and row.signers}
    if not counts:
        return "a quorum of them"
    least, most = (f"{p.quorum(count)} signatures of {count}" for count in (min(counts), max(counts)))
    return f"at least {least}" + (f" where the fewest validate, {most} where the most do" if least != most else "")


def _validating(p: Parameters) -> str:
    if p.sortition:
        share = f"{in_decimals(Fraction(p.sortition, ODDS), 3)}"
        return (
            f"those who are drawn, each with probability {share} in every trial that its stakes give it, or all where "
            "too few are, validate it"
        )
    if p.selection is not None:
        return f"{p.validators} seats or more, whom {p.selection} chooses, validate it, or all where it chooses fewer"
    if p.has_committees:
        return f"the {p.validators} seats with the best reputation, more of them after a skip, validate it"
    return "every seat validates it"


def _commanding(p: Parameters) -> str:
    if p.draws_commanders:
        share = f"{in_decimals(Fraction(p.commanders, ODDS), 3)}"
        return f"each validator that is drawn, with probability {share}, commands once"
    return "each validator commands once"


def _ruled(p: Parameters, choice: RuleChoice, what: str) -> str:
    """The description that a rule gives of itself."""
    try:
        return rules.find(choice).explain(p.terms_of(choice))
    except RulesUnknown:
        return f"{what} is up to {choice}, which is not here."


def _moves(p: Parameters) -> str:
    return "makes a reputation" if p.sets_reputations else "moves a reputation an eighth of the way to"


def weighed(p: Parameters) -> str:
    """What reputations move towards."""
    try:
        said = rules.reputation(p).explain(p.terms_of(p.reputation))
        return f"what a rule of another author gives. {said.rstrip('.')}" if p.reputation.digest else said
    except RulesUnknown:
        return f"what {p.reputation} gives, which is not here"


def _reputation(facts: ViewModel) -> Markup:
    p, drawn = facts.parameters, facts.drawn(plots.reputations)
    if p is None or not drawn:
        return _section("reputation", tag("p", "No round was recorded.", class_="quiet"))
    chosen = (
        "The game's selection says who validates next." if p.selection is not None
        else "The next validators are chosen by it." if p.validators < p.participants
        else "In this game everybody validates: it is kept, and decides nothing."
    )
    return _section(
        "reputation",
        tag("p", f"Each recorded block {_moves(p)} {weighed(p)}. Skips cost "
            "their validators, a proof of equivocation costs its seat. " + chosen),
        picture(themed(drawn), "A line a seat, malicious ones in the second colour once roles are revealed; a mark "
                "where its place on the block list begins.", "broad"),
    )  # fmt: skip


def _failed_rounds(facts: ViewModel) -> Markup:
    if not facts.unpaid:
        return tag("p", "Consensus reached a block in every round.", class_="quiet")
    shown = [f"{row.round:,} ({row.kind})" for row in facts.unpaid[:40]]
    more = len(facts.unpaid) - len(shown)
    return tag("p", "Rounds without an approved block, which pay nothing: " + ", ".join(shown)
               + (f", and {more:,} more" if more else "") + ". " + aborted(facts))  # fmt: skip


def _chain(facts: ViewModel) -> Markup:
    manifest, report, game = facts.manifest, facts.report, facts.report.game
    tally = report.checks.get("game.code")
    code_check = (
        "not checked" if tally is None else tag("span", "✗ not the code of this version", class_="bad") if tally.failed
        else "✓ the code of this version" if tally.passed else tally.evidence
    )  # fmt: skip
    pairs: list[tuple[str, object]] = [
        ("chain id", code(manifest.chain_id)),
        ("blocks", f"{whole(game.get('first_block'))} to {whole(game.get('last_block'))}"),
        ("gas in all", whole(manifest.gas)),
        ("bodies of blocks", _mode(facts)),
        ("contract", code(clean(manifest.contract))),
        ("contract code", code_check),
        ("last block", code(clean(report.head, 80))),
    ]
    others = ", ".join(f"{clean(what)}: {count:,}" for what, count in sorted(report.other_transactions.items()))
    rows: list[list[object]] = [
        [code(clean(method)), whole(used.transactions), whole(used.gas),
         whole(used.gas // used.transactions if used.transactions else 0),
         TableCell(f"{used.gas / max(manifest.gas, 1):.1%}", used.gas)]
        for method, used in sorted(manifest.gas_by_method.items(), key=lambda item: -item[1].gas)
    ]  # fmt: skip
    return _section(
        "chain",
        facts_list(pairs),
        picture(themed(facts.drawn(plots.gas)), None, "broad"),
        table(["method", "transactions", "gas", "gas each", "share"], rows, "-nnnn"),
        tag("p", f"Other transactions with the contract: {others}.") if others else None,
        tag("p", "Any round, participant or transaction, decoded: ", code("chain-bandit show RUN_OR_EXPORT round N"),
            class_="quiet"),
    )  # fmt: skip


def _mode(facts: ViewModel) -> str:
    p, lent = facts.parameters, sum(row.means is not None and not row.signers for row in facts.rows)
    if p is None:
        return "\N{EN DASH}"
    where = "in calldata" if p.body_mode == BodyMode.FULL else "beside the chain, under their hash"
    return where + (f"; {lent:,} blocks are vouched for by a later one of their transaction" if lent else "")


def _method(facts: ViewModel, measured: Mapping[str, Any] | None, scenario: str | None) -> Markup:
    manifest = facts.manifest
    given = facts.report.game.get("parameters") or {}
    claimed: list[tuple[str, object]] = [] if manifest.run_digest is None else [
        ("chain_bandit", clean(manifest.version)),
        ("seed", _SEED_KEPT if manifest.seed is None else f"{clean(manifest.seed, 80)}{_SEED_SAID}"),
        ("run digest", code(clean(manifest.run_digest, 80))),
    ]
    pairs: list[tuple[str, object]] = [
        *claimed,
        ("digest recomputed from the chain",
         code(clean(facts.report.run_digest or "not recomputed: bodies or receipts are missing", 80))),
        ("rules", "; ".join(map(clean, facts.report.game.get("rules", ())))),
    ]
    return _section(
        "method",
        facts_list(pairs),
        *_again(facts),
        _parameters(given),
        _times(measured) if measured else None,
        tag("details", tag("summary", "The locked scenario"), tag("pre", _bounded(scenario)))
        if scenario else None,
    )


_SEED_KEPT = "kept by who played the game: every key follows from it, and the chain goes on"
_SEED_SAID = "; every key follows from it: a simulation, whose chain ended with it"


def _again(facts: ViewModel) -> tuple[Markup, Markup]:
    """How this is made once more: the game, or where there is only its history, the page."""
    if facts.is_live:
        said = f"The rewards are {facts.come}: the game cannot be played again. This audits its history again:"
        return tag("p", said), tag("pre", "chain-bandit audit --history history.jsonl.gz")
    if facts.columns:
        simulated = facts.manifest.seed is not None
        seed, late = ("", "") if simulated else (' --seed "$(cat seed)"', ", unless nodes played and one was late")
        said = f"In the run folder, this plays the game again in one process; its digest comes out the same{late}:"
        return tag("p", said), tag("pre", f"chain-bandit run scenario.lock.toml{seed} --out again")
    said = (
        "Made from the game's history alone. Names of arms, scenario, seed and regret are not in it. "
        "This makes the page again from the export:"
    )
    command = f"chain-bandit audit --history EXPORT --head {clean(facts.report.head, 80)} --page PAGE.html"
    return tag("p", said), tag("pre", command)


def _bounded(scenario: str) -> str:
    """A scenario's beginning: it may list a million weights, and its file is in the run folder."""
    return scenario if len(scenario) <= _LONGEST else scenario[:_LONGEST] + "\n… the rest is in scenario.lock.toml"


_LONGEST = 20_000


def _parameters(given: Mapping[str, Any]) -> Markup | None:
    if not given:
        return None
    rows: list[list[object]] = [[code(name), whole(value)] for name, value in given.items()]
    return tag("details", tag("summary", "The parameters that the contract was deployed with"),
               table(["parameter", "value"], rows, "-n"))  # fmt: skip


def _times(measured: Mapping[str, Any]) -> Markup:
    rows: list[list[object]] = [[name, f"{value:,.2f}", f"{share:.0%}"] for name, value, share in seconds(measured)]
    return table(["time on the machine that ran it", "seconds", "share"], rows, "-nn")
