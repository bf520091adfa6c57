"""The chain: the shipped contract, an embedded node, and a client for it. The only package that imports web3."""

import sys


def limit_recursion() -> None:
    """What py-evm asks for and a little more: nested JSON must raise before the stack ends."""
    sys.setrecursionlimit(12_000)


limit_recursion()
