"""docs/protocol.md, "Formulas": its tables by the code, and by what the text says, read by a stranger."""

import re
from decimal import Context, Decimal
from pathlib import Path

import pytest

from chain_bandit.chain.artifacts import chain_bandit_artifact
from chain_bandit.protocol.arms import confidence_width, ucb_arm, width_table
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.ledger import after_burn_in_round, exploration_arm, honest_arm, opening
from chain_bandit.protocol.messages import Phase
from chain_bandit.protocol.reputation import accuracy, distance, radii
from chain_bandit.protocol.units import INFINITY, UNIT

TEXT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
FORMULAS = TEXT.split("## Formulas")[1].split("\n## ")[0]
EXACT = Context(prec=80)


def table(header: str) -> list[list[tuple[int, ...]]]:
    """The cells of a table by its header, each as the integers in it."""
    rows = FORMULAS.split(header)[1].split("\n\n")[0].splitlines()[2:]
    assert len(rows) >= 4
    return [[tuple(map(int, cell.split(","))) for cell in row.strip(" |").split("|")] for row in rows]


def root(number: int) -> int:
    """The floor of a square root, without `isqrt`."""
    return int(EXACT.sqrt(Decimal(number)))


@pytest.mark.parametrize("row", table("| t | P | Q | b_i | n_ref,i | F_i |"))
def test_a_width_is_the_one_in_the_table(row: list[tuple[int, ...]]) -> None:
    (t,), (p,), (q,), (b,), (n,), (width,) = row
    assert confidence_width(width_table(t, p, q * b), n) == width
    z = p * int(EXACT.multiply(EXACT.ln(Decimal(t)), 10**9)) * 10**7 // (q * b)
    assert 10 * root(z // n) == width
    # It is the paper's: sqrt(C1 ln t / n), to within its ten units.
    exact = EXACT.sqrt(EXACT.divide(EXACT.multiply(EXACT.ln(Decimal(t)), p), q * b * n)) * UNIT
    assert 0 <= exact - width < 11


@pytest.mark.parametrize("row", table("| x | μ̂ | n_ref | d | G |"))
def test_an_accuracy_is_the_one_in_the_table(row: list[tuple[int, ...]]) -> None:
    said, agreed, pulls, (apart,), (near,) = row
    assert distance(said, agreed, radii(pulls)) == apart
    assert accuracy(apart, UNIT // 10) == near
    beyond = 0
    for x, mean, n in zip(said, agreed, pulls, strict=True):
        if mean != INFINITY:
            beyond += max(0, abs(x - mean) - (root(10**18 // n) if n else 2**31 - 1))
    assert beyond // len(said) == apart
    assert (65535 * (10**8 - apart) // 10**8 if apart < 10**8 else 0) == near


def test_of_equal_bounds_the_lowest_arm_is_pulled() -> None:
    assert ucb_arm((5, 7, 7), (4, 4, 4), (0, 0, 0)) == 1


def test_the_tuple_of_a_proof_has_these_types_and_this_selector() -> None:
    text = " ".join(FORMULAS.split("takes (")[1].split(")")[0].split())
    types = [part.split()[0] for part in text.split(", ")]
    selector = re.search(r"selector `([0-9a-f]{8})`", FORMULAS)
    assert selector is not None
    assert keccak(f"reportEquivocation(({','.join(types)}))".encode())[:4].hex() == selector[1]
    assert chain_bandit_artifact().members("function")["reportEquivocation"].encode(
        (0, 0, bytes(32), 1, 1, *[bytes(32)] * 6)
    )[:4].hex() == selector[1]  # fmt: skip
    assert (Phase.REPORT, Phase.BLOCK) == (1, 2)


def test_rounds_before_the_burn_in_ends_leave_no_record_and_have_the_genesis_as_parent(parameters) -> None:
    p, genesis = parameters(4, 3, 30), bytes(range(32))
    ledger = opening(p, genesis, bytes(32))
    for t in range(1, p.burn_in):
        assert (ledger.round, ledger.head, honest_arm(p, ledger)) == (t, genesis, (t - 1) % 3)
        ledger = after_burn_in_round(p, ledger)
    assert (ledger.round, ledger.head) == (p.burn_in, genesis)
    assert [exploration_arm(p, ledger), ledger.explorations] == [0, 0]
