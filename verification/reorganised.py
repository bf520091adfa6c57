"""Games on Anvil whose chain goes back at a stage: every game ends, or is refunded, and no wei is lost.

    python -m verification.reorganised [--games 40] [--json FILE] [--from 0] [--only TEXT]

A game by `run` or by `up` at a URL, on a chain that mines by transaction or each second, with 1 or 6 confirmations.
Once it is at a stage, the chain is reorganised: so many blocks are replaced by empty ones, and what they held is in
the mempool again. In a series it is reorganised again and again. What stops a game is taken up as its
message says: `run --resume`, `up FOLDER`. Then the audit must pass and the contract must be empty; or the game was
refused before its opening, and all stakes and the pool were returned. A line of JSON a game; exit code 14 where a game
lost anything.
"""

import argparse
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from chain_bandit.chain import tools
from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.chain.development import CHAIN_ID, GAS_LIMIT, HARDFORK
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.process import running
from chain_bandit.nodes.node_files import GAME
from chain_bandit.runner.rows import resumed_rows

STAGES = {"before": ("Joined", 0), "joining": ("Joined", 3), "full": ("Joined", 4), "opening": ("Opened", 1),
          "rounds": ("Recorded", 3), "settling": ("Revealed", 1), "closing": ("Closed", 1),
          "series": ("Joined", 1)}  # fmt: skip
"""By name the event and how many of them are there when the chain goes back."""

ROUNDS, SECONDS, TAKEN_UP, PAUSE, CALM = 16, 150.0, 6, 3.0, 0.2
REFUNDED = {"run": 7, "up": 2}
"""By command, the exit code of a game that was refused and refunded."""

COMMAND = (sys.executable, "-m", "chain_bandit")


@dataclass
class ReorganisedGame:
    """One, and what came of it.

    Attributes:
        codes: exit codes of the command, and of each that took the game up.
        undone: how often the chain went back.
        left: wei that the contract holds in the end.
    """

    number: int
    verb: str
    stage: str
    depth: int
    confirmations: int
    block_time: int
    codes: list[int] = field(default_factory=list)
    undone: int = 0
    left: int | None = None
    ended: str = ""
    lost: str = ""
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Command, stage, depth, confirmations, and seconds a block."""
        return f"{self.verb} {self.stage} {self.depth} {self.confirmations} {self.block_time}"


def games(count: int) -> Iterator[ReorganisedGame]:
    """So many, spread over verbs, stages, depths 1 to 5, confirmations and ways of mining."""
    every = list(product(("run", "up"), STAGES, (1, 6), (0, 1)))
    for number in range(count):
        verb, stage, confirmations, block_time = every[number * 27 % len(every)]
        yield ReorganisedGame(number, verb, stage, 1 + number % 5, confirmations, block_time)


@contextmanager
def chain(block_time: int, scratch: Path) -> Iterator[HttpNode]:
    """Anvil, which mines by transaction, or a block each so many seconds."""
    command = [
        str(tools.anvil()), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID), "--hardfork", HARDFORK,
        "--gas-limit", str(GAS_LIMIT), "--color", "never", *(("--block-time", str(block_time)) if block_time else ()),
    ]  # fmt: skip
    with running("anvil", command, scratch) as node:
        yield node


class Reorganiser(threading.Thread):
    """Undoes blocks once the game is at its stage."""

    def __init__(self, node: HttpNode, game: ReorganisedGame) -> None:
        super().__init__(daemon=True)
        self._node, self._game, self._over = HttpNode(node.url), game, threading.Event()
        name, self._least = STAGES[game.stage]
        events = chain_bandit_artifact().members("event")
        self._topics = ["0x" + events[each].topic.hex() for each in events if each.startswith(name)]

    def run(self) -> None:
        """Wait for the stage, then go back; in a series from then on again and again."""
        with suppress(NodeUnreachable):
            while not self._over.wait(0.05):
                if self._is_there():
                    self._undo()
                    if self._game.stage != "series" or self._game.undone >= 8:
                        return
                    self._over.wait(PAUSE)

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()

    def _is_there(self) -> bool:
        height = self._node.height()
        if self._least == 0:
            return height >= self._game.depth + 2
        logs = self._node.ask("eth_getLogs", {"fromBlock": "0x0", "topics": [self._topics]})
        return len(logs) >= self._least and height >= self._game.depth

    def _undo(self) -> None:
        """Go back while no block comes: of a reorganisation while it mines Anvil may be left without some blocks."""
        height = -1
        while not self._over.wait(CALM) and (now := self._node.height()) != height:
            height = now
        with suppress(NodeUnreachable):
            self._node.ask("anvil_reorg", min(self._game.depth, self._node.height()), [])
        self._game.undone += 1


def play(game: ReorganisedGame, scratch: Path) -> None:
    """Play it, take it up as long as it stops, and look what is left."""
    began = monotonic()
    with chain(game.block_time, scratch) as node:
        thread, out = Reorganiser(node, game), scratch / "game"
        thread.start()
        first = [
            game.verb, "small", "--rounds", str(ROUNDS), "-o", "preset=paper", "-o", "expect.approved='>= 0'",
            "-o", "bound_ms=300", "-o", f"chain.confirmations={game.confirmations}", "--chain", node.url,
            "--out", str(out),
        ]  # fmt: skip
        for each in [first, *[[*first, "--resume"] if game.verb == "run" else ["up", str(out)]] * TAKEN_UP]:
            if each[0] == "up" and game.codes and not (out / GAME).exists():
                break
            code = _called(game, each, scratch)
            if code == 0 or (code == REFUNDED[game.verb] and "return" in game.said[-1]):
                break
        thread.stop()
        _judge(game, node, out, scratch)
    game.seconds = round(monotonic() - began, 1)


def _called(game: ReorganisedGame, arguments: list[str], scratch: Path) -> int:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ETH_")}
    with subprocess.Popen([*COMMAND, *arguments], cwd=scratch, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as made:  # fmt: skip
        try:
            _, errors = made.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            made.terminate()  # it ends its processes
            errors = made.communicate()[1] + "\nit did not end"
        code, words = made.returncode, errors.strip().splitlines()
    game.codes.append(code)
    if code:
        game.said.append(words[-1][:300] if words else "")
    return code


def _judge(game: ReorganisedGame, node: HttpNode, out: Path, scratch: Path) -> None:
    topics = chain_bandit_artifact().members("event")
    contracts = {log["address"] for log in node.ask("eth_getLogs", {"fromBlock": "0x0", "topics": [
        ["0x" + topics[name].topic.hex() for name in ("Joined", "Opened", "Withdrawn")]]})}  # fmt: skip
    game.left = sum(node.balance(address) for address in contracts)
    code = game.codes[-1]
    if code == 0:
        audit = subprocess.run([*COMMAND, "audit", "--rpc", node.url, "--contract", str(_recorded(out))], cwd=scratch,
                               capture_output=True, text=True, check=False)  # fmt: skip
        game.ended = "audited" if audit.returncode == 0 else f"audit {audit.returncode}"
        game.lost = "" if audit.returncode == 0 else audit.stdout[-300:] + audit.stderr[-300:]
    else:
        is_refunded = code == REFUNDED[game.verb] and "return" in game.said[-1] and not game.left
        game.ended = "refunded" if is_refunded else f"stopped with {code}"
        game.lost = "" if game.ended == "refunded" else game.ended
    if game.left:
        game.lost = f"{game.left} wei are left in the contract. {game.lost}"


def _recorded(out: Path) -> Path:
    deployment = out / "deployment.json"
    return deployment if deployment.exists() else out


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=40)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for the games' folders, which are thrown away else")
    arguments = parser.parse_args(given)
    chosen = [game for game in games(arguments.games) if game.number >= arguments.first and arguments.only in game.name]
    rows = resumed_rows(
        chosen, lambda game: {"number": game.number}, partial(_played, arguments.keep), lambda _, game: asdict(game),
        arguments.json,
    )  # fmt: skip
    ended, lost = Counter[str](), 0
    for game in (ReorganisedGame(**row) for row in rows):
        ended[game.ended] += 1
        lost += bool(game.lost)
        after = f"after {game.undone} reorganisations, {game.seconds} s. {game.lost} {' | '.join(game.said)}"
        print(f"{game.number} {game.name}: {game.ended} {game.codes} {after}", flush=True)
    print(f"{sum(ended.values())} games: {dict(ended)}; {lost} lost something")
    return 14 if lost else 0


def _played(keep: Path | None, game: ReorganisedGame) -> ReorganisedGame:
    with TemporaryDirectory(prefix="chain-bandit-", ignore_cleanup_errors=True) as scratch:
        place = Path(scratch) if keep is None else keep / str(game.number)
        place.mkdir(parents=True, exist_ok=True)
        play(game, place)
    return game


if __name__ == "__main__":
    sys.exit(main())
