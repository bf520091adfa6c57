"""`pytest -p tests.contracts.on_revm tests/contracts`: the games of all tests on revm, several times faster."""

import pytest

from tests.contracts.fast_evm import FastMachine
from tests.contracts.harness import Game, Machine

ONLY_PY_EVM = {
    # A sender with code; a chain that changes its id.
    "test_call_of_an_account_with_code_is_refused", "test_account_that_got_code_after_joining_is_paid",
    "test_receiver_that_reverts_blocks_nobody_else", "test_receiver_that_calls_back_is_paid_once",
    "test_signatures_follow_the_chain_id_after_a_fork",
    # Gas.
    "test_gas_of_a_round_falls_with_the_batch",
}  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Choose the machine of this test's games."""
    Game.new_machine = Machine if item.originalname in ONLY_PY_EVM else FastMachine
