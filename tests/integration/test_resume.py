"""A run that was stopped, by its node or by a kill -9 of its own, and is taken up again: the same run folder."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.append_log import AppendLogFile, LogLocked
from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain_history.collect import collect
from chain_bandit.cli.root import app
from chain_bandit.exit_codes import EXIT_CODES
from chain_bandit.game import unfinished, wiring
from chain_bandit.game.folder import SCENARIO, FolderRefused
from chain_bandit.game.on_chain import opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.game.unfinished import JOURNAL, PAYMENTS, SESSIONS, place_of
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.sharing import ATTEMPTS
from chain_bandit.runs import play
from chain_bandit.scenario import Scenario, load
from tests.integration.live import Anvil, Proxied, anvil, proxy

pytestmark = pytest.mark.py_evm

ROOT = Path(__file__).parents[2]
ROUNDS = 26
IMPATIENT = TransactionPolicy(patience=0.5, timeout=0.3)
COMMAND = Path(sys.executable).with_name("chain-bandit")
PAYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""dev0, whose account on the chains of these tests is as good as empty of transactions."""


@pytest.fixture
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


def example(seed: int, **changes: Any) -> Scenario:
    return load(ROOT / "tests" / "scenarios" / "small.toml", {"rounds": ROUNDS, "seed": seed, "expect": {}} | changes)


def small(seed: int, node: Anvil, **changes: Any) -> Scenario:
    scenario = example(seed, **changes)
    node.fund(opening_balances(Plan(scenario)))
    return scenario


def arguments(url: str, out: Path, seed: int, *more: str) -> list[str]:
    options = {"--chain": url, "--rounds": ROUNDS, "--seed": seed, "--out": out, "-o": "expect={}"}
    small = ROOT / "tests" / "scenarios" / "small.toml"
    return ["run", str(small), *(str(word) for pair in options.items() for word in pair), *more]


def started(url: str, out: Path, seed: int, *more: str) -> "subprocess.Popen[str]":
    command = [str(COMMAND), *arguments(url, out, seed, *more)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def stay(node: Any) -> dict[str, Any]:
    """Play on a node that outlives the run."""
    return {"chain": lambda plan, payments, is_resumed: nullcontext(node), "outlives": True}


def killed_at(node: Anvil, out: Path, seed: int, marks: list[int], *options: str, **changes: Any) -> None:
    """Kill the run when its journal has so many lines, again and again, then let it end.

    Args:
        options, changes: what is changed in the example, as words of the command line and as such.
    """
    small(seed, node, **changes)
    more: list[str] = []
    for lines in marks:
        process = started(node.url, out, seed, *options, *more)
        wait_for_lines(process, out, lines)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists()
        more = ["--resume"]
    assert started(node.url, out, seed, *options, *more).wait() == 0
    require_same(node, out, seed, **changes)
    assert not place_of(out).exists()


def wait_for_lines(process: "subprocess.Popen[str]", out: Path, lines: int) -> None:
    """Until the journal of a run has so many."""
    journal, patience = place_of(out) / JOURNAL, RetryBudget(60.0)
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
        assert process.poll() is None
        patience.wait(TimeoutError("no journal"))  # type: ignore[arg-type]


def require_same(node: Anvil, out: Path, seed: int, **changes: Any) -> None:
    """The folder says what the same scenario gives without any trouble on a chain of its own."""
    smooth = out.with_name("smooth")
    play(example(seed, **changes), smooth)
    got, expected = (json.loads((path / "manifest.json").read_text()) for path in (out, smooth))
    for key in ("run_digest", "approved", "rejected", "skip", "gas_by_method", "regret"):
        assert got[key] == expected[key], key
    assert json.loads((out / "audit.json").read_text())["verdict"] == "passed"
    assert int(node.ask("eth_getBalance", got["contract"], "latest"), 16) == 0


def test_a_run_killed_at_three_places_is_taken_up_each_time(node, tmp_path):
    killed_at(node, tmp_path / "run", 1, [3, 12, 31])


def test_a_run_killed_around_a_proof_of_a_false_report_proves_it_once(node, tmp_path):
    changes = {"slash": 0.25, "chain.settle_every": 3, "chain.settlement_window": 200}
    lying = {"seat": 3, "attacks": [{"name": "worse-half"}]}
    words = [f"{key}={value}" for key, value in changes.items()]
    words.append('malicious=[{seat = 3, attacks = [{name = "worse-half"}]}]')
    options = [word for each in words for word in ("-o", each)]
    killed_at(node, tmp_path / "run", 5, [13, 14, 18, 32], *options, **changes, malicious=[lying])
    gas = json.loads((tmp_path / "run" / "manifest.json").read_text())["gas_by_method"]
    assert gas["reportFalse"]["transactions"] == 1


def test_a_run_stopped_in_each_wait_of_its_settlement_does_not_wait_for_it_again(node, tmp_path):
    changes: dict[str, Any] = {"slash": 0.25, "chain.settle_every": 3, "chain.settlement_window": 200}
    changes["malicious"] = [{"seat": 3, "attacks": [{"name": "worse-half"}]}]
    out, scenario = tmp_path / "run", small(13, node, **changes)

    class Stopping(Proxied):
        def mine(self, blocks: int) -> None:
            super().mine(blocks)
            raise NodeUnreachable("stopped after the wait")

    for resume in (False, True):
        with pytest.raises(NodeUnreachable, match="after the wait"):
            play(scenario, out, **stay(Stopping(node, node.url)), resume=resume)
    play(scenario, out, **stay(Stopping(node, node.url)), resume=True)
    require_same(node, out, 13, **changes)


AMONG_PARTIES = """
import os, signal, sys
from chain_bandit import cli
from chain_bandit.game import wiring
dead, last = sys.argv.pop(1) == "dead", int(sys.argv.pop(1))

class Killed(wiring.MpcComparison):
    def begin(self, reference, threshold, setting):
        if setting.slot.round == last:
            os.kill(os.getpid(), signal.SIGKILL)
        if dead:
            self._command = (sys.executable, "-c", "")
        super().begin(reference, threshold, setting)

wiring.MpcComparison = Killed
cli.main()
"""
"""A run whose parties all die or none, and that is killed at a round."""


def test_a_run_among_parties_that_fail_another_time_hears_what_it_has_signed_upon(node, tmp_path, monkeypatch):
    out, aborted = tmp_path / "run", {12, 13, 15, 21, 22, 24, 25}  # and 14, 23 and 26 explore
    small(12, node, comparison="mpc")
    for dies, last, more in (("dead", 16, []), ("alive", 21, ["--resume"]), ("dead", 0, ["--resume"])):
        command = [sys.executable, "-c", AMONG_PARTIES, dies, str(last)]
        command += arguments(node.url, out, 12, "-o", "comparison=mpc", *more)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == (-signal.SIGKILL if last else 0), done.stderr
        assert out.exists() == (not last)

    class Failing(wiring.MpcComparison):
        def begin(self, reference: Any, threshold: int, setting: Any) -> None:
            super().begin(reference, threshold, setting)
            if setting.slot.round in aborted:
                self.session_log.failures += ["party 0 died"] * ATTEMPTS

    monkeypatch.setattr(wiring, "MpcComparison", Failing)
    require_same(node, out, 12, comparison="mpc")
    manifest = json.loads((out / "manifest.json").read_text())
    assert {int(round_) for round_ in manifest["aborted"]} == aborted
    assert (manifest["approved"], manifest["accused"], [*manifest["blocked_from"]]) == (5, [3], ["3"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "smooth"]


@pytest.mark.deep
@pytest.mark.parametrize("lines", range(2, 36, 2))
def test_a_run_killed_anywhere_is_taken_up(node, tmp_path, lines):
    killed_at(node, tmp_path / "run", lines, [lines])


def test_a_run_whose_node_is_gone_stops_with_exit_5_and_is_taken_up(node, tmp_path):
    scenario, out, exchanges = small(2, node), tmp_path / "run", [0]

    def gone(handler, batch):
        exchanges[0] += 1
        if exchanges[0] > 40:
            handler.hang_up()
        return exchanges[0] > 40

    with proxy(node.url, gone) as url, pytest.raises(NodeUnreachable) as stopped:
        play(scenario, out, **stay(Proxied(node, url, IMPATIENT)))
    assert stopped.value.exit_code == 5
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial-run"]
    assert stopped.value.__notes__ == [f"what was sent is kept in {place_of(out)}: continue with --resume"]

    with pytest.raises(FolderRefused, match="--resume"):
        play(scenario, out, **stay(node))
    other = small(3, node)
    with pytest.raises(FolderRefused, match="another scenario"):
        play(other, out, **stay(node), resume=True)
    for name in (JOURNAL, PAYMENTS, SESSIONS):
        with closing(AppendLogFile(place_of(out) / name)), pytest.raises(LogLocked, match="another process"):
            play(scenario, out, **stay(node), resume=True)

    play(scenario, out, **stay(node), resume=True)
    require_same(node, out, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "smooth"]


def test_there_must_be_something_to_resume(node, tmp_path):
    scenario = small(4, node)
    with pytest.raises(FolderRefused, match="no stopped run"):
        play(scenario, tmp_path / "run", **stay(node), resume=True)
    with pytest.raises(FolderRefused, match="the chain of that run ended"):
        play(scenario, tmp_path / "run", resume=True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_sent_nothing_leaves_nothing(tmp_path):
    with anvil() as gone:
        scenario = small(5, gone)
    with pytest.raises(NodeUnreachable):
        play(scenario, tmp_path / "run", **stay(gone))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("payer", "method", "killed_at"),
    [([], "anvil_setBalance", 3), (["--account", "dev0"], "eth_sendRawTransaction", 2)],
)
def test_a_run_killed_while_everybody_is_paid_is_taken_up_and_nobody_is_paid_twice(
    node, tmp_path, payer, method, killed_at
):
    out, seen = tmp_path / "run", [0]

    def fault(handler, batch):
        asked = [request["method"] for request in (batch if isinstance(batch, list) else [batch])]
        seen[0] += method in asked
        if method not in asked or seen[0] < killed_at:
            return False
        process.kill()
        handler.hang_up()
        return True

    with proxy(node.url, fault) as url:
        process = started(url, out, 6, *payer)
        assert process.wait() == -signal.SIGKILL
    resumed = started(node.url, out, 6, *payer, "--resume")
    assert resumed.wait() == 0, resumed.stderr.read()
    participants, others = 4, 2
    payments = participants + others if payer else 0
    assert int(node.ask("eth_getTransactionCount", PAYER, "latest"), 16) == payments
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_whose_funds_a_reorganisation_took_back_is_taken_up(node, tmp_path):
    out, plan = tmp_path / "run", Plan(small(8, node))

    def fault(handler, batch):
        if "eth_sendRawTransaction" not in str(batch):
            return False
        process.kill()
        handler.hang_up()
        return True

    with proxy(node.url, fault) as url:
        process = started(url, out, 8)
        assert process.wait() == -signal.SIGKILL
    for address in (*plan.addresses, plan.environment.address, plan.relayer.address):
        assert int(node.ask("eth_getBalance", checksummed(address), "latest"), 16)
        node.ask("anvil_setBalance", checksummed(address), "0x0")
    resumed = started(node.url, out, 8, "--resume")
    assert resumed.wait() == 0, resumed.stderr.read()


def test_ctrl_c_says_that_the_run_can_be_taken_up(node, tmp_path):
    small(7, node)
    out = tmp_path / "run"
    process = started(node.url, out, 7)
    wait_for_lines(process, out, 12)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert said == f"error: interrupted; what was sent is kept in {place_of(out)}: continue with --resume\n"


@pytest.mark.parametrize("code", [5, 129, 130, 143])
def test_what_is_said_of_an_exit_code_names_the_way_on(code):
    assert "--resume" in EXIT_CODES[code][1]


UNLOCKED = """
import os, signal, sys
from pathlib import Path
from chain_bandit.game import unfinished
from chain_bandit.scenario import Scenario, load
unfinished.lock = lambda scenario, place: os.kill(os.getpid(), signal.SIGKILL)
with unfinished.unfinished(load(Path(sys.argv[1])), Path(sys.argv[2]), False):
    pass
"""


def test_a_run_killed_before_it_began_is_begun_anew(node, tmp_path):
    out, example = tmp_path / "run", ROOT / "tests" / "scenarios" / "small.toml"
    killed = subprocess.run([sys.executable, "-c", UNLOCKED, example, out], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not place_of(out).exists()
    place_of(out).mkdir()  # as earlier versions left it
    scenario = small(8, node)
    with pytest.raises(FolderRefused, match="leave out --resume"):
        play(scenario, out, **stay(node), resume=True)
    play(scenario, out, **stay(node))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_two_that_begin_the_same_run_do_not_take_it_from_each_other(node, tmp_path, monkeypatch):
    from chain_bandit.game import unfinished

    scenario, place, lock = small(9, node), place_of(tmp_path / "run"), unfinished.lock

    def slow(scenario, folder):
        place.mkdir()
        lock(scenario, place)
        lock(scenario, folder)

    monkeypatch.setattr(unfinished, "lock", slow)
    with pytest.raises(FolderRefused, match="not empty"):
        play(scenario, tmp_path / "run", **stay(node))
    assert [path.name for path in place.iterdir()] == [SCENARIO]


def test_without_out_the_stopped_run_is_taken_up_whatever_else_has_the_default_name(tmp_path):
    scenario = load(ROOT / "tests" / "scenarios" / "small.toml")
    base = tmp_path / "runs" / "small[1]"
    for theirs in (base, base.with_name("small[1]-2.partial-run")):  # somebody's folder, and nothing of a run
        theirs.mkdir(parents=True)
        (theirs / "notes.txt").write_text("mine")
    with pytest.raises(FolderRefused, match="name the run's folder with --out"):
        unfinished.stopped_run(base)
    for name in ("small[1]-10", "small[1]-3", "small[1]-x"):
        unfinished._begin(scenario, place_of(base.with_name(name)))
    assert unfinished.stopped_run(base) == base.with_name("small[1]-3")


def test_a_run_at_a_url_goes_on_beside_a_foreign_folder_of_the_default_name(node, tmp_path):
    theirs = tmp_path / "runs" / Plan(small(41, node)).label
    theirs.mkdir(parents=True)
    (theirs / "notes.txt").write_text("mine")
    command = [str(COMMAND), *arguments(node.url, tmp_path, 41)]
    at = command.index("--out")
    command[at : at + 2] = []
    own = theirs.with_name(f"{theirs.name}-2")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        wait_for_lines(process, own, 12)
        process.kill()
    done = subprocess.run([*command, "--resume"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(theirs.parent.iterdir()) == [theirs, own]
    assert [path.name for path in theirs.iterdir()] == ["notes.txt"]


def test_a_run_whose_export_ends_too_early_is_kept_until_it_is_whole(node, tmp_path, monkeypatch, capsys):
    def short(rpc, contract, first, *more, **others):
        question = {"to": "0x" + contract.hex(), "data": "0x" + keccak(b"closed()")[:4].hex()}
        last = int(node.ask("eth_blockNumber"), 16)
        while int(node.ask("eth_call", question, hex(last)), 16):
            last -= 1
        return collect(rpc, contract, first, last)

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr("chain_bandit.game.run.collect", short)
        assert app(arguments(node.url, out, 10), standalone_mode=False) == 13
    errors = capsys.readouterr().err.splitlines()
    kept = f"what was sent is kept in {place_of(out)}: continue with --resume"
    assert errors[-1] == f"error: the audit is incomplete; {kept}"
    assert json.loads((out / "audit.json").read_text())["verdict"] == "incomplete"
    height = node.ask("eth_blockNumber")
    assert not app(arguments(node.url, out, 10, "--resume"), standalone_mode=False)
    assert node.ask("eth_blockNumber") == height
    require_same(node, out, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "smooth"]
