"""Live speed on Anvil: how near submitting and playing come to what node and signatures allow, by validators and batch.

    python benchmarks/live.py [--rounds 200] [--json]

(a) What the node takes: the very transactions of (b), signed before, in batches that nobody looks after; beside it
plain transfers through the sender, which cost the node a fraction of a block's work. (b) Certified blocks of a game
played before, through the sender. (c) The whole game. "b / a" is the share of the node's rate that submitting keeps
(goal 0.8); "c / limit" compares a round with its signature work and its share of a transaction of (a), one after the
other (goal 0.7). All a round, not a transaction. Exit 14 below a goal.
"""

import argparse
import gc
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from time import perf_counter

from eth_account import Account
from rich.console import Console
from rich.table import Table

from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import account
from chain_bandit.chain.outbox import SENT_AT_ONCE
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, opening_balances
from chain_bandit.game.plan import Plan
from chain_bandit.game.recorder import ExpectedRecord
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.submission import Submitted, encode
from chain_bandit.protocol.transaction import gas_of_blocks
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

SIZES = (4, 10, 31)
BATCHES = (1, 10)
ARMS = 10
CHAIN_ID = 131277322940537
ANVIL = Path(__file__).parents[1] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
SUBMITTING_GOAL, PLAYING_GOAL = 0.8, 0.7
AHEAD = 16
"""Rounds that may wait for a record beyond those of a batch: no round waits for the one before it."""

TRIES = 3
"""The best of so many counts, of each."""

MORE = 4
"""In batches so many times the blocks: 20 transactions would measure how the first goes out and the last comes back."""

TRANSFER_GAS = 21_000


@dataclass(frozen=True)
class _Row:
    """One size: what a second holds, and the two ratios."""

    validators: int
    batch: int
    transfers_per_second: float
    bare_per_second: float
    blocks_per_second: float
    rounds_per_second: float
    signatures_ms: float
    submitting_ratio: float
    playing_ratio: float


class Anvil:
    """A node for the benchmark."""

    chain_id, delivery = CHAIN_ID, PIPELINED

    def __init__(self, url: str) -> None:
        self.line = url
        self._rpc = Rpc(self.line, Stopwatch(), PIPELINED)

    def fund(self, balances: Mapping[bytes, int]) -> None:
        """Give everybody money."""
        for who, wei in balances.items():
            self._rpc.ask("anvil_setBalance", ["0x" + who.hex(), hex(wei)])

    def mine(self, blocks: int) -> None:
        """Mine empty blocks."""
        self._rpc.ask("anvil_mine", [hex(blocks)])


@contextmanager
def anvil() -> Iterator[Anvil]:
    """A fresh node on a free port, gone afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(ANVIL), "--port", str(port), "--chain-id", str(CHAIN_ID), "--hardfork", "prague", "--silent"]
    process = subprocess.Popen(command)
    try:
        url, patience = f"http://127.0.0.1:{port}", RetryBudget(20.0)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            patience.wait(NodeUnreachable("Anvil does not start"))
        yield Anvil(url)
    finally:
        process.kill()
        process.wait()


class Keeping(OnChain):
    """Keeps the blocks that it is given."""

    def open(self, plan: Plan) -> Domain:
        """Keep none yet."""
        self.blocks: list[bytes] = []
        return super().open(plan)

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """Keep them."""
        self.blocks.append(encode(self._plan.parameters, blocks))
        super().submit(blocks)


class _Opened(OnChain):
    """Opens the game and is then driven by hand."""

    def expect(self, made: ExpectedRecord) -> None:
        """Nothing is known of the rules here."""


def scenario_of(validators: int, rounds: int, batch: int) -> Scenario:
    bound, burn_in = (validators - 1) // 3, 2 * ARMS
    return Scenario.model_validate({
        "name": "bench", "participants": validators, "rounds": burn_in + rounds, "burn_in": burn_in,
        "liars": bound, "attackers": bound,
        "chain": {"settle_every": rounds, "batch": batch, "unrecorded": batch + AHEAD},
        "rewards": {"kind": "bernoulli", "means": [0.9 - 0.05 * arm for arm in range(ARMS)]},
    })  # fmt: skip


def transfers(node: Anvil, number: int) -> float:
    """Seconds of one transfer."""
    payer = Account.from_key(b"\x11" * 32)
    node.fund({bytes.fromhex(payer.address[2:]): 10**24})
    sender = Sender(Rpc(node.line, Stopwatch(), PIPELINED), Journal(), PIPELINED)
    start = perf_counter()
    for _ in range(number):
        sender.submit("transfer", payer, b"\x22" * 20, 1, TRANSFER_GAS, b"")
    sender.settle()
    return (perf_counter() - start) / number


def whole_game(scenario: Scenario, rounds: int) -> tuple[float, float, list[bytes]]:
    """Seconds of a round, of its signature work, and the blocks."""
    watch = Stopwatch()
    plan = Plan(scenario, lambda seconds: watch.add("sign", seconds))
    with anvil() as node:
        node.fund(opening_balances(plan))
        recorder = Keeping(node, watch, PIPELINED)
        game = Game(scenario, recorder, plan, Verifier(lambda seconds: watch.add("verify", seconds)))
        played = game.play()
        while next(played).round < scenario.parameters.burn_in - 1:
            pass
        watch.seconds.clear()
        start = perf_counter()
        for _ in range(rounds + 1):  # a round's block goes out when the next one is asked for
            next(played)
        recorder.contract.settle()
        seconds = (perf_counter() - start) / (rounds + 1)
        return seconds, (watch.seconds["sign"] + watch.seconds["verify"]) / (rounds + 1), recorder.blocks


@contextmanager
def opened(scenario: Scenario, journal: Journal) -> Iterator[tuple[Anvil, OnChain]]:
    """A node on which the scenario's game is open."""
    plan = Plan(scenario)
    with anvil() as node:
        node.fund(opening_balances(plan))
        recorder = _Opened(node, Stopwatch(), PIPELINED, journal)
        recorder.open(plan)
        yield node, recorder


def bare(scenario: Scenario, signed: list[str]) -> float:
    """Seconds of a block in transactions signed before: the node's own rate; infinitely many where it lost one."""
    with opened(scenario, Journal()) as (node, recorder):
        rpc, contract = Rpc(node.line, Stopwatch(), PIPELINED), recorder.contract
        start = perf_counter()
        for at in range(0, len(signed), SENT_AT_ONCE):
            rpc.exchange([("eth_sendRawTransaction", [raw]) for raw in signed[at : at + SENT_AT_ONCE]])
        patience = RetryBudget(5.0)
        while contract.next_round() < scenario.rounds:
            try:
                patience.wait(NodeUnreachable("blocks are missing"))
            except NodeUnreachable:  # see `sender.LOST`: nobody looks after these
                return inf
            node.mine(1)  # what did not fit in a block waits for the next transaction, and there is none
        return (perf_counter() - start) / len(signed) / scenario.chain.batch


def submitting(scenario: Scenario, blocks: list[bytes]) -> tuple[float, float, list[str]]:
    """Seconds of one block, and of one transfer on the same node just before; what was signed."""
    journal = Journal()
    with opened(scenario, journal) as (node, recorder):
        contract, relayer = recorder.contract, account(Plan(scenario).relayer.secret)
        transfer = transfers(node, len(blocks))
        gc.collect()
        start = perf_counter()
        signed = scenario.parameters.quorum(scenario.participants)
        for block in blocks:
            gas = gas_of_blocks(len(block), scenario.chain.batch, scenario.participants, signed)
            contract.submit_blocks(relayer, [block], gas=gas)
        contract.settle()
        seconds = (perf_counter() - start) / len(blocks) / scenario.chain.batch
        assert contract.next_round() == scenario.rounds
        return seconds, transfer, [entry.raw for entry in journal.entries if entry.method == "submitBlocks"]


def measure(validators: int, rounds: int, batch: int) -> _Row:
    rounds *= MORE if batch > 1 else 1
    scenario = scenario_of(validators, rounds, batch)
    playing, signatures, blocks = min(whole_game(scenario, rounds) for _ in range(TRIES))
    submitted = transfer = limit = inf
    for _ in range(TRIES):
        by_sender, by_transfer, signed = submitting(scenario, blocks)
        submitted, transfer = min(submitted, by_sender), min(transfer, by_transfer)
        limit = min(limit, bare(scenario, signed))
    return _Row(
        validators=validators,
        batch=batch,
        transfers_per_second=1 / transfer,
        bare_per_second=1 / limit,
        blocks_per_second=1 / submitted,
        rounds_per_second=1 / playing,
        signatures_ms=1e3 * signatures,
        submitting_ratio=limit / submitted,
        playing_ratio=(signatures + limit) / playing,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [measure(validators, arguments.rounds, batch) for batch in BATCHES for validators in SIZES]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        table = Table(title=f"Live speed on Anvil ({arguments.rounds} blocks a size, {MORE} times as many in batches)")
        for name in ("n", "batch", "transfers/s", "a /s", "b /s", "c /s", "signatures ms", "b / a", "c / limit"):
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                str(row.validators), str(row.batch), f"{row.transfers_per_second:.0f}", f"{row.bare_per_second:.0f}",
                f"{row.blocks_per_second:.0f}", f"{row.rounds_per_second:.1f}", f"{row.signatures_ms:.2f}",
                f"{row.submitting_ratio:.2f}", f"{row.playing_ratio:.2f}",
            )  # fmt: skip
        Console().print(table)
    missed = [(row.validators, row.batch) for row in rows
              if row.submitting_ratio < SUBMITTING_GOAL or row.playing_ratio < PLAYING_GOAL]  # fmt: skip
    if missed:
        goals = f"{SUBMITTING_GOAL} in submitting or {PLAYING_GOAL} in playing"
        print(f"below {goals} at (n, batch) = {missed}", file=sys.stderr)
    return 14 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
