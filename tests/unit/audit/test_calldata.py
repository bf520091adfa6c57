"""The contract takes one encoding of what a call says; a history in which it took another is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chain_bandit.chain_history.evm import decode_receipt
from chain_bandit.chain_history.records import METHODS
from tests.few import crossed
from tests.unit.audit.played_game import Played
from tests.unit.audit.test_planted_violations import forgery
from tests.unit.audit.test_second_implementation import second_opinion
from verification.fast_node import FastNode

WORD = 32
CALLS = {
    "honest": ("join", "open", "submitBlocks", "skip", "settleRewards", "reveal", "settleCosts", "close", "withdraw"),
    "sealed": ("settleSums", "revealSeal", "settleRewards"),
    "full": ("reportEquivocation", "skipAfterDeadline", "settleCosts"),
}
"""Every call whose calldata are ABI-encoded, of the games in which it comes."""


def _head(method: str) -> int:
    """Bytes of the words before what lies behind them, the selector's included."""
    return 4 + WORD * len(METHODS[method])


def with_gap(method: str, data: bytes) -> bytes:
    """What lies behind the words a word further, where they then say that it is."""
    if method == "submitBlocks":
        return data[:40] + bytes(WORD) + data[40:]
    types, end = METHODS[method], _head(method)
    words = [data[4 + WORD * at : 4 + WORD * at + WORD] for at in range(len(types))]
    moved = [
        (int.from_bytes(word, "big") + WORD).to_bytes(WORD, "big") if kind == "bytes" or kind.endswith("[]") else word
        for kind, word in zip(types, words, strict=True)
    ]
    return data[:4] + b"".join(moved) + bytes(WORD) + data[end:]


def padded_with_ones(method: str, data: bytes) -> bytes:
    """The last byte, where it is of padding: of the calldata themselves no such call ends with 8 zeros here."""
    return data[:-1] + b"\1" if data.endswith(bytes(8)) and len(data) > _head(method) else data


WRITTEN: dict[str, Callable[[str, bytes], bytes]] = {
    "with a word behind it": lambda method, data: data + bytes(WORD),
    "with a byte behind it": lambda method, data: data + b"\1",
    "with a gap in it": with_gap,
    "with another padding": padded_with_ones,
    "with nothing in it": lambda method, data: data[:4],
    "a byte short": lambda method, data: data[:-1],
    "with a first word too wide": lambda method, data: data[:4] + b"\1" + data[5:],
}


@pytest.mark.parametrize(
    ("call", "how"), crossed([(game, method) for game in CALLS for method in CALLS[game]], list(WRITTEN), every=2)
)
def test_both_audits_take_the_calldata_that_the_contract_takes(
    call: tuple[str, str], how: str, games: Callable[[str], Played], tmp_path: Path
) -> None:
    game, method = call
    played = games(game)
    forged = forgery(played)
    block = forged.block_of(method, 0)
    raw = forged.blocks[block][1][0]
    forged.call(method, 0, lambda data: WRITTEN[how](method, data))
    if forged.blocks[block][1][0] == raw:
        pytest.skip("nothing is padded in it")
    history = forged.made()
    node = FastNode({each.address: 10**20 for each in (*played.signers, played.owner, played.outsider)})
    receipts = [node.mine_with(each.transactions) for each in list(history.blocks)[: block + 1]]
    taken = decode_receipt(receipts[-1][0]).succeeded
    report = second_opinion(history, tmp_path)
    found = {each.check.startswith("paranoid.") for each in report.violations}
    assert found == (set() if taken else {False, True})
    assert not taken or method in ("open", "close", "withdraw")
