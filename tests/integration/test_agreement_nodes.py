"""An agreement on tokens played by processes: the same epochs as in one process, and no statement twice after kills."""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from os.path import relpath
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from chain_bandit.auditor.report import Weight
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.tokens import Tokens
from chain_bandit.game import mediated
from chain_bandit.game.mediated import AgreementGame, Result, default_terms
from chain_bandit.nodes import agreement_up, message_recorder, up
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.agreement_up import up_agreement
from chain_bandit.nodes.crash import POINTS, VARIABLE
from chain_bandit.nodes.fork_server import ForkServer
from chain_bandit.nodes.message_recorder import said_twice
from chain_bandit.nodes.processes import logged, states
from chain_bandit.nodes.up import NodeStopped, processes
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.scenario import load
from tests.integration.live import Batch, Handler, proxy
from tests.integration.nodes import ROOT, SMALL, chain_bandit

EPOCHS = 6
GAME = AgreementGame(default_terms(4, 4, 1, 2, 4), (0.8, 0.6, 0.5), EPOCHS, 7)
NAMES = ("relayer", *(f"seat-{seat}" for seat in range(8)))

KILLS = {
    "validators and relayer": (
        "seat-4/started:1", "seat-5/ticked:20", "seat-6/journal appended:5", "seat-7/record seen:4",
        "relayer/about to record:3",
    ),
    "one of each": (
        "seat-0/journal synced:3", "seat-1/round closed:3", "seat-4/sent:40", "seat-5/step over:50",
        "relayer/recorded:2",
    ),
    "two validators once they have said their probes": ("seat-4/ticked:20", "seat-5/ticked:20"),
    "in steps": ("seat-2/step begun:18", "seat-3/round begun:4", "seat-6/taken:90", "seat-7/steps over:5"),
}  # fmt: skip
"""Where nodes are killed, each once and started again: seats 0 to 3 are participants, 4 to 7 validators.

Without two validators an epoch waits for its deadline: they restart while it is open, without the shares that they
had; with a journal that forgets they would send other probes in it than before.
"""


@pytest.fixture(scope="module")
def in_one_process(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return mediated.play_on("embedded", GAME, tmp_path_factory.mktemp("alone") / "tokens")


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(message_recorder.VARIABLE, "1")


def signed(out: Path, name: str) -> list[tuple[int, ...]]:
    """Where a node's key has signed, by its journal."""
    lines = (out / name / files.SIGNED).read_text().splitlines()[1:]
    return [tuple(json.loads(line)["at"]) for line in lines]


def test_processes_agree_on_the_same_tokens_as_one_process(in_one_process: Result, tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    result = up_agreement(GAME, out, "anvil", bound_ms=3000)
    report = result.report
    assert (report.exit_code, report.findings) == (0, [])
    assert report.digest == in_one_process.report.digest
    assert (result.tokens, result.regret) == (in_one_process.tokens, in_one_process.regret)
    assert report.credits == in_one_process.report.credits
    assert [row.kind for row in report.epochs] == ["agreed"] * EPOCHS
    assert said_twice(out) == []
    assert [(state.name, state.word) for state in states(out)] == [(name, "ended") for name in NAMES]
    assert signed(out, "seat-0") == [(epoch, 1, 1, 0, 1) for epoch in range(EPOCHS)]  # its dealing, and no more
    stages = [(epoch, *rest) for epoch in range(EPOCHS) for rest in ((1, 1, 4, 2), (1, 1, 4, 4), (2, 3, 0))]
    assert signed(out, "seat-4") == stages  # probes, sums and the vote
    audited = chain_bandit("mediate", "audit", out / mediated.HISTORY, "--head", report.head, "--paranoid")
    assert audited.returncode == 0


@pytest.mark.parametrize("kills", KILLS)
def test_who_is_killed_is_back_and_has_said_nothing_twice(
    kills: str, in_one_process: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(kill.partition("/")[2].partition(":")[0] in POINTS for kill in KILLS[kills])
    monkeypatch.setenv(VARIABLE, ",".join(KILLS[kills]))
    out, lines = tmp_path / "tokens", list[str]()
    result = up_agreement(GAME, out, "anvil", bound_ms=300, say=lines.append, revives=lambda name: True)
    report = result.report
    killed = sorted(line.split()[0] for line in lines if "signal 9" in line)
    assert killed == sorted(kill.partition("/")[0] for kill in KILLS[kills])
    assert report.exit_code == 0
    assert not [finding for finding in report.findings if finding.weight is Weight.PROOF]
    assert len(report.epochs) == EPOCHS
    assert said_twice(out) == []
    for name in NAMES[1:]:
        assert len(places := signed(out, name)) == len(set(places))
    if kills == "validators and relayer":  # whose absence changes who vouches for a token, and no token
        agreed = [row.kind == "agreed" for row in report.epochs]
        assert sum(agreed) >= EPOCHS - 2
        if all(agreed):
            assert result.tokens == in_one_process.tokens


def test_what_nodes_have_played_alone_is_audited_from_the_chain(tmp_path: Path) -> None:
    """As after a kill of `mediate up`, which leaves no history."""
    out = tmp_path / "tokens"
    with anvil() as node:
        head = up_agreement(replace(GAME, epochs=1), out, node.url, bound_ms=3000, payer="dev0").report.head
        (out / mediated.HISTORY).unlink()
        asked = f"chain-bandit mediate audit {out} --rpc URL"
        assert asked.replace(str(out), relpath(out, ROOT)) in chain_bandit("up", out).stdout
        assert relpath(out, ROOT) in chain_bandit("node", out / "seat-0").stderr
        assert "mediate audit --rpc URL" in chain_bandit("show", out).stderr
        audited = chain_bandit("mediate", "audit", out, "--head", head, "--rpc", node.url)
        assert (audited.returncode, audited.stderr) == (0, "")
        assert (out / mediated.HISTORY).exists()
        assert chain_bandit("mediate", "audit", tmp_path, "--rpc", node.url).returncode == 3


def test_a_node_that_cannot_start_ends_the_agreement_before_anything_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_key(out: Path) -> AbstractContextManager[ForkServer]:
        (out / "seat-1" / files.KEY).unlink()
        return processes(out)

    deployed: list[object] = []
    monkeypatch.setattr(agreement_up, "processes", without_a_key)
    monkeypatch.setattr(agreement_up.Tokens, "deploy", lambda *given: deployed.append(given))
    with pytest.raises(NodeStopped, match=r"^seat-1 stopped: "):
        up_agreement(GAME, tmp_path / "tokens", "anvil")
    assert deployed == []


def test_a_contract_that_falls_out_is_put_there_again_before_its_nodes_begin(
    in_one_process: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction is lost too: the mempool drops it."""
    out, deploy = tmp_path / "tokens", Tokens.deploy

    def falls_out(*given: Any) -> Tokens:
        made = deploy(*given)
        asked = monotonic()
        while monotonic() < asked + 3:
            assert not any(line.startswith("round") for name in NAMES for line in logged(out / name))
            sleep(0.1)
        made.rpc.ask("anvil_reorg", [made.rpc.height() - made.created_in + 1, []])
        made.rpc.ask("anvil_dropAllTransactions", [])
        return made

    monkeypatch.setattr(agreement_up.Tokens, "deploy", falls_out)
    with anvil() as node:
        result = up_agreement(GAME, out, node.url, payer="dev0")
    assert (result.report.verdict, result.tokens) == ("passed", in_one_process.tokens)


def test_nodes_whose_starter_is_gone_before_the_contract_end_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[ForkServer] = []

    class Started(ForkServer):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    def killed(*given: object) -> None:
        started[0]._process.kill()
        (out / files.PID).open().close()  # which ends this process's lock of it, as its end does
        until = monotonic() + 60
        while any(state.pid is not None for state in states(out)) and monotonic() < until:
            sleep(0.1)
        words.extend((state.word, logged(out / state.name)[-1]) for state in states(out))

    out, words = tmp_path / "tokens", list[tuple[str, str]]()
    monkeypatch.setattr(up, "ForkServer", Started)
    monkeypatch.setattr(agreement_up.Tokens, "deploy", killed)
    with anvil() as node:
        with pytest.raises(BrokenPipeError):  # the fork server is told to end
            up_agreement(GAME, out, node.url, payer="dev0")
        again = [chain_bandit(*each) for each in (("up", out), ("node", out / "seat-0"))]
        silent_until = monotonic() + 8  # longer than a command takes to begin and to knock

        def hangs_up(handler: Handler, batch: Batch) -> bool:
            if monotonic() < silent_until:
                handler.hang_up()
            return monotonic() < silent_until

        with proxy(node.url, hangs_up) as url:
            again.append(chain_bandit("up", out, ETH_RPC_URL=url))
        assert "waiting for the chain" in again[-1].stderr
    assert len(words) == len(NAMES)
    for word, line in words:
        assert word == "stopped"
        assert line.startswith("error: contract 0x")
        assert line.endswith("begin a new agreement in another folder")
    for each in again:
        assert (each.returncode, each.stderr.rstrip()[-39:]) == (2, "begin a new agreement in another folder")


def test_agreements_that_processes_do_not_play_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    many, long = default_terms(125, 7, 2, 1, 4), default_terms(40, 20, 6, 1, 65535)
    for terms, what in ((many, "N . V <= 128"), (long, "bytes")):
        with pytest.raises(AssumptionBroken, match=what):
            up_agreement(AgreementGame(terms, (0.8, 0.6), 1, 1), tmp_path / "tokens", "anvil")
    assert not (tmp_path / "tokens").exists()


@pytest.mark.parametrize(
    ("verb", "begin"), [(("up", SMALL), partial(up.up, load(SMALL))), (("mediate", "up"), partial(up_agreement, GAME))]
)
def test_a_second_game_into_one_new_folder_is_refused_at_the_start_and_removes_nothing(
    verb: tuple[object, ...], begin: Callable[..., object], tmp_path: Path
) -> None:
    out, begun = tmp_path / "game", list[int]()

    def connected(chain_id: int) -> None:
        begun.append(chain_id)
        second = chain_bandit(*verb, "--out", out)
        assert (second.returncode, second.stdout) == (2, ""), second.stderr
        said = f"error: {out}: is being written by process {os.getpid()}; name another with --out\n"
        assert second.stderr.endswith(said)
        assert [path.name for path in out.iterdir()] == [files.PID]
        raise AssumptionBroken("test", "over", {})

    with pytest.raises(AssumptionBroken, match="over"):
        begin(out, "anvil", on_connected=connected)
    assert len(begun) == 1
    assert list(out.iterdir()) == []
