"""First pass of the audit: validity of the chain, and the values revealed at the end of the game."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from chain_bandit.auditor.exhibits import Field, Place
from chain_bandit.auditor.report import Checks
from chain_bandit.chain_history.blocks import ContractOrigin, History, RawBlock
from chain_bandit.chain_history.bounded_memo import remembered
from chain_bandit.chain_history.errors import UnknownType
from chain_bandit.chain_history.evm import (
    BlockHeader,
    decode_header,
    decode_receipt,
    decode_transaction,
    ordered_root,
)
from chain_bandit.chain_history.records import CREATION, SELECTORS, TOPICS, ContractCall, calls_in
from chain_bandit.protocol.digests import uint
from chain_bandit.protocol.errors import BadEncoding

STEP = 4
"""Bytes of each block's hash in a trail: a hidden change has to match them in every block from the changed one on."""

TWO_TALLIES = "the environment signed two tallies for a seat, and which one it follows is not known"


@dataclass(slots=True)
class Survey:
    """Result of the first pass.

    Attributes:
        sound: whether blocks, roots and links all hold: only then is anything else worth replaying.
        unread: what came after this version, and so cannot be read; empty where there is nothing such.
        unread_from: the number of the block that holds it: nothing can be said of the game from there on.
        first: where the first block is, which should create the contract.
        head: hash, number and time of the last block.
        trail: the first bytes of every block's hash.
        strayed: whether a block was another than the auditor's trail has.
        environment: creator of the contract; empty until it is there: a call that comes before it succeeds too, and
            opens nothing.
        reveal: secret, encoded roles and encoded model, once the contract took them.
        pulls: all settlements, one after the other, up to the first that another than the environment made: no contract
            of this version takes one, and nothing is opened any more.
        settlements: of each of those, the round up to which it is and where it begins in `pulls`, in turn.
        usurped: whether there was such a one.
        seal_keys: of each seat that revealed its sealing key.
        acquitted: seats of which the environment signed two tallies: which of them their reports follow is not known.
    """

    sound: bool = True
    unread: str = ""
    unread_from: int | None = None
    first: Place | None = None
    head: bytes = bytes(32)
    number: int = -1
    time: int = 0
    trail: bytearray = field(default_factory=bytearray)
    strayed: bool = False
    environment: bytes = b""
    reveal: tuple[bytes, bytes, bytes] | None = None
    pulls: bytearray = field(default_factory=bytearray)
    settlements: "array[int]" = field(default_factory=lambda: array("Q"))
    usurped: bool = False
    seal_keys: dict[int, bytes] = field(default_factory=dict)
    acquitted: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether the game can be followed to its last block."""
        return self.sound and not self.unread

    def settlement(self, index: int) -> tuple[int, int, int] | None:
        """One of the settlements: the round up to which it is, and where in `pulls` it begins and ends."""
        if 2 * index >= len(self.settlements):
            return None
        through, start = self.settlements[2 * index : 2 * index + 2]
        behind = 2 * index + 3
        return through, start, self.settlements[behind] if behind < len(self.settlements) else len(self.pulls)

    def readable(self, number: int) -> bool:
        """Whether the game can be followed through the block of that number, of a chain that is sound."""
        return self.unread_from is None or number < self.unread_from


def survey(history: History, kept: bytes | None, checks: Checks, trail: bytes = b"") -> Survey:
    """Check the blocks of a history as a chain, and collect what later rounds open about earlier ones.

    Args:
        kept: the last block's hash, as the auditor kept it.
        trail: of every block from the first on, as an earlier audit found it: where the history leaves it is said.
    """
    found = Survey()
    origin = history.origin
    for block in history.blocks:
        found.first = found.first or Place(block, origin.first_block)
        found.sound &= _check_block(block, found, origin.first_block, origin.chain_id, checks)
        if not found.sound:
            break
        found.trail += found.head[:STEP]
        if trail and not found.strayed:
            _follow(trail, found, checks)
        if not found.unread:
            _take_in(block, origin.contract, found)
    if found.sound and len(found.trail) < len(trail) and not found.strayed:
        checks.that(False, "chain.trail", None, "history", "it ends after {} blocks of {}", len(found.trail) // STEP,
                    len(trail) // STEP, shown=Field.HASH)
    if found.number < 0 and found.sound:
        found.sound = checks.that(False, "chain.links", None, "history", "it holds {} blocks, not at least {}", 0, 1)
    check_head(found, kept, checks)
    return found


def check_head(found: Survey, kept: bytes | None, checks: Checks) -> None:
    """Compare the last block's hash with the one that the auditor kept, if there is one."""
    if kept is not None and found.sound:
        checks.that(found.head == kept, "chain.head", None, f"block {found.number}",
                    "its hash is {}, the auditor kept {}", found.head, kept)
    elif kept is not None:
        checks.unknown("chain.head", "the blocks are no chain that can be followed")


def _follow(trail: bytes, found: Survey, checks: Checks) -> None:
    """Hold the block that was read last against the trail, which ends where the game went on later."""
    at = len(found.trail)
    here = trail[at - STEP : at]
    found.strayed = bool(here) and not checks.same(
        found.head[:STEP], here, "chain.trail", None, f"first bytes of the hash of block {found.number}"
    )


def _check_block(block: RawBlock, found: Survey, first: int, chain_id: int, checks: Checks) -> bool:
    expected = first if found.number < 0 else found.number + 1
    name = f"block {expected}"
    checks.place = Place(block, expected)
    try:
        header = decode_header(block.header)
    except BadEncoding as error:
        return checks.that(False, "chain.links", None, name, "{}", error, "a block header")
    follows = _check_header(header, expected, found, checks)
    found.head, found.number, found.time = header.digest, header.number, header.timestamp
    if header.later:
        _cannot_read("chain.links", f"{name}: its header has fields that this version does not know", found, checks)
    for check, problem_of in (
        ("chain.transactions", partial(_transactions_problem, block.transactions, header.transactions_root, chain_id)),
        ("chain.receipts", partial(_receipts_problem, block, header)),
    ):
        try:
            problem = problem_of()
        except UnknownType as error:
            _cannot_read(check, f"{name}: {error}", found, checks)
        else:
            follows &= checks.that(not problem, check, None, name, "{}", problem, "what its header binds")
    return follows


def _cannot_read(check: str, why: str, found: Survey, checks: Checks) -> None:
    """What the block at hand holds came after this version."""
    checks.unknown(check, why)
    if not found.unread:
        found.unread, found.unread_from = why, found.number


def _check_header(header: BlockHeader, expected: int, found: Survey, checks: Checks) -> bool:
    """Whether a header can follow the one before it. Development chains may make two blocks in one second."""
    parent, since, used = found.head if found.number >= 0 else "any", max(1, found.time), max(1, header.gas_used)
    linked = header.number == expected and parent in ("any", header.parent)
    for holds, sentence, said, due, shown in (
        (linked, "number and parent are {}, not {}", (header.number, header.parent), (expected, parent),
         Field.HEIGHT if header.number != expected else Field.PARENT),
        (header.timestamp >= since, "its time is {}, not {} or later", header.timestamp, since, Field.TIME),
        (header.gas_limit >= used, "its gas limit is {}, not {} or more", header.gas_limit, used, Field.GAS_LIMIT),
    ):  # fmt: skip
        if not holds:
            return checks.that(False, "chain.links", None, f"block {expected}", sentence, said, due, shown=shown)
    checks.passed("chain.links")
    return True


@remembered(512)
def _transactions_problem(transactions: tuple[bytes, ...], root: bytes, chain_id: int) -> str:
    """What is wrong with the transactions of a block, if anything is. Raises `UnknownType`."""
    try:
        if ordered_root(transactions) != root:
            return "its transactions do not give its transactions root"
        for raw in transactions:
            sent = decode_transaction(raw)
            _ = sent.sender  # or nobody signed it
            if sent.chain_id not in (None, chain_id):
                return f"a transaction is not signed for chain {chain_id}"
    except UnknownType:
        raise
    except BadEncoding as error:
        return str(error)
    return ""


@remembered(512)
def _receipts_problem(block: RawBlock, header: BlockHeader) -> str:
    """The same of its receipts. Raises `UnknownType`: they are those of their root, and the rest nobody can say."""
    if ordered_root(block.receipts) != header.receipts_root:
        return "its receipts do not give its receipts root"
    if len(block.receipts) != len(block.transactions):
        return "it has not one receipt for each transaction"
    gas = bloom = 0
    try:
        for sent, raw in zip(map(decode_transaction, block.transactions), block.receipts, strict=True):
            receipt = decode_receipt(raw)
            if receipt.gas <= gas or receipt.type != sent.type:
                return "a receipt is not of its transaction"
            if receipt.gas - gas > sent.gas_limit:
                return "a call used more gas than it was given"
            if receipt.logs and not receipt.succeeded:
                return "a call was reverted, and yet has events"
            gas = receipt.gas
            bloom |= int.from_bytes(receipt.bloom, "big")
    except UnknownType:
        raise
    except BadEncoding as error:
        return str(error)
    if header.bloom != uint(bloom, 256):
        return "its bloom is not that of its receipts"
    return "" if gas == header.gas_used else "its gas is not that of its receipts"


OPENING = SELECTORS["reveal"], SELECTORS["settleRewards"], TOPICS["SealRevealed"], TOPICS["Acquitted"]
"""Bytes of which a block that opens something has some."""


def opened(blocks: Iterable[RawBlock | None], origin: ContractOrigin) -> Survey:
    """What a sound chain opens, of whose blocks some are left out (None): none of those that have bytes of `OPENING`,
    nor the first one. Its head is not known."""
    found = Survey(number=origin.first_block - 1)
    for block in blocks:
        found.number += 1
        if block is not None:
            found.first = found.first or Place(block, origin.first_block)
            _take_in(block, origin.contract, found)
    return found


def _take_in(block: RawBlock, contract: bytes, found: Survey) -> None:
    """Keep what a block opens, or what is opened later. Whether it was right to is checked on the second pass."""
    for call in calls_in(block, contract):
        if call.succeeded and call.method == CREATION:
            found.environment = call.sender
        if call.succeeded and found.environment:
            _take_in_call(call, found)


def _take_in_call(call: ContractCall, found: Survey) -> None:
    if call.method == "reveal" and call.arguments:
        found.reveal = (call.arguments[0], call.arguments[1], call.arguments[2])
    elif call.method == "settleRewards" and call.arguments:
        found.usurped |= call.sender != found.environment
        if not found.usurped:
            found.settlements.extend((call.arguments[0], len(found.pulls)))
            found.pulls += call.arguments[1]
    for event in call.events:
        if event.name == "SealRevealed":
            found.seal_keys[event.values[0]] = event.values[1]
        if event.name == "Acquitted":
            found.acquitted.add(event.values[0])
