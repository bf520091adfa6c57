"""The chain that a game is played on, by its name, with everybody on it funded."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from chain_bandit.chain import accounts
from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.anvil import anvil
from chain_bandit.chain.capabilities import require_capabilities
from chain_bandit.chain.client import GAS_DEPLOYMENT
from chain_bandit.chain.funds import Need, fund, price_of, totals
from chain_bandit.chain.hardhat import hardhat
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.modules import modules_need
from chain_bandit.chain.node import DevelopmentNode
from chain_bandit.chain.notice import on_stderr
from chain_bandit.chain.transaction_policy import PIPELINED
from chain_bandit.game.on_chain import embedded_node
from chain_bandit.game.plan import Plan
from chain_bandit.protocol.errors import ChainBanditError

ChainFactory = Callable[[Plan, Journal, bool], AbstractContextManager[DevelopmentNode]]
"""Gives the node for a plan, with all accounts funded by payments that the journal keeps.

In a resumed game a development node funds only accounts that have sent no transaction: a reorganisation may have
removed their funds.

The node is gone, or let go, when the block ends.
"""

OWN = {"anvil": anvil, "hardhat": hardhat}
"""Nodes that are started and stopped."""


class UnknownChain(ChainBanditError):
    """A chain by a name that nobody knows."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        scheme, separator, _ = name.partition("://")  # a key may be behind it
        said = f"{scheme}{separator}…" if separator else name
        super().__init__(f"--chain {said}: expected embedded, anvil, hardhat, or a node's URL (http://…)")
        self.name = name


class PayerUnused(ChainBanditError):
    """An account that pays on a chain where nobody does."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__("--account: the embedded chain needs no payer; name another --chain, or leave it out")


def chain(
    name: str,
    account: str | None = None,
    on_connected: Callable[[int], None] = lambda chain_id: None,
) -> ChainFactory:
    """The chain of that name.

    Args:
        account: its name; it pays for everybody, which the embedded chain refuses.
        on_connected: told the chain id before anything is paid.

    Raises:
        UnknownChain: no such chain.
        PayerUnused: nobody pays on it.
    """
    if name == "embedded":
        require_no_payer(account)
        return embedded
    if name in OWN or is_url(name):
        return lambda plan, payments, is_resumed: _funded(name, plan, account, on_connected, payments, is_resumed)
    raise UnknownChain(name)


def require_no_payer(account: str | None) -> None:
    """Raises `PayerUnused` where one is named."""
    if account is not None:
        raise PayerUnused


def is_url(name: str) -> bool:
    """Whether a chain's name is a node's address."""
    return name.startswith(("http://", "https://"))


@contextmanager
def embedded(plan: Plan, payments: Journal | None = None, is_resumed: bool = False) -> Iterator[DevelopmentNode]:
    """A fresh chain in this process, on which nobody pays."""
    yield embedded_node(plan)


@contextmanager
def connected(name: str, say: Callable[[str], None] = on_stderr) -> Iterator[HttpNode]:
    """A fresh node of our own, or the one at a URL, on which a game can be deployed.

    What is waited for later is told to `say`. Raises `UnknownChain`, `ToolMissing`, `NodeUnreachable`, `ChainLacks`.
    """
    if name in OWN:
        with OWN[name]() as node:
            yield node
    elif is_url(name):
        there = HttpNode(name, replace(PIPELINED, say=say))
        require_capabilities(there.rpc, there.shown)
        yield there
    else:
        raise UnknownChain(name)


@contextmanager
def _funded(
    name: str, plan: Plan, account: str | None, on_connected: Callable[[int], None], payments: Journal,
    is_resumed: bool,
) -> Iterator[HttpNode]:  # fmt: skip
    with connected(name) as node:
        on_connected(node.chain_id)
        payer, wanted = accounts.named(account, node.chain_id) if account else None, needs(plan, node)
        if not is_resumed or payer is not None:
            fund(node, [] if is_resumed else wanted, payer, payments)
        elif not payments.entries:
            node.grant(totals((need for need in wanted if not node.sent(checksummed(need.account))), price_of(node)))
        yield node


def needs(plan: Plan, node: HttpNode) -> list[Need]:
    """What everybody puts in, and an ample allowance of gas."""
    return [environment_need(plan, node, plan.environment.address), *others_needs(plan)]


def environment_need(plan: Plan, node: HttpNode, account: bytes) -> Need:
    """The pool, gas for the game's creation, for settlements of a block's size, and what the modules still take."""
    rounds, scenario = plan.parameters.horizon, plan.scenario
    settlements = 2 + rounds // scenario.chain.settle_every + rounds // scenario.costs_every
    modules = modules_need(node.rpc, account)
    return Need(account, plan.pool + modules.wei, modules.gas + GAS_DEPLOYMENT + 30_000_000 * settlements)


def others_needs(plan: Plan) -> list[Need]:
    """What all but the environment need."""
    return [*(participant_need(address, deposit) for address, deposit in plan.deposits.items()), relayer_need(plan)]


def participant_need(account: bytes, deposit: int) -> Need:
    """A participant's stakes, and gas for its few calls."""
    return Need(account, deposit, 20_000_000)


def relayer_need(plan: Plan) -> Need:
    """Gas for the relayer's call in every round."""
    return Need(plan.relayer.address, 0, 2_000_000 * (plan.parameters.horizon + 10))
