"""cli/coins.py: amounts as `leave` and `ps` say them."""

import pytest

from chain_bandit.cli.coins import in_coins


@pytest.mark.parametrize(("wei", "chain", "said"), [
    (25 * 10**18, 1, "25 ETH"), (1, 137, "0.000000000000000001 POL"),
    (123_456 * 10**17, 999, "12,345.6 coins of chain 999"),
    (10**18, 31337, "1 ETH of a development chain"),
])  # fmt: skip
def test_an_amount_is_in_the_coin_of_its_chain(wei: int, chain: int, said: str) -> None:
    assert in_coins(wei, chain) == said
