"""The chain: the shipped contract, an embedded node, and a client for it. The only package that imports web3."""

import sys

from chain_bandit.chain.deferred import defer

# they compute at import, for most of a second, and nothing here has a pairing (docs/decisions/0137)
defer("py_ecc.bls12_381.bls12_381_pairing")
defer("py_ecc.optimized_bls12_381.optimized_pairing")
defer("py_ecc.optimized_bn128.optimized_pairing")


def limit_recursion() -> None:
    """What py-evm asks for and a little more: nested JSON must raise before the stack ends."""
    sys.setrecursionlimit(12_000)


limit_recursion()
