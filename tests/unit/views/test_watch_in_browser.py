"""The page of `watch` in a browser while a game is played on Anvil: it grows, is used by keys, and runs nothing."""

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from chain_bandit.auditor.rows import Rows
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain.remote import at_url
from chain_bandit.game.chains import chain
from chain_bandit.game.run import RunStatus, run
from chain_bandit.loopback import Response, served
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from chain_bandit.views.page import page
from chain_bandit.views.phrases import SECTIONS
from chain_bandit.watching import Watched
from tests.integration.nodes import SMALL, wait_for
from tests.unit.views import looks
from tests.unit.views.browser import Browser, Tab, browser
from tests.unit.views.conftest import Sample
from tests.unit.views.test_page_in_browser import HOSTILE

ROUNDS = 40
EVERY = 1.0
"""Seconds from one look to the next, as by default."""


@dataclass
class HeldGame:
    """A game that plays as many rounds as it is let play."""

    node: OwnNode
    place: Path
    rounds: int = ROUNDS
    allowed: int = 0
    played: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """Begin."""
        self.thread = threading.Thread(target=self._play, daemon=True)
        self.thread.start()

    def _play(self) -> None:
        scenario = load(SMALL, {"rounds": self.rounds, "expect": {}})
        run(scenario, self.place, self._observe, Stopwatch(), chain(self.node.url, "dev0"))

    def _observe(self, status: RunStatus) -> None:
        with self.changed:
            self.played += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.played < self.allowed)

    def play(self, rounds: int) -> None:
        """Let it play up to a round; gives when it has."""
        with self.changed:
            self.allowed = rounds
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.played >= rounds, 120)

    def finish(self) -> None:
        """Let it play to its end."""
        with self.changed:
            self.allowed = 10**9
            self.changed.notify_all()
        self.thread.join(120)
        assert not self.thread.is_alive()

    @property
    def contract(self) -> bytes:
        """The last that was created there: the game."""
        ask = at_url(self.node.url)
        blocks = int(ask("eth_blockNumber", [], str), 16)
        made = [
            receipt["contractAddress"]
            for number in range(1, blocks + 1)
            for receipt in json.loads(ask("eth_getBlockReceipts", [hex(number)], json.dumps))
            if receipt["contractAddress"]
        ]
        return bytes.fromhex(made[-1][2:])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def game(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HeldGame]:
    with anvil() as node:
        held = HeldGame(node, tmp_path, 140 if request.node.get_closest_marker("deep") else ROUNDS)
        try:
            yield held
        finally:
            held.finish()


def newest(tab: Tab) -> int:
    """The round in the first line of the table of rounds."""
    shown = tab.ask("() => document.querySelector('#rounds td')?.textContent ?? '0'")
    return int(shown.replace(",", ""))


def shows(tab: Tab, round_: int) -> bool:
    """Wait until a page that was not loaded anew shows a round."""
    return bool(tab.wait(
        "(round) => [...document.querySelectorAll('#rounds a')].some((a) => a.textContent === String(round))", round_
    ))  # fmt: skip


def tab_to(tab: Tab, selector: str) -> None:
    """Press Tab until what a selector finds has the focus, and shows it."""
    for _ in range(200):
        tab.press("Tab", 9)
        if tab.ask("(selector) => document.activeElement.matches(selector)", selector):
            outline = tab.ask("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{selector} has the focus, and nobody sees it"
            return
    raise AssertionError(f"Tab never came to {selector}")


def follow(tab: Tab) -> None:
    """Press Enter on a link, and wait for its page."""
    tab.happened.clear()
    tab.press("Enter", 13)
    tab.loaded()


def test_a_page_takes_over_new_rounds_and_keeps_focus_order_and_what_is_open(chromium: Browser, game: HeldGame) -> None:
    game.play(20)
    watched = Watched(game.node.url, game.contract, None, 0.2)
    looking = threading.Thread(target=watched.run, daemon=True)
    with served("127.0.0.1:0", watched.answer) as port:
        looking.start()
        wait_for(lambda: watched.report is not None and watched.report.rounds)
        url = f"http://127.0.0.1:{port}/"
        with chromium.tab(looks.DESKTOP) as tab:
            tab.open(url)
            seen = newest(tab)
            assert seen >= 19
            tab.ask("() => { window.kept = true; document.querySelector('#method details').open = true; }")
            tab.ask("() => document.querySelector('#rounds th:last-child button').click()")
            tab.ask("() => document.querySelector('#rounds th:last-child button').click()")  # oldest first
            tab_to(tab, f"#rounds a[href='/round/{seen}']")
            game.play(30)
            assert shows(tab, 29)  # a record is mined while the next round is played
            assert tab.ask("() => window.kept"), "it is not loaded anew"
            assert tab.ask("() => document.querySelector('#method details').open")
            assert tab.ask("() => document.activeElement.getAttribute('href')") == f"/round/{seen}"
            order = tab.ask("() => [...document.querySelectorAll('#rounds td:last-child')].map((td) => td.textContent)")
            assert order == sorted(order, key=int)
            assert tab.complaints == []
            others = {each for each in tab.requests if each != url and not each.startswith(f"{url}after/")}
            assert others == set(), "it asks its own server for itself alone"
            assert len(tab.requests) < 60, "a question waits for its answer"
            game.finish()
            tab.wait("() => document.querySelector('#live [role=status]').textContent.includes('over')")
            assert shows(tab, ROUNDS)
        looking.join(60)
    assert watched.over
    assert not looking.is_alive()


def pictures(answer: Response) -> list[str]:
    return re.findall("<svg.*?</svg>", answer.body.decode(), flags=re.DOTALL)


def test_words_come_at_once_pictures_with_a_twentieth_more_rounds_and_questions_wait_for_news(game: HeldGame) -> None:
    game.play(34)
    watched = Watched(game.node.url, game.contract, None, 60)
    watched.look()
    first = watched.answer("/")
    version = first.headers["ETag"].strip('"')
    assert watched.answer("/after/0") is first
    answers: list[Response] = []
    asking = threading.Thread(target=lambda: answers.append(watched.answer(f"/after/{version}")), daemon=True)
    asking.start()
    watched.look()  # a chain with nothing new
    asking.join(0.3)
    assert answers == []
    game.play(35)
    deadline = time.monotonic() + 30
    while asking.is_alive() and time.monotonic() < deadline:  # the record may not be in the block that is looked at
        watched.look()
        asking.join(0.2)
    assert watched.report is not None
    last = watched.report.rounds[-1].round
    assert f">{last}</a>" in answers[0].body.decode()
    assert f">{last}</a>" not in first.body.decode()
    assert pictures(watched.answer("/")) == pictures(answers[0]) == pictures(first) != []
    game.play(38)
    watched.look()
    assert pictures(watched.answer("/")) != pictures(first)


def test_a_round_and_a_participant_are_opened_by_keys(chromium: Browser, game: HeldGame) -> None:
    game.play(25)  # a record is mined while later rounds are played
    watched = Watched(game.node.url, game.contract, None, 60)
    watched.look()
    with served("127.0.0.1:0", watched.answer) as port, chromium.tab(looks.DESKTOP) as tab:
        tab.open(f"http://127.0.0.1:{port}/")
        tab_to(tab, "#live select")
        tab.press("Tab", 9)
        tab.call("Input.insertText", text="21")
        follow(tab)
        assert tab.ask("() => location.pathname") == "/round/21"
        assert "reporters" in tab.ask("() => document.querySelector('pre').textContent")
        assert tab.complaints == []
        tab_to(tab, "a[href='/']")
        follow(tab)
        tab_to(tab, "#rounds a[href='/round/20']")
        follow(tab)
        assert "honest arm" in tab.ask("() => document.body.innerText")
        tab_to(tab, "a[href='/']")
        follow(tab)
        tab_to(tab, "#consensus a[href='/participant/2']")
        follow(tab)
        assert "reported in" in tab.ask("() => document.body.innerText")


@pytest.mark.parametrize("width", [looks.DESKTOP, looks.PHONE])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_is_readable_on_a_screen_and_a_telephone_in_light_and_dark(
    chromium: Browser, sample: Sample, width: int, dark: bool
) -> None:
    text = page(sample.manifest, sample.report, None, every=30).encode()
    with served("127.0.0.1:0", lambda path: Response(200, "text/html; charset=utf-8", text)) as port:
        url = f"http://127.0.0.1:{port}/"
        with chromium.tab(width, dark=dark) as tab:
            tab.open(url)
            ground = tab.ask("() => getComputedStyle(document.body).backgroundColor")
            assert ground == ("rgb(20, 23, 26)" if dark else "rgb(255, 255, 255)")
            assert looks.of_width(tab) + looks.of_contrast(tab) + looks.of_sections(tab, list(SECTIONS)) == []
            assert looks.of_sorting(tab)[0] == []
            assert tab.requests == [url]
            assert tab.complaints == []


def test_the_check_of_contrast_sees_what_is_planted(chromium: Browser, sample: Sample, tmp_path: Path) -> None:
    text = page(sample.manifest, sample.report, None)
    (tmp_path / "faint.html").write_text(text.replace("--muted: #9aa4ae", "--muted: #4a5158"), encoding="utf-8")
    with chromium.tab(dark=True) as tab:
        tab.open(tmp_path / "faint.html")
        assert looks.of_contrast(tab)


def test_hostile_names_run_nothing_when_the_page_takes_them_over(chromium: Browser, sample: Sample) -> None:
    asked = 0

    def answer(path: str) -> Response:
        nonlocal asked
        asked += path in ("/", "/after/0")
        text = f"{asked} {HOSTILE}"
        manifest = {**sample.manifest, "scenario": text, "arm_names": [text] * 3, "contract": text, "head": text}
        report = replace(
            sample.report,
            accounts=[replace(account, role=text, address=text) for account in sample.report.accounts],
            findings=[replace(item, sentence=text, evidence={text: text}) for item in sample.report.findings],
            other_transactions={text: 1}, head=text,
        )  # fmt: skip
        given = page(manifest, report, None, every=0.05).encode()
        return Response(200 if path in ("/", "/after/0") else 404, "text/html; charset=utf-8", given)

    with served("127.0.0.1:0", answer) as port, chromium.tab() as tab:
        url = f"http://127.0.0.1:{port}/"
        tab.open(url)
        tab.wait("(first) => document.querySelector('h1').textContent.split(' ')[0] > first", asked + 1)
        assert tab.ask("() => document.title") != "taken"
        assert tab.ask("() => [document.scripts.length, document.images.length]") == [2, 0]
        assert set(tab.requests) == {url, f"{url}after/0"}
        assert tab.complaints == []
        bases = tab.ask("() => document.querySelectorAll('base, iframe, object, embed').length")
        assert bases == 0


def test_a_script_that_is_not_the_pages_own_is_refused_by_its_policy(chromium: Browser, sample: Sample) -> None:
    text = page(sample.manifest, sample.report, None, every=30)
    planted = text.replace("<h1>", "<script>document.title = 'taken'</script><img src=/x onerror='1'><h1>", 1)
    answer = Response(200, "text/html; charset=utf-8", planted.encode())
    with served("127.0.0.1:0", lambda path: answer) as port, chromium.tab() as tab:
        tab.open(f"http://127.0.0.1:{port}/")
        assert tab.ask("() => document.title") != "taken"
        assert "Content Security Policy" in "".join(tab.complaints)


def test_another_host_origin_or_frame_gets_nothing(game: HeldGame) -> None:
    game.play(20)
    watched = Watched(game.node.url, game.contract, None, 60)
    watched.look()
    with served("127.0.0.1:0", watched.answer) as port:
        for path in ("/", "/round/19", "/participant/0"):
            for headers, code in (
                ({}, 200), ({"Host": f"rebound.example:{port}"}, 403), ({"Origin": "http://evil.example"}, 403)
            ):  # fmt: skip
                line = HTTPConnection("127.0.0.1", port, timeout=10)
                line.request("GET", path, headers=headers)
                answer = line.getresponse()
                assert answer.status == code, (path, headers)
                if code == 200:
                    rules = answer.getheader("Content-Security-Policy", "")
                    assert rules.startswith("default-src 'none'; ")
                    assert "frame-ancestors 'none'" in rules
                    assert "unsafe-inline" not in re.sub("style-src 'unsafe-inline'", "", rules)
                    assert "unsafe-eval" not in rules


# --- measured


def memory_of_tabs() -> int:
    """Bytes that the browser's renderers hold, shared ones by their share."""
    held = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                text = (process / "smaps_rollup").read_text()
                held += 1024 * int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])  # type: ignore[index]
        except OSError:
            continue  # it has ended
    return held


def test_first_paint_of_ten_thousand_rounds(chromium: Browser, sample: Sample, capsys) -> None:
    """At most 2 s and 300 MB. The rows are those of the sample's game, again and again."""
    rows = Rows()
    given = list(sample.report.rounds)
    for number in range(10_000):
        rows.append(replace(given[number % len(given)], round=number + 11, block=number + 50))
    text = page({**sample.manifest, "rounds": 10_010}, replace(sample.report, rounds=rows), None, every=60).encode()
    answer = Response(200, "text/html; charset=utf-8", text)
    with served("127.0.0.1:0", lambda path: answer) as port, chromium.tab() as tab:
        tab.open(f"http://127.0.0.1:{port}/")
        painted = tab.wait("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
        assert newest(tab) == 10_010
        held = memory_of_tabs()
    with capsys.disabled():
        print(f"\n10,000 rounds: {len(text) / 1e6:.2f} MB, first paint after {painted:.0f} ms, {held / 1e6:.0f} MB")
    assert painted <= 2_000
    assert 1e6 < held <= 300e6


@pytest.mark.deep
def test_rounds_are_shown_within_two_seconds_of_their_record(chromium: Browser, game: HeldGame, capsys) -> None:
    """100 rounds, one a second, at the default interval: from the block at the node to the words in the browser."""
    game.play(20)
    watched, ask = Watched(game.node.url, game.contract, None, EVERY), at_url(game.node.url)
    mined: dict[int, float] = {}
    shown: dict[int, float] = {}
    playing = True

    def note() -> None:
        while playing:
            mined.setdefault(int(ask("eth_blockNumber", [], str), 16), time.monotonic())
            time.sleep(0.02)  # between two looks at the height: how exactly a block's time is known

    threading.Thread(target=watched.run, daemon=True).start()
    noting = threading.Thread(target=note, daemon=True)
    noting.start()
    with served("127.0.0.1:0", watched.answer) as port, chromium.tab() as tab:
        wait_for(lambda: watched.report is not None and watched.report.rounds)
        tab.open(f"http://127.0.0.1:{port}/")
        for upto in range(21, 121):
            game.play(upto)
            until = time.monotonic() + 1
            while time.monotonic() < until:
                shown.setdefault(newest(tab), time.monotonic())
        for _ in range(60):
            shown.setdefault(newest(tab), time.monotonic())
            tab.ask("() => new Promise((resolve) => setTimeout(resolve, 50))")
    playing = False
    noting.join()
    assert watched.report is not None
    late = []
    for row in watched.report.rounds:
        seen = [at for round_, at in shown.items() if round_ >= row.round]
        if row.block in mined and seen and row.round > 21:
            late.append(min(seen) - mined[row.block])
    late.sort()
    with capsys.disabled():
        print(f"\n{len(late)} rounds: shown {late[len(late) // 2]:.2f} s after their block (median), "
              f"p95 {late[len(late) * 95 // 100]:.2f} s, at most {late[-1]:.2f} s")  # fmt: skip
    assert len(late) > 80
    assert late[len(late) * 95 // 100] <= 2
