"""nodes/up.py last_round: how far a game of nodes is, by the end of its logs."""

from chain_bandit.nodes.up import last_round


def test_the_last_round_is_that_of_the_log_that_is_ahead(tmp_path):
    assert last_round(tmp_path) == 0
    for name, text in (
        ("seat-0", "seat-0 of 0x1\n" + "".join(f"round {t} approved after 0.1 s\n" for t in range(9, 1_001))),
        ("seat-1", "round 40 approved after 0.1 s\nresynced in round 2000\n\xff"), ("relayer", ""),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "log").write_text(text, encoding="latin-1")
    assert last_round(tmp_path) == 1_000
