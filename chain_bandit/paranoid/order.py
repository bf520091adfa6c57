"""Nonce gaps of accounts: a transaction taken out, put in or moved shows in the account's next one."""

from dataclasses import dataclass

from chain_bandit.paranoid.export import Export, Transaction
from chain_bandit.paranoid.verdict import Verdict

NOT_FOR_CODE = (
    "join", "open", "submitBlocks", "skip", "skipAfterDeadline", "reportEquivocation", "reportFalse", "acquit",
    "settleRewards", "settleSums", "revealSeal", "reveal", "settleCosts", "close",
)  # fmt: skip
"""What the contract takes from accounts without code alone."""


@dataclass
class Account:
    """The number of an account's next transaction, and whether it certainly has no code, which takes numbers too."""

    next: int
    bare: bool


class Order:
    """The accounts that have called the contract, from their first call on."""

    def __init__(self, export: Export, verdict: Verdict) -> None:
        self.export, self.verdict = export, verdict
        self.accounts: dict[bytes, Account] = {}
        self._created = False

    def take(self, sent: Transaction, name: str | None) -> bool:
        """Hold a transaction against those before it; whether its sender certainly has no code.

        Args:
            name: what it calls of the contract; None where it has nothing to do with it.
        """
        account = self.accounts.get(sent.sender)
        if account is None and name is not None:
            account = self.accounts[sent.sender] = Account(sent.number, bare=sent.number == 0)
        if account is not None:
            if sent.number < account.next or account.bare:
                about = f"number of a transaction of 0x{sent.sender.hex()} in block {sent.block}"
                self.verdict.same("order", None, about, account.next, sent.number)
            account.bare = account.bare and sent.number == account.next
            account.next = sent.number + 1
        for given in sent.authorizations:
            signer = self.accounts.get(given.signer or b"")
            if signer and given.number == signer.next and given.chain_id in (0, self.export.chain_id):
                signer.next, signer.bare = signer.next + 1, not any(given.code)
        self._created = self._created or (sent.succeeded and name == "create")
        if account is not None and self._created and sent.succeeded and name in NOT_FOR_CODE:
            account.bare = True  # what is called before there is a contract succeeds from any account
        return account is not None and account.bare
