"""Live rewards of nodes: a service and an environment that are killed, wrong answers, and one receipt a pull."""

import importlib.util
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import Any

from chain_bandit.environments.errors import PullsLost
from chain_bandit.game.live import PULLS
from chain_bandit.nodes import node_files as files
from chain_bandit.protocol.units import NO_PULL
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import load
from tests.integration.nodes import ROOT, chain_bandit
from tests.integration.nodes_up import game as playing

_spec = importlib.util.spec_from_file_location("ab_service", ROOT / "examples" / "ab_service.py")
assert _spec is not None
assert _spec.loader is not None
ab_service = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(ab_service)

Answer = Callable[[dict[str, Any], float], bytes]


class Service:
    """The example's service on a port of its own, which can go away and come back with its journal."""

    def __init__(self, journal: Path, answer: Answer) -> None:
        self._journal, self._answer, self.port = journal, answer, 0
        self.start()

    def start(self) -> None:
        answers = ab_service.handler(ab_service.Visits(self._journal, 1), self._answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), answers)
        self._server.daemon_threads, self.port = True, self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/pull"

    @property
    def visits(self) -> list[str]:
        """The keys whose pages were shown, in order."""
        return [json.loads(line)[0] for line in self._journal.read_text().splitlines()]


@contextmanager
def served(tmp_path: Path, answer: Answer) -> Iterator[Service]:
    service = Service(tmp_path / "visits.jsonl", answer)
    try:
        yield service
    finally:
        service.stop()


def lines(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_wrong_answers_and_kills_cost_what_was_pulled_meanwhile_and_nothing_else(tmp_path: Path) -> None:
    wrong = {(14, 0): b'{"reward": NaN}', (15, 1): b'{"reward": 2}', (16, 3): b'{"reward": "much"}', (17, 0): b"{}"}
    late, held, sent, free = (18, 1), (22, 0), threading.Event(), threading.Event()

    def answer(asked: dict[str, Any], reward: float) -> bytes:
        place = asked["round"], asked["participant"]
        if place == late:
            free.wait(60)
        if place == held and not sent.is_set():
            sent.set()
            free.wait(60)
        body: bytes = wrong.get(place) or ab_service.honest(asked, reward)
        return body

    out = tmp_path / "game"
    with served(tmp_path, answer) as service:
        given = load(ROOT / "examples" / "ab_test.toml", {
            "rewards.url": service.url, "rewards.reward_timeout": 1.5, "rounds": 44, "burn_in": 8, "bound_ms": 3000,
            "growth": 0.0,
        })  # fmt: skip
        with playing(given, out) as game:
            game.wait(sent.is_set)  # journaled, sent, and not answered
            game.kill("environment")
            cut_off = unanswered(out / "environment" / PULLS)
            game.start("environment")
            game.wait(lambda: game.at_round(26))
            service.stop()
            sleep(2)
            service.start()
            manifest, report = game.end()
        free.set()
        assert held in cut_off
        assert (report.exit_code, report.violations) == (0, [])
        assert audit_folder(out, paranoid=True).exit_code == 0
        assert chain_bandit("audit", "--history", out / "history.jsonl.gz", "--paranoid").returncode == 0
        forfeited = require_one_receipt_a_pull(out / "environment", cut_off)
        assert unanswered(out / "environment" / PULLS).isdisjoint({held})
        assert forfeited >= {*wrong, late}
        assert held not in forfeited
        assert set(Counter(service.visits).values()) == {1}, "no page was shown twice for a pull"
        assert manifest["live"] is True
        log = game.log("environment")
        for told in (
            f"{service.url}: reward of ",
            "participant 0, round 14: expected a number from 0 to 1, got 'NaN'; it is forfeited",
            "participant 1, round 15: expected a number from 0 to 1, got '2'; it is forfeited",
            "participant 3, round 16: expected a number from 0 to 1, got 'much'; it is forfeited",
            "participant 0, round 17: its answer is no object with the key \"reward\": '{}'; it is forfeited",
            "participant 1, round 18: no answer",
        ):
            assert told in log, log


def unanswered(journal: Path) -> set[tuple[int, int]]:
    """Round and seat of the pulls that a journal has no end of."""
    pulls = lines(journal)
    begun, ended = ({(r, s) for what, r, s, *_ in pulls if (what == "pull") is opens} for opens in (True, False))
    return begun - ended


def require_one_receipt_a_pull(place: Path, cut_off: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Every pull was made once and ended once, as a receipt of its own says; gives those that were forfeited.

    Those that were cut off by a kill may have no end: their round was over before the environment ran again.
    """
    pulls, receipts = lines(place / PULLS), lines(place / files.RECEIPTS)
    begun = Counter((round_, seat) for what, round_, seat, *_ in pulls if what == "pull")
    ended = Counter((round_, seat) for what, round_, seat, *_ in pulls if what != "pull")
    assert set(begun.values()) == set(ended.values()) == {1}
    assert ended.keys() <= begun.keys() <= ended.keys() | cut_off
    forfeited = {(round_, seat) for what, round_, seat, *_ in pulls if what == "forfeit"}
    assert set(Counter((round_, seat) for seat, round_, *_ in receipts).values()) == {1}
    assert {(round_, seat) for seat, round_, arm, *_ in receipts if arm != NO_PULL} == ended.keys() - forfeited
    assert {(round_, seat) for seat, round_, arm, *_ in receipts if arm == NO_PULL} >= forfeited
    return forfeited


def test_an_environment_without_its_journal_of_pulls_says_so_and_asks_nobody_twice(tmp_path: Path) -> None:
    out = tmp_path / "game"
    with served(tmp_path, ab_service.honest) as service:
        given = load(ROOT / "examples" / "ab_test.toml",
                     {"rewards.url": service.url, "rounds": 30, "burn_in": 8, "bound_ms": 3000})  # fmt: skip
        with playing(given, out) as game:
            game.wait(lambda: game.at_round(12))
            game.kill("environment")
            path = out / "environment" / PULLS
            kept = path.read_bytes()
            cut_off = unanswered(path)
            path.write_bytes(b"")
            asked = len(service.visits)
            said = chain_bandit("node", out / "environment")
            assert said.returncode == PullsLost.exit_code
            assert said.stderr.splitlines()[-1].startswith("error: ")
            assert "lacks the reward that participant 0 has a receipt of in round 1" in said.stderr
            assert len(service.visits) == asked
            path.write_bytes(kept)
            game.start("environment")
            _, report = game.end()
            assert report.exit_code == 0
            assert require_one_receipt_a_pull(out / "environment", cut_off) == set()
