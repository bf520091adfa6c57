"""`watch`: the page of a running game grows, and ends with the game as its report does."""

import json
import re
import signal
import subprocess
from pathlib import Path

import requests

from chain_bandit.chain.anvil import anvil
from chain_bandit.scenario import load
from chain_bandit.watching import Watched
from tests.integration.nodes import SMALL, chain_bandit, started, wait_for
from tests.integration.nodes_up import game
from verification.kills import free_ports


def rounds_of(page: str) -> int:
    """How many rounds a page says that a contract recorded."""
    found = re.search(r"over (\d+) rounds? that a contract recorded|(\d+) rounds", page)
    return int(next(filter(None, found.groups()))) if found else 0


def without_links(page: str) -> str:
    """A page without what a server alone can open."""
    return re.sub(r'<a href="/[^"]*">([^<]*)</a>', r"\1", page)


def sections(page: str) -> list[str]:
    return re.findall(r"<(?:header|section).*?</(?:header|section)>", page, flags=re.DOTALL)


def address_of(watched: Watched, seat: int) -> str:
    """A participant's address."""
    assert watched.report is not None
    return next(account.address for account in watched.report.accounts if account.seat == seat)


def ends_when_told(watch: subprocess.Popen[str], url: str, page: Path) -> None:
    """A page of a game that is over is served and in a file, until somebody ends the command."""
    wait_for(page.exists)
    kept = requests.get(url, timeout=10)
    assert kept.status_code == 200
    assert "the game is over" in kept.text
    watch.send_signal(signal.SIGINT)
    said, errors = watch.communicate(timeout=300)
    assert watch.returncode == 130, errors
    assert errors.splitlines()[-1].endswith("; the audit is passed; the page is last.html")
    assert [*map(json.loads, said.splitlines())][:2] == [{"url": url}, {"audit": "passed", "page": "last.html"}]
    assert page.read_text() == without_links(kept.text)


def test_a_node_that_does_not_answer_is_named_on_the_page() -> None:
    gone = Watched("http://127.0.0.1:9", bytes(20), None, 1)
    gone.look()
    assert b"does not answer" in gone.answer("/").body


def test_the_page_of_a_running_game_grows_and_ends_with_its_audit(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    url, out, pages = f"http://127.0.0.1:{port}/", tmp_path / "game", list[requests.Response]()

    def shows(round_: int) -> bool:
        """Whether a page is there that has so many rounds."""
        try:
            page = requests.get(url, timeout=10)
        except requests.ConnectionError:
            return False  # it does not listen yet
        pages.append(page)
        return page.status_code == 200 and rounds_of(page.text) >= round_

    with anvil() as node, game(load(SMALL, {"bound_ms": 2000, "expect": {}}), out, chain=node.url) as played:
        played.wait(lambda: played.is_up("relayer"))
        watch = started(
            "watch", "game/game.json", "--rpc", node.url, "--listen", f"127.0.0.1:{port}", "--every", "0.2",
            "--json", "--keep", "--page", "last.html", cwd=tmp_path,
        )  # fmt: skip
        for round_ in (5, 12, 20):
            played.wait(lambda: played.at_round(round_))  # noqa: B023
            with played.held():
                wait_for(lambda: shows(round_))  # noqa: B023
            assert "Refresh" in pages[-1].headers or 'data-every="0.2"' in pages[-1].text
        assert {page.status_code for page in pages} == {200}
        manifest, _ = played.end()
        ends_when_told(watch, url, tmp_path / "last.html")
        contract = bytes.fromhex(manifest["contract"][2:])
        watched = Watched(node.url, contract, None, 1)
        watched.look()
        assert watched.over
        last = watched.answer("/")
        assert b"data-every" not in last.body
        assert b"the game is over" in last.body
        drawn = chain_bandit(
            "audit", "--rpc", node.url, "--contract", manifest["contract"], "--page", tmp_path / "page.html"
        )
        assert drawn.returncode == 0
        still = (tmp_path / "page.html").read_text()
        live = without_links(last.body.decode())
        assert sections(live) == sections(still), "the report is the same page, made static"
        for path in ("/secrets", "/round/0x1", "/round/999", "/participant/9", "/participant/<script>", "/round/30/1"):
            assert watched.answer(path).code == 404
            assert watched.answer(path).kind == "text/plain"
        opened = watched.answer("/round/30")
        assert opened.code == 200
        assert "By seat" in opened.body.decode()
        assert address_of(watched, 2) in watched.answer("/participant/2").body.decode()
        assert {watched.answer(f"/participant/{who}").code for who in ("2", address_of(watched, 2))} == {200}
        before = watched.answer("/")
        watched.look()
        assert watched.answer("/") is before, "nothing is drawn anew of a chain that has nothing new"
