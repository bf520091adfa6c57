"""A node inside this process: py-evm behind web3, the same blocks whenever the same transactions come in."""

import os
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # chosen when eth_hash is first used

from eth.exceptions import TransactionNotFound
from eth.vm.forks.prague import PragueVM
from eth_tester import EthereumTester
from eth_tester.backends.pyevm.main import PyEVMBackend, get_default_genesis_params
from eth_tester.backends.pyevm.serializers import serialize_transaction_receipt
from eth_tester.exceptions import TransactionNotFound as UnknownTransaction

from chain_bandit.chain.libraries import EthereumTesterProvider, Web3
from chain_bandit.chain.modules import installed
from chain_bandit.chain.transaction_policy import AT_ONCE

GENESIS_TIME = 1_700_000_000
"""Any fixed second; every block is one second later than its parent."""

NOBODY, CALL_FUNDS = bytes(20), 10**24
"""Caller of views: eth-tester makes the caller of a view afford its gas."""


class DeterministicBackend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's py-evm without its two sources of chance: the wall clock and a random `prevrandao`."""

    def reset_to_genesis(self, *args: Any, **kwargs: Any) -> None:
        """Start the chain anew; its pending block is one second late."""
        super().reset_to_genesis(*args, **kwargs)
        self.chain.set_header_timestamp(GENESIS_TIME + 1)

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> tuple[bytes, ...]:
        """Mine what was applied, then empty blocks. Gives the blocks' hashes."""
        return tuple(self._mine(coinbase) for _ in range(num_blocks))

    def get_transaction_receipt(self, transaction_hash: bytes) -> Any:
        """The receipt by the chain's own index: eth-tester searches every block, which makes an export quadratic."""
        chain = self.chain
        try:
            number, index = chain.get_canonical_transaction_index(transaction_hash)
        except TransactionNotFound as error:
            raise UnknownTransaction(f"no transaction {transaction_hash.hex()}") from error
        block = chain.get_canonical_block_by_number(number)
        receipts = block.get_receipts(chain.chaindb)
        return serialize_transaction_receipt(block, receipts, block.transactions[index], index, False, chain.get_vm())

    def _mine(self, coinbase: bytes) -> bytes:
        block = self.chain.mine_block(coinbase=coinbase, mix_hash=bytes(32), blob_gas_used=0)
        self.chain.set_header_timestamp(block.header.timestamp + 1)
        return bytes(block.hash)


class EmbeddedNode:
    """A chain of our own under Prague rules: every transaction is mined at once in a block of its own.

    The modules that games share are on it from the first block on.

    Args:
        balances: wei of each account (20 bytes) at genesis.
    """

    delivery = AT_ONCE

    def __init__(self, balances: Mapping[bytes, int]) -> None:
        accounts = {NOBODY: CALL_FUNDS, **balances}
        state = {
            account: {"balance": wei, "nonce": 0, "code": b"", "storage": {}} for account, wei in accounts.items()
        }
        state |= {
            address: {"balance": 0, "nonce": 1, "code": code, "storage": {}} for address, code in installed().items()
        }
        backend = DeterministicBackend(
            genesis_parameters=get_default_genesis_params({"timestamp": GENESIS_TIME}),
            genesis_state=state,
            vm_configuration=((0, PragueVM),),
        )
        self._tester = EthereumTester(backend)
        self.line = Web3(EthereumTesterProvider(self._tester), middleware=[])
        self.chain_id: int = backend.chain.chain_id

    def mine(self, blocks: int) -> None:
        """Let time pass: mine empty blocks."""
        self._tester.mine_blocks(blocks)

    def snapshot(self) -> int:
        """Note the chain as it is, for `restore`."""
        return int(self._tester.take_snapshot())

    def restore(self, snapshot: int) -> None:
        """Go back to a noted chain."""
        self._tester.revert_to_snapshot(snapshot)
