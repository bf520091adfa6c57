"""Functions of a library that are loaded when they are called: none before, and the right ones then."""

import subprocess
import sys

import pytest
from py_ecc.optimized_bls12_381 import G1 as BLS_G1
from py_ecc.optimized_bls12_381 import G2 as BLS_G2
from py_ecc.optimized_bn128 import G1, G2

from chain_bandit.chain.deferred import defer
from chain_bandit.chain.embedded import NOBODY, EmbeddedNode

BN128, BLS = 0x08, 0x0F
"""Precompiles of pairings: EIP-197 and EIP-2537."""


def words(point: tuple, size: int, last_first: bool = False) -> bytes:
    """A point's coordinates as calldata; EIP-197 has the second half of each first, EIP-2537 has not."""
    x, y, _ = point
    halves = [getattr(each, "coeffs", (each,)) for each in (x, y)]
    return b"".join(int(part).to_bytes(size, "big") for each in halves for part in each[:: -1 if last_first else 1])


def negative(point: tuple) -> tuple:
    return point[0], -point[1], point[2]


@pytest.fixture(scope="module")
def node() -> EmbeddedNode:
    return EmbeddedNode({})


@pytest.mark.parametrize(("precompile", "one", "two", "size", "last_first"), [
    (BN128, G1, G2, 32, True), (BLS, BLS_G1, BLS_G2, 64, False),
])  # fmt: skip
def test_pairings_are_computed_where_a_contract_asks_for_them(node, precompile, one, two, size, last_first):
    """e(P, Q) e(-P, Q) is 1, and e(P, Q) squared is not."""

    def product(*points: tuple) -> int:
        data = b"".join(words(each, size) + words(two, size, last_first) for each in points)
        asked = {"from": NOBODY, "to": precompile.to_bytes(20, "big"), "data": data}
        return int.from_bytes(node.line.eth.call(asked), "big")

    assert product(one, negative(one)) == 1
    assert product(one, one) == 0


def test_what_no_chain_here_needs_is_not_loaded():
    """By a process of its own, since others load it here."""
    code = (
        "import sys, chain_bandit.chain.embedded as chain; chain.EmbeddedNode({})\n"
        "found = {name: vars(module) for name, module in sys.modules.items() if name.endswith('_pairing')}\n"
        "print(sorted(name for name, has in found.items() if name.startswith('py_ecc') and 'miller_loop' in has))\n"
        "print(sum(name.startswith('py_ecc') for name in found))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[]", "3"]


def test_a_deferred_function_is_that_of_the_module_and_what_was_loaded_stays(tmp_path, monkeypatch):
    (tmp_path / "deferred_example.py").write_text("def double(x, *, by=2):\n    return x * by\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "deferred_example", raising=False)
    defer("deferred_example")
    from deferred_example import double, halve  # nobody knows yet that there is no other

    assert double(3, by=5) == 15
    loaded = sys.modules["deferred_example"]
    assert loaded.__file__ == str(tmp_path / "deferred_example.py")
    defer("deferred_example")
    assert sys.modules["deferred_example"] is loaded
    with pytest.raises(AttributeError, match="halve"):
        halve(1)
    assert double(1) == 2
