"""Code of a module that was just created, as nodes show it."""

import pytest

from chain_bandit.chain.errors import ForeignModule
from chain_bandit.chain.modules import installed, is_shown, require_modules


def test_code_that_a_node_behind_does_not_show_yet_is_waited_for_and_other_code_is_refused():
    codes = installed()
    assert is_shown(lambda: require_modules(lambda address: codes[address]))
    assert not is_shown(lambda: require_modules(lambda address: b""))
    with pytest.raises(ForeignModule):
        is_shown(lambda: require_modules(lambda address: codes[address] + b"\0"))
