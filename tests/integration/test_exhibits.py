"""The commands that an audit prints, run against a real Anvil: they show the bytes that the report says."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.exhibits import LONGEST, Exhibit, Field, Place, Slice, by_hand, exhibit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain_history.blocks import RawBlock
from chain_bandit.chain_history.evm import decode_header
from chain_bandit.chain_history.records import calls_in
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.units import UNIT
from tests.integration.live import CHAIN_ID, Anvil, anvil
from tests.unit.audit.planted import COSTLY, ROUND, at, flip, wider_b
from tests.unit.audit.played_game import COMPACT, LIAR, PARAMETERS, Played, Script, lie

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "node_modules" / "@foundry-rs" / "cast-linux-amd64" / "bin"


class OnAnvil:
    """Anvil, as a played game sees its node."""

    chain_id = CHAIN_ID

    def __init__(self, node: Anvil, balances: Mapping[bytes, int]) -> None:
        node.fund(balances)
        self.line, self.mine = node.url, node.mine


@dataclass
class Cheated:
    """A game on Anvil in which somebody cheated, and its audit."""

    url: str
    played: Played
    report: AuditReport


def cheated(script: Script) -> Iterator[Cheated]:
    with anvil() as node:
        played = Played(script, chain=lambda balances: OnAnvil(node, balances))
        yield Cheated(node.url, played, audit(played.history))


FULL = Script(
    header=wider_b,
    report_signature=at(1, flip(5)),
    draw=lambda paid, t, seat, arm: UNIT - paid if (seat, t) == (2, ROUND) else paid,
    costly=lambda costly, t: costly and t != COSTLY,
)
SMALL = replace(
    FULL, parameters=COMPACT, means=at(LIAR, lambda means: (UNIT + 1, means[1]), lie), report_signature=at(2, flip(5))
)


@pytest.fixture(scope="module")
def full() -> Iterator[Cheated]:
    yield from cheated(FULL)


@pytest.fixture(scope="module")
def compact() -> Iterator[Cheated]:
    yield from cheated(SMALL)


def printed(command: str, url: str) -> str:
    """What a shell prints of it; several lines are logs, one after the other."""
    environment = {**os.environ, "RPC": url, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], env=environment, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    return "0x" + "".join(line.removeprefix("0x") for line in result.stdout.lower().split())


def shows(seen: Exhibit, url: str) -> None:
    for command in (seen.cast, seen.curl):
        said = printed(command, url)
        assert said[: 2 + 2 * LONGEST] == (seen.of or seen.bytes), command


def test_commands_of_every_violation_print_its_bytes(full: Cheated) -> None:
    found = {violation.check: violation for violation in full.report.violations}
    assert found.keys() == {"aggregate.selected", "report.signature", "settlement.rewards", "costs.case"}
    for violation in found.values():
        assert violation.exhibit is not None
        assert violation.exhibit.field == Field.INPUT
        shows(violation.exhibit, full.url)
    paid = found["settlement.rewards"]
    assert paid.exhibit is not None
    assert paid.exhibit.size == 5
    assert int(paid.exhibit.bytes[4:], 16) == paid.found
    assert paid.found == UNIT - paid.expected
    assert found["report.signature"].exhibit is not None
    assert found["report.signature"].exhibit.size == PARAMETERS.report_bytes + 64


def test_a_body_beside_the_chain_is_shown_by_the_hash_that_the_chain_has(compact: Cheated) -> None:
    found = {violation.check: violation.exhibit for violation in compact.report.violations}
    assert {"report.range", "report.signature"} <= found.keys()
    bodies = {"0x" + keccak(body).hex(): body for block in compact.played.history.blocks for body in block.bodies}
    for check in ("report.range", "report.signature"):
        seen = found[check]
        assert seen is not None
        assert seen.field == Field.BODY
        assert bodies[str(seen.of)][seen.first : seen.first + seen.size].hex() == seen.bytes[2:]
        shows(seen, compact.url)


def places(played: Played) -> dict[str, Place]:
    """The last call of every method."""
    found = {}
    for block in played.history.blocks:
        for call in calls_in(block, played.contract.address):
            found[call.method] = Place(block, call.block, call)
    return found


@pytest.mark.parametrize("field", [each for each in Field if each is not Field.BODY])
def test_every_field_is_what_the_node_says(full: Cheated, field: Field) -> None:
    seen = 0
    for method, place in places(full.played).items():
        if field is Field.LOGS and method == "constructor":
            continue  # the only call without an event
        made = exhibit(place, "game.code", field=field)
        assert made.field == field
        assert made.bytes != "0x"
        shows(made, full.url)
        seen += 1
    assert seen >= 9


def test_a_slice_is_the_one_that_is_meant_where_its_bytes_stand_twice(full: Cheated) -> None:
    place = places(full.played)["settleRewards"]
    assert place.call is not None
    assert place.call.arguments is not None
    (_, pulls) = place.call.arguments
    starts = []
    for seat in range(4):
        made = exhibit(place, "settlement.rewards", Slice(pulls, 5 * seat, 5))
        assert made.bytes == "0x" + pulls[5 * seat : 5 * seat + 5].hex()
        shows(made, full.url)
        starts.append(made.first)
    assert starts == list(range(starts[0], starts[0] + 20, 5))


def test_what_can_be_looked_up_by_hand_is_said_of_every_check(full: Cheated) -> None:
    place = places(full.played)["close"]
    assert place.call is not None
    commands = {by_hand(check) for check in CHECKS}
    assert len(commands) > 5
    for command in commands:
        asked = command.replace("HASH", "0x" + place.call.digest.hex()).replace("NUMBER", hex(place.number))
        assert printed(asked, full.url) != "0x", command


def test_an_exhibit_of_what_is_no_chain_names_the_block(full: Cheated) -> None:
    block = places(full.played)["close"].block
    number = decode_header(block.header).number
    made = exhibit(Place(RawBlock(block.header, (), ()), number), "chain.transactions")
    assert (made.block, made.transaction, made.field) == (number, None, Field.TRANSACTIONS)
    shows(made, full.url)
