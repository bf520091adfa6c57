"""The largest batches that a scenario may name go through in one transaction, with the gas that is stated for them."""

import pytest

from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.transaction import MOST_GAS, gas_of_blocks, require_room
from tests.contracts.harness import Game, parameters


def largest_batch(p: Parameters) -> int:
    for batch in range(1, 258):
        try:
            require_room(p, batch, batch if p.has_committees else 1, 1, 1)
        except AssumptionBroken:
            return batch - 1
    return 256


@pytest.mark.py_evm
@pytest.mark.parametrize("mode", BodyMode)
@pytest.mark.parametrize(("participants", "others"), [(16, 0), (64, 0), (16, 1), (64, 1)])
def test_the_largest_batch_goes_through_with_its_stated_gas(participants, others, mode):
    """Where all but one validate, each of its blocks brings a quorum's signatures."""
    bound = participants // 4
    p = parameters(
        participants=participants, arms=10, burn_in=20, horizon=300, body_mode=mode, liars=bound, attackers=bound,
        validators=participants - others,
    )  # fmt: skip
    game, batch = Game(p).open(), largest_batch(p)
    assert batch > 1
    blocks = []
    for index in range(batch):
        header, body = game.block(selected=[p.everybody ^ 1 << arm for arm in range(10)])
        signers = None if others or index == batch - 1 else ()
        blocks.append(game.submitted(header, body, signers))
        game.record(Kind.APPROVED, header)
    size = len(game.calldata(*blocks)) - 4
    outcome = game.submit(*blocks)
    assert outcome.accepted, outcome.error
    signatures = sum(block.signers.bit_count() for block in blocks)
    assert outcome.gas <= gas_of_blocks(size, batch, participants, signatures) <= MOST_GAS
    assert game.view("head") == game.ledger.head
