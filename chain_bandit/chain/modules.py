"""The contract code that all games of a chain share: where it is, and its deployment, once a chain, by anybody.

Each module goes to the address that CREATE2 (EIP-1014) gives its creation code behind the deterministic deployment
proxy, which is at one address on every chain. So the address says what the code is, and no transaction can put other
code there. A development node, or a chain's first block, can: what is there is compared before anything is paid.
Development nodes have the proxy from their first block on; elsewhere its one pre-signed transaction is sent.
"""

from collections.abc import Callable
from functools import partial

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_bytes, as_hex, as_int
from chain_bandit.chain.artifacts import Module, chain_bandit_artifact
from chain_bandit.chain.clone import read
from chain_bandit.chain.create2 import PRICE, PROXY, PROXY_CODE, SALT, SIGNER, TRANSACTION
from chain_bandit.chain.errors import ForeignContract, ForeignModule, NodeUnreachable, TransactionReverted
from chain_bandit.chain.funds import TRANSFER_GAS, Need
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transaction_policy import TransactionPolicy
from chain_bandit.chain.wire import Refused

GAS_OF_MODULE = 6_000_000


def modules_need(rpc: Rpc, account: bytes) -> Need:
    """What `deploy_modules` can still take of an account (20 bytes): for what is missing, and the proxy's price.

    Raises `ForeignModule` where other code is in the place of a module.
    """
    price, gas = 0, len(_missing(rpc)) * GAS_OF_MODULE
    if gas and not _has_proxy(rpc):
        price = _owed_to_signer(rpc)
        gas += TRANSFER_GAS
    return Need(account, price, gas)


def deploy_modules(rpc: Rpc, account: Wallet, delivery: TransactionPolicy) -> Sender | None:
    """Put on the chain what is missing of the modules, paid by `account`.

    Gives who sent them, if any were missing: a reorganisation may still undo them.

    Raises `ForeignModule`, before anything is sent, where other code is in the place of a module; `ChainBanditError`.
    """
    missing = _missing(rpc)
    if not missing:
        return None
    sender = Sender(rpc, Journal(), delivery)
    if not _has_proxy(rpc):
        _deploy_proxy(rpc, sender, account)
    for module in missing:
        if not rpc.code(module.address):  # nobody else has put it there meanwhile
            there = partial(_is_there, rpc, module)
            sender.submit("deploy module", account, PROXY, 0, GAS_OF_MODULE, SALT + module.creation, done=there)
            sender.settle()
    sender.wait_until(lambda: is_shown(lambda: require_modules(rpc.code)))
    return sender


def lacks_proxy(rpc: Rpc) -> bool:
    """Whether the proxy has yet to be deployed for a module. Raises `ForeignModule` where there is other code."""
    return bool(_missing(rpc)) and not _has_proxy(rpc)


def installed() -> dict[bytes, bytes]:
    """Code by address of a development chain on which the modules are from its first block on."""
    return {PROXY: PROXY_CODE} | {module.address: module.code for module in chain_bandit_artifact().modules}


def require_game(code_at: Callable[[bytes], bytes], address: bytes) -> None:
    """That a game of this version is at an address, and all that it rests on on the chain.

    Raises `ForeignContract`, `ForeignModule`.
    """
    read(code_at(address), address)
    require_modules(code_at)


def is_shown(check: Callable[[], None]) -> bool:
    """Whether code that was just created passes a check; a node that is behind shows none of it.

    Raises `ForeignContract` where there is other code.
    """
    try:
        check()
    except ForeignContract as error:
        if error.size:
            raise
        return False
    return True


def require_modules(code_at: Callable[[bytes], bytes]) -> None:
    """Raise `ForeignModule` unless all modules are on the chain."""
    for module in chain_bandit_artifact().modules:
        _require(module.name, module.address, module.code, code_at(module.address))


def _missing(rpc: Rpc) -> list[Module]:
    """The modules in whose place there is no code. Raises `ForeignModule` where there is other code."""
    found = [(module, rpc.code(module.address)) for module in chain_bandit_artifact().modules]
    for module, code in found:
        _require(module.name, module.address, module.code, code or module.code)
    return [module for module, code in found if not code]


def _has_proxy(rpc: Rpc) -> bool:
    """Whether the proxy is on the chain. Raises `ForeignModule` where other code is in its place."""
    code = rpc.code(PROXY)
    _require("the deployment proxy", PROXY, PROXY_CODE, code or PROXY_CODE)
    return bool(code)


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
    """Whether the module is on the chain, deployed by any account."""
    return bool(rpc.ask("eth_getCode", [checksummed(module.address), block], as_bytes))


def _require(name: str, address: bytes, due: bytes, code: bytes) -> None:
    if code != due:
        raise ForeignModule(name, checksummed(address), len(code))
