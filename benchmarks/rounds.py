"""Rounds a second on the embedded chain and where the time goes, by number of validators.

    python benchmarks/rounds.py [--rounds 60] [--json]

Every validator commands, m = f = floor((n - 1) / 3), quorum two thirds, K = 10. "consensus" is the time inside the
actors less signing and verifying; "rest" is the driver and the pulls. Ratios are against the signature work of the
same run: outside the EVM a round may cost at most 2 x that for n <= 10 (exit 14 otherwise).
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter

from rich.console import Console
from rich.table import Table

from chain_bandit.crypto.verify import Verifier
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.network.memory import MemoryNetwork
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

SIZES = (4, 7, 10, 16, 31)
ARMS = 10
GOAL, GOAL_UP_TO = 2.0, 10


@dataclass(frozen=True)
class _Row:
    """One size; seconds of one round, and ratios to its signature work."""

    validators: int
    rounds_per_second: float
    signing: float
    verifying: float
    consensus: float
    evm: float
    rest: float
    signatures: int
    outside_evm_ratio: float
    consensus_ratio: float


def measure(validators: int, rounds: int) -> _Row:
    """Play `rounds` recorded rounds and say where the time went."""
    bound = (validators - 1) // 3
    burn_in = 2 * ARMS
    scenario = Scenario.model_validate({
        "name": "bench", "participants": validators, "rounds": burn_in + rounds - 1, "burn_in": burn_in,
        "liars": bound, "attackers": bound,
        "rewards": {"kind": "bernoulli", "means": [0.9 - 0.05 * arm for arm in range(ARMS)]},
    })  # fmt: skip
    watch = Stopwatch()
    plan = Plan(scenario, lambda seconds: watch.add("sign", seconds))
    recorder = OnChain(embedded_node(plan), watch)
    game = Game(scenario, recorder, plan, Verifier(lambda seconds: watch.add("verify", seconds)))
    untimed = MemoryNetwork.step

    def timed(self: MemoryNetwork, step: int) -> None:
        with watch("actors"):
            untimed(self, step)

    MemoryNetwork.step = timed  # type: ignore[method-assign]
    try:
        played = game.play()
        while game_round(next(played)) < burn_in - 1:
            pass
        watch.seconds.clear()
        watch.calls.clear()
        start = perf_counter()
        for _ in range(rounds):
            next(played)
        seconds = perf_counter() - start
    finally:
        MemoryNetwork.step = untimed  # type: ignore[method-assign]
    spent = {name: value / rounds for name, value in watch.seconds.items()}
    signature_work = spent["sign"] + spent["verify"]
    total = seconds / rounds
    consensus = spent["actors"] - signature_work
    return _Row(
        validators=validators,
        rounds_per_second=1 / total,
        signing=spent["sign"],
        verifying=spent["verify"],
        consensus=consensus,
        evm=spent["evm"],
        rest=total - spent["evm"] - spent["actors"],
        signatures=(watch.calls["sign"] + watch.calls["verify"]) // rounds,
        outside_evm_ratio=(total - spent["evm"]) / signature_work,
        consensus_ratio=(consensus + signature_work) / signature_work,
    )


def game_round(played: object) -> int:
    """The number of a round that was played."""
    return int(played.round)  # type: ignore[attr-defined]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [measure(validators, arguments.rounds) for validators in SIZES]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        table = Table(title=f"One round on the embedded chain, ms ({arguments.rounds} rounds a size)")
        for name in ("n", "rounds/s", "signing", "verifying", "consensus", "EVM", "rest", "signatures",
                     "outside EVM / signatures", "consensus / signatures"):  # fmt: skip
            table.add_column(name, justify="right")
        for row in rows:
            parts = (row.signing, row.verifying, row.consensus, row.evm, row.rest)
            table.add_row(
                str(row.validators), f"{row.rounds_per_second:.1f}", *(f"{1e3 * part:.2f}" for part in parts),
                str(row.signatures), f"{row.outside_evm_ratio:.2f}", f"{row.consensus_ratio:.2f}",
            )  # fmt: skip
        Console().print(table)
    missed = [row.validators for row in rows if row.validators <= GOAL_UP_TO and row.outside_evm_ratio > GOAL]
    if missed:
        print(f"above {GOAL} x the signature work at n = {missed}", file=sys.stderr)
    return 14 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
