import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from chain_bandit.auditor.exhibits import Place, Slice, exhibit
from chain_bandit.auditor.report import Violation, Weight
from chain_bandit.chain_history.records import calls_in
from chain_bandit.game.simulated import COMPILATION
from chain_bandit.game_names import clean
from chain_bandit.protocol.units import UNIT
from chain_bandit.views import plots, terminal
from chain_bandit.views.page import page
from chain_bandit.views.view_model import ViewModel, amount, mean, rounds_in_words, signed
from tests.unit.views.on_screen import shown


def test_header_shows_what_is_known():
    text = shown(terminal.header({"scenario": "x", "rounds": 1000, "arm_names": ["a", "b"], "contract": None}))
    assert text.split() == ["game", "x", "arms", "2", "horizon", "1,000"]


def test_participants_table_has_every_seat_and_what_it_did(sample):
    lines = shown(terminal.participants_table(*sample.run)).splitlines()
    for account, role in zip(sample.report.accounts, sample.manifest["roles"], strict=False):
        line = next(line for line in lines if line.split()[:1] == [str(account.seat)])
        assert role in line
        assert f"{account.rewards / 1e9:.2f}" in line
        assert account.address[:8] in line
    assert "equivocated" in "".join(lines)
    assert "One reward is 1,000,000,000 wei." in "\n".join(lines)


def test_checks_table_counts_every_check_and_proves_it_where_there_is_room(sample):
    narrow, wide = (shown(terminal.checks_table(sample.report, every=True), width) for width in (80, 200))
    for name, tally in sample.report.checks.items():
        assert name in narrow
        assert f"{tally.passed:,}" in narrow
    assert "nobody took more than its own" in wide
    assert "audit passed" in narrow


def test_checks_table_and_page_have_proofs_first(sample):
    mixed = [replace(item, weight=weight) for item in sample.report.findings for weight in reversed(Weight)]
    report = replace(sample.report, findings=mixed)
    lines = [line.partition(":")[0] for line in shown(terminal.checks_table(report)).splitlines()]
    weights = [line for line in lines if line in list(Weight)]
    assert weights == [weight.value for weight in Weight for _ in sample.report.findings]


def test_checks_table_says_where_the_last_block_is_the_history_s_own(sample):
    said = " ".join(shown(terminal.checks_table(sample.report, head=sample.report.head)).split())
    assert f"no head was given: the audit trusts the history's own last block, {sample.report.head}." in said
    assert "no head" not in shown(terminal.checks_table(sample.report))


def test_statements_name_the_account_of_every_seat(sample):
    lines = shown(terminal.statements_table(sample.report)).splitlines()
    assert [line for line in lines if ": 0x" in line] == [
        f"{'environment' if each.seat is None else f'seat {each.seat}'}: {each.address}"
        for each in sample.report.accounts
    ]


def test_checks_table_says_what_failed(sample):
    bad = replace(sample.report, violations=[Violation("money.close", 3, "x", "round 3: wrong \x1b[31m")])
    assert "FAILED money.close: round 3: wrong \N{REPLACEMENT CHARACTER}[31m" in shown(terminal.checks_table(bad))


def test_checks_table_shows_a_violation_and_a_command_that_can_be_pasted(sample):
    block = next(block for block in sample.history.blocks if block.transactions)
    (call,) = calls_in(block, sample.history.origin.contract)
    seen = exhibit(Place(block, call.block, call), "settlement.rewards", Slice(call.arguments[0], 7, 5))
    wrong = [Violation("settlement.rewards", t, "x", f"round {t}: wrong", 1, 2, seen) for t in (3, 4)]
    text = shown(terminal.checks_table(replace(sample.report, violations=wrong)))
    assert text.count("input, bytes 7 to 11") == 2
    assert text.count("cast rpc") == 1
    lines = text[text.index("cast rpc") : text.index("FAILED settlement.rewards: round 4")].splitlines()
    joined = " ".join(line.strip().removesuffix(chr(92)).strip() for line in lines)
    assert joined.split() == seen.cast.split()
    assert all(line.rstrip().endswith(chr(92)) for line in lines[:-1])


def test_safety_is_open_where_records_are_whole_and_a_rule_is_not_here(sample):
    tally = replace(sample.report.checks["aggregate.selected"], not_checkable=3)
    report = replace(sample.report, checks={**sample.report.checks, "aggregate.selected": tally})
    said = " ".join(shown(terminal.verdict_lines(sample.manifest, report, sample.rounds)).split())
    assert "Safety: open; not all records, certificates and aggregates could be checked." in said


def test_statements_table_says_what_everybody_put_in_and_took(sample):
    text = shown(terminal.statements_table(sample.report))
    for line in sample.report.accounts[:-1]:
        (row,) = [row.split() for row in text.splitlines() if row.split()[:1] == [str(line.seat)]]
        assert row[1] == f"{line.stake / sample.report.game['parameters']['wei_per_unit'] / UNIT:,.2f}"
        assert row[2] == f"{line.rewards / UNIT:,.2f}"
        assert row[-1] == "0.00"
    assert "pool" in text


def test_checks_table_says_what_is_open(cut):
    text = shown(terminal.checks_table(cut))
    assert "audit incomplete" in text
    said = " ".join(text.split())
    assert said.count(": the game is not closed") == 1
    names = said[said.index("open reveal.commitment") : said.index(": the game is not closed")]
    assert "money.close" in names.split(", ")


def test_checks_are_one_line_where_all_pass_and_a_failure_comes_before_what_is_open(sample, cut):
    said = shown(terminal.checks_table(replace(sample.report, findings=[]))).splitlines()
    assert [line for line in said if line.strip()] == ["Checks", said[2]]
    assert re.fullmatch(r"audit passed: [\d,]+ checks of \d+ kinds passed, 0 failed, 0 open", said[2].strip())
    bad = replace(cut, violations=[Violation("money.close", 3, "x", "round 3: wrong")])
    lines = shown(terminal.checks_table(bad)).splitlines()
    first = {word: next(at for at, line in enumerate(lines) if line.startswith(word)) for word in ("FAILED", "open")}
    assert first["FAILED"] == 3 < first["open"]
    assert len(lines) < 20


def test_verdict_lines_begin_with_the_verdict_and_name_the_arm(sample):
    said = shown(terminal.verdict_lines(*sample.run)).splitlines()
    assert said[0].startswith("The game was played, recorded and paid by the rules")
    assert any(name in " ".join(said) for name in sample.manifest["arm_names"])


TOLD = {"attacks": {"2": {"silent-validator": "Say nothing."}, "3": {"constant-lie": "Lie.", "x": "Sign twice."}}}


def test_conduct_table_says_who_did_what_since_when_and_what_it_cost_beside_the_honest(sample):
    manifest, report, rounds = sample.run
    lines = shown(terminal.conduct_table(manifest | TOLD, report, rounds)).splitlines()
    assert lines[1] == "Misbehaviour, and what it cost"
    assert lines[2].startswith("There is proof that seat 3")
    rows = {line.split()[0]: line for line in lines if re.match(r" *(\d |honest)", line)}
    assert list(rows) == ["2", "3", "honest,"]
    (liar,) = [p for p in ViewModel.of(*sample.run).participants if p.seat == 3]
    assert liar.false_reports
    assert re.search(rf"equivocated {liar.accused}., false {liar.false_reports}. ", rows["3"])
    assert rows["3"].split()[-6:-4] == [str(liar.first), str(liar.blocked_from)]
    assert liar.first <= min(ViewModel.of(*sample.run).accused_by_round)
    honest = [account for account in report.accounts if account.role == "honest"]
    assert rows["honest,"].split()[-1] == f"+{sum(each.net for each in honest) / len(honest) / UNIT:,.2f}"
    text = " ".join(" ".join(lines).split())
    assert "Seat 2 tried silent-validator: Say nothing." in text
    assert "Seat 3 tried constant-lie: Lie. Seat 3 tried x: Sign twice." in text


def test_conduct_table_has_no_row_where_nobody_is_known_to_have_done_anything(sample):
    manifest, report, rounds = sample.run
    unknown = replace(report, findings=[], accounts=[replace(each, role=None) for each in report.accounts])
    text = shown(terminal.conduct_table(manifest, unknown, rounds))
    assert "There is no proof of a false report" in text
    assert "took home" not in text


def test_regret_table_has_the_undefended_mean_where_it_is_known(sample):
    manifest, report, rounds = sample.run
    assert "undefended" not in shown(terminal.regret_table(*sample.run))
    text = shown(terminal.regret_table(manifest | {"undefended": 12_340_000_000}, report, rounds))
    assert re.search(r"undefended mean +12\.34 ", text)
    assert "believes every report" in " ".join(text.split())


def test_who_plays_the_games_own_index_policy_alone_is_a_line_of_the_table_and_a_curve_of_the_page(sample):
    manifest, report, rounds = sample.run
    assert "alone" not in {line.key for line in ViewModel.of(*sample.run).regret}
    with_alone = {**rounds, "regret_alone_units": rounds["regret_ucb1_units"]}
    run = manifest | {"policy": "kl-ucb"}, report, with_alone
    lines = {line.key: line for line in ViewModel.of(*run).regret}
    assert (lines["alone"].name, lines["alone"].total) == ("kl-ucb alone", lines["ucb1"].total)
    assert re.search(r"kl-ucb alone +\d", shown(terminal.regret_table(*run)))
    assert "kl-ucb alone" in plots.regret_from_start(ViewModel.of(*run))


def test_what_is_to_be_opened_stands_whole_on_the_last_line():
    long = Path("runs") / "/".join(["a folder of some length"] * 5) / "report.html"
    assert "".join(shown(terminal.to_open(long)).splitlines()) == f"open {long}"


@pytest.mark.parametrize("columns", ["0", "1", "40"])
def test_a_narrow_terminal_lacks_nothing(sample, monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    table = terminal.participants_table(*sample.run)
    terminal.console().print(table)
    assert capsys.readouterr().out.rstrip() == shown(table, 80).rstrip()


def test_regret_table_adds_up(sample):
    text = shown(terminal.regret_table(*sample.run))
    assert f"{sample.manifest['regret_units']['total'] / 1e9:.2f}" in text
    lines = {line.key: line for line in ViewModel.of(*sample.run).regret}
    assert lines["total"].total == sample.manifest["regret_units"]["total"]
    parts = [lines[name] for name in ("burn_in", "arms", "failed", "cost")]
    assert sum(line.total for line in parts) == lines["total"].total
    assert lines["burn_in"].after is None
    assert lines["total"].after == lines["total"].total - lines["burn_in"].total
    before = sample.rounds["regret_ucb1_units"][sample.manifest["burn_in"] - 1]
    assert lines["ucb1"].after == sample.manifest["regret_units"]["ucb1"] - before


def test_regret_is_headed_by_what_times_count(sample, monkeypatch):
    last = len(sample.rounds["round"])
    assert f"rounds 1\N{EN DASH}{last}" in shown(terminal.regret_table(*sample.run))
    monkeypatch.setattr(ViewModel, "at", property(lambda facts: "pull"))
    monkeypatch.setattr(ViewModel, "pulls", property(lambda facts: [3 * round_ for round_ in facts.columns["round"]]))
    assert f"pulls 1\N{EN DASH}{3 * last}" in shown(terminal.regret_table(*sample.run))
    assert f"in pulls 1\N{EN DASH}{3 * last}" in page(*sample.run)


def test_time_table_shares_are_of_the_whole():
    text = shown(terminal.time_table({"seconds": 10.0, "sections": {"evm": 5.0, "sign": 1.0}}))
    assert "EVM and contract" in text
    assert "50%" in text
    assert "40%" in text


MOMENT = SimpleNamespace(pulls=312, approved=305, regret=97_400_000_000, accused=frozenset({9, 8}))


def test_progress_is_silent_where_there_is_no_terminal():
    out = StringIO()
    with terminal.RunProgress(1000, Console(file=out)) as observe:
        observe(MOMENT)
    assert out.getvalue() == ""


def test_progress_follows_the_run_on_a_terminal():
    out = StringIO()
    to = Console(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with terminal.RunProgress(1000, to) as observe:
        observe(MOMENT)
    assert "round 312 of 1,000" in out.getvalue()
    assert terminal.standing(MOMENT) == "305 approved, regret 97.4, accused 8, 9"


@pytest.mark.parametrize(("total", "where"), [(0, "block 1,200"), (30_000, "block 1,200 of 30,000")])
@pytest.mark.parametrize("hidden", [False, True])
def test_blocks_are_followed_on_a_terminal_unless_hidden(total, where, hidden):
    out = StringIO()
    to = Console(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with terminal.Blocks(to, hidden) as observe:
        observe(1_200, total)
    assert (where in out.getvalue()) is not hidden
    assert (" of " in out.getvalue()) is (total > 0 and not hidden)


def test_progress_line_fits_80_columns():
    late = SimpleNamespace(pulls=999, approved=999, regret=999_900_000_000, accused=frozenset({7, 8, 9}))
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with terminal.RunProgress(1000, console) as line:
        line(late)
    assert "0:00:00" in out.getvalue()
    assert terminal.standing(late) in out.getvalue()


def test_what_is_waited_for_stands_in_the_line_or_by_itself(capsys):
    out = StringIO()
    to = Console(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    with terminal.ProgressLine("game", 20, to) as line:
        line.say(COMPILATION)
    assert "game 0 of 20" in out.getvalue()
    assert COMPILATION in out.getvalue()
    assert capsys.readouterr().err == ""
    for hidden in (True, False):
        with terminal.ProgressLine("game", 20, Console(file=out, width=80), hidden) as line:
            line.say(COMPILATION)
        assert capsys.readouterr().err == ("" if hidden else f"{COMPILATION}\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\N{EN DASH}"), (0, "0.00"), (-1_500_000_000, "\N{MINUS SIGN}1.50"), (1234 * 10**9, "1,234.00")],
)
def test_amount_is_in_rewards(value, text):
    assert amount(value) == text
    assert signed(value) == ("+" if value and value > 0 else "") + text


def test_mean_has_four_signs():
    assert [mean(value).strip() for value in (0, 123_456_789, 999_900_000, 10**9, 2**32 - 1)] == [
        ".000", ".123", "1.00", "1.00", "∞",
    ]  # fmt: skip


def test_clean_is_one_short_printable_line():
    assert clean("a\nb\x1b\u202e") == "a" + "\N{REPLACEMENT CHARACTER}".join(["", "b", "", ""])
    assert len(clean("x" * 1000)) == 60


def test_rounds_in_words_joins_stretches(sample):
    finding = replace(sample.report.findings[0], rounds=(1, 2, 3, 7), count=9)
    assert rounds_in_words(finding) == "1\N{EN DASH}3, 7 …"
