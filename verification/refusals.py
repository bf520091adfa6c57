"""Forged refusals: receipts of played games that say that a call failed, with any gas used, all hashes made to fit.

A receipt is signed by nobody, so no key is needed. Games are those of `verification/splicing.py`, and calls of every
kind. `python -m verification.browser --refusals 2000` asks audit, page and contract about them.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.bodies import Bodies, with_bodies
from chain_bandit.chain_history.evm import Transaction, decode_receipt, decode_transaction
from chain_bandit.chain_history.records import GAME
from chain_bandit.protocol import rlp
from verification.fast_node import GAS
from verification.splicing import GAMES, GAS_USED, asked, games
from verification.tampering import Parts, rehashed, taken_apart


@dataclass(frozen=True)
class ForgedRefusal:
    """A history in which a call that the contract took is said to have failed.

    Attributes:
        method: of the call.
        followed: whether receipts after it are those that the contract gives where the call fails.
        lawful: whether the contract refuses it too.
        head: the last block's hash of the true history.
    """

    method: str
    followed: bool
    lawful: bool
    history: History
    head: bytes


def refusal(seed: int) -> ForgedRefusal:
    """One call of one game; used: all of its gas, or anything from 21,000 on."""
    dice = random.Random(f"refusal {seed}")
    game, _ = games(seed % GAMES)
    history = game.history
    by_method: dict[str, list[tuple[int, int, Transaction]]] = defaultdict(list)
    for at, block in enumerate(history.blocks):
        for place, (raw, said) in enumerate(zip(block.transactions, block.receipts, strict=True)):
            sent = decode_transaction(raw)
            if sent.to is not None and decode_receipt(said).succeeded:
                by_method[GAME.by_selector[sent.data[:4]]].append((at, place, sent))
    method = dice.choice(sorted(by_method))
    at, place, sent = dice.choice(by_method[method])
    used = dice.choice((sent.gas_limit, dice.randint(GAS, sent.gas_limit)))
    followed = asked(game, history, {sent.digest}) if dice.random() < 0.75 else None
    parts = taken_apart(tuple((followed or history).blocks))
    header, _, receipts = parts[at]
    for later in range(place, len(receipts)):
        receipts[later] = _changed(receipts[later], lambda status, gas, *rest: (status, _more(gas, used - GAS), *rest))
    receipts[place] = _changed(receipts[place], lambda status, gas, *rest: (b"", gas, bytes(256), []))
    header[GAS_USED] = rlp.decode(receipts[-1][1:])[1]
    made = _whole(history, parts)
    upto = History(made.origin, tuple(made.blocks)[: at + 1])
    lawful = asked(game, upto) == upto and asked(game, made) == made
    return ForgedRefusal(method, followed is not None, lawful, made, game.head)


def _changed(receipt: bytes, change: Callable[..., tuple[object, ...]]) -> bytes:
    return receipt[:1] + rlp.encode(change(*rlp.decode(receipt[1:])))


def _more(gas: bytes, used: int) -> bytes:
    return rlp.encode_number(int.from_bytes(gas, "big") + used)


def _whole(history: History, parts: list[Parts]) -> History:
    """The history of these blocks, with the bodies that were beside them."""
    bodies = Bodies()
    bodies.add_all(history)
    held = with_bodies(History(history.origin, rehashed(parts)), bodies)
    return History(history.origin, tuple(held.blocks))
