"""The first walk: is this a chain at all, and what did the end of the game open?"""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from chain_bandit.audit.report import Checks
from chain_bandit.history.blocks import History, RawBlock
from chain_bandit.history.errors import BadEncoding
from chain_bandit.history.evm import decode_header, decode_receipt, decode_transaction, ordered_root
from chain_bandit.history.records import PACKED, Call, calls_in
from chain_bandit.history.setup import constructed
from chain_bandit.protocol.assumptions import check
from chain_bandit.protocol.blocks import Body, Kind, Report, seats
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.errors import AssumptionBroken, Malformed
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.submission import decode


@dataclass(slots=True)
class Survey:
    """What the first walk brings home.

    Attributes:
        sound: whether blocks, roots and links all hold: only then is anything else worth replaying.
        head: hash and number of the last block.
        reveal: secret, encoded roles and encoded model, once the contract took them.
        salt_keys: of each seat that opened its counts.
        pulls: all settlements, one after the other.
        parameters: of the game, once it is deployed.
        seal_keys: of each seat that revealed its sealing key.
        sealed: of a sealed game, the records in its reports by round and seat.
    """

    sound: bool = True
    head: bytes = bytes(32)
    number: int = -1
    reveal: tuple[bytes, bytes, bytes] | None = None
    salt_keys: dict[int, bytes] = field(default_factory=dict)
    pulls: bytearray = field(default_factory=bytearray)
    parameters: Parameters | None = None
    seal_keys: dict[int, bytes] = field(default_factory=dict)
    sealed: dict[int, dict[int, bytes]] = field(default_factory=dict)


def survey(history: History, kept: bytes | None, checks: Checks) -> Survey:
    """Check the blocks of a history as a chain, and collect what later rounds open about earlier ones."""
    found = Survey()
    origin = history.origin
    for block in history.blocks:
        found.sound &= _check_block(block, found, origin.first_block, origin.chain_id, checks)
        if not found.sound:
            break
        for call in calls_in(block, origin.contract):
            if call.succeeded:
                _take_in(call, block, found)
    if found.number < 0 and found.sound:
        found.sound = checks.that(False, "chain.links", None, "history", "it holds no block")
    if kept is not None and found.sound:
        checks.that(found.head == kept, "chain.head", None, f"block {found.number}",
                    "its hash is {}, the auditor kept {}", found.head, kept)
    elif kept is not None:
        checks.unknown("chain.head", "the blocks are no chain")
    return found


def _check_block(block: RawBlock, found: Survey, first: int, chain_id: int, checks: Checks) -> bool:
    expected = first if found.number < 0 else found.number + 1
    name = f"block {expected}"
    try:
        header = decode_header(block.header)
    except BadEncoding as error:
        return checks.that(False, "chain.links", None, name, "{}", error)
    follows = checks.that(
        header.number == expected and (found.number < 0 or header.parent == found.head),
        "chain.links", None, name, "it is number {} on parent {}, after {}", header.number, header.parent, found.head,
    )  # fmt: skip
    found.head, found.number = header.digest, header.number
    problem = _transactions_problem(block, chain_id)
    paid = checks.that(not problem, "chain.transactions", None, name, "{}", problem)
    problem = _receipts_problem(block)
    received = checks.that(not problem, "chain.receipts", None, name, "{}", problem)
    return follows and paid and received


@lru_cache(maxsize=512)
def _transactions_problem(block: RawBlock, chain_id: int) -> str:
    try:
        if ordered_root(block.transactions) != decode_header(block.header).transactions_root:
            return "its transactions do not give its transactions root"
        for raw in block.transactions:
            if decode_transaction(raw).chain_id not in (None, chain_id):
                return f"a transaction is not signed for chain {chain_id}"
    except BadEncoding as error:
        return str(error)
    return ""


@lru_cache(maxsize=512)
def _receipts_problem(block: RawBlock) -> str:
    header = decode_header(block.header)
    if ordered_root(block.receipts) != header.receipts_root:
        return "its receipts do not give its receipts root"
    if len(block.receipts) != len(block.transactions):
        return "it has not one receipt for each transaction"
    gas = 0
    try:
        for raw, sent in zip(block.receipts, block.transactions, strict=True):
            receipt = decode_receipt(raw)
            if receipt.gas <= gas or receipt.type != decode_transaction(sent).type:
                return "a receipt is not of its transaction"
            gas = receipt.gas
    except BadEncoding as error:
        return str(error)
    return "" if gas == header.gas_used else "its gas is not that of its receipts"


def _take_in(call: Call, block: RawBlock, found: Survey) -> None:
    """Keep what a transaction opens, or what is opened later. Whether it was right to is checked on the second walk."""
    if found.parameters is None:
        with suppress(AssumptionBroken):
            found.parameters = _sound(constructed(call))
    elif found.parameters.sealed and call.method == PACKED and call.arguments:
        with suppress(Malformed):
            found.sealed |= _sealed(call, block, found.parameters)
    if call.method == "reveal" and call.arguments:
        found.reveal = (call.arguments[0], call.arguments[1], call.arguments[2])
    elif call.method == "settleRewards" and call.arguments:
        found.pulls += call.arguments[1]
    for event in call.events:
        if event.name == "CountsRevealed":
            found.salt_keys[event.values[0]] = event.values[1]
        elif event.name == "SealRevealed":
            found.seal_keys[event.values[0]] = event.values[1]


def _sound(parameters: Parameters | None) -> Parameters | None:
    """Parameters that blocks can be read by. Raises `AssumptionBroken`."""
    if parameters is not None:
        check(parameters)
    return parameters


def _sealed(call: Call, block: RawBlock, parameters: Parameters) -> dict[int, dict[int, bytes]]:
    """The sealed records of the blocks that a call records. Raises `Malformed`."""
    said = call.events[0].values if call.events and call.events[0].name == "Recorded" else None
    if said is None:
        return {}
    submitted, bodies = decode(parameters, call.arguments[0] if call.arguments else b""), block.bodies
    beside = {keccak(body): body for body in bodies}
    last, found = said[0] - (said[1] == Kind.EXPLORATION), {}
    for t, each in enumerate(submitted, last - len(submitted) + 1):
        reporters = seats(int.from_bytes(each.decided[: parameters.mask_bytes], "big"))
        body = each.body if parameters.body_mode == BodyMode.FULL else beside.get(each.body)
        if body is not None:
            signed = Body.decode(body, len(reporters), parameters).reports
            records = (Report.decode(report.content, parameters).sealed for report in signed)
            found[t] = dict(zip(reporters, records, strict=True))
    return found
