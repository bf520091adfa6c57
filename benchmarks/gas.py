"""Gas of a recorded round by size, mode and batch, on the embedded chain under Prague rules.

    python benchmarks/gas.py [--sizes 4 10] [--proofs | --committees] [--json]
        [--snapshot tests/snapshots/gas_rounds.json [--write]]

All participants validate, more than half of them sign, K = 10; every reputation moves in every round. With --proofs
each report carries the VRF proof of a draw that everybody wins (p = 1), with --committees all but one validate: then
every block of a batch has a quorum's signatures. A figure is the median transaction's gas over
its rounds, the first transaction aside. With a snapshot it exits 1 when a figure differs from the one committed by
more than 0.2 % (signatures have zero bytes or not, code does not), or when that one was taken on other code.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.submission import Submitted, encode
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

ARMS = 10
OCR2 = {4: 94_787, 7: 103_983, 10: 113_156, 16: 131_504, 31: 177_420}
"""Gas of Chainlink's OCR2 `transmit`: f + 1 signatures, n observations, billing on, no validator; Prague rules."""

GOALS = {
    ("compact", 1): dict(zip(OCR2, (0.72, 0.70, 0.78, 0.77, 0.80), strict=True)),
    ("compact", 10): dict.fromkeys(OCR2, 0.12),
    ("compact", 100): {**dict.fromkeys(OCR2, 0.05), 31: 0.06},
}
"""Most times OCR2 that a round may cost."""

BYTE_GOAL = 1.05
"""Most times 21,000 + 40 a byte, what EIP-7623 takes at least, that a transaction of full blocks may cost."""

MODES = (("compact", 1), ("compact", 10), ("compact", 100), ("full", 1), ("full", 10))
TOLERANCE = 0.002


@dataclass(frozen=True)
class GasRow:
    """One size in one mode, all of it a round."""

    body: str
    batch: int
    n: int
    gas: int
    bytes: int
    to_ocr2: float
    to_bytes: float

    @property
    def goal(self) -> tuple[float, float]:
        """(the ratio that counts, what it may be at most)."""
        if self.body == "full":
            return self.to_bytes, BYTE_GOAL
        return self.to_ocr2, GOALS[self.body, self.batch][self.n]


class Metered(OnChain):
    """Notes how many bytes each full batch had."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(embedded_node(plan), Stopwatch())
        self.parameters, self.batch = plan.parameters, plan.scenario.chain.batch
        self.sizes: list[int] = []

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """A batch that is not full, at the end of a game, counts for nothing."""
        self.sizes.append(4 + len(encode(self.parameters, blocks)) if len(blocks) == self.batch else 0)
        super().submit(blocks)


def scenario(n: int, body: str, batch: int, rounds: int, attackers: int = 0, **who: Any) -> Scenario:
    """Means so far apart, and a tolerance so wide, that accuracies keep moving.

    Args:
        who: `sortition` or `validators`; by default everybody validates.
    """
    return Scenario.model_validate({
        "name": "gas", "seed": n, "participants": n, "rounds": 2 * ARMS + rounds, "liars": n // 4,
        "attackers": attackers, "burn_in": 2 * ARMS, "quorum": "two-thirds" if attackers else "majority",
        "tolerance": 0.5, "rewards": {"kind": "bernoulli", "means": [0.5 - 0.02 * arm for arm in range(ARMS)]},
        "chain": {"body": body, "batch": batch}, **who,
    })  # fmt: skip


def measured(n: int, body: str, batch: int, attackers: int = 0, **who: Any) -> GasRow:
    """Play a few batches. Arguments as of `scenario`."""
    plan = Plan(scenario(n, body, batch, 2 * batch if batch > 10 else 6 * batch, attackers, **who))
    recorder = Metered(plan)
    for _ in Game(plan.scenario, recorder, plan).play():
        pass
    used = recorder.contract.gas["submitBlocks"]
    whole = [(gas, size) for gas, size in zip(used, recorder.sizes, strict=True) if size]
    gas, size = (median(values) for values in zip(*whole[1:], strict=True))
    return GasRow(
        body, batch, n, round(gas / batch), round(size / batch),
        round(gas / batch / OCR2[n], 4), round(gas / (21_000 + 40 * size), 3),
    )  # fmt: skip


def measured_code() -> str:
    """What the figures are of: a digest of what a deployment sends, in hexadecimal."""
    return keccak(chain_bandit_artifact().bytecode).hex()


def drift(rows: Iterable[GasRow], snapshot: Path) -> list[str]:
    """What differs from the committed figures."""
    committed = json.loads(snapshot.read_text("utf-8"))
    known = {(row["body"], row["batch"], row["n"]): row["gas"] for row in committed["rows"]}
    found = [] if committed["code"] == measured_code() else ["the committed figures are of other code"]
    for row in rows:
        expected = known.get((row.body, row.batch, row.n))
        if expected is None or abs(row.gas - expected) > TOLERANCE * expected:
            found.append(f"{row.body}, {row.batch} a transaction, n = {row.n}: {row.gas} gas, committed: {expected}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", choices=OCR2, default=list(OCR2))
    among = parser.add_mutually_exclusive_group()
    among.add_argument("--proofs", action="store_true", help="reports with proofs of sortition")
    among.add_argument("--committees", action="store_true", help="the n - 1 best by reputation validate")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--snapshot", type=Path)
    parser.add_argument("--write", action="store_true", help="write the snapshot instead of comparing with it")
    options = parser.parse_args()

    def who(n: int) -> dict[str, Any]:
        return {"sortition": 1.0} if options.proofs else {"validators": n - 1} if options.committees else {}

    rows = [measured(n, body, batch, **who(n)) for body, batch in MODES for n in options.sizes]
    signature = measured(10, "compact", 1, attackers=2).gas - measured(10, "compact", 1).gas
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "one_more_signature": signature}))
    else:
        table = Table("body", "rounds a tx", "n", "gas a round", "bytes", "x OCR2", "x byte price", "goal", "")
        for row in rows:
            ratio, most = row.goal
            cells = (row.body, row.batch, row.n, row.gas, row.bytes, row.to_ocr2, row.to_bytes, most)
            table.add_row(*map(str, cells), "reached" if ratio <= most else f"{most / ratio:.2f} of it")
        Console().print(table, f"one more signature: {signature} gas (at most 4,400)")
    if options.snapshot and options.write:
        taken = {"code": measured_code(), "rows": [asdict(row) for row in rows]}
        options.snapshot.write_text(json.dumps(taken, indent=1) + "\n", encoding="utf-8")
    elif options.snapshot:
        differences = drift(rows, options.snapshot)
        print(*differences, sep="\n", file=sys.stderr)
        return 1 if differences else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
