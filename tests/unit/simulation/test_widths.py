"""Every rule whose bound is measured has a form over arrays under its options."""

import pytest

from science.widths import BIASED, RULES, Column


@pytest.mark.parametrize(("name", "liars", "options"), [*RULES, *((name, 0, options) for name, options in BIASED)])
def test_a_rule_of_the_tables_is_found(name, liars, options):
    assert Column(name, liars, options)
