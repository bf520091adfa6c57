"""An account numbers its transactions one by one: its next one tells of any that was taken out, put in or moved."""

from chain_bandit.audit.exhibits import Place
from chain_bandit.audit.game import Game
from chain_bandit.history.blocks import RawBlock
from chain_bandit.history.evm import decode_transaction
from chain_bandit.history.records import Call


def check_order(game: Game, block: RawBlock, number: int, calls: tuple[Call, ...]) -> None:
    """Hold the transactions of one block against the numbers of those before them.

    Whoever called the contract is followed from then on, wherever else it sends; all other accounts would not fit into
    memory. A history holds every block, so a number that is left out was that of a transaction between the account's
    last one and this. Only an account with code of its own (EIP-7702) may skip numbers: a chain that is known by its
    head has let that pass.
    """
    called = {call.digest: call for call in calls}
    for sent in map(decode_transaction, block.transactions):
        call, known = called.get(sent.digest), game.numbered.get(sent.sender)
        if known is None and call is None:
            continue
        expected, since = known or (sent.nonce, number)
        game.numbered[sent.sender] = sent.nonce + 1, number
        if sent.nonce == expected or (sent.nonce > expected and game.checks.tallies["chain.head"].passed):
            game.checks.passed("chain.order")
            continue
        game.checks.place = Place(block, number, call)
        game.checks.that(
            False, "chain.order", None, f"transaction 0x{sent.digest.hex()}",
            "it has the number {}, its account is at {} since block {}", sent.nonce, expected, since,
            since=since,
        )  # fmt: skip
