"""Planted faults of the symbolic proofs, which are of the deep tier: whether the contracts still have their places."""

import pytest

from scripts.build_artifacts import ROOT
from tests.symbolic.test_symbolic import FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_place_of_a_planted_fault_is_there_once(fault):
    planted = FAULTS[fault]
    assert (ROOT / planted.file).read_text().count(planted.was) == 1
