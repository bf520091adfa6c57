"""The short form of `python -m verification.withheld`: before the mend seat 1 was missing in 29 of 35 such blocks."""

from verification.withheld import left_out


def test_a_seat_whose_view_of_the_chain_lags_is_in_every_block_though_another_withholds_its_last_envelopes(tmp_path):
    without, blocks = left_out(tmp_path / "game", rounds=15)
    assert blocks >= 15
    assert without == 0
