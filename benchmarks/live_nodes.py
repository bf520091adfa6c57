"""Long games of processes on Anvil that nobody disturbs: speed, CPU, memory, and whether all comes to the same.

    python benchmarks/live_nodes.py [--rounds 1000] [--nodes 4 7 10] [--seed 0] [--certified] [--json FILE]

One game a size, everybody a process; m = floor((n - 1) / 3), quorum two thirds, and the last seat equivocates as a
commander from the tenth round on, so that evidence counts. Blocks a second are those of all recorded rounds but the
first. CPU is a node's own, in milliseconds a round, from its start to the last look; memory what of it is in RAM, pages
that it shares with the process it was split off included: after the first round, at most, at the end. The run digest is
held against the audit's and against the same game in one process. A line of JSON a game, with its commit and seed.
Exit code 14 where an audit fails, a digest differs, or any seat but the last, or not even that one, was seen to
equivocate or is proven false.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.nodes import message_recorder
from chain_bandit.nodes import node_files as files
from chain_bandit.nodes.up import up
from chain_bandit.scenario import Scenario
from science import provenance
from verification.kills import cpu_of
from verification.siege import resident, rounds_of

SPEAKS = 10
"""The round from which on the last seat equivocates."""

OTHERS = ("environment", "relayer", "comparison")


@dataclass
class _Row:
    """One game; `mb` and `cpu_ms` by node."""

    seats: int
    rounds: int
    bound_ms: int
    blocks: int = 0
    blocks_per_second: float = 0.0
    cpu_ms: dict[str, float] = field(default_factory=dict)
    mb: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    audit: str = ""
    proven: list[int | None] = field(default_factory=list)
    """Seats; None for the environment, which comes first."""
    said_twice: list[int] = field(default_factory=list)
    run_digest: str = ""
    digests_equal: bool = False

    @property
    def missed(self) -> list[str]:
        """What did not hold."""
        holds = {
            "audit": self.audit == "passed", "digest": self.digests_equal,
            "statements": self.said_twice == [self.seats - 1], "proofs": self.proven == [self.seats - 1],
        }  # fmt: skip
        return [what for what, is_so in holds.items() if not is_so]


def scenario(seats: int, rounds: int, seed: int, bound_ms: int, certified: bool = False) -> Scenario:
    """Two arms; the last seat equivocates."""
    bound = (seats - 1) // 3
    attack = {"name": "equivocating-commander", "options": {"first": SPEAKS}}
    return Scenario.model_validate({
        "name": "live-nodes", "seed": seed, "participants": seats, "rounds": rounds, "burn_in": 4, "liars": bound,
        "attackers": bound, "bound_ms": bound_ms, "quorum": "two-thirds",
        "vectors": "certified" if certified else "plain",
        "rewards": {"kind": "bernoulli", "means": [0.9, 0.4]},
        "malicious": [{"seat": seats - 1, "attacks": [attack]}],
    })  # fmt: skip


def play(given: Scenario, out: Path) -> _Row:
    row = _Row(given.participants, given.rounds, given.bound_ms)
    memory, cpu = dict[str, list[float]](), dict[str, float]()

    def look(seconds: float) -> None:
        for log in out.glob(f"*/{files.LOG}"):
            place = log.parent
            seen, spent = resident(place), used(place)
            if seen is not None and spent is not None:
                cpu[place.name] = spent
                if place.name in memory or rounds_of(out / "seat-0"):
                    memory.setdefault(place.name, []).append(seen)
        sleep(seconds)

    os.environ[message_recorder.VARIABLE] = "1"
    manifest, report = up(given, out, "anvil", say=lambda line: None, pause=look)
    recorded = rounds_of(out / "seat-0")[1:]
    row.blocks = sum(kind in ("approved", "rejected") for kind, _ in recorded)
    row.blocks_per_second = row.blocks / sum(seconds for _, seconds in recorded)
    row.cpu_ms = {name: 1e3 * seconds / given.rounds for name, seconds in sorted(cpu.items())}
    row.mb = {name: (each[0], max(each), each[-1]) for name, each in sorted(memory.items())}
    row.audit = report.verdict
    proven = {each.seat for each in report.findings if each.weight.name == "PROOF"}
    row.proven = sorted(proven, key=lambda seat: -1 if seat is None else seat)
    row.said_twice = message_recorder.said_twice(out)
    row.run_digest = manifest["run_digest"]
    alone = Game(given, NoChain())
    for _ in alone.play():
        pass
    row.digests_equal = row.run_digest == report.run_digest == "0x" + alone.run_digest.hex()
    return row


def used(place: Path) -> float | None:
    """CPU seconds of a node until now; None of one that does not run."""
    try:
        return cpu_of(int((place / files.PID).read_text()))
    except (OSError, ValueError):
        return None


def said(row: _Row) -> str:
    """One line; of the honest seats, and in memory of the others, the largest."""
    honest = [f"seat-{seat}" for seat in range(row.seats - 1)]
    cpu = [max(row.cpu_ms[name] for name in honest), *(row.cpu_ms[name] for name in OTHERS)]
    seat, other = (
        ", ".join(f"{max(row.mb[name][i] for name in names):.0f}" for i in range(3)) for names in (honest, OTHERS)
    )
    spent = ", ".join(f"{name} {each:.0f}" for name, each in zip(("seat", *OTHERS), cpu, strict=True))
    return (
        f"n = {row.seats}: {row.blocks} blocks, {row.blocks_per_second:.2f}/s; ms of CPU a round: {spent}; "
        f"MB of a seat {seat}, of another {other}; audit {row.audit}, said two things {row.said_twice}, "
        f"proven {row.proven}, digests {'equal' if row.digests_equal else 'DIFFERENT'}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--nodes", type=int, nargs="+", default=[4, 7, 10])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bound-ms", type=int, default=20_000)
    parser.add_argument("--certified", action="store_true", help="vectors of reports are certified")
    parser.add_argument("--json", type=Path, help="a line a game, after those that are there")
    given = parser.parse_args()
    missed = []
    for seats in given.nodes:
        case = scenario(seats, given.rounds, given.seed, given.bound_ms, given.certified)
        with TemporaryDirectory() as folder:
            row = play(case, Path(folder) / "game")
        if given.json:
            with given.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row) | provenance.made(given.seed, 1)) + "\n")
        print(said(row), flush=True)
        missed += [f"n = {seats}: {what}" for what in row.missed]
    if missed:
        print("missed: " + ", ".join(missed), file=sys.stderr)
    return 14 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
