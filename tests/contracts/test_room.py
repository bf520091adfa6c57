"""The largest batches that a scenario may name go through in one transaction, with the gas that is stated for them."""

import pytest

from chain_bandit.protocol.blocks import Kind
from chain_bandit.protocol.errors import AssumptionBroken
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.transaction import MOST_GAS, gas_of_anybodys_call, gas_of_blocks, require_room
from tests.contracts.harness import Game, parameters
from tests.contracts.test_evidence import accuse


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


@pytest.mark.py_evm
@pytest.mark.parametrize(("participants", "others"), [(4, 0), (64, 1), (254, 1)])
def test_the_gas_that_is_enough_for_a_call_of_anybody_is(participants, others):
    """With as many seats as there can be, a committee to choose, and a fifth of all on the block list."""
    bound = participants // 5 or 1
    p = parameters(
        participants=participants, arms=4, burn_in=8, horizon=60, body_mode=BodyMode.COMPACT, liars=bound,
        attackers=bound, validators=participants - others,
    )  # fmt: skip
    game = Game(p).open()
    for seat in range(bound):
        accuse(game, seat)
    call = game.machine.call

    def within(sender, to, data, value=0):
        outcome = call(sender, to, data, value)
        assert 1.5 * (21_000 + 16 * len(data) + outcome.gas) < gas_of_anybodys_call(len(data), participants)
        return outcome

    game.machine.call = within
    for _ in range(3):
        game.skip()
        game.skip_after_deadline()
    accuse(game, bound)
