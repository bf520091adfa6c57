"""Calls of a game's address before its creation say nothing of the caller; weights have bounds."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chain_bandit.auditor.nonce_order import check_order
from chain_bandit.chain_history.records import ContractCall
from chain_bandit.paranoid import setup
from chain_bandit.paranoid.order import Order
from chain_bandit.protocol.digests import uint

CALLER = b"\1" * 20


@pytest.mark.parametrize("created", [False, True])
def test_a_call_that_succeeds_shows_an_account_without_code_only_once_there_is_a_contract(created: bool) -> None:
    sent = cast(Any, SimpleNamespace(sender=CALLER, nonce=5, number=5, succeeded=True, authorizations=(), block=7))
    game = cast(Any, SimpleNamespace(
        numbered={}, deployment=created or None, checks=SimpleNamespace(passed=lambda name: None, tallies={}),
    ))  # fmt: skip
    call = ContractCall(sent, 7, "close", (), True, True, 0, ())
    check_order(game, cast(Any, None), 7, sent, call)
    assert game.numbered[CALLER].bare is created
    export, verdict = SimpleNamespace(chain_id=1), SimpleNamespace(same=lambda *given: None)
    order = Order(cast(Any, export), cast(Any, verdict))
    if created:
        order.take(cast(Any, SimpleNamespace(**vars(sent) | {"sender": b"environment"})), "create")
    assert order.take(sent, "close") is created


@pytest.mark.parametrize(("weight", "allowed"), [(0, False), (1, True), (1024, True), (1025, False), (65535, False)])
def test_a_weight_is_1024_at_most_for_the_second_computation_too(weight: int, allowed: bool) -> None:
    differ = []
    verdict = SimpleNamespace(same=lambda *given: differ.append(given) if given[3] != given[4] else None)
    keys = bytes(65) + uint(weight, 2)
    data = uint(32, 32) + uint(len(keys), 32) + keys + bytes(-len(keys) % 32)
    call = SimpleNamespace(data=data, sender=CALLER, value=weight, events=[("Joined", [0, int.from_bytes(CALLER)])])
    p = SimpleNamespace(stake=1, sortition=1, participants=3, draws=False)
    game = SimpleNamespace(p=p, addresses=[], environment=b"", vrf_keys=[], seal_hashes=[], weights=[])
    setup.join(cast(Any, game), cast(Any, call), cast(Any, verdict))
    assert (not differ) is allowed
