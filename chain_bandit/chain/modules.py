"""The contract code that all games of a chain share: where it is, and its deployment, once a chain, by anybody.

Each module goes to the address that CREATE2 (EIP-1014) gives its creation code behind the deterministic deployment
proxy, which is at one address on every chain. So the address says what the code is, and nobody can put other code
there. Development nodes have the proxy from their first block on; elsewhere its one pre-signed transaction is sent.
"""

from collections.abc import Callable
from functools import partial

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.artifacts import Module, chain_bandit_artifact
from chain_bandit.chain.clone import read
from chain_bandit.chain.create2 import PRICE, PROXY, PROXY_CODE, SALT, SIGNER, TRANSACTION
from chain_bandit.chain.delivery import Delivery
from chain_bandit.chain.errors import ForeignContract, NodeUnreachable, TransactionReverted
from chain_bandit.chain.funds import TRANSFER_GAS, Need
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.rpc import Rpc, as_bytes, as_hex, as_int
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.wire import Refused

GAS_OF_MODULE = 6_000_000


def modules_need(rpc: Rpc, account: bytes) -> Need:
    """What `deploy_modules` can still take of an account (20 bytes): for what is missing, and the proxy's price."""
    price, gas = 0, sum(not rpc.code(module.address) for module in chain_bandit_artifact().modules) * GAS_OF_MODULE
    if gas and not rpc.code(PROXY):
        price = _owed_to_signer(rpc)
        gas += TRANSFER_GAS
    return Need(account, price, gas)


def deploy_modules(rpc: Rpc, account: Wallet, delivery: Delivery) -> None:
    """Put on the chain what is missing of the modules, paid by `account`. Raises `ChainBanditError`."""
    missing = [module for module in chain_bandit_artifact().modules if not rpc.code(module.address)]
    if not missing:
        return
    sender = Sender(rpc, Journal(), delivery)
    if not rpc.code(PROXY):
        _deploy_proxy(rpc, sender, account)
    for module in missing:
        if not rpc.code(module.address):  # nobody else has put it there meanwhile
            there = partial(_is_there, rpc, module)
            sender.submit("deploy module", account, PROXY, 0, GAS_OF_MODULE, SALT + module.creation, done=there)
            sender.settle()
    for module in missing:
        _require(module, rpc.code(module.address))


def installed() -> dict[bytes, bytes]:
    """Code by address of a development chain on which the modules are from its first block on."""
    return {PROXY: PROXY_CODE} | {module.address: module.code for module in chain_bandit_artifact().modules}


def require_game(code_at: Callable[[bytes], bytes], address: bytes) -> None:
    """Raise `ForeignContract` unless a game of this version is at an address, and all that it rests on on the chain."""
    read(code_at(address), address)
    for module in chain_bandit_artifact().modules:
        _require(module, code_at(module.address))


def _deploy_proxy(rpc: Rpc, sender: Sender, account: Wallet) -> None:
    """Send the proxy's transaction, once its sender holds what that costs. Raises `TransactionReverted`."""
    owed = _owed_to_signer(rpc)
    if owed:
        sender.submit("fund proxy", account, SIGNER, owed, TRANSFER_GAS, b"")
        sender.settle()
    refused = ""

    def is_there() -> bool:
        nonlocal refused
        (answer,) = rpc.exchange([("eth_sendRawTransaction", [as_hex(TRANSACTION)])])
        refused = answer.text if isinstance(answer, Refused) else ""
        return bool(rpc.code(PROXY))

    try:
        sender.wait_until(is_there)
    except NodeUnreachable as error:
        if refused:
            raise TransactionReverted("deploy proxy", "Rejected", (refused,)) from error
        raise


def _owed_to_signer(rpc: Rpc) -> int:
    """Wei that the sender of the proxy's transaction lacks for it."""
    held: int = rpc.ask("eth_getBalance", [checksummed(SIGNER), "latest"], as_int)
    return max(0, PRICE - held)


def _is_there(rpc: Rpc, module: Module, block: str) -> bool:
    """Whether the module is on the chain, whoever put it there."""
    return bool(rpc.ask("eth_getCode", [checksummed(module.address), block], as_bytes))


def _require(module: Module, code: bytes) -> None:
    if code != module.code:
        raise ForeignContract(checksummed(module.address), len(code))
