"""Amounts in the coin of a chain: its name where the chain is known, and wei beside it."""

from decimal import Decimal

COINS = {
    **dict.fromkeys((1, 10, 324, 1101, 8453, 42161, 59144, 534352), "ETH"),
    **dict.fromkeys((11155111, 17000, 560048, 11155420, 84532, 421614), "test ETH"),
    137: "POL", 80002: "test POL", 56: "BNB", 97: "test BNB", 100: "xDAI", 10200: "test xDAI", 43114: "AVAX",
    43113: "test AVAX", 42220: "CELO", 250: "FTM", 146: "S",
    **dict.fromkeys((131277322940537, 31337, 1337), "ETH of a development chain"),
}  # fmt: skip
"""By chain id."""

PLACES = 18
"""Decimals of a coin: one is 10^18 wei on every chain of this kind."""


def coin(chain_id: int) -> str:
    """What a chain pays gas in; a description where the chain is not known."""
    return COINS.get(chain_id, f"coins of chain {chain_id}")


def in_coins(wei: int, chain_id: int) -> str:
    """An amount in coins, with all decimals that are not zero."""
    exact = f"{Decimal(wei).scaleb(-PLACES):,f}"
    return f"{exact.rstrip('0').rstrip('.') if '.' in exact else exact} {coin(chain_id)}"
