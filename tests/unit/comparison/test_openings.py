"""comparison/interface.py `is_sound`: every comparison ignores a malformed opening."""

import pytest

from chain_bandit.comparison.ideal import IdealComparison
from chain_bandit.comparison.interface import Comparison, ComparisonAborted, ComparisonRound, Opening
from chain_bandit.comparison.mpc import MpcComparison
from chain_bandit.crypto.keys import Signer
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.sharing import PRIME, counts_commitment

LARGEST = 12
SALT = b"\1" * 32
COUNTS = (3, 1)
SETTING = ComparisonRound(Slot(bytes(32), 1, bytes(32)), bytes(32), (0, 1, 2))
SIGNERS = [Signer(bytes([seat + 1]) * 32) for seat in SETTING.validators]

EITHER = pytest.mark.parametrize(
    ("comparison", "parties"),
    [(IdealComparison(LARGEST), 0), (MpcComparison(SIGNERS, LARGEST, command=("/nowhere",)), 3)],
    ids=["ideal", "mpc"],
)

UNSOUND = [
    Opening((3,), SALT), Opening((3, 1, 0), SALT), Opening((3, -1), SALT), Opening((3, LARGEST + 1), SALT),
    Opening((3, PRIME), SALT), Opening((3, True), SALT), Opening((3.0, 1.0), SALT), Opening((3, "1"), SALT),
    Opening((3, None), SALT), Opening([3, 1], SALT), Opening(bytes(COUNTS), SALT), Opening({3: 3, 1: 1}, SALT),
    Opening(5, SALT), Opening(None, SALT), Opening(COUNTS, SALT[:-1]), Opening(COUNTS, SALT + b"\0"),
    Opening(COUNTS, "\1" * 32), Opening(COUNTS, [1] * 32), Opening(COUNTS, bytearray(SALT)), Opening(COUNTS, 32),
    Opening(COUNTS, None), Opening(None, None), (COUNTS, SALT), None,
]  # fmt: skip


def takes(comparison: Comparison, parties: int, opening: object) -> bool:
    """Whether it has bits for the seat that committed to the counts, or would if parties could be started."""
    comparison.begin((4, 2), 2, SETTING)
    comparison.on_opening(0, opening)  # type: ignore[arg-type]
    try:
        return bool(comparison.bits({0: counts_commitment(COUNTS, SALT, parties)}))
    except ComparisonAborted:
        return True


@EITHER
def test_a_sound_opening_is_taken(comparison, parties):
    assert takes(comparison, parties, Opening(COUNTS, SALT))


@EITHER
@pytest.mark.parametrize("opening", UNSOUND, ids=str)
def test_an_opening_is_ignored_when_it_is_malformed(comparison, parties, opening):
    assert not takes(comparison, parties, opening)
