"""JSON-RPC to one node: requests, transactions signed here, and why one failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError
from requests import RequestException
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from chain_bandit.chain.artifacts import chain_bandit_artifact, member
from chain_bandit.chain.errors import NodeUnreachable, TransactionReverted
from chain_bandit.chain.reverts import grounds, revert_data
from chain_bandit.stopwatch import Stopwatch

MINING_TIMEOUT = 120.0
"""Seconds to wait for a receipt."""

_POLL = 0.05
_BUILT_IN = tuple(
    member({"name": name, "inputs": [{"type": kind}]}) for name, kind in (("Error", "string"), ("Panic", "uint256"))
)


class Rpc:
    """What the client asks of a node.

    Attributes:
        gas: gas used by each transaction, by method.
        transactions: how many were mined.
    """

    def __init__(self, web3: Web3, stopwatch: Stopwatch) -> None:
        self.gas: dict[str, list[int]] = {}
        self.transactions = 0
        self._web3, self._stopwatch = web3, stopwatch
        self._nonces: dict[str, int] = {}
        self._fixed: dict[str, Any] | None = None
        errors = (*chain_bandit_artifact().members("error").values(), *_BUILT_IN)
        self._errors = {error.topic[:4]: error for error in errors}

    def code(self, address: bytes) -> bytes:
        """The code at an address."""
        with self._stopwatch("evm"):
            return as_bytes(self._request("eth_getCode", to_checksum_address(address), "latest"))

    def call(self, method: str, to: bytes, data: bytes) -> bytes:
        """What a view returns. Raises `TransactionReverted`."""
        request = {"from": to_checksum_address(bytes(20)), "to": to_checksum_address(to), "data": _hex(data)}
        with self._stopwatch("evm"), self._refusals(method):
            return as_bytes(self._request("eth_call", request, "latest"))

    def transact(
        self, method: str, sender: LocalAccount, to: bytes | None, data: bytes, value: int, gas: int
    ) -> Any:
        """Send a transaction and wait for its receipt. Raises `TransactionReverted`."""
        with self._stopwatch("evm"):
            nonce = self._nonce(sender.address)
            transaction = {"to": to_checksum_address(to) if to else "", "data": data, "value": value, "gas": gas}
            signed = sender.sign_transaction(transaction | {"nonce": nonce} | self._fees())
            with self._refusals(method):
                identity = self._request("eth_sendRawTransaction", _hex(signed.raw_transaction))
            self._nonces[sender.address] = nonce + 1
            receipt = self._receipt(identity)
            self.transactions += 1
            self.gas.setdefault(method, []).append(as_int(receipt["gasUsed"]))
            if as_int(receipt["status"]) != 1:
                self._explain(method, sender, transaction, receipt)
            return receipt

    def _nonce(self, account: str) -> int:
        if account not in self._nonces:
            self._nonces[account] = as_int(self._request("eth_getTransactionCount", account, "latest"))
        return self._nonces[account]

    def _fees(self) -> dict[str, Any]:
        """Type 2, at up to ten times the base fee found first: no run fills enough blocks to raise it that far."""
        if self._fixed is None:
            base = as_int(self._request("eth_getBlockByNumber", "latest", False)["baseFeePerGas"])
            chain = as_int(self._request("eth_chainId"))
            self._fixed = {"type": 2, "maxFeePerGas": 10 * base + 1, "maxPriorityFeePerGas": 0, "chainId": chain}
        return self._fixed

    def _receipt(self, identity: Any) -> Any:
        until = monotonic() + MINING_TIMEOUT
        while True:
            receipt = self._request("eth_getTransactionReceipt", identity)
            if receipt is not None:
                return receipt
            if monotonic() > until:
                raise NodeUnreachable(f"transaction {identity} not mined in {MINING_TIMEOUT:.0f} s")
            sleep(_POLL)

    def _explain(self, method: str, sender: LocalAccount, transaction: dict[str, Any], receipt: Any) -> None:
        """Raise what a failed transaction failed with, found by calling it again on the block that holds it."""
        if as_int(receipt["gasUsed"]) == transaction["gas"]:
            raise TransactionReverted(method, "OutOfGas", (transaction["gas"],))
        request = {
            "from": sender.address,
            "data": _hex(transaction["data"]),
            "value": hex(transaction["value"]),
            "gas": hex(transaction["gas"]),
        }
        if transaction["to"]:
            request["to"] = transaction["to"]
        with self._refusals(method):
            self._request("eth_call", request, hex(as_int(receipt["blockNumber"])))
        raise TransactionReverted(method, "Unexplained", ())

    def _request(self, method: str, *parameters: Any) -> Any:
        try:
            return self._web3.manager.request_blocking(RPCEndpoint(method), list(parameters))
        except (RequestException, OSError) as error:
            raise NodeUnreachable(error) from error

    @contextmanager
    def _refusals(self, method: str) -> Iterator[None]:
        """Turn what a node raises for a refused call into `TransactionReverted`."""
        try:
            yield
        except (Web3Exception, ValidationError, _tester_failure()) as failure:
            name, values = self._decode(failure)
            raise TransactionReverted(method, name, values) from failure

    def _decode(self, failure: Exception) -> tuple[str, tuple[Any, ...]]:
        data = revert_data(failure)
        if data is None:
            return "Rejected", (grounds(failure),)
        if data == b"":
            return "Malformed", ()  # the decoder of calldata reverts without a word
        error = self._errors.get(data[:4])
        return (error.name, error.decode_inputs(data[4:])) if error else ("Unexplained", (data,))


def as_int(value: Any) -> int:
    """A quantity: nodes answer in hexadecimal, the embedded one with the number itself."""
    return int(value, 16) if isinstance(value, str) else int(value)


def as_bytes(value: Any) -> bytes:
    """Bytes: nodes answer in hexadecimal, the embedded one sometimes with the bytes themselves."""
    return bytes.fromhex(value[2:]) if isinstance(value, str) else bytes(value)


def _hex(data: bytes) -> str:
    return "0x" + bytes(data).hex()


def _tester_failure() -> type[Exception]:
    """eth-tester's error for a reverted call; it stands for nothing where eth-tester is not installed."""
    from eth_tester.exceptions import TransactionFailed

    failure: type[Exception] = TransactionFailed
    return failure
