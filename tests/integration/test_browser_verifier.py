"""The verifier page in a real browser: it opens from disk, asks for nothing, and says what the audit says."""

import base64
import subprocess
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.chain_history import files
from tests.few import few
from tests.unit.views import looks
from tests.unit.views.browser import Browser, Tab, browser
from verification.browser.bundle import PAGE, build
from verification.browser.compare import REFUSED, VERDICTS
from verification.browser.histories import play, tampered

ROOT = Path(__file__).parents[2]

_DROP = """async (bytes, name, head) => {
  document.getElementById("head").value = head;
  const carried = new DataTransfer();
  carried.items.add(new File([Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0))], name));
  const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: carried });
  document.getElementById("drop").dispatchEvent(drop);
}"""
_SAID = """() => new Promise((resolve) => {
  const result = document.getElementById("result");
  const said = () => resolve([result.dataset.verdict, result.innerText]);
  const look = () => result.dataset.verdict ? said() : setTimeout(look, 20);
  look();
})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def dropped(tab: Tab, data: bytes, name: str = "history.jsonl", head: bytes | None = None) -> Any:
    """The verdict on a file that is dropped on the page, and all that the result says."""
    tab.ask(_DROP, base64.b64encode(data).decode(), name, f"0x{head.hex()}" if head else "")
    return tab.ask(_SAID)


def test_the_committed_page_is_what_its_sources_give(tmp_path: Path) -> None:
    build(tmp_path / "page.html")
    assert cmp(tmp_path / "page.html", PAGE, shallow=False), "run: node verification/browser/build.mjs"
    subprocess.run([ROOT / "node_modules/.bin/tsc", "-p", ROOT / "verification/browser"], check=True)


@pytest.mark.parametrize("seed", few([0, 11, 3, 9, 14, 5, 8, 2], every=3))
def test_a_game_has_one_verdict_by_page_and_audit(seed: int, chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl.gz"
    head = play(seed, path)
    assert head is not None
    with chromium.tab() as tab:
        tab.open(PAGE)
        verdict, said = dropped(tab, path.read_bytes(), path.name, head)
        assert verdict == VERDICTS[audit(files.read(path), head).exit_code] == "passed", said
        assert looks.of_opening(tab, PAGE) == []
        for width in (looks.PHONE, looks.DESKTOP):
            tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
            assert looks.of_width(tab) == []
        wrong = bytes([head[0] ^ 1]) + head[1:]
        verdict, said = dropped(tab, path.read_bytes(), path.name, wrong)
        assert verdict == "violated"
        assert "another hash than the one you kept" in said


@pytest.mark.parametrize("seed", few(range(18), every=6))
def test_a_tampered_history_is_refused(seed: int, chromium: Browser) -> None:
    made = tampered(seed)
    with chromium.tab() as tab:
        tab.open(PAGE)
        verdict, said = dropped(tab, made.text, head=made.head)
        assert verdict in REFUSED, said
        assert looks.of_opening(tab, PAGE) == []


HOSTILE = "</script><img src=x onerror=\"document.title='taken'\"><svg onload=\"document.title='taken'\">\u202e"


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", HOSTILE.encode(), b"{}\n", b"\xff\n", b'{"format":"<b>"}\n'])
def test_what_is_no_export_is_refused_in_words_and_names_are_text(data: bytes, chromium: Browser) -> None:
    with chromium.tab(looks.PHONE) as tab:
        tab.open(PAGE)
        title = tab.ask("() => document.title")
        verdict, said = dropped(tab, data, HOSTILE)
        assert verdict == "unreadable"
        assert HOSTILE in said
        assert tab.ask("() => document.title") == title
        assert looks.of_opening(tab, PAGE) + looks.of_width(tab) == []


def test_the_page_is_used_by_the_keyboard(chromium: Browser) -> None:
    with chromium.tab() as tab:
        tab.open(PAGE)
        order = []
        for _ in range(2):
            for kind in ("keyDown", "keyUp"):
                tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            order.append(tab.ask("() => document.activeElement.id"))
        assert order == ["file", "head"]
        assert tab.ask("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
        dropped(tab, b"")
        assert tab.ask("() => document.activeElement.id") == "result"
