"""Agent-steps a CPU second of the simulator, beside two bandit libraries in the same run.

    python benchmarks/speed.py [--seconds 4] [--peers PYTHON] [--json]

An agent-step is one participant's choice, reward and update. `examples/speed.toml` is the case of ten participants and
ten arms; the others change its size. The numpy engine plays the same case with many shorter games at once; its goal is
3,000,000, with rules that have no compiled form 1,000,000, and 200,000 with those that iterate. Figures are the best of
three, compiling not counted. The first ratio is of two threads of one process over two processes with one each, by the
clock. The peers play UCB1 alone, beside our own UCB1 alone; `--peers` is a Python that has them
(`make .venv-peers/ready` makes one). `--json` also has the first and the last seed of our games, as many as take the
time; the peers draw without a seed.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chain_bandit.game.simulated import replicates
from chain_bandit.protocol.rules import names
from chain_bandit.protocol.ruleset import RuleKind
from chain_bandit.scenario import load
from chain_bandit.simulation.batch import at_once
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel import encoding
from chain_bandit.simulation.kernel.forms import FORMS, UCB1
from chain_bandit.simulation.kernel.pooled import pooled

ROOT = Path(__file__).resolve().parents[1]
CASE = ROOT / "examples" / "speed.toml"

SIZES: dict[str, dict[str, Any]] = {
    "M=10 K=10 f=3": {},
    "M=10 K=10 f=3, confidence": {"aggregation": "confidence"},
    "M=10 K=100 f=3": {"rewards": {"kind": "bernoulli", "means": [0.7, *([0.5] * 99)]}},
    "M=100 K=10 f=33": {"participants": 100, "liars": 33, "adversary.liars": 33},
    "M=1000 K=10 f=333": {"participants": 1000, "liars": 333, "adversary.liars": 333, "rounds": 10_000},
}

BATCHED_ROUNDS = 2_000

LEAVING_OUT, LEAST = ("meritrank", "bittensor-trust"), 0.4
"""Rules of reputation, and the share of the highest below which they leave out: liars after two blocks."""


def rate(name: str, seconds: float) -> tuple[float, int]:
    """Agent-steps a CPU second, the best of three, and of how many games."""
    scenario = load(CASE, SIZES[name], on_chain=False)
    one = replicates(scenario, 1)
    count = max(1, round(seconds / 3 * one.agent_steps / one.cpu_seconds / one.agent_steps))
    runs = [replicates(scenario, count) for _ in range(3)]
    return max(run.agent_steps / run.cpu_seconds for run in runs), count


def batched(rounds: int = BATCHED_ROUNDS, most: int = 10_000, **changes: Any) -> tuple[float, int]:
    """Agent-steps a CPU second of games in numpy, the best of three, and how many go together."""
    scenario = load(CASE, {"rounds": rounds} | changes, on_chain=False)
    count = min(most, at_once(encoding.rules(scenario.parameters, scenario.model)))
    runs = [replicates(scenario, count, engine=Engine.NUMPY) for _ in range(3)]
    return max(run.agent_steps / run.cpu_seconds for run in runs), count


def alone(seconds: float) -> float:
    """Steps a CPU second of UCB1 on the same arms, by the compiled pool of one seat."""
    model, arms, rounds = load(CASE).model, 10, 200_000
    widths, out = encoding.widths(rounds, 2, 1), np.zeros(0, np.int64)

    def play(seed: int) -> None:
        keys = encoding.keys(seed.to_bytes(32, "big"), bytes(32))
        state = np.zeros((3, arms), np.int64), np.full(arms, np.inf)
        pooled(encoding.environment(model), widths, keys, np.zeros(1, np.int64), UCB1, *state, out, out)

    play(0)
    best, until = 0.0, time.process_time() + seconds
    while time.process_time() < until:
        start = time.process_time()
        play(1)
        best = max(best, rounds / (time.process_time() - start))
    return best


def clocked(jobs: int, count: int) -> float:
    """Agent-steps a second by the clock, once everybody is ready."""
    scenario = load(CASE)
    replicates(scenario, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    run = replicates(scenario, count, jobs=jobs)
    return run.agent_steps / (time.perf_counter() - start)


def together(processes: int, jobs: int, count: int) -> float:
    """The sum over processes that begin together."""
    command = [sys.executable, __file__, "--clocked", str(jobs), str(count)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="of CPU for each figure")
    parser.add_argument("--peers", type=Path, help="a Python that has the peers")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--clocked", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.clocked:
        print(clocked(*given.clocked))
        return
    played = {name: rate(name, given.seconds) for name in SIZES} | {"M=10 K=10 f=3, numpy": batched()}
    others = (name for name in names(RuleKind.AGGREGATION) if name not in FORMS)
    played |= {f"M=10 K=10 f=3, numpy, {name}": batched(500, 500, aggregation=name) for name in others}
    played |= {
        f"M=10 K=10 f=3, numpy, {name}": batched(500, 500, reputation={"name": name, "options": {"least": LEAST}})
        for name in LEAVING_OUT
    }
    found = {name: steps for name, (steps, _) in played.items()}
    seeds = {name: [0, count - 1] for name, (_, count) in played.items()}
    count = max(2, 2 * round(given.seconds * found["M=10 K=10 f=3"] / 2e6))
    found["two threads over two processes"] = together(1, 2, count) / together(2, 1, count // 2)
    seeds["two threads over two processes"] = [0, count - 1]
    found["UCB1 alone"], seeds["UCB1 alone"] = alone(given.seconds), [1, 1]
    if given.peers:
        said = subprocess.run(
            [given.peers, ROOT / "benchmarks" / "peers.py"], check=True, capture_output=True, text=True
        ).stdout  # fmt: skip
        for name, peer in json.loads(said).items():
            found[f"{name} {peer['version']}"] = peer["steps_per_cpu_second"]
            found[f"UCB1 alone over {name}"] = found["UCB1 alone"] / peer["steps_per_cpu_second"]
    if given.json:
        print(json.dumps({"figures": found, "seeds": seeds}))
        return
    table = Table("", "agent-steps a CPU second, or a ratio", title="Speed of the simulator")
    for name, value in found.items():
        table.add_row(name, f"{value:,.0f}" if value > 100 and "over" not in name else f"{value:,.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
