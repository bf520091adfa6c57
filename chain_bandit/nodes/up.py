"""A whole game of nodes on this machine: folders, processes, the wait for their end, and the audit of it all."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from chain_bandit.actors.messages import ENVIRONMENT
from chain_bandit.audit.report import AuditReport
from chain_bandit.audits import ManifestFalse, audit_file
from chain_bandit.chain import accounts
from chain_bandit.chain.funds import Need, fund
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.game import deployment, folder
from chain_bandit.game.chains import connected, environment_need, is_url, others_needs
from chain_bandit.game.plan import Plan
from chain_bandit.history import files as histories
from chain_bandit.history.collect import collect
from chain_bandit.nodes import place as files
from chain_bandit.nodes.folders import write_folders
from chain_bandit.protocol.assumptions import require
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.scenario import Scenario

FORMAT = "chain-bandit-nodes/1"
DEPLOYMENT = "deployment.json"
MOST_SEATS = 64
LOOK = 0.1
"""Seconds from one look at the processes to the next."""

PATIENCE = 10.0
"""Seconds that a process may take to end when it is told to."""

NODE = (sys.executable, "-c", "from chain_bandit.cli import main; main()", "node")


class NodeStopped(ChainBanditError):
    """A node that ended before its game, by itself."""

    def __init__(self, name: str, exit_code: int, said: str) -> None:
        super().__init__(f"{name} stopped: {said or 'without a word'}")
        self.name, self.exit_code = name, exit_code


@dataclass(frozen=True, slots=True)
class State:
    """One node's: running under a process id, ended with its game, or neither."""

    name: str
    pid: int | None
    ended: bool

    @property
    def word(self) -> str:
        """In one word."""
        return "running" if self.pid is not None else "ended" if self.ended else "stopped"


def up(
    scenario: Scenario, out: Path, chain: str, payer: str | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> tuple[dict[str, Any], AuditReport]:  # fmt: skip
    """Play a scenario with every participant, environment, relayer and comparison as a process of its own.

    Gives what is in `manifest.json` then, and the audit. Whatever happens, no process stays.

    Args:
        out: a folder that is not there yet, or empty.
        payer: the name of an account that pays for everybody, on a chain that gives nothing away.

    Raises:
        NodeStopped: a node ended by itself; one that is killed may be started again meanwhile.
        ChainBanditError: the scenario is none for nodes, the folder cannot be used, the chain does not answer.
    """
    _check(scenario)
    out = _fresh(out)
    plan = Plan(scenario)
    with connected(chain) as node:
        made = _deployed(plan, node, out, payer, chain)
        write_folders(plan, made, node.url, out)
        with _processes(out) as children:
            say(f"{len(children)} processes; chain-bandit ps {out} says how they are")
            _await_end(out, children, say)
        return _left(node, made, out)


def states(out: Path) -> list[State]:
    """How every node of a game is. Raises `PlaceRefused`."""
    game = files.read_game(out / files.GAME)
    return [_state(out / files.name_of(door.address)) for door in game.doors]


def down(out: Path) -> list[State]:
    """End every process of a game; those that were told. Raises `PlaceRefused`."""
    told = [state for state in states(out) if state.pid is not None]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for state in told:
            pid = _state(out / state.name).pid  # as of now: the number may be another process's soon
            if pid is not None:
                os.kill(pid, number)
        until = monotonic() + PATIENCE
        while any(_state(out / state.name).pid is not None for state in told) and monotonic() < until:
            sleep(LOOK)
    return told


def log(out: Path, name: str | None, lines: int) -> Iterator[str]:
    """The last lines that nodes wrote, each after its node's name. Raises `PlaceRefused`."""
    known = [state.name for state in states(out)]
    if name is not None and name not in known:
        raise files.PlaceRefused(out / name, f"is no node of this game ({', '.join(known)})")
    for each in [name] if name is not None else known:
        try:
            text = (out / each / files.LOG).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has not begun
        yield from (f"{each}: {line}" for line in text.splitlines()[-lines:])


def start(out: Path, name: str) -> "subprocess.Popen[bytes]":
    """Start one node, in a session of its own; what it writes goes to its log."""
    with (out / name / files.LOG).open("ab") as output:
        return subprocess.Popen(
            [*NODE, str(out / name)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def _check(scenario: Scenario) -> None:
    scenario.check_contract()
    for name, holds, wanted in (
        ("participants", scenario.participants <= MOST_SEATS, f"M <= {MOST_SEATS}"),
        ("comparison", scenario.comparison == "ideal", "the trusted comparison"),
        ("chain.body", scenario.chain.body == "full", "full bodies, so that a restarted node finds them"),
        ("chain.batch", scenario.chain.batch == 1, "a transaction a round: its record begins the next one"),
    ):
        require(holds, name, f"{wanted} (among processes)")


def _fresh(out: Path) -> Path:
    place = out.resolve()
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise folder.FolderRefused(out, "is not empty; name another with --out")
    except OSError as error:
        raise folder.FolderRefused(out, f"cannot be written: {error.strerror}") from error
    return place


def _deployed(plan: Plan, node: HttpNode, out: Path, payer: str | None, chain: str) -> dict[str, Any]:
    """The contract, with its environment as deployer, which also pays for the others."""
    path = out / DEPLOYMENT
    own = environment_need(plan, plan.environment.address)
    all_needs = [own, *others_needs(plan)]
    whole = Need(own.account, sum(each.wei for each in all_needs), 2 * sum(each.gas for each in all_needs))
    pays = accounts.named(payer, node.chain_id) if payer else None
    with deployment.kept_journal(path) if is_url(chain) else nullcontext(Journal()) as journal:
        fund(node, [whole], pays, Journal())
        return deployment.deploy(plan, node, account(plan.environment.secret), path, journal)


@contextmanager
def _processes(out: Path) -> "Iterator[dict[str, subprocess.Popen[bytes]]]":
    """All nodes, started; ended when the block ends, whoever started them last."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for state in states(out):
            children[state.name] = start(out, state.name)
        yield children
    finally:
        down(out)
        for child in children.values():
            child.terminate()  # one that had not come to its lock
            child.wait()


def _await_end(out: Path, children: "Mapping[str, subprocess.Popen[bytes]]", say: Callable[[str], None]) -> None:
    watched = dict(children)
    while not all((out / name / files.ENDED).exists() for name in children):
        for name, child in list(watched.items()):
            code = child.poll()
            if code is None:
                continue
            del watched[name]
            if code > 0:
                raise NodeStopped(name, code, _last_words(out / name))
            if code < 0:
                say(f"{name} was ended by signal {-code}; chain-bandit node {out / name} takes it up")
        sleep(LOOK)
    for child in watched.values():
        child.wait(PATIENCE)


def _last_words(place: Path) -> str:
    lines = (place / files.LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.removeprefix("error: ") for line in reversed(lines) if line.startswith("error: ")), "")


def _state(place: Path) -> State:
    ended = (place / files.ENDED).exists()
    try:
        with (place / files.PID).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                said = file.read(20)
                return State(place.name, int(said) if said.strip().isdigit() else None, ended)
    except OSError:
        pass  # it has never run
    return State(place.name, None, ended)


def _left(node: HttpNode, made: Mapping[str, Any], out: Path) -> tuple[dict[str, Any], AuditReport]:
    """Export the history and audit it; what the environment says of the game must be what the audit finds."""
    contract, path = bytes.fromhex(made["contract"][2:]), out / folder.HISTORY
    history = collect(node.rpc.ask, contract, made["first_block"])
    histories.write(history, path)
    *_, last = histories.read(path).blocks
    head = keccak(last.header)
    report = audit_file(path, head)
    (out / folder.AUDIT).write_text(report.json() + "\n", encoding="utf-8")
    said = _ended(out / files.name_of(ENVIRONMENT))
    if report.run_digest is not None and said.get("run_digest") != report.run_digest:
        raise ManifestFalse(out, "run_digest", said.get("run_digest"), report.run_digest)
    manifest = {
        "format": FORMAT, **{key: made[key] for key in ("chain_id", "contract", "genesis_hash", "first_block")},
        "head": "0x" + head.hex(), "audit": report.verdict, **said,
        "nodes": [asdict(state) | {"state": state.word} for state in states(out)],
    }  # fmt: skip
    folder.write_json(out / folder.MANIFEST, manifest)
    return manifest, report


def _ended(place: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((place / files.ENDED).read_text(encoding="utf-8"))
    return said
