"""Gas of a recorded round by mode and batch, as a ratio to Chainlink's OCR2 `transmit`. Played on the embedded chain."""

import argparse
import json
import sys
from statistics import median

from rich.console import Console
from rich.table import Table

from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain, embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch

OCR2 = {4: 94_787, 7: 103_983, 10: 113_156, 16: 131_504, 31: 177_420}
"""Gas of AccessControlledOCR2Aggregator.transmit with n observations and f + 1 signatures, Prague rules."""

ARMS = 10
GOALS = {
    ("compact", 1): (0.72, 0.70, 0.78, 0.77, 0.80),
    ("compact", 10): (0.12,) * 5,
    ("compact", 100): (0.05, 0.05, 0.05, 0.05, 0.06),
}
"""Most times OCR2 that a round may cost."""

FULL_GOAL = 1.05
"""Most times what its bytes alone cost (EIP-7623: 21,000 + 40 a byte) that a full block may cost."""


def scenario(validators: int, body: str, batch: int, rounds: int, attackers: int = 0) -> Scenario:
    """All validate, more than half sign, ten arms whose means differ by sampling alone: every lane keeps moving."""
    return Scenario.model_validate({
        "name": "gas", "seed": validators, "participants": validators, "rounds": 2 * ARMS + rounds, "liars": validators // 4,
        "attackers": attackers, "burn_in": 2 * ARMS, "quorum": "two-thirds" if attackers else "majority",
        "tolerance": 0.5, "rewards": {"kind": "bernoulli", "means": [0.5 - 0.02 * arm for arm in range(ARMS)]},
        "chain": {"body": body, "batch": batch},
    })  # fmt: skip


def measure(validators: int, body: str, batch: int, attackers: int = 0) -> tuple[float, float]:
    """(gas, bytes of calldata) of a round: the median transaction after the first ones, over its rounds."""
    game_scenario = scenario(validators, body, batch, rounds=6 * batch if batch < 100 else 2 * batch, attackers=attackers)
    plan = Plan(game_scenario)
    recorder = OnChain(embedded_node(plan), Stopwatch())
    sizes: list[int] = []
    submit = recorder.contract_submit = recorder.submit

    def counted(blocks):  # type: ignore[no-untyped-def]
        from chain_bandit.protocol.submission import encode

        sizes.append((4 + len(encode(plan.parameters, blocks))) // len(blocks) if len(blocks) == batch else 0)
        return submit(blocks)

    recorder.submit = counted  # type: ignore[method-assign]
    for _ in Game(game_scenario, recorder, plan).play():
        pass
    used = recorder.contract.gas["submitBlocks"]
    whole = [(gas / batch, size) for gas, size in zip(used, sizes, strict=True) if size][1:]
    return median(gas for gas, _ in whole), median(size for _, size in whole)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(OCR2))
    options = parser.parse_args()
    rows = []
    for body, batch in (("compact", 1), ("compact", 10), ("compact", 100), ("full", 1), ("full", 10)):
        for at, n in enumerate(OCR2):
            if n not in options.sizes:
                continue
            gas, size = measure(n, body, batch)
            row = {"body": body, "batch": batch, "n": n, "gas": round(gas), "bytes": size, "ocr2": round(gas / OCR2[n], 3)}
            if body == "full":
                row["floor"] = round(gas / (21_000 / batch + 40 * size), 3)
                row["goal"] = FULL_GOAL
            else:
                row["goal"] = GOALS[body, batch][at]
            rows.append(row)
            print(row, file=sys.stderr)
    six, seven = measure(10, "compact", 1)[0], measure(10, "compact", 1, attackers=2)[0]
    rows.append({"signature": round(seven - six)})
    if options.json:
        print(json.dumps(rows))
        return 0
    table = Table("body", "rounds a tx", "n", "gas a round", "bytes", "x OCR2", "x byte price", "goal")
    for row in rows[:-1]:
        table.add_row(*(str(row.get(key, "")) for key in ("body", "batch", "n", "gas", "bytes", "ocr2", "floor", "goal")))
    Console().print(table, f"one more signature: {rows[-1]['signature']} gas")
    return 0


if __name__ == "__main__":
    sys.exit(main())
