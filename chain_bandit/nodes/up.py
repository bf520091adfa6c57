"""A whole game of nodes on this machine: folders, processes, the wait for their end, and the audit of it all."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

from chain_bandit.actors.messages import ENVIRONMENT
from chain_bandit.append_log import LogLocked
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain import accounts
from chain_bandit.chain.funds import Need, fund
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.game import deployment, folder
from chain_bandit.game.chains import connected, environment_need, is_url, others_needs
from chain_bandit.game.plan import Plan, Secrets
from chain_bandit.game.unfinished import kept_if
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.ended import UNOPENED, ended_with, is_undone, require_deployed
from chain_bandit.nodes.fork_server import ForkServer
from chain_bandit.nodes.game_folders import write_folders, write_game
from chain_bandit.nodes.left import leave
from chain_bandit.nodes.processes import LOOK, down, held, logged, places, state_of, states
from chain_bandit.protocol.errors import ChainBanditError, require
from chain_bandit.scenario import Scenario

MOST_SEATS = 128


class NodeStopped(ChainBanditError):
    """A node that ended before its game, by itself."""

    def __init__(self, name: str, exit_code: int, said: str) -> None:
        super().__init__(f"{name} stopped{f': {said}' if said else ' without an error message'}")
        self.name, self.exit_code = name, exit_code


def up(
    scenario: Scenario, out: Path, chain: str, payer: str | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    revives: Callable[[str], bool] = lambda name: False,
    pause: Callable[[float], object] = sleep,
    on_connected: Callable[[int], None] = lambda chain_id: None,
) -> tuple[dict[str, Any], AuditReport]:  # fmt: skip
    """Play a scenario with every participant, environment, relayer and comparison as a process of its own.

    Gives the manifest of the run folder that it leaves, and the audit. Whatever happens, no process stays.

    Args:
        out: a folder that is not there yet, or empty.
        payer: the name of an account that pays for everybody, on a chain that gives nothing away.
        revives: whether a node that was killed is started again at once, by its name.
        pause: passes the seconds between two looks at the nodes; what it raises ends the game.
        on_connected: told the chain id before anything is paid.

    Raises:
        NodeStopped: a node ended by itself, where one that is killed may be started again meanwhile; or it was started
            again here and killed before it had seen the end of a round.
        ChainBanditError: the scenario is none for nodes, the folder cannot be used, the chain does not answer.
    """
    require_of_nodes(scenario)
    # its own, so that no two games have one contract, see docs/nodes.md
    plan = Plan(scenario, secrets=replace(Secrets.of(scenario.seed), environment=os.urandom(32)))
    with fresh(out) as out, connected(chain, say) as node:
        on_connected(node.chain_id)
        made = set_up(plan, node, out, payer, keeps=is_url(chain))
        with processes(out) as fork_server:
            say(f"{len(states(out))} processes; chain-bandit ps {out} says how they are")
            for _ in looks(out, fork_server, say, revives, node.url):
                pause(LOOK)
        digest = ended_with(out / files.name_of(ENVIRONMENT))["run_digest"]
        return leave(node, plan, made, bytes.fromhex(digest[2:]), out)


def take_up(
    out: Path, say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    revives: Callable[[str], bool] = lambda name: False, pause: Callable[[float], object] = sleep,
    url: str | None = None,
) -> None:  # fmt: skip
    """Run the nodes whose folders are here, of a game of which others run theirs, until these have ended with it.

    Where all have ended before, and the chain still has the closing, nothing is started. Raises `NodeStopped` as `up`
    does; `PlaceRefused`.

    Args:
        url: of the chain's node; by default that of the game, which may lack a key.
    """
    here = [place for place, state in zip(places(out), states(out), strict=True) if state.begun is not None]
    if all((place / files.ENDED).exists() for place in here) and not any(is_undone(each, url, say) for each in here):
        return
    for place in here[:1]:
        require_deployed(place, url, say)
    # a node with a keystore has the lock of its folder
    with nullcontext() if (out / files.NODE).exists() else held(out), processes(out) as fork_server:
        say(f"{len(here)} processes; chain-bandit ps {out} says how they are")
        for _ in looks(out, fork_server, say, revives, url):
            pause(LOOK)


def last_round(out: Path, name: str = "*") -> int:
    """The last round whose end is in a node's log, by default any of a game's; 0 before the first."""
    lines = (line for path in out.glob(f"{name}/{files.LOG}") for line in logged(path.parent, _TAIL))
    return max((int(found[1]) for line in lines if (found := re.match(r"round (\d+) ", line, re.ASCII))), default=0)


_TAIL = 1_000
"""Bytes of a log that have its last line."""


def require_of_nodes(scenario: Scenario) -> None:
    """Raise `AssumptionBroken` for a game that nodes do not play."""
    scenario.check_contract()
    for name, holds, wanted in (
        ("participants", scenario.participants <= MOST_SEATS, f"M <= {MOST_SEATS}"),
        ("comparison", scenario.comparison == "ideal", "the trusted comparison"),
        ("chain.batch", scenario.chain.batch == 1, "a transaction a round: its record begins the next one"),
    ):
        require(holds, name, f"{wanted} (among processes)")


@contextmanager
def fresh(out: Path) -> Iterator[Path]:
    """The folder of a new game, made and resolved, for this process alone while the block runs.

    Raises `FolderRefused`; `LogLocked` where another process took it at the same moment.
    """
    place = out.resolve()
    with folder.writing(out):
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            pid = state_of(place).pid
            why = "is not empty" if pid is None else f"is being written by process {pid}"
            raise folder.FolderRefused(out, f"{why}; name another with --out")
    with held(place):
        yield place


def set_up(plan: Plan, node: HttpNode, out: Path, payer: str | None, keeps: bool) -> dict[str, Any]:
    """The nodes' folders, and the contract with its environment as deployer, which also pays for the others.

    Every key is in its folder before its account is paid. Where something stops it before anything was sent, the folder
    is empty again. Gives what is in the deployment file.

    Args:
        keeps: whether the chain goes on without this process, and with what was sent to it.
    """
    own = environment_need(plan, node, plan.environment.address)
    all_needs = [own, *others_needs(plan)]
    whole = Need(own.account, sum(each.wei for each in all_needs), 2 * sum(each.gas for each in all_needs))
    pays = accounts.named(payer, node.chain_id) if payer else None
    payments, journal, is_whole = Journal(), Journal(), False
    note = f"what was sent belongs to the accounts whose keys are in {out}"
    with kept_if(lambda: is_whole or (keeps and bool(payments.entries or journal.entries)), note, lambda: empty(out)):
        with folder.writing(out):
            node_records = write_folders(plan, out)
        fund(node, [whole], pays, payments)
        made = deployment.deploy(plan, node, account(plan.environment.secret), out / files.DEPLOYMENT, journal)
        with folder.writing(out):
            write_game(plan, made, node.url, node_records, out)
        is_whole = True
    return made


def empty(out: Path) -> None:
    """Take away what was made."""
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def processes(out: Path) -> Iterator[ForkServer]:
    """All nodes, started; ended when the block ends, even if restarted by another process.

    Raises `LogLocked` where one of them runs already; it goes on.
    """
    for place, state in zip(places(out), states(out), strict=True):
        if state.pid is not None:
            raise LogLocked(place / files.PID)
    fork_server = ForkServer()
    try:
        try:
            for place in places(out):
                if place.is_dir():
                    fork_server.start(place)
            yield fork_server
        finally:
            down(out)
    finally:
        fork_server.close()  # and nodes that had not reached their lock, or could not be signalled


def looks(
    out: Path, fork_server: ForkServer, say: Callable[[str], None], revives: Callable[[str], bool],
    url: str | None,
) -> Iterator[set[str]]:  # fmt: skip
    """Look at the nodes again and again until all have ended with the game, and those of here are gone.

    Where a reorganisation has taken the closing out of the chain by then, they are started again.

    Yields the names of those that run here. Raises `NodeStopped` as `up` does; where the game was never opened, once
    all have their stakes back.
    """
    here = {place.name: place for place in places(out) if place.is_dir()}
    running, seen, is_told, unopened = set(here), dict[str, int](), False, dict[str, int]()
    while running or unopened or not all(state.ended for state in states(out) if state.name in here):
        if unopened and not running:
            name, code = next(iter(unopened.items()))
            raise NodeStopped(name, code, _last_words(here[name]))
        for name, code in fork_server.ended():
            if code > 0 and _last_words(here[name]).startswith(UNOPENED):
                unopened[name] = code
                running.discard(name)
                continue
            if code > 0:
                raise NodeStopped(name, code, _last_words(here[name]))
            if code < 0 and revives(name):
                before, seen[name] = seen.get(name), _rounds_seen(here[name])
                if seen[name] == before:  # it would die for ever
                    log = here[name] / files.LOG
                    again = f"signal {-code} ended it again before the end of a round; what it wrote is in {log}"
                    raise NodeStopped(name, 128 - code, again)
                fork_server.start(here[name])
                say(f"{name} was ended by signal {-code}, and is started again")
                continue
            running.discard(name)
            if code < 0:
                say(f"{name} was ended by signal {-code}; chain-bandit node {here[name]} restarts it")
        last = ((name, line) for name in sorted(running) for line in logged(here[name], _TAIL)[-1:])
        waiting = next((f"{name}: {line}" for name, line in last if line.startswith("waiting for the chain")), None)
        if waiting and not is_told:
            say(waiting)
        is_told = waiting is not None
        yield running
        if not running and not unopened:
            running = {name for name, place in here.items() if (place / files.ENDED).exists() and
                       is_undone(place, url, say)}
            for name in running:
                fork_server.start(here[name])


def _last_words(place: Path) -> str:
    return next((line.removeprefix("error: ") for line in reversed(logged(place)) if line.startswith("error: ")), "")


def _rounds_seen(place: Path) -> int:
    """How many rounds' ends a node has logged, over all its restarts."""
    return sum(line.startswith("round ") for line in logged(place))
