import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.exhibits import Exhibit, Field
from chain_bandit.auditor.report import Violation
from chain_bandit.chain_history.blocks import History
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.page import page
from chain_bandit.views.phrases import SECTIONS
from chain_bandit.views.view_model import RunUnreadable, manifest_of, read_manifest
from tests.rules import rule
from tests.unit.audit.played_game import PARAMETERS, Played, Script
from tests.unit.views.conftest import play

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> $\\frac{a}$ \u202e\x00\ud800'


class Reader(HTMLParser):
    """Collects elements and checks that they close as they open."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, name, attributes):
        self.seen.append((name, dict(attributes)))
        if name not in ("meta", "br"):
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.seen.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.text.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def text(sample):
    evidence = [{"seat": 3, "round": 12, "role": "COMMANDER", "phase": "BLOCK", "contents": ["aa" * 32, "bb" * 32],
                 "signatures": ["cc" * 64, "dd" * 64]}]  # fmt: skip
    return page(*sample.run, sample.measured, scenario=sample.scenario, evidence=evidence)


@pytest.mark.parametrize("game", ["sample", "batched", "drawn"])
def test_page_says_how_many_signatures_certified_a_block(game, request):
    """A certificate holds no more signatures than a quorum: those of the history are what the page says."""
    played = request.getfixturevalue(game)
    said = re.search(r"certified by at least (.*?)\. ", page(*played.run))[1]
    counts = {(len(row.signers), len(row.validators)) for row in played.report.rounds if row.means and row.signers}
    found = {tuple(map(int, pair)) for pair in re.findall(r"(\d+) signatures of (\d+)", said)}
    assert found == {min(counts, key=lambda pair: pair[1]), max(counts, key=lambda pair: pair[1])}


def test_page_has_every_section_and_each_link_leads_to_one(text):
    reader = read(text)
    anchors = {attributes.get("id") for name, attributes in reader.seen if name == "section"}
    assert anchors == set(SECTIONS)
    links = [attributes["href"] for name, attributes in reader.seen if name == "a"]
    assert len(links) == 5 + len(SECTIONS)
    assert {link.removeprefix("#") for link in links} <= anchors


def test_page_asks_nobody_for_anything(text):
    stripped = text.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(
        'xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    assert "http:" not in stripped
    assert "https:" not in stripped
    assert not re.search(r"(?:src|href)=[\"'](?!#)", stripped)
    assert not re.search(r"url\((?!#)", stripped)
    assert "@import" not in stripped
    policy = next(a["content"] for name, a in read(text).seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")


def test_page_is_the_same_every_time(sample):
    assert page(*sample.run, sample.measured) == page(*sample.run, sample.measured)


def test_page_has_no_name_twice_and_every_reference_is_defined(text):
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names)) > 0
    assert set(re.findall(r"(?:url\(#|xlink:href=\"#)([\w-]+)", text)) <= set(names)


def test_tables_hold_every_seat_and_every_check(text, sample):
    tables = re.findall(r"<table>.*?</table>", text, flags=re.S)
    with_roles = [table for table in tables if "role as revealed" in table]
    assert len(with_roles) == 2
    for table in with_roles:
        for seat, role in enumerate(sample.manifest["roles"]):
            assert f'<td class="n">{seat}</td><td>{role}</td>' in table
    for check in sample.report.checks:
        assert f"<code>{check}</code>" in text


def test_page_names_the_rounds_that_failed_and_who_lied_and_equivocated(text, sample):
    failed = [row.round for row in sample.report.rounds if row.kind == "skip"]
    assert failed
    assert f"{failed[0]} (skip)" in text
    conduct = text[text.index('id="conduct"') : text.index('id="money"')]
    assert "There is proof that seat 3 (liar and attacker) sent a false report or signed twice." in conduct
    assert re.search(r'proof</span></td><td data-key="3">3</td>.{0,60}reported other means than its receipts', conduct)
    lost = sum(sample.rounds[f"regret_{name}_units"][-1] for name in ("failed", "cost")) / 1e9
    assert f"Each honest participant lost {lost:,.2f} rewards in expectation" in conduct
    assert "Beyond its assumptions" in text
    assert "Seat 3, 1 proof; " in text
    assert "Proofs of equivocation against 1 seat<" in text


def test_page_says_every_cost_with_one_sign(sample):
    """A cost that was paid is above zero, in the chart as in the table, and one that was received below."""
    wei = sample.report.game["parameters"]["wei_per_unit"]
    costs = [2_830_000_000, 2_830_000_000, 0, -5_660_000_000]
    accounts = [
        account if account.seat is None else replace(account, cost=costs[account.seat] * wei)
        for account in sample.report.accounts
    ]
    text = section(page(sample.manifest, replace(sample.report, accounts=accounts), sample.rounds), "money")
    assert re.findall(r"\(cost ([^)]*)\)", text) == ["2.83", "2.83", "\N{MINUS SIGN}5.66"]
    assert [text.count(f">{said}</td>") for said in ("2.83", "\N{MINUS SIGN}5.66")] == [2, 1]
    assert "the dark mark is at the rewards alone" in text


def test_page_says_where_bodies_lie_and_who_is_on_the_block_list(text, sample, batched, headed):
    assert "in calldata" in text
    since = sample.report.game["blocked_from"][3]
    assert f'<td class="n">{since}</td></tr>' in text
    assert "everybody validates" in text
    other = page(*batched.run)
    assert "beside the chain, under their hash" in other
    later = "are vouched for by a later one of their transaction"
    assert later not in other  # with committees each block has its own certificate
    assert later in page(*headed.run)
    assert "The next validators are chosen by it" in other


def test_page_says_why_rounds_had_no_comparison(sample):
    aborted = {"10": ["party 0 died"], "9": ["party 1 <died>", "the parties signed different matrices"]}
    said = "In 2 rounds the comparison was aborted, and no block came of them; the first is round 9: party 1 "
    text = page({**sample.manifest, "aborted": aborted}, *sample.run[1:])
    assert f"{said}&lt;died&gt;; the parties signed different matrices." in text
    assert "comparison was aborted" not in page(*sample.run)


def test_page_without_bodies_leaves_the_digest_open(batched):
    bare = [replace(block, bodies=()) for block in batched.history.blocks]
    report = audit(History(batched.history.origin, bare))
    text = page(batched.manifest, report, batched.rounds)
    read(text)
    assert "not recomputed: bodies or receipts are missing" in text
    assert "? incomplete" in text


def test_hostile_names_do_nothing(sample):
    report = replace(
        sample.report,
        violations=[Violation("game.code", None, HOSTILE, HOSTILE)],
        findings=[replace(item, sentence=HOSTILE) for item in sample.report.findings],
        other_transactions={HOSTILE: 1},
    )
    manifest = {**sample.manifest, "scenario": HOSTILE, "arm_names": [HOSTILE] * 3, "contract": HOSTILE,
                "version": HOSTILE, "run_digest": HOSTILE}  # fmt: skip
    text = page(manifest, report, sample.rounds, scenario=HOSTILE, evidence=[{"seat": HOSTILE, "contents": [HOSTILE]}])
    reader = read(text)
    assert sum(name == "script" for name, _ in reader.seen) == 1
    assert not any(name == "img" or "onerror" in attributes for name, attributes in reader.seen)
    assert "\u202e" not in text
    assert "\x00" not in text
    text.encode()


def test_page_says_the_verdict_first_then_who_lied_then_money_then_rounds(text, sample):
    passed = sum(tally.passed for tally in sample.report.checks.values())
    places = [text.index(words) for words in (
        f"✓ The game was played, recorded and paid by the rules: all {passed:,} checks", 'id="verdict"', 'id="conduct"',
        'id="money"', 'id="regret"', 'id="audit"',
    )]  # fmt: skip
    assert places == sorted(places)


def test_page_begins_with_who_did_what_and_the_regret_beside_that_of_others(sample):
    manifest, report, rounds = sample.run
    told = manifest | {"undefended": 12_340_000_000, "attacks": {"3": {"<b>": "Sign <i>twice</i>."}}}
    top, _ = page(told, report, rounds).split("</header>")
    assert top.index("took home") < top.index("UCB1 alone") < top.index("undefended mean") < top.index("Liveness")
    assert "12.34" in top
    assert "Seat 3 tried &lt;b&gt;: Sign &lt;i&gt;twice&lt;/i&gt;." in top
    assert "honest, on average" in top
    alone, _ = page(manifest, report).split("</header>")
    assert "took home" in alone
    assert "UCB1 alone" not in alone


def test_statement_has_every_account_and_leaves_out_what_nobody_has(text, sample):
    statement = text[text.index('id="money"') : text.index('id="regret"')]
    for account in sample.report.accounts:
        assert f"{account.stake / 1e9:,.2f}</td>" in statement
        assert f"{account.withdrawn / 1e9:,.2f}</td>" in statement
        assert account.address in statement
    assert ">penalty<" not in statement
    assert not any(account.penalty for account in sample.report.accounts)


def test_page_shows_where_a_violation_is_and_the_commands_that_print_it(sample):
    seen = Exhibit(block=17, transaction="0x" + "ab" * 32, field=Field.INPUT, first=4, size=32, bytes="0x00",
                   of=None, cast="cast tx <it>", curl="curl it")  # fmt: skip
    twice = [Violation("money.balances", 5, "x", f"wrong {n}", 1, 2, seen) for n in range(2)]
    text = page(sample.manifest, replace(sample.report, violations=twice), sample.rounds)
    assert text.count("Block 17, transaction 0xabab") == 2
    assert text.count("bytes 4 to 35.") == 2
    assert text.count("cast tx &lt;it&gt;") == 1


def test_page_of_a_violated_audit_says_so(sample):
    report = replace(sample.report, checks={**sample.report.checks})
    report.checks["money.balances"] = replace(report.checks["money.balances"], failed=1, evidence="round 5: it differs")
    report.violations.append(Violation("money.balances", 5, "balance", "round 5: it differs"))
    try:
        text = page(sample.manifest, report, sample.rounds)
    finally:
        report.violations.pop()
    assert "✗ violated" in text
    assert "What contradicts the rules" in text
    assert "round 5: it differs" in text


def longer(sample, rounds):
    """The game's last rounds over and over: a page's input as long as a game of so many rounds."""
    burn_in = sample.manifest["burn_in"]
    rows = sample.report.rounds
    many = [replace(rows[at % len(rows)], round=burn_in + at) for at in range(rounds - burn_in + 1)]
    table = {name: [each[at % len(each)] for at in range(rounds)] for name, each in sample.rounds.items()}
    table["round"] = list(range(1, rounds + 1))
    return {**sample.manifest, "rounds": rounds}, replace(sample.report, rounds=many), table


def test_page_does_not_grow_with_the_rounds(sample):
    sizes = [len(page(*longer(sample, rounds))) for rounds in (3_000, 30_000)]
    assert sizes[1] < 1.1 * sizes[0] < 500_000


def section(text, anchor):
    return re.search(rf'<section id="{anchor}">.*?</section>', text, flags=re.S)[0]


@pytest.mark.parametrize("game", ["sample", "batched", "drawn"])
def test_page_of_a_history_alone_says_what_that_of_its_run_folder_says(game, request):
    """What only the run folder knows is left out; all else was counted by who played, and is found again."""
    played = request.getfixturevalue(game)
    alone, whole = page(manifest_of(played.report, played.history), played.report), page(*played.run)
    read(alone)
    for anchor in ("money", "estimators", "reputation", "chain", "audit"):
        assert section(alone, anchor) == section(whole, anchor)
    assert section(alone, "regret").count("<svg") == 0
    assert "is counted by who plays" in section(alone, "regret")
    assert "expectation is not in a history" in section(alone, "conduct")
    assert f"--head {played.report.head} --page" in section(alone, "method")
    assert "digest matches" not in alone
    assert f"The game at {played.manifest['contract'][:8]}" in alone
    since = played.report.game["blocked_from"]
    assert manifest_of(played.report, played.history)["accused"] == [seat for seat, at in enumerate(since) if at]


def test_a_history_says_of_nobody_that_it_equivocated_who_is_listed_for_a_false_report_alone(sample):
    own = ("equivocated", "equivocation of a seat not labelled an attacker")
    others = [item for item in sample.report.findings if item.kind not in own]
    assert any(sample.report.game["blocked_from"])
    assert manifest_of(replace(sample.report, findings=others), sample.history)["accused"] == []


@pytest.mark.parametrize(
    ("seed", "promised"), [(7, "the same:"), (None, "the same, unless nodes played and one was late:")]
)
def test_page_promises_the_same_digest_of_a_game_whose_chain_goes_on_only_where_no_message_was_late(
    sample, seed, promised
):
    text = section(page({**sample.manifest, "seed": seed}, *sample.run[1:]), "method")
    assert promised in text
    assert ("cat seed" in text) == (seed is None)


SAID = {
    "option-1": "For every arm the 1 highest and 1 lowest reports are left out",
    "option-2": "pulled every arm often enough counts: for every arm the 1 highest",
    "confidence": "nearer than 0.25 to their median, over the square root of its pulls.",
    "delta-safe": "nearer than 0.25 to their median.",
    "median": "the report in the middle, the lower one of two.",
    "no&lt;such&gt;": "Which reports count is up to the aggregation &#x27;no&lt;such&gt;&#x27;, version 1",
}


@pytest.mark.parametrize("name", SAID)
def test_page_says_which_reports_count_or_whose_word_that_is(name):
    delta = {"delta": UNIT // 2} if name in ("confidence", "delta-safe") else {}
    own = rule(unescape(name), **delta)
    made = rule("option-1") if "such" in name else own
    flat = {"c1_per_report": 0} if "such" in name else {}  # who plays it must not ask what its estimators count for
    script = Script(parameters=replace(PARAMETERS, aggregation=own, **flat), option=lambda own, t: made)
    history = Played(script).history
    report = audit(history)
    text = page(manifest_of(report, history), report)
    read(text)
    assert SAID[name] in text
    assert (report.exit_code, "could not be made" in section(text, "audit")) == (13 if "such" in name else 0, True)


def test_page_of_a_part_of_a_history_alone_is_a_page(sample, cut):
    blocks = tuple(sample.history.blocks)
    half = History(sample.history.origin, blocks[: len(blocks) // 2])
    text = page(manifest_of(cut, half), cut)
    read(text)
    assert "has not revealed the true means" in text
    assert "the true means are not revealed" in text
    headless = History(sample.history.origin, blocks[5:])
    report = audit(headless)
    text = page(manifest_of(report, headless), report)
    read(text)
    assert "how many rounds are due is not in this history" in text


def test_page_of_half_a_history_is_still_a_page(sample, cut):
    text = page(sample.manifest, cut, sample.rounds)
    read(text)
    assert "✗ lost" in text
    assert "not revealed" in text
    assert "not recomputed: bodies or receipts are missing" in text


@pytest.mark.parametrize(
    ("field", "value"), [("rounds", "many"), ("arm_names", []), ("gas", {}), ("accused", ["x"]), ("arm_means", [1])]
)
def test_page_refuses_a_manifest_that_is_none(sample, field, value):
    with pytest.raises(RunUnreadable, match="manifest") as refused:
        page({**sample.manifest, field: value}, sample.report, sample.rounds)
    assert refused.value.exit_code == 3


def test_page_refuses_rounds_without_a_column(sample):
    rounds = {name: sample.rounds[name] for name in sample.rounds.keys() - {"regret_ucb1_units"}}
    with pytest.raises(RunUnreadable, match="regret_ucb1_units"):
        page(sample.manifest, sample.report, rounds)


def test_terminal_and_page_do_not_load_matplotlib_when_imported():
    code = "import sys, chain_bandit.views.terminal, chain_bandit.views.show, chain_bandit.views.page;"
    code += "assert not [m for m in sys.modules if m.startswith('matplotlib')]"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("key", [
    "seed", "rounds", "burn_in", "approved", "rejected", "skip", "exploration", "chain_id", "arm_means", "accused",
    "gas",
])  # fmt: skip
@pytest.mark.parametrize("number", [10**4_000, 2**256, -1], ids=["4,001 digits", "above a word", "negative"])
def test_numbers_that_no_run_has_are_refused_by_name(sample, key, number):
    value = [number] * len(sample.manifest[key]) if isinstance(sample.manifest[key], list) else number
    with pytest.raises(RunUnreadable, match=f"manifest: {key}") as refused:
        read_manifest({**sample.manifest, key: value or [number]})
    assert refused.value.exit_code == 3
    assert len(str(refused.value)) < 300


def test_the_last_round_is_not_one_of_so_many_pulls(sample, tmp_path):
    phases = play(tmp_path, {"growth": 0.25, "chain.settle_every": 1})
    last = phases.report.rounds[-1].round
    assert last < phases.manifest["rounds"]
    assert f"Round {last} is recorded; the game is over." in page(phases.manifest, phases.report, None, every=0)
    whole = f"Round {sample.report.rounds[-1].round} of {sample.manifest['rounds']} is recorded; the game is over."
    assert whole in page(sample.manifest, sample.report, None, every=0)
