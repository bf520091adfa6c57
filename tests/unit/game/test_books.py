"""A round's reports, from those who agree on them to the environment's books."""

from collections import Counter

from chain_bandit.game.game import Game
from chain_bandit.game.recorder import NoChain
from chain_bandit.protocol.blocks import Kind, Report


def test_a_report_is_parsed_where_it_comes_in_and_nowhere_else(monkeypatch, scenario, cheat):
    """By validators, which are one process here, and of a block by the environment."""
    parsed, whole = Counter(), Report.decode

    def counted(data, parameters):
        parsed[data] += 1
        return whole(data, parameters)

    monkeypatch.setattr(Report, "decode", counted)
    game = Game(scenario(7, 2, 12, malicious=[cheat(6, "within-range")]), NoChain())
    blocks = [played for played in game.play() if played.record and played.record.kind is Kind.APPROVED]
    assert len(parsed) == 7 * len(blocks) > 0
    assert set(parsed.values()) == {2}
