"""The chain: the shipped contract, an embedded node, and a client for it. The only package that imports web3."""

import sys

import py_ecc  # noqa: F401 (of web3's; raises the limit when it is first imported, whoever does it)

sys.setrecursionlimit(12_000)  # what py-evm asks for and a little more: nested JSON must raise before the stack ends
