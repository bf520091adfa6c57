"""An honest seat that is blamed for what the environment did, and shows its receipt."""

from dataclasses import replace
from typing import Any

import pytest

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import Receipt
from chain_bandit.chain.call import Order
from chain_bandit.game.on_chain import OnChain
from chain_bandit.protocol.ledger import Ledger
from chain_bandit.protocol.messages import Slot
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.units import UNIT


def frame(patched: pytest.MonkeyPatch, seat: int, framed_in: int, settled: Pull | None = None) -> None:
    """The environment settles another pull of a round than it gave the seat, which is acquitted before the end.

    Args:
        settled: by default the seat's, with another reward, which no receipt tag of a sealed game can stand for.
    """
    given: dict[int, tuple[Slot, Receipt]] = {}
    gives, pulls, finish = Environment._receipt, Environment.pulls, OnChain.finish

    def give(environment: Environment, past: Any, to: int, *pulled: Any) -> Receipt:
        receipt = gives(environment, past, to, *pulled)
        ledger: Ledger = past.ledger
        if to == seat:
            given[receipt.round] = environment.rules.slot(ledger), receipt
        return receipt

    def falsify(environment: Environment, round_: int) -> tuple[Pull, ...]:
        true = pulls(environment, round_)
        if round_ != framed_in:
            return true
        own = true[seat]
        other = settled or replace(own, reward=0 if own.reward else own.count * UNIT)
        return *true[:seat], other, *true[seat + 1 :]

    def acquit_first(chain: OnChain, *entries: Any) -> None:
        slot, receipt = given[framed_in]
        shown = (seat, slot.parent, receipt.arm, receipt.count, receipt.reward, receipt.tally, receipt.signature[:32],
                 receipt.signature[32:])  # fmt: skip
        chain.contract._submit(chain._relayer, "acquit", shown, order=Order.ALONE)
        finish(chain, *entries)

    patched.setattr(Environment, "_receipt", give)
    patched.setattr(Environment, "pulls", falsify)
    patched.setattr(OnChain, "finish", acquit_first)
