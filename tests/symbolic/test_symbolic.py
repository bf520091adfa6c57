"""Proofs by halmos on the shipped code: each property holds, its call can succeed, and a planted fault breaks it.

What is proven, and within which bounds, is told in docs/proofs.md.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import rlp

from chain_bandit.chain.clone import Deployed
from chain_bandit.protocol.digests import ZERO, keccak
from chain_bandit.protocol.messages import Domain
from chain_bandit.protocol.tallies import Tally
from scripts.build_artifacts import GAME, ROOT, SHIPPED, artifact, compile_standard, question
from scripts.mutate_contracts import FORGE, only
from tests.contracts.harness import least_pool, parameters

pytestmark = [pytest.mark.deep, pytest.mark.timeout(3600)]

HARNESS = Path(__file__).parent
HALMOS = ROOT / ".venv-halmos" / "bin" / "halmos"
CHAIN_ID = 31337
"""halmos's."""
ADDRESS = bytes.fromhex("9a" * 20)
"""Of the game."""
ENVIRONMENT = bytes.fromhex("e1" * 20)
SEATS = tuple(bytes.fromhex(digits * 20) for digits in ("50", "51", "52"))
GAMES = {"Money": (2, 0), "Proofs": (2, 1), "Rounds": (3, 0)}
"""Of the game that each contract of the harness looks at: seats, and whether false reports can be proven."""
HOLDS, FOUND = 0, 1
"""halmos's exit codes of a check: proven, refuted by a counterexample."""


@dataclass(frozen=True)
class Fault:
    """A change of one place of the contracts, and the checks that it breaks."""

    file: str
    was: str
    becomes: str
    contract: str
    checks: tuple[str, ...]


FAULTS = {
    "who withdrew is forgotten": Fault(
        "contracts/Bookkeeper.sol", "_accounts.withdrawn[msg.sender] = true;", "", "Money", ("check_withdraw_seat",)
    ),
    "who withdraws is noted after the payment": Fault(
        "contracts/Bookkeeper.sol",
        """_accounts.withdrawn[msg.sender] = true;
        emit IChainBandit.Withdrawn(msg.sender, amount);
        Balances.send(msg.sender, amount);""",
        """Balances.send(msg.sender, amount);
        _accounts.withdrawn[msg.sender] = true;""",
        "Money", ("check_withdraw_again_while_paid",),
    ),
    "what is left counts twice": Fault(
        "contracts/libraries/Balances.sol", "environment = left + paidIn", "environment = 2 * left + paidIn",
        "Money", ("check_close_complete",),
    ),
    "everybody gets all that is left": Fault(
        "contracts/libraries/Balances.sol", "accounts.share = left / sharing;", "accounts.share = left;",
        "Money", ("check_close_void",),
    ),
    "a round is credited twice": Fault(
        "contracts/libraries/Rewards.sol",
        "_credit(round > from ? credits.units : credits.observed, added, scope.participants);",
        "_credit(round > from ? credits.units : credits.observed, added, scope.participants);" * 2,
        "Money", ("check_rewards",),
    ),
    "every record costs": Fault(
        "contracts/libraries/Costs.sol", "cursor = entry.parent;", "(cursor, charge) = (entry.parent, charge + 1);",
        "Money", ("check_costs",),
    ),
    "what is void stays in the game": Fault(
        "contracts/Bookkeeper.sol", " + _voided() * m.weiPerUnit", "",
        "Proofs", ("check_close_complete", "check_close_void"),
    ),
    "who is acquitted loses the slash": Fault(
        "contracts/Books.sol", "listed = _slashed() >> seat & 1 == 1;", "listed = true;",
        "Proofs", ("check_close_complete", "check_close_void"),
    ),
    "anybody signs tallies": Fault(
        "contracts/libraries/Tallies.sol", "if (!signed || ", "if (signed && ", "Proofs", ("check_false_report",)
    ),
    "what is true is false": Fault(
        "contracts/libraries/Tallies.sol", "4) == Fixed", "4) != Fixed",
        "Proofs", ("check_false_report",),
    ),
    "a later proof gives units back": Fault(
        "contracts/libraries/Tallies.sol", "kept = FixedPointMathLib.min(least, kept);", "",
        "Proofs", ("check_proven",),
    ),
    "who is acquitted stays proven": Fault(
        "contracts/libraries/Tallies.sol", "proven.acquitted |= 1 << seat;", "proven.acquitted |= 0;",
        "Proofs", ("check_acquit",),
    ),
    "the receipt of the very tally acquits": Fault(
        "contracts/libraries/Tallies.sol", " || shown.tally == proven.tallies[seat]", "", "Proofs", ("check_acquit",)
    ),
    "who lied may sign two contents": Fault(
        "contracts/Bookkeeper.sol", "_proven.twice = twice | bit;", "", "Proofs", ("check_equivocation",)
    ),
    "a quorum less one": Fault(
        "contracts/libraries/Certificates.sol", "if (count < quorum)", "if (count + 1 < quorum)",
        "Rounds", ("check_block", "check_skip"),
    ),
    "one signature is enough": Fault(
        "contracts/libraries/Certificates.sol", "place := add(place, SIGNATURE_BYTES)", "break",
        "Rounds", ("check_block", "check_skip"),
    ),
    "the deadline's block is late enough": Fault(
        "contracts/Records.sol", "if (block.number <= deadline)", "if (block.number < deadline)",
        "Rounds", ("check_deadline",),
    ),
    "who is accused ends a round": Fault(
        "contracts/Bookkeeper.sol", "progress_.accused = 1;", "(progress_.accused, progress_.nextRound) = (1, since);",
        "Rounds", ("check_other_calls",),
    ),
}  # fmt: skip


def places(variables: list[dict[str, Any]], slot: int = 0, of: str = "") -> Iterator[tuple[str, str]]:
    """Of each variable of a storage layout: its slot, its lowest bit there, and the mask of its bits."""
    for variable in variables:
        label, at = of + variable["label"], slot + variable["slot"]
        yield from places(variable.get("members", []), at, f"{label}.")
        bits = {"bool": 8}.get(variable["type"]) or int((re.findall(r"^uint(\d+)$", variable["type"]) or [256])[0])
        yield f"PLACE{label}", f"{at},{8 * variable['offset']},{2**bits - 1}"


def game(shipped: Mapping[str, Any], people: int, provable: int) -> dict[str, str]:
    """What the harness is told of a game of so many: code, addresses, terms and places of variables."""
    p = parameters(
        participants=people, horizon=6, burn_in=4, liars=0, attackers=people - 2, body_mode=1, arms=2, slash=7,
        provable=provable,
    )  # fmt: skip
    deployed = Deployed(p.fields(), ZERO, ZERO, ENVIRONMENT, least_pool(p), 100, CHAIN_ID)
    header = 7 + 4 * p.arms + 2 * people
    """Bytes of its middle, where all arms share their sets, of an extension that is none, and of what is derived."""
    ((start, _),) = shipped["immutableReferences"]
    told: dict[str, object] = {
        "GAME": ADDRESS,
        "GAME_CODE": bytes.fromhex(shipped["deployedBytecode"][2:])[:start] + deployed.terms(ADDRESS),
        "KEYS": keccak(rlp.encode([ADDRESS, 1]))[12:],
        "KEYS_CODE": b"\0" + b"".join(SEATS[:people]),
        "ENVIRONMENT": ENVIRONMENT,
        "SEATS": ",".join(f"0x{seat.hex()}" for seat in SEATS[:people]),
        "POOL": deployed.pool,
        "QUORUM": p.quorum(people),
        "SEPARATOR": int.from_bytes(Domain(CHAIN_ID, ADDRESS, p.digest(ZERO, ZERO)).separator()),
        "HEADER": 100 + header,
        "BLOCK": 1 + 32 + header,  # signers, digest of the body
        "REPORT": p.report_bytes,
        "TALLY": len(Tally(0, 0, 0, (0,) * p.arms, (0,) * p.arms).encode()),
    }
    for module in shipped["modules"]:
        told[module["name"]], told[f"{module['name']}_CODE"] = module["address"], module["deployedBytecode"]
    told |= {f"TERM_{name}": value for name, value in asdict(p).items()}
    told |= places(json.loads((ROOT / "tests" / "snapshots" / "storage_layout.json").read_text()))
    return {name: f"0x{each.hex()}" if isinstance(each, bytes) else str(each) for name, each in told.items()}


def halmos(contract: str, checks: str, shipped: Mapping[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """What halmos found of each check of a contract of the harness whose name matches."""
    path = os.pathsep.join(map(str, (Path(sys.executable).parent, HALMOS.parent, FORGE.parent)))
    answer = folder / "answer.json"
    command = [
        HALMOS, "--root", ROOT, "--forge-build-out", folder / "out", "--contract", contract, "--function", checks,
        "--json-output", answer, "--no-status", "--early-exit", "--solver-threads", 1, "--solver-max-memory", 3000,
        "--loop", 16, "--solver-timeout-branching", 2, "--solver-timeout-assertion", "900s",
    ]  # fmt: skip
    run = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | game(shipped, *GAMES[contract]) | {
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "FOUNDRY_SRC": str(HARNESS), "FOUNDRY_TEST": str(HARNESS),
            "FOUNDRY_OUT": str(folder / "out"), "FOUNDRY_CACHE_PATH": str(folder / "cache"),
        },
    )  # fmt: skip
    assert answer.is_file(), run.stdout + run.stderr
    (results,) = json.loads(answer.read_text())["test_results"].values()
    return {result["name"].partition("(")[0]: result | {"said": run.stdout} for result in results}


def checks_of(contract: str) -> set[str]:
    """Its own, and those of what it is a case of."""
    source = (HARNESS / f"{contract}.sol").read_text()
    inherited = (checks_of(base) for base in re.findall(rf"contract {contract} is (\w+)", source))
    return set(re.findall(r"function (check_\w+)", source)).union(*inherited)


@pytest.mark.parametrize("contract", GAMES)
def test_properties_hold_and_their_calls_can_succeed(contract, tmp_path):
    found = halmos(contract, "check_", json.loads((SHIPPED / GAME).read_text()), tmp_path)
    assert set(found) == checks_of(contract)
    for name, result in found.items():
        witness = name.endswith("_succeeds")
        assert result["exitcode"] == (FOUND if witness else HOLDS), (name, result["said"])
        assert witness or result["num_bounded_loops"] == 0, name


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(fault, tmp_path):
    planted = FAULTS[fault]
    asked = only([GAME], question())
    source = asked["sources"][planted.file]["content"]
    assert source.count(planted.was) == 1
    asked["sources"][planted.file] = {"content": source.replace(planted.was, planted.becomes)}
    changed = artifact(compile_standard(asked), GAME)
    found = halmos(planted.contract, f"({'|'.join(planted.checks)})\\(", changed, tmp_path)
    assert {name: result["exitcode"] for name, result in found.items()} == dict.fromkeys(planted.checks, FOUND)
