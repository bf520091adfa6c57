"""Nonce gaps of accounts: a transaction left out, inserted or moved shows in the account's next one."""

from chain_bandit.auditor.exhibits import Place
from chain_bandit.auditor.game import Numbered, ReplayedGame
from chain_bandit.chain_history.blocks import RawBlock
from chain_bandit.chain_history.evm import Authorization, Transaction
from chain_bandit.chain_history.records import METHODS, ContractCall

NO_CODE = bytes(20)
"""The address that an authorization names to take an account's code away."""

DIRECT = frozenset(METHODS) - {"withdraw"}
"""Calls that the contract takes from accounts without code alone (`Direct.sol`)."""


def check_order(game: ReplayedGame, block: RawBlock, number: int, sent: Transaction, call: ContractCall | None) -> None:
    """Hold a transaction against the numbers of those before it; `call`: what it has to do with the contract.

    An account that called the contract is followed from then on, in all it sends; all other accounts would not fit into
    memory. A history holds every block, so a number that is left out was that of a transaction between the account's
    last one and this, or of an authorization (EIP-7702), which is seen; or code of the account took it.
    """
    account = game.numbered.get(sent.sender)
    if account is None and call is not None:
        account = game.numbered[sent.sender] = Numbered(sent.nonce, number, bare=not sent.nonce)
    if account is not None:
        _check(game, Place(block, number, call), sent, account)
    for each in sent.authorizations:
        _follow(game, each)
    if game.deployment is None:
        return  # what is called before there is a contract succeeds from any account
    if account is not None and call is not None and call.succeeded and call.direct and call.method in DIRECT:
        account.bare = True


def _check(game: ReplayedGame, place: Place, sent: Transaction, account: Numbered) -> None:
    """One number. A chain that is known by its head has let a gap pass, whatever it is of."""
    expected, since, bare = account.next, account.since, account.bare
    account.next, account.since, account.bare = sent.nonce + 1, place.number, bare and sent.nonce == expected
    if sent.nonce == expected or (sent.nonce > expected and game.checks.tallies["chain.head"].passed):
        game.checks.passed("chain.order")
    elif sent.nonce > expected and not bare:
        game.checks.unknown(
            "chain.order", f"0x{sent.sender.hex()} may have code of its own, which takes numbers too: whether "
            f"transactions of it are missing between blocks {since} and {place.number} is known by the head alone",
        )  # fmt: skip
    else:
        game.checks.place = place
        game.checks.that(
            False, "chain.order", None, f"transaction 0x{sent.digest.hex()}",
            "it has the number {}, its account is at {} since block {}", sent.nonce, expected, since,
            since=since,
        )  # fmt: skip


def _follow(game: ReplayedGame, given: Authorization) -> None:
    """An authorization takes effect where it has its account's next number, even in a call that fails."""
    account = game.numbered.get(given.signer or b"")
    if account is not None and given.nonce == account.next and given.chain_id in (0, game.origin.chain_id):
        account.next, account.bare = account.next + 1, given.code == NO_CODE
