"""protocol/transaction.py: sizes against the longest encodings, and what is refused at load."""

import pytest

from chain_bandit.protocol.blocks import Body, Header, SignedReport
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.transaction import block_bytes, header_bytes
from tests.conftest import build_scenario


@pytest.mark.parametrize("sealed", [0, 1])
@pytest.mark.parametrize("mode", BodyMode)
@pytest.mark.parametrize("draws", [{}, {"sortition": 2**63}, {"commanders": 1}, {"sortition": 2**63, "commanders": 1}])
@pytest.mark.parametrize(("participants", "validators", "arms"), [(4, 4, 2), (9, 4, 3), (31, 31, 5)])
def test_longest_block_is_as_long_as_stated(parameters, mode, draws, sealed, participants, validators, arms):
    p = parameters(participants, arms, 60, validators=validators, body_mode=mode, sealed=sealed, **draws)
    distinct = tuple(range(1, arms + 1))
    header = Header(
        7, bytes(32), 0, bytes(32), p.everybody, 1, distinct, distinct, 1, (0,) * arms, (0,) * participants
    )
    body = Body((0,) * arms, (SignedReport.decode(bytes(p.report_bytes), bytes(64), p),) * participants).encode()
    assert header_bytes(p) == len(header.encode(p))
    assert block_bytes(p) == len(Submitted.of(p, header, body, 1, b"").encode(p))


@pytest.mark.parametrize(
    ("key", "most", "chain"),
    [
        ("batch", 72, {}), ("batch", 50, {"certificates": "each"}), ("settle_every", 678, {}), ("costs_every", 234, {}),
    ],
)
def test_what_fits_no_transaction_is_refused(key, most, chain):
    build_scenario(31, 5, 60, liars=10, attackers=10, chain=chain | {key: most})
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(31, 5, 60, liars=10, attackers=10, chain=chain | {key: most + 1})
    assert refused.value.name == f"chain.{key}"
    assert refused.value.exit_code == 3


def test_rows_of_a_paid_burn_in_that_fit_no_transaction_are_named_so():
    """No smaller `settle_every` would help."""
    build_scenario(31, 5, 900, paid_burn_in=True, burn_in=600, chain={"settle_every": 1})
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(31, 5, 900, paid_burn_in=True, burn_in=700, chain={"settle_every": 1})
    assert refused.value.name == "paid_burn_in"
