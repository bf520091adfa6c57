"""`chain-bandit up` as people meet it: on somebody's chain, with nodes that are killed and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chain_bandit.append_log import write_private
from chain_bandit.chain import accounts
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignCreation
from chain_bandit.chain.node import account
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.game import deployment
from chain_bandit.game.chains import connected
from chain_bandit.game.plan import Plan
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.node_files import DEPLOYMENT
from chain_bandit.nodes.processes import states
from chain_bandit.nodes.up import set_up
from chain_bandit.scenario import load
from chain_bandit.stopwatch import Stopwatch
from tests import foreign_creation
from tests.integration.nodes import SMALL, chain_bandit, started, wait_for


@contextmanager
def up(out: Path, *more: object) -> "Iterator[subprocess.Popen[str]]":
    """A game of 14 rounds, of which nine have records, whose nodes are started again; it ends with the block."""
    small = ("up", SMALL, "--processes", "--rounds", 14, "-o", "burn_in=6", "-o", "expect={}", "-o", "bound_ms=2000")
    game = started(*small, "--revive", "--out", out, *more)
    try:
        yield game
    finally:
        game.terminate()  # it takes its processes with it
        game.communicate()


def kill_relayer(out: Path) -> bool:
    """Whether it had come to its lock: then it is gone."""
    if not (out / files.GAME).exists():
        return False
    pid = next(state.pid for state in states(out) if state.name == "relayer")
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return True


def rounds_seen(out: Path, name: str = "relayer") -> int:
    """Of how many rounds a node has said the end: who is killed may miss one."""
    log = out / name / files.LOG
    return log.read_text().count("\nround ") if log.exists() else 0


def test_a_game_at_a_url_is_paid_by_an_account_and_its_relayer_is_started_again_whenever_it_is_killed(
    tmp_path: Path,
) -> None:
    out = tmp_path / "game"
    with anvil() as node, up(out, "--chain", node.url, "--account", "dev5") as game:
        payer, ether = accounts.named("dev5", node.chain_id).address, 10**18
        for least in (1, 4):
            wait_for(lambda: game.poll() is not None or rounds_seen(out) >= least)  # noqa: B023
            wait_for(lambda: kill_relayer(out), 10)
        said, errors = game.communicate(timeout=120)
        assert game.returncode == 0, errors
        assert errors.count("relayer was ended by signal 9, and is started again\n") == 2
        assert rounds_seen(out, "seat-0") == 9
        assert "run digest" in said
        assert node.balance(payer) < 10_000 * ether - 4 * load(SMALL).parameters.stake  # as Anvil begins; and all gas
        assert node.height() > 9  # nobody has stopped it


def test_a_node_that_dies_whenever_it_is_started_ends_the_game(tmp_path: Path) -> None:
    out = tmp_path / "game"
    with up(out) as game:

        def strike() -> bool:
            kill_relayer(out)
            return game.poll() is not None

        wait_for(strike)
        _, errors = game.communicate()
    assert game.returncode == 128 + signal.SIGKILL, errors
    assert errors.splitlines()[-1] == (
        "error: relayer stopped: signal 9 ended it again before the end of a round; what it wrote is in "
        f"{out / 'relayer' / files.LOG}"
    )
    assert [state.pid for state in states(out)] == [None] * 7


def test_no_node_stakes_in_a_game_whose_creation_code_wrote_storage_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, plan = tmp_path / "game", Plan(load(SMALL))
    out.mkdir()
    monkeypatch.setattr(Coordinator, "deploy", foreign_creation.deploy)
    monkeypatch.setattr(deployment, "attach", lambda *game: (Coordinator.at(*game[:2], Stopwatch(), PIPELINED), None))
    with connected("anvil") as node:
        made = set_up(plan, node, out, None, keeps=False)  # with stakes for all, from whom does not know
        result = chain_bandit("node", out / "seat-0")
        assert (result.returncode, result.stderr.count("\n")) == (6, 1), result.stderr
        assert "was not created in block" in result.stderr
        contract = Coordinator.at(node.line, bytes.fromhex(made["contract"][2:]), Stopwatch())
        assert not contract.has_seat(plan.addresses[0])
        monkeypatch.undo()
        with pytest.raises(ForeignCreation), deployment.kept_journal(out / DEPLOYMENT) as journal:
            deployment.deploy(plan, node, account(plan.environment.secret), out / DEPLOYMENT, journal)


def test_a_node_whose_files_are_not_its_own_or_whose_door_is_none_says_so_in_a_sentence(tmp_path: Path) -> None:
    out = tmp_path / "game"
    out.mkdir()
    place, plan = out / "seat-2", Plan(load(SMALL))
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, connected("anvil") as node:
        set_up(plan, node, out, None, keeps=False)
        link, game = (place / files.LINK).read_bytes(), json.loads((out / files.GAME).read_text())

        def said(where: Path = place, endpoint: str | None = None, pem: bytes | None = link) -> tuple[int, str]:
            changed = [
                each | ({"endpoint": endpoint} if endpoint and each["address"] == 2 else {})
                for each in game["node_records"]
            ]
            (out / files.GAME).write_text(json.dumps(game | {"node_records": changed}))
            (place / files.LINK).unlink(missing_ok=True)
            if pem is not None:
                write_private(place / files.LINK, pem)
            result = chain_bandit("node", where)
            return result.returncode, result.stderr

        shutil.copytree(place, out / "seat-2b")
        refused = "\n"
        assert said(out / "seat-2b") == (
            3, f"error: {out / 'seat-2b'}: has the key of seat-2, which runs in the folder of that name alone{refused}"
        )  # fmt: skip
        made = "chain-bandit up, deploy, join and keygen make such files"
        assert said(pem=None) == (
            3, f"error: {place / files.LINK}: cannot be read (No such file or directory); {made}{refused}"
        )  # fmt: skip
        for garbage in (b"garbage", b"\xff", link[: len(link) // 2]):
            assert said(pem=garbage) == (3, f"error: {place / files.LINK}: holds no certificate{refused}")
        reason = "is not the certificate that game.json has for this node: other nodes would reject it"
        of_another = (out / "seat-1" / files.LINK).read_bytes()
        assert said(pem=of_another) == (3, f"error: {place / files.LINK}: {reason}{refused}")
        for endpoint in ("nonsense", "127.0.0.1:99999", ":8000", "127.0.0.1:0"):
            code, errors = said(endpoint=endpoint)
            assert (code, errors.count("\n")) == (3, 1)
            assert "an endpoint is unix:PATH, or HOST:PORT with a port from 1 to 65535" in errors
        (place / files.LINK).chmod(0o644)
        with pytest.raises(files.PlaceRefused, match=r"is open to other users \(mode 644\): run chmod 600"):
            files.require_link(place / files.LINK, files.certificate_in(place / files.LINK))
        used = f"127.0.0.1:{taken.getsockname()[1]}"
        code, errors = said(endpoint=used)
        assert code == 2
        sentence = "cannot listen there (Address already in use); end the program that does, or name another in"
        assert errors.splitlines()[-1].startswith(f"error: {used}: {sentence} game.json, or by chain-bandit join")
        begins = b"-----BEGIN CERTIFICATE"
        code, errors = said(pem=of_another.partition(begins)[0] + link[link.index(begins) :])
        assert (code, errors.count("\n")) == (3, 2)
        assert "link.pem: cannot be used with the certificates of game.json" in errors
