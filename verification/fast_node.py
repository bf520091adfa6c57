"""A chain in this process by revm, with true blocks: it takes hundredths of what the embedded chain does.

Games on it ask what the contract does, never what that costs: gas is the same number everywhere. The rules are those of
Cancun, as the contract's code is. Nobody computes a state root; it is zero.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from eth_tester.exceptions import TransactionFailed
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env, TxEnv
from web3 import Web3
from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from chain_bandit.chain.modules import installed
from chain_bandit.chain.transaction_policy import AT_ONCE
from chain_bandit.chain_history.evm import Log, Transaction, decode_transaction, logs_bloom, ordered_root
from chain_bandit.protocol import rlp
from chain_bandit.protocol.digests import keccak

CHAIN_ID, BASE_FEE, GAS, BLOCK_GAS = 131277322940537, 10**9, 21_000, 30_000_000
GENESIS_TIME = 1_700_000_000
NO_UNCLES, EMPTY = keccak(rlp.encode([])), ordered_root(())

_REVERT = re.compile(r"Revert \{ gas_used: \d+, output: 0x([0-9a-f]*) \}")
_PADDING = bytes(33)
"""What revm puts behind code that it has run, so that no instruction reads over its end."""
_DEEP = 500
"""Snapshots of the journal after which it is committed: revm allows 1,024."""


class FastNode:
    """A chain of our own: every transaction is mined at once in a block of its own, refused ones too.

    Args:
        balances: wei of each account (20 bytes) at genesis.
        numbers: of the first transaction of accounts that have sent some before, elsewhere.
        refuses: hashes of transactions that fail whatever the contract says.
    """

    chain_id, delivery = CHAIN_ID, AT_ONCE

    def __init__(
        self, balances: Mapping[bytes, int], numbers: Mapping[bytes, int] = MappingProxyType({}),
        refuses: Collection[bytes] = (),
    ) -> None:  # fmt: skip
        self._refuses = refuses
        self._evm = EVM(env=Env(cfg=CfgEnv(chain_id=CHAIN_ID), block=BlockEnv(number=0)), spec_id="CANCUN")
        for account, wei in balances.items():
            self._evm.set_balance(_hex(account), wei)
        for address, code in installed().items():
            self._evm.insert_account_info(_hex(address), AccountInfo(nonce=1, code=code))
        self._accounts = list(balances)
        self._nonces = Counter[bytes](numbers)
        self._blocks: list[dict[str, Any]] = []
        self._held: list[dict[bytes, int]] = []
        self._receipts: dict[str, dict[str, Any]] = {}
        self._append((), ())
        self.line = Web3(_Provider(self), middleware=[])

    def mine(self, blocks: int) -> None:
        """Let time pass: mine empty blocks."""
        for _ in range(blocks):
            self._append((), ())

    def code(self, account: bytes) -> bytes:
        """The code that an account runs."""
        return bytes(self._evm.get_code(_hex(account)) or b"").removesuffix(_PADDING)

    def replace_code(self, account: bytes, code: bytes) -> None:
        """Run other code than was created, of which the blocks do not tell."""
        if self._evm.journal_depth:
            self._evm.commit()
        old = self._evm.basic(_hex(account))
        self._evm.insert_account_info(_hex(account), AccountInfo(nonce=old.nonce, code=code))
        self._evm.set_balance(_hex(account), old.balance)

    def answer(self, method: str, parameters: Sequence[Any]) -> Any:
        """What JSON-RPC answers. Raises `TransactionFailed` where a call is reverted."""
        match method:
            case "eth_chainId":
                return hex(CHAIN_ID)
            case "eth_gasPrice":
                return hex(BASE_FEE)
            case "eth_blockNumber":
                return hex(len(self._blocks) - 1)
            case "eth_getBlockByNumber":
                return self._block(*parameters)
            case "eth_getBlockByHash":
                wanted = (each["number"] for each in self._blocks if each["hash"] == parameters[0])
                return next((self._block(number, parameters[1]) for number in wanted), None)
            case "eth_getTransactionCount":
                return hex(self._nonces[_bytes(parameters[0])])
            case "eth_getTransactionReceipt":
                return self._receipts.get(parameters[0])
            case "eth_getTransactionByHash":
                sent = (each for block in self._blocks for each in block["transactions"])
                return next((each for each in sent if each["hash"] == parameters[0]), None)
            case "eth_getLogs":
                return self._logs(**parameters[0])
            case "eth_getCode":
                return _hex(self.code(_bytes(parameters[0])))
            case "eth_getBalance":
                number = self._number(parameters[1])
                return hex(self._held[number].get(_bytes(parameters[0]), 0))
            case "eth_call":
                return self._call(parameters[0])
            case "eth_sendRawTransaction":
                return self._send(_bytes(parameters[0]))
        raise NotImplementedError(method)  # of JSON-RPC it has what the client and the audit ask, and no more

    def _number(self, name: str) -> int:
        return len(self._blocks) - 1 if name in ("latest", "pending") else int(name, 16)

    def _block(self, name: str, full: bool) -> dict[str, Any] | None:
        number = self._number(name)
        if number >= len(self._blocks):
            return None
        block = self._blocks[number]
        return block if full else block | {"transactions": [item["hash"] for item in block["transactions"]]}

    def _logs(self, address: str, fromBlock: str, toBlock: str = "latest") -> list[dict[str, Any]]:
        """Events of a contract in blocks of these numbers."""
        found = []
        for block in self._blocks[self._number(fromBlock) : self._number(toBlock) + 1]:
            made = [self._receipts[sent["hash"]] for sent in block["transactions"]]
            logs = [log | {"transactionHash": each["transactionHash"]} for each in made for log in each["logs"]]
            there = {"blockNumber": block["number"], "blockHash": block["hash"]}
            found += [log | there | {"logIndex": hex(at)} for at, log in enumerate(logs)]
        return [log for log in found if log["address"] == address]

    def _call(self, request: Mapping[str, Any]) -> str:
        """A view, in the next block."""
        if self._evm.journal_depth > _DEEP:
            self._evm.commit()
        before = self._evm.snapshot()
        try:
            output = self._run(request["from"].lower(), request.get("to"), _bytes(request["data"]), 0)
        finally:
            self._evm.revert(before)
        return _hex(output)

    def _run(self, caller: str, to: str | None, data: bytes, value: int) -> bytes:
        """Return value of a message; of a creation, the address. Raises `TransactionFailed`."""
        number = len(self._blocks)
        self._evm.set_block_env(BlockEnv(number=number, timestamp=GENESIS_TIME + number))
        self._evm.set_tx_env(TxEnv(caller=caller))
        try:
            if to is None:
                return _bytes(self._evm.deploy(caller, data, value=value))
            return bytes(self._evm.message_call(caller, to.lower(), calldata=data, value=value, gas=BLOCK_GAS))
        except RuntimeError as error:
            reverted = _REVERT.search(str(error))
            if reverted is None and "Halt" not in str(error):
                raise
            output = bytes.fromhex(reverted[1]) if reverted else b""
            raise TransactionFailed(f"execution reverted: {output!r}") from error

    def _send(self, raw: bytes) -> str:
        self.mine_with([raw])
        return _hex(decode_transaction(raw).digest)

    def mine_with(self, transactions: Sequence[bytes]) -> tuple[bytes, ...]:
        """Mine a block of these transactions; gives their receipts.

        Raises:
            TransactionFailed: one of them can be in no block here; those before it are carried out, and in none.
        """
        receipts, said, shown = list[bytes](), list[dict[str, Any]](), list[dict[str, Any]]()
        blooms = 0
        for place, raw in enumerate(transactions, 1):
            succeeded, logs, created = self._carry_out(raw)
            bloom = logs_bloom(logs)
            blooms |= int.from_bytes(bloom, "big")
            fields = [b"\1" if succeeded else b"", rlp.encode_number(place * GAS), bloom,
                      [[log.address, list(log.topics), log.data] for log in logs]]  # fmt: skip
            receipts.append(raw[:1] + rlp.encode(fields))
            shown.append(_transaction(raw, decode_transaction(raw)))
            said.append({
                "transactionHash": shown[-1]["hash"], "type": hex(raw[0]), "status": hex(succeeded),
                "gasUsed": hex(GAS), "cumulativeGasUsed": hex(place * GAS),
                "contractAddress": _hex(created) if created else None,
                "logs": [
                    {"address": _hex(log.address), "topics": list(map(_hex, log.topics)), "data": _hex(log.data)}
                    for log in logs
                ],
            })  # fmt: skip
        self._append(tuple(transactions), tuple(receipts), blooms.to_bytes(256, "big"), shown)
        at = {"blockNumber": self._blocks[-1]["number"], "blockHash": self._blocks[-1]["hash"]}
        self._receipts |= {each["transactionHash"]: each | at for each in said}
        return tuple(receipts)

    def _carry_out(self, raw: bytes) -> tuple[bool, tuple[Log, ...], bytes | None]:
        """Whether a transaction succeeds, its events, and the address of what it creates."""
        sent, created = decode_transaction(raw), None
        if sent.chain_id != CHAIN_ID or sent.nonce != self._nonces[sent.sender]:
            raise TransactionFailed("it is of another chain, or its nonce is not the next")
        if self._evm.get_balance(_hex(sent.sender)) < sent.value:
            raise TransactionFailed("its sender has not the wei")
        self._nonces[sent.sender] += 1
        if sent.digest in self._refuses:
            return False, (), None
        try:
            output = self._run(_hex(sent.sender), _hex(sent.to) if sent.to else None, sent.data, sent.value)
        except TransactionFailed:
            return False, (), None
        result = self._evm.result
        assert result is not None
        if sent.to is None:
            created = output
            self._accounts.append(created)
        return True, tuple(map(_log, result.logs)), created

    def _append(
        self, transactions: tuple[bytes, ...], receipts: tuple[bytes, ...], bloom: bytes = bytes(256),
        shown: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Put a block on the chain."""  # fmt: skip
        number = len(self._blocks)
        fields: dict[str, bytes | int] = {
            "parentHash": _bytes(self._blocks[-1]["hash"]) if self._blocks else bytes(32), "sha3Uncles": NO_UNCLES,
            "miner": bytes(20), "stateRoot": bytes(32), "transactionsRoot": ordered_root(transactions),
            "receiptsRoot": ordered_root(receipts), "logsBloom": bloom, "difficulty": 0, "number": number,
            "gasLimit": BLOCK_GAS, "gasUsed": GAS * len(transactions), "timestamp": GENESIS_TIME + number,
            "extraData": b"", "mixHash": bytes(32), "nonce": bytes(8), "baseFeePerGas": BASE_FEE,
            "withdrawalsRoot": EMPTY, "blobGasUsed": 0, "excessBlobGas": 0, "parentBeaconBlockRoot": bytes(32),
        }  # fmt: skip
        header = rlp.encode([rlp.encode_number(v) if isinstance(v, int) else v for v in fields.values()])
        block = {name: hex(value) if isinstance(value, int) else _hex(value) for name, value in fields.items()}
        self._blocks.append({**block, "hash": _hex(keccak(header)), "transactions": list(shown)})
        self._held.append({account: int(self._evm.get_balance(_hex(account))) for account in self._accounts})


class _Provider(BaseProvider):
    """web3's way to a node in this process."""

    def __init__(self, node: FastNode) -> None:
        super().__init__()
        self._node = node

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Ask."""
        return {"jsonrpc": "2.0", "id": 1, "result": self._node.answer(method, params)}


def _transaction(raw: bytes, sent: Transaction) -> dict[str, Any]:
    """A transaction with a fee cap, of no access list, as JSON-RPC shows it."""
    names = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList",
             "yParity", "r", "s")  # fmt: skip
    fields = dict(zip(names, rlp.decode(raw[1:]), strict=True))
    shown = {name: hex(int.from_bytes(value, "big")) for name, value in fields.items() if isinstance(value, bytes)}
    return {
        **shown, "type": hex(raw[0]), "hash": _hex(sent.digest), "from": _hex(sent.sender), "input": _hex(sent.data),
        "to": _hex(sent.to) if sent.to else None, "accessList": [],
    }  # fmt: skip


def _log(log: Any) -> Log:
    topics, data = log.data
    return Log(_bytes(log.address), tuple(bytes(topic) for topic in topics), bytes(data))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str | bytes) -> bytes:
    return bytes.fromhex(text.removeprefix("0x")) if isinstance(text, str) else bytes(text)
