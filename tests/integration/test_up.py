"""`chain-bandit up` as people meet it: on somebody's chain, with nodes that are killed and started again."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chain_bandit.chain import accounts
from chain_bandit.chain.anvil import anvil
from chain_bandit.nodes import place as files
from chain_bandit.nodes.processes import states
from chain_bandit.scenario import load
from tests.integration.nodes import ROOT, started, wait_for

SMALL = ROOT / "examples" / "small.toml"


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
        assert said.startswith("run digest 0x")
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
