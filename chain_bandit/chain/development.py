"""Constants of our development chains, shared so that a game comes out the same on each."""

CHAIN_ID = 131277322940537
"""eth-tester's, which cannot be chosen."""

HARDFORK, GAS_LIMIT, BASE_FEE = "prague", 30_000_000, 10**9

DEVELOPMENT_IDS = frozenset((CHAIN_ID, 31337, 1337))
"""Chains whose money is worth nothing: here, and only here, keys may be public."""
