"""Funding of accounts: the wei that each needs, from genesis, a development node, or a paying account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chain_bandit.chain.addresses import checksummed
from chain_bandit.chain.answers import as_bytes, base_fee_of
from chain_bandit.chain.errors import AccountRefused
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal, Origin
from chain_bandit.chain.node import Wallet
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transactions import Fee, TransactionTerms, terms

TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Need:
    """What an account (20 bytes) puts into the game, and the gas that it may use."""

    account: bytes
    wei: int
    gas: int

    def at(self, price: int) -> int:
        """Wei in all, at a price of gas."""
        return self.wei + self.gas * price


def totals(needs: Iterable[Need], price: int) -> dict[bytes, int]:
    """Wei by account."""
    return {need.account: need.at(price) for need in needs}


def price_of(node: HttpNode) -> int:
    """The most that the client offers for a unit of gas."""
    base: int = node.rpc.ask("eth_getBlockByNumber", ["latest", False], base_fee_of)
    return Fee.opening(base).within(node.delivery.most_fee, node.delivery.most_tip).most


def fund(node: HttpNode, needs: Iterable[Need], payer: Wallet | None, journal: Journal) -> None:
    """Let everybody hold what they need: paid by `payer`, or out of nothing where the node gives that.

    What the journal holds of the payer's is brought to the chain first; whom it pays is paid nothing more. It ends once
    no reorganisation takes the money away: it may drop a payment for good, and what a node gives is in none.

    Raises:
        JournalForeign: the journal is of another chain, or of another payer.
        AccountRefused: nobody pays, or the payer holds too little.
        TransactionReverted: the node refused a payment.
    """
    wanted = totals(needs, price_of(node))
    if payer is not None:
        _pay(node, wanted, payer, journal)
        return
    poor = {account: wei for account, wei in wanted.items() if node.balance(checksummed(account)) < wei}
    if not node.grant(poor):
        raise AccountRefused("the node", "funds no accounts, as development nodes do: name a payer with --account NAME")
    if poor:
        node.bury(node.height())


def require_balance(node: HttpNode, account: str, wei: int) -> None:
    """Raise `AccountRefused` for an account that holds less."""
    held = node.balance(account)
    if held < wei:
        lacks = wei - held
        ether = -(-lacks // 10**12) / 10**6  # rounded up
        raise AccountRefused(account, f"holds {held} wei and needs {wei}; send it {lacks} wei ({ether:.6f} ETH)")


def _pay(node: HttpNode, wanted: Mapping[bytes, int], payer: Wallet, journal: Journal) -> None:
    sender = Sender(node.rpc, journal, node.delivery)
    contract = journal.origin.contract if journal.origin else ""
    journal.bind(Origin(sender.chain_id, sender.genesis, contract))
    signed = {entry.call: (entry.method, terms(as_bytes(entry.raw))) for entry in journal.entries}
    paid = {each.to for _, each in signed.values()}
    held = {account: node.balance(checksummed(account)) for account in wanted if account not in paid}
    missing = {account: wanted[account] - wei for account, wei in held.items() if wanted[account] > wei}
    if missing:
        fees = len(missing) * TRANSFER_GAS * price_of(node)
        require_balance(node, payer.address, sum(missing.values()) + fees)
    payments = (("pay", TransactionTerms(TRANSFER_GAS, account, wei, b"")) for account, wei in missing.items())
    calls = [
        sender.submit(method, payer, each.to, each.value, each.gas, each.data)
        for method, each in (*signed.values(), *payments)
    ]
    if calls:
        sender.settle()
        node.bury(max(block for call in calls for block in call.blocks))
        sender.settle()
