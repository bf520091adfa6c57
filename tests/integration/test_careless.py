"""Careless or unlucky hands: what a command was given by mistake, or stopped at, is said as it is."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from chain_bandit import audits
from chain_bandit.game.folder import NODES
from chain_bandit.nodes import keystore, open_game
from chain_bandit.nodes import up as nodes_up
from chain_bandit.nodes.node_files import LOG, NODE
from chain_bandit.protocol.errors import Stopped
from tests.integration.conftest import Called
from tests.integration.nodes import SMALL, here


def raising(error: BaseException) -> Any:
    def stopped(*given: object, **named: object) -> None:
        raise error

    return stopped


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("careless") / "run"
    assert here("run", SMALL, "--rounds", 15, "-o", "expect={}", "--out", out).returncode == 0
    return out


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose keystore opens with any password."""
    monkeypatch.setattr(keystore, "unlock", lambda place, given: bytes(31) + b"\x07")
    (tmp_path / "password").write_text("sesame")
    (tmp_path / "ann").mkdir()
    (tmp_path / "game.json").write_text("{}")
    return tmp_path / "ann"


@pytest.mark.parametrize("name", ["evidence.json", "scenario.lock.toml"])
def test_a_pipe_in_a_run_folder_keeps_no_page_waiting(
    name: str, finished: Path, tmp_path: Path, called: Called
) -> None:
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    os.mkfifo(tmp_path / "run" / name)
    result = called("audit", tmp_path / "run", "--page", tmp_path / "page.html")
    assert (result.returncode, "cannot be read" in result.stderr) == (2, True), result.stderr


def test_the_audit_of_a_file_says_how_a_file_is_audited(finished: Path, called: Called) -> None:
    result = called("audit", finished / "history.jsonl.gz")
    assert result.returncode == 2
    assert "an exported history goes with --history" in result.stderr


@pytest.mark.parametrize("verb", [("audit", "--contract"), ("watch",)])
def test_a_file_that_is_not_there_is_not_taken_for_an_address_alone(verb: tuple[str, ...], called: Called) -> None:
    result = called(*verb, "gmae.json", "--rpc", "http://127.0.0.1:9")
    assert result.returncode == 2
    assert "gmae.json: expected 0x and 40 hexadecimal digits, or a file that can be read" in result.stderr


@pytest.mark.parametrize(
    "verb", [("run", SMALL), ("up", SMALL), ("deploy", SMALL, "--account", "dev0"), ("deploy", SMALL, "--key", "ann")]
)
def test_a_chain_that_is_none_is_named_without_what_may_be_a_key(
    verb: tuple[object, ...], key: Path, called: Called
) -> None:
    more = ("--listen", "127.0.0.1:7700", "--password-file", "password") if "--key" in verb else ()
    result = called(*verb, *more, "--chain", "wss://user:pass@node.example/v3/secret")
    assert result.returncode == 2
    assert "a node's URL (http://…)" in result.stderr
    assert "pass@" not in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    "verb",
    [
        ("join", "game.json", "--key", "ann", "--listen", "127.0.0.1:7710"), ("leave", "game.json", "--key", "ann"),
        ("assemble", "game.json", "ann/join.json"), ("node", "ann"),
    ],
)  # fmt: skip
def test_an_empty_url_is_not_the_url_that_the_organiser_chose(verb: tuple[str, ...], key: Path, called: Called) -> None:
    result = called(*verb, "--rpc", "")
    assert (result.returncode, "--rpc: is empty" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("verb", ["join", "leave"])
def test_a_stop_says_that_what_was_sent_is_on_its_way(
    verb: str, key: Path, monkeypatch: pytest.MonkeyPatch, called: Called
) -> None:
    monkeypatch.setattr(open_game, verb, raising(Stopped(130)))
    more = ("--listen", "127.0.0.1:7710") if verb == "join" else ()
    result = called(verb, "game.json", "--key", "ann", "--password-file", "password", *more)
    assert result.returncode == 130
    assert result.stderr.startswith("error: interrupted; what was sent is on its way")


@pytest.mark.parametrize(
    ("chain", "begun", "said"),
    [
        ("anvil", True, "its chain is gone, its nodes' logs are in game"), ("anvil", False, "nothing was left"),
        ("http://127.0.0.1:9", True, "chain-bandit up game goes on"),
    ],
)  # fmt: skip
def test_a_stop_of_all_nodes_says_what_is_left_of_their_game(
    chain: str, begun: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Called
) -> None:
    if begun:
        (tmp_path / "game").mkdir()
        (tmp_path / "game" / NODES).touch()
    monkeypatch.setattr(nodes_up, "up", raising(Stopped(143)))
    result = called("up", SMALL, "--chain", chain, "--out", "game")
    assert result.returncode == 143
    assert f"error: terminated; {said}" in result.stderr


def test_a_folder_of_nodes_has_its_chain_already(tmp_path: Path, called: Called) -> None:
    for option in (("--chain", "http://127.0.0.1:9"), ("--public-keys",)):
        result = called("up", tmp_path, *option)
        assert (result.returncode, option[0] in result.stderr) == (2, True), result.stderr


def test_a_log_does_nothing_to_the_terminal(tmp_path: Path, called: Called) -> None:
    (tmp_path / NODE).touch()
    (tmp_path / LOG).write_bytes(b"waiting: \x1b]0;title\x07\x1b[2J \xff\n")
    result = called("logs", tmp_path)
    assert result.stdout == f"{tmp_path.name}: waiting: \\x1b]0;title\\x07\\x1b[2J \N{REPLACEMENT CHARACTER}\n"


def test_a_bug_without_words_is_named(finished: Path, monkeypatch: pytest.MonkeyPatch, called: Called) -> None:
    monkeypatch.setattr(audits, "audit_folder", raising(AssertionError()))
    result = called("audit", finished)
    assert (result.returncode, "a bug in chain-bandit: AssertionError;" in result.stderr) == (1, True), result.stderr
