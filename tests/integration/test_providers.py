"""Commands through providers with limits; `python -m verification.providers` plays all of them."""

import pytest

from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.http_node import HttpNode
from verification.hostile_provider import ProviderLimits, provided
from verification.providers import cell


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("run", "range 100"), ("run", "batch 1"), ("up 4", "range 100"), ("audit", "429"), ("run", "all"),
        ("up 4", "spread 1"),
    ],
)  # fmt: skip
def test_a_game_is_played_through_a_provider_with_limits(row: str, column: str) -> None:
    played = cell(row, column)
    assert (played.code, played.text) == (0, "")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("audit", "block 309, which it has"), ("watch", "block 309, which it has"),
        ("run", "a transaction that its chain has"),
    ],
)  # fmt: skip
def test_a_node_without_receipts_is_refused_at_once_in_one_sentence(row: str, what: str) -> None:
    refused = cell(row, "pruned receipts")
    assert refused.is_good, refused
    assert refused.code == 5
    assert f"refuses eth_getTransactionReceipt (it gives no receipt of {what})" in refused.text


@pytest.mark.parametrize("limits", ["rate=1000", "batch=5", "lag=1", "lag=1,spread=1"])
def test_the_state_after_a_block_is_told_whatever_the_limits(limits: str) -> None:
    with anvil() as node, provided(node.url, ProviderLimits.of(limits)) as (url, _):
        node.ask("anvil_mine", "0x2")
        assert HttpNode(url).ask("eth_call", {"to": "0x" + "00" * 20, "data": "0x"}, "0x1") == "0x"


def test_accounts_that_a_node_gives_money_have_it_before_they_act_though_the_provider_lags() -> None:
    with anvil() as node, provided(node.url, ProviderLimits.of("lag=2")) as (url, _):
        node.ask("evm_setIntervalMining", 1)
        behind = HttpNode(url)
        assert behind.grant({bytes(19) + b"\x77": 10**9})
        assert behind.balance("0x" + "00" * 19 + "77") == 10**9


def test_all_events_are_read_though_each_answer_may_come_from_a_backend_that_is_a_block_behind() -> None:
    with anvil() as node, provided(node.url, ProviderLimits.of("range=4,spread=1")) as (url, provider):
        rpc = HttpNode(url).rpc
        for _ in range(30):
            node.ask("anvil_mine", "0x1")
            assert rpc.logs({}, 0, None, list) == []
        assert provider.refusals["head"] > 5
