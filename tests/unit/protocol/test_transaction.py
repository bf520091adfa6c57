"""protocol/transaction.py: sizes against the longest encodings, and what is refused at load."""

import pytest

from chain_bandit.protocol.blocks import Body, Header, SignedReport
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.submission import Submitted
from chain_bandit.protocol.transaction import block_bytes, header_bytes
from tests.games import build_scenario


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
        ("batch", 72, {}), ("batch", 50, {"certificates": "each"}), ("settle_every", 662, {}), ("costs_every", 231, {}),
    ],
)
def test_what_fits_no_transaction_is_refused(key, most, chain):
    build_scenario(31, 5, 60, liars=10, attackers=10, chain=chain | {key: most})
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(31, 5, 60, liars=10, attackers=10, chain=chain | {key: most + 1})
    assert refused.value.name == f"chain.{key}"
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("participants", "most", "given"), [(2, 4_257, {}), (2, 3_576, {"paid_burn_in": True}), (7, 2_149, {})]
)
def test_rows_of_few_seats_take_more_than_their_bytes(participants, most, given):
    """A seat that does not pull has all that are checked with it looked at one by one."""
    build_scenario(participants, 2, 20_000, chain={"settle_every": most}, **given)
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(participants, 2, 20_000, chain={"settle_every": most + 1}, **given)
    assert refused.value.name in {"chain.settle_every", "paid_burn_in"}


def test_rows_of_a_paid_burn_in_that_fit_no_transaction_are_named_so():
    """No smaller `settle_every` would help."""
    build_scenario(31, 5, 900, paid_burn_in=True, burn_in=600, chain={"settle_every": 1})
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(31, 5, 900, paid_burn_in=True, burn_in=700, chain={"settle_every": 1})
    assert refused.value.name == "paid_burn_in"


def test_a_sealed_game_whose_sums_fit_no_transaction_is_refused():
    """The contract counts the approved rounds, 256 a word: of more than these nobody could be paid."""
    build_scenario(4, 2, 1_100_000, sealed=True)
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(4, 2, 1_200_000, sealed=True)
    assert refused.value.name == "rounds"
    build_scenario(4, 2, 1_200_000)


def test_a_table_that_fits_no_transaction_is_refused(tmp_path):
    """It is revealed at the end of the game, all of it."""
    for rewards in (17_000, 18_000):
        rows = (f"{arm},0.{reward:05},1" for arm in "ab" for reward in range(rewards))
        (tmp_path / f"{rewards}.csv").write_text("\n".join(("arm,reward,count", *rows)) + "\n")
    given = {"folder": tmp_path, "rewards": {"kind": "table", "file": "17000.csv"}}
    build_scenario(4, 2, 12, **given)
    with pytest.raises(AssumptionBroken, match="what one transaction may take") as refused:
        build_scenario(4, 2, 12, **given | {"rewards": {"kind": "table", "file": "18000.csv"}})
    assert refused.value.name == "rewards"


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({"slash": 0.25}, 114),
        ({"slash": 0.25, "sealed": True}, 114),
        ({"slash": 0.25, "sealed": True, "participants": 31}, 136),
        ({"slash": 0.25, "rounds": 12, "participants": 31}, 24),
        ({}, 59),
        ({"sealed": True}, 64),
    ],
)
def test_a_settlement_window_in_which_the_calls_after_the_game_do_not_fit_is_refused(given, least):
    """Costs are settled in its second half with a slash; a game of which they were not was void."""
    built = {"participants": 4, "arms": 2, "rounds": 60} | given
    chain = {"costs_every": 1, "settlement_window": least}
    build_scenario(**built, chain=chain)
    for changes in ({"settlement_window": least - 1}, {"confirmations": 2}):
        with pytest.raises(AssumptionBroken, match=r"costs_every\) does not hold \(settlement_window = ") as refused:
            build_scenario(**built, chain=chain | changes)
        assert refused.value.name == "chain.settlement_window"


@pytest.mark.parametrize("chain", [{}, {"costs_every": 1}, {"costs_every": 5, "confirmations": 64}])
@pytest.mark.parametrize("given", [{"arms": 5, "slash": 0.25}, {"arms": 254, "slash": 0.25, "sealed": True}, {}])
def test_a_window_that_nobody_names_is_long_enough(given, chain):
    """Of blocks with 254 arms a call brings back five."""
    arms = given.get("arms", 5)
    means = {"rewards": {"kind": "bernoulli", "means": [0.5] * arms}}
    built = {"arms": 5, "rounds": 10**5, "liars": 1, "attackers": 1} | means | given
    made = build_scenario(256, **built, chain=chain | {"settle_every": 1})
    assert chain or arms == 254 or made.parameters.settlement_window == (10_500 if given else 20_000)
