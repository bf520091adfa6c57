"""Lazy imports of web3 and eth-account, which take two seconds to load."""

from eth_account import Account
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers.eth_tester import EthereumTesterProvider
from web3.types import RPCEndpoint

from chain_bandit.chain import limit_recursion

__all__ = ["Account", "EthereumTesterProvider", "RPCEndpoint", "Web3", "Web3Exception"]

limit_recursion()  # py_ecc, which they load, raises it
