"""The page in a real browser: on a screen, a telephone and paper, with scripts and without, from hostile hands."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.auditor.report import AuditReport, Violation
from chain_bandit.game import mediated
from chain_bandit.game.mediated import AgreementGame, default_terms
from chain_bandit.views.agreement_page import SECTIONS as AGREEMENT
from chain_bandit.views.agreement_page import agreement_page
from chain_bandit.views.page import page
from chain_bandit.views.phrases import SECTIONS
from tests.unit.views import looks
from tests.unit.views.browser import Browser, browser
from tests.unit.views.conftest import Sample

EVIDENCE = [{"seat": 3, "round": 12, "role": "COMMANDER", "phase": "BLOCK", "contents": ["aa" * 200, "bb" * 200],
             "signatures": ["cc" * 64, "dd" * 64]}]  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(sample: Sample, batched: Sample, cut: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A game with attackers, one with committees and compact bodies, one cut off, and one whose audit failed."""
    failed = replace(sample.report, checks={**sample.report.checks}, violations=[*sample.report.violations])
    failed.checks["money.balances"] = replace(failed.checks["money.balances"], failed=1, evidence="round 5: it differs")
    failed.violations.append(Violation("money.balances", 5, "balance", "round 5: it differs"))
    texts = [
        page(*sample.run, sample.measured, scenario=sample.scenario, evidence=EVIDENCE),
        page(*batched.run, batched.measured, scenario=batched.scenario),
        page(sample.manifest, cut, sample.rounds),
        page(sample.manifest, failed, sample.rounds),
    ]
    place = tmp_path_factory.mktemp("pages")
    return [written(place / f"{number}.html", text) for number, text in enumerate(texts)]


def written(to: Path, text: str) -> Path:
    to.write_text(text, encoding="utf-8")
    return to


def planted(page: Path, to: Path, find: str, put: str, *, free: bool = False) -> Path:
    """The page with a fault; `free` of its own policy, which would keep the fault from acting."""
    text = page.read_text(encoding="utf-8")
    assert find in text
    text = text.replace(find, put, 1)
    return written(to / "planted.html", re.sub(r"<meta http-equiv=[^>]*>", "", text) if free else text)


def test_what_can_be_scrolled_to_is_shadowed_and_the_chart_of_money_is_seen_whole(chromium, pages):
    """On a telephone some tables are wider than it: a shadow says so. The chart's amounts are not beyond the edge."""
    with chromium.tab(looks.PHONE) as tab:
        tab.open(pages[0])
        wide = tab.ask("() => [...document.querySelectorAll('.wide')].filter((e) => e.scrollWidth > e.clientWidth)"
                       ".map((e) => getComputedStyle(e).backgroundImage.split('gradient').length)")  # fmt: skip
        assert wide
        assert set(wide) == {5}
        right = "(e) => e.getBoundingClientRect().right"
        edges = tab.ask(f"() => [...document.querySelectorAll('#money svg')].map({right})")
        assert all(edge <= looks.PHONE for edge in edges)


def test_pages_open_from_disk_ask_for_nothing_and_hold_every_section(chromium, pages):
    for each in pages:
        with chromium.tab(looks.DESKTOP) as tab:
            tab.open(each)
            assert looks.of_opening(tab, each) + looks.of_sections(tab, list(SECTIONS)) + looks.of_width(tab) == []


def test_every_column_of_every_table_sorts_both_ways(chromium, pages):
    for each in pages:
        with chromium.tab() as tab:
            tab.open(each)
            faults, columns = looks.of_sorting(tab)
            assert faults == []
            assert columns > 25
            assert looks.of_opening(tab, each) == []


def test_the_page_of_an_agreement_on_tokens_opens_from_disk_holds_every_section_sorts_and_fits(chromium, tmp_path):
    report = mediated.play_on("embedded", AgreementGame(default_terms(4, 4, 1, 2, 2), (0.8, 0.6), 3, 1), tmp_path / "t")
    found = written(tmp_path / "page.html", agreement_page(report.report))
    for size in (looks.DESKTOP, looks.PHONE):
        with chromium.tab(size) as tab:
            tab.open(found)
            assert looks.of_opening(tab, found) + looks.of_sections(tab, list(AGREEMENT)) + looks.of_width(tab) == []
            assert looks.of_sorting(tab)[0] == []


def test_pages_are_readable_on_a_telephone(chromium, pages):
    for each in pages:
        with chromium.tab(looks.PHONE) as tab:
            tab.open(each)
            assert looks.of_width(tab) == []


def test_pages_are_whole_on_paper_and_without_controls_though_scripts_are_off(chromium, pages):
    for each in pages:
        with chromium.tab(looks.SHEET, scripts=False, media="print") as tab:
            tab.open(each)
            assert looks.of_print(tab) == []


def test_a_page_reads_the_same_without_scripts(chromium, pages):
    for each in pages:
        assert words(chromium, each, scripts=False) == words(chromium, each, scripts=True)


def words(chromium: Browser, page: Path, *, scripts: bool) -> str:
    with chromium.tab(scripts=scripts) as tab:
        tab.open(page)
        said: str = tab.ask("() => document.body.innerText")
        assert len(said) > 4_000
        return said


HOSTILE = (
    "</script></style></title></pre>--><script>document.title = 'taken'; fetch('http://127.0.0.1:9/')</script>"
    "<style>* { display: none }</style><img src=http://127.0.0.1:9/ onerror=\"document.title = 'taken'\">"
    "<svg onload=\"document.title = 'taken'\"><base href='http://127.0.0.1:9/'>{{7*7}} "
    "\u202e\u2066\x00\ud800 \\$\\frac{a}$ '\"`"
)
LONG = HOSTILE + "W" * 10**6


@pytest.mark.parametrize("text", [HOSTILE, LONG], ids=["marked up", "a million signs"])
def test_hostile_text_does_nothing_wherever_it_stands(chromium, sample, tmp_path, text):
    manifest = {**sample.manifest, "scenario": text, "arm_names": [text] * 3, "contract": text, "version": text,
                "head": text, "run_digest": text, "aborted": {text: [text]},
                "gas_by_method": {text: {"transactions": 1, "gas": 1}}}  # fmt: skip
    report = replace(
        sample.report,
        accounts=[replace(account, role=text, address=text) for account in sample.report.accounts],
        checks={name: replace(tally, evidence=text) for name, tally in sample.report.checks.items()},
        violations=[Violation(text, None, text, text)],
        findings=[replace(item, sentence=text, evidence={text: text}) for item in sample.report.findings],
        other_transactions={text: 1}, head=text, run_digest=text,
    )  # fmt: skip
    evidence = [{"seat": text, "round": text, "role": text, "phase": text, "contents": [text], "signatures": [text]}]
    measured = {"seconds": 1, "sections": {text: 1}}
    given = page(manifest, report, sample.rounds, measured, scenario=text, evidence=evidence)
    assert len(given) < 1_000_000
    at = written(tmp_path / "hostile.html", given)
    for width, media in ((looks.DESKTOP, ""), (looks.PHONE, ""), (looks.SHEET, "print")):
        with chromium.tab(width, media=media) as tab:
            tab.open(at)
            faults = looks.of_opening(tab, at) + looks.of_sections(tab, list(SECTIONS)) + looks.of_width(tab)
            assert faults == []
            assert tab.ask("() => [document.scripts.length, document.images.length]") == [1, 0]
            assert tab.ask("() => [...document.querySelectorAll('style')].filter((e) => !e.closest('svg')).length") == 1
            assert tab.ask("() => document.title") != "taken"
            assert not re.search("[\u202e\u2066\x00\ud800]", tab.ask("() => document.documentElement.textContent"))



PLANTED = [
    ("<h1>", "<img src='http://127.0.0.1:9/x.png'><h1>", "asks for http://127.0.0.1:9/x.png"),
    ("<h1>", "<script>throw new Error('planted')</script><h1>", "planted"),
    ("<h1>", "<script>console.log('planted')</script><h1>", "planted"),
]


@pytest.mark.parametrize(("find", "put", "said"), PLANTED, ids=["request", "error", "message"])
def test_check_of_opening_sees_what_is_planted_and_the_policy_refuses_it(chromium, pages, tmp_path, find, put, said):
    with chromium.tab() as tab:
        free = planted(pages[0], tmp_path, find, put, free=True)
        tab.open(free)
        assert said in "".join(looks.of_opening(tab, free))
    with chromium.tab() as tab:
        bound = planted(pages[0], tmp_path, find, put)
        tab.open(bound)
        assert "Content Security Policy" in "".join(looks.of_opening(tab, bound))


def test_check_of_sections_misses_one_that_is_gone_and_sees_an_empty_one(chromium, pages, tmp_path):
    with chromium.tab() as tab:
        tab.open(planted(pages[0], tmp_path, 'id="money"', 'id="monet"'))
        faults = looks.of_sections(tab, list(SECTIONS))
        assert len(faults) >= 2
        assert "no #money" in faults
        tab.open(planted(pages[0], tmp_path, "section {", "section > * + * { display: none !important } section {"))
        assert "money is empty" in looks.of_sections(tab, list(SECTIONS))


@pytest.mark.parametrize(
    ("find", "put"),
    [('classList.contains("n")', 'classList.contains("no")'), ("(up ? 1 : -1)", "1"), ("body.append(", "void (")],
    ids=["numbers as words", "one way only", "not at all"],
)
def test_check_of_sorting_sees_a_table_that_does_not(chromium, pages, tmp_path, find, put):
    with chromium.tab() as tab:
        tab.open(planted(pages[0], tmp_path, find, put, free=True))
        assert looks.of_sorting(tab)[0]


def test_checks_of_width_and_print_see_what_is_planted(chromium, pages, tmp_path):
    wide = planted(pages[0], tmp_path, "<h1>", "<div style='width: 410px; height: 9px'></div><h1>")
    with chromium.tab(looks.PHONE) as tab:
        tab.open(wide)
        assert any("DIV" in fault for fault in looks.of_width(tab))
        tab.open(planted(pages[0], tmp_path, ".wide { overflow-x: auto; }", ""))
        assert looks.of_width(tab)
        tab.open(planted(pages[0], tmp_path, "</text>", "W" * 400 + "</text>"))
        assert any("beyond its picture" in fault for fault in looks.of_width(tab))
    for find, put, fault in [
        ("<h1>", "<div style='width: 900px; height: 9px'></div><h1>", "DIV"),
        ("nav { display: none; }", "", "control: NAV"),
        ("summary { list-style: none; }", "", "control: SUMMARY"),
        ("content-visibility: visible;", "", "closed: "),
    ]:
        with chromium.tab(looks.SHEET, scripts=False, media="print") as tab:
            tab.open(planted(pages[0], tmp_path, find, put))
            assert any(fault in each for each in looks.of_print(tab)), fault


def test_check_without_scripts_sees_what_only_a_script_says(chromium, pages, tmp_path):
    at = planted(pages[0], tmp_path, '"use strict";', 'document.body.append("said by a script");', free=True)
    assert words(chromium, at, scripts=False) != words(chromium, at, scripts=True)
