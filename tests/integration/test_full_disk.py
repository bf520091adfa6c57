"""Places that nothing can be written to, and disks that are full halfway: a sentence, never "a bug", nothing left."""

import json
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.node import account
from chain_bandit.chain.process import OwnNode
from chain_bandit.chain_history import files
from chain_bandit.crypto.keys import Signer
from tests.integration.nodes import COMMAND, ROOT, SMALL, chain_bandit
from verification.splicing import games

DEV0 = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SHORT = ("--rounds", 20, "-o", "expect={}")
READ_ONLY = Path("/sys")
"""Of the kernel's own: nobody, root neither, makes a file there."""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert chain_bandit("run", SMALL, *SHORT, "--out", out).returncode == 0
    return out


def commands(run_folder: Path, place: Path) -> dict[str, tuple[object, ...]]:
    sweep = ROOT / "examples" / "sweep.toml"
    return {
        "run": ("run", SMALL, *SHORT, "--out", place / "run"),
        "page": ("audit", run_folder, "--page", place / "page.html"),
        "csv": ("audit", run_folder, "--statement", place / "money.csv"),
        "parquet": ("audit", run_folder, "--statement", place / "money.parquet"),
        "sweep": ("sweep", sweep, "--out", place / "sweep"),
        "plugin": ("new", "plugin", "attack", "mine", "--out", place / "mine"),
        "scenario": ("new", "scenario", "mine", "--out", place / "mine.toml"),
        "deploy": ("deploy", SMALL, *SHORT, "--chain", "anvil", "--account", "dev0", "--out", place / "game.json"),
        "up": ("up", SMALL, *SHORT, "--processes", "--out", place / "game"),
    }


def refused(name: str, said: "subprocess.CompletedProcess[str]") -> None:
    assert said.returncode == 2, said.stderr
    errors = said.stderr.splitlines()
    assert [line for line in errors if line.startswith("error: ")] == errors[-1:]
    assert "cannot be written" in errors[-1], errors
    assert "what it made" not in errors[-1], "which place is it?"
    assert ("--resume" in errors[-1]) == (name == "sweep")


def on_full_disk(most: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """A command that may write so many bytes into a file, and no more."""

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, preexec_fn=full, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["run", "page", "csv", "parquet", "sweep", "plugin", "deploy", "up"])
def test_a_place_that_cannot_be_written_to_is_named_in_a_sentence(run_folder: Path, name: str) -> None:
    refused(name, chain_bandit(*commands(run_folder, READ_ONLY)[name]))


@pytest.mark.parametrize(
    ("name", "most"),
    [*(("run", most) for most in (1, 1_000, 5_000, 14_000, 40_000)), ("page", 20_000), ("csv", 2_000),
     ("parquet", 1_000), ("sweep", 200), ("plugin", 100)],
)  # fmt: skip
def test_a_disk_that_is_full_halfway_leaves_nothing_half_written(
    run_folder: Path, tmp_path: Path, name: str, most: int
) -> None:
    """Full for each file: at so many bytes of one."""

    refused(name, on_full_disk(most, *commands(run_folder, tmp_path)[name]))
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    if name == "sweep":  # what is whole of it is gone on with
        assert all(path.stat().st_size < most for path in left)
    else:
        assert left == []


def test_an_audit_without_room_for_its_page_or_statement_gives_its_verdict(run_folder: Path, tmp_path: Path) -> None:
    """A verdict of violation is the exit code then too."""
    said = on_full_disk(20_000, *commands(run_folder, tmp_path)["page"], "--json")
    report = json.loads(said.stdout)
    assert (said.returncode, report["verdict"]) == (2, "passed")
    assert "page.html: cannot be written" in report["error"]["message"]
    for name in ("csv", "parquet"):
        said = on_full_disk(2_000, *commands(run_folder, tmp_path)[name], "--json")
        report = json.loads(said.stdout)
        assert (said.returncode, report["verdict"]) == (2, "passed")
        assert f"money.{name}: cannot be written" in report["error"]["message"]
    assert not list(tmp_path.iterdir())
    history = games(0)[0].history
    *blocks, last = history.blocks
    violated = tmp_path / "violated.jsonl"
    files.write(replace(history, blocks=(*blocks, replace(last, transactions=(b"\2",)))), violated)
    said = on_full_disk(2_000, "audit", "--history", violated, "--page", tmp_path / "page.html")
    assert said.returncode == 12, said.stderr
    assert "page.html: cannot be written" in said.stderr


def test_an_agreement_without_room_for_its_page_leaves_its_history_and_no_half_of_a_page(tmp_path: Path) -> None:
    out = tmp_path / "tokens"
    chain = ("mediate", "chain", "--epochs", 2, "--out", out)
    refused("mediate", on_full_disk(16_000, *chain))
    assert [path.name for path in out.iterdir()] == ["tokens.jsonl.gz"]
    assert "name another with --out" in chain_bandit(*chain).stderr
    said = on_full_disk(16_000, "mediate", "audit", out, "--page", tmp_path / "page.html")
    assert said.returncode == 2
    assert "passed" in said.stdout
    assert "page.html: cannot be written" in said.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.fixture(scope="module")
def chain() -> Iterator[OwnNode]:
    """A chain that goes on, on a disk that is not full, and that has what the first contract brings with it."""
    with anvil() as node:
        yield node


def up(chain: OwnNode, out: Path) -> tuple[object, ...]:
    """A game of 14 rounds, of which nine have records, that dev0 pays for."""
    short = ("--rounds", 14, "-o", "burn_in=6", "-o", "expect={}", "-o", "bound_ms=2000")
    return ("up", SMALL, "--processes", *short, "--chain", chain.url, "--account", "dev0", "--out", out)


def sent_by(chain: OwnNode) -> int:
    return int(chain.ask("eth_getTransactionCount", DEV0, "latest"), 16)


@pytest.mark.parametrize("most", [1, 2_000])
def test_a_deployment_without_room_is_taken_up_and_nothing_is_sent_twice(
    chain: OwnNode, tmp_path: Path, most: int
) -> None:
    def deploy(seed: int) -> tuple[object, ...]:
        out = tmp_path / f"{seed}.json"
        return ("deploy", SMALL, *SHORT, "--seed", seed, "--chain", chain.url, "--account", "dev0", "--out", out)

    counts = [0]
    for seed in (1, 2):
        assert chain_bandit(*deploy(seed)).returncode == 0
        counts.append(sent_by(chain))
    refused("deploy", on_full_disk(most, *deploy(3)))
    assert {path.name for path in tmp_path.glob("*3.*")} == {".3.json.journal"}
    assert chain_bandit(*deploy(3)).returncode == 0
    assert sent_by(chain) - counts[2] == counts[2] - counts[1]
    assert {path.name for path in tmp_path.glob("*3.*")} == {"3.json", "3.seed"}


@pytest.mark.parametrize("most", [100, 500])
def test_nodes_without_room_for_their_keys_leave_nothing_and_nobody_is_paid(
    chain: OwnNode, tmp_path: Path, most: int
) -> None:
    count = sent_by(chain)
    refused("up", on_full_disk(most, *up(chain, tmp_path / "game")))
    assert sent_by(chain) == count
    assert list((tmp_path / "game").iterdir()) == []


@pytest.mark.parametrize("most", [2_000, 4_000])
def test_what_was_paid_for_nodes_is_not_lost_where_the_disk_is_full_after_it(
    chain: OwnNode, tmp_path: Path, most: int
) -> None:
    out = tmp_path / "game"
    said = on_full_disk(most, *up(chain, out))
    refused("up", said)
    assert f"what was sent belongs to the accounts whose keys are in {out}" in said.stderr
    secret = json.loads((out / "environment" / "key.json").read_bytes())["secret"]
    assert chain.balance(account(Signer(bytes.fromhex(secret)).secret).address) > 0
    made = {"deployment.json", "deployment.seed"} if most > 3_000 else set()
    assert {path.name for path in out.iterdir() if path.is_file()} == made


def test_a_game_without_room_for_its_record_leaves_its_history_and_no_half_of_a_run_folder(
    chain: OwnNode, tmp_path: Path
) -> None:
    out, kept = tmp_path / "game", tmp_path / "kept.jsonl"
    refused("up", on_full_disk(50_000, *up(chain, out)))
    files = {path.name for path in out.iterdir() if path.is_file()}
    assert files == {"game.json", "deployment.json", "deployment.seed", "history.jsonl.gz"}
    export = ("audit", "--rpc", chain.url, "--contract", out / "deployment.json", "--export")
    refused("export", chain_bandit(*export, READ_ONLY / "kept.jsonl"))
    refused("export", on_full_disk(15_000, *export, kept))
    assert {path.name for path in tmp_path.iterdir()} == {"game", ".kept.jsonl.partial"}
    assert chain_bandit(*export, kept).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"game", "kept.jsonl"}
