"""Gas of one recorded round by heading, counted opcode by opcode: the source of the table in docs/gas.md.

    python benchmarks/gas_where.py [--n 10] [--markdown]

Every opcode that py-evm executes in the second submission of a game is charged to a heading.
"""

import argparse
from collections import Counter
from collections.abc import Sequence

from eth.abc import ComputationAPI, OpcodeAPI
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.opcode import as_opcode
from rich.console import Console
from rich.table import Table

from benchmarks.gas import MODES, Metered, scenario
from chain_bandit.game.game import Game
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.submission import Submitted, encode

HEADINGS = {
    "STATICCALL": "signatures (ecrecover)", "SSTORE": "storage", "SLOAD": "storage",
    "EXTCODESIZE": "keys and terms in code", "EXTCODECOPY": "keys and terms in code", "DELEGATECALL": "implementation",
    "LOG1": "event", "SHA3": "hashing", "KECCAK256": "hashing",
}  # fmt: skip
ORDER = ("transaction", "calldata", *dict.fromkeys(HEADINGS.values()), "everything else", "raised to the byte price")


class _Meter:
    """Charges opcodes to headings while it is on."""

    def __init__(self) -> None:
        self.on, self.spent = False, Counter[str]()
        for code, opcode in PragueComputation.opcodes.items():
            PragueComputation.opcodes[code] = self._wrapped(opcode)

    def _wrapped(self, opcode: OpcodeAPI) -> OpcodeAPI:
        mnemonic = getattr(opcode, "mnemonic", "")  # SELFDESTRUCT has none, being deprecated
        heading = HEADINGS.get(mnemonic, "everything else")

        def run(computation: ComputationAPI) -> None:
            before, inside = computation.get_gas_meter().gas_remaining, self.spent.total()
            opcode(computation)
            if self.on:  # what a call within this one has spent is charged already
                inside -= self.spent.total()
                self.spent[heading] += before - computation.get_gas_meter().gas_remaining + inside

        return as_opcode(run, mnemonic, 0)  # the opcode takes its gas itself


class _Watched(Metered):
    """Meters the second submission."""

    def __init__(self, plan: Plan, meter: _Meter) -> None:
        super().__init__(plan)
        self.meter, self.calldata = meter, b""

    def submit(self, blocks: Sequence[Submitted]) -> None:
        """One submission, metered when it is the second."""
        self.meter.on = len(self.sizes) == 1
        if self.meter.on:
            self.calldata = bytes(4) + encode(self.parameters, blocks)
        try:
            super().submit(blocks)
        finally:
            self.meter.on = False


def where(n: int, body: str, batch: int, meter: _Meter) -> Counter[str]:
    """Gas by heading of a whole transaction."""
    meter.spent = Counter()
    plan = Plan(scenario(n, body, batch, 3 * batch))
    recorder = _Watched(plan, meter)
    for _ in Game(plan.scenario, recorder, plan).play():
        pass
    spent = meter.spent
    spent["transaction"] = 21_000
    spent["calldata"] = sum(16 if byte else 4 for byte in recorder.calldata[4:]) + 64
    spent["raised to the byte price"] = recorder.contract.gas["submitBlocks"][1] - spent.total()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    meter = _Meter()
    columns = {f"{body}, {batch} a tx": (where(options.n, body, batch, meter), batch) for body, batch in MODES}
    rows = [[heading, *(f"{spent[heading] / batch:,.0f}" for spent, batch in columns.values())] for heading in ORDER]
    rows.append(["a round", *(f"{spent.total() / batch:,.0f}" for spent, batch in columns.values())])
    if options.markdown:
        print("| | " + " | ".join(columns) + " |")
        print("|" + "---|" * (len(columns) + 1))
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    table = Table("", *columns)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
