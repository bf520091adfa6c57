"""The throw-away loop that the kernel's speed is held against plays the same games, in law."""

from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


@pytest.mark.parametrize("lie", ["constant-lie", "sign-flip"])
def test_kernel_and_prototype_lose_the_same(lie):
    from benchmarks import prototype

    (_, ours), (_, theirs) = prototype.kernel(lie, 40), prototype.loop(lie, 40)
    assert ours == pytest.approx(theirs, rel=0.1)
