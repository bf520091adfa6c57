"""network/rate_limit.py: what a flood may cost, and that an honest peer's few words cost it nothing."""

import pytest

from chain_bandit.network.rate_limit import AHEAD, SHARE, TOTAL, RateLimit


@pytest.mark.parametrize(("peers", "flooding"), [(3, 1), (63, 21), (63, 63), (255, 255)])
@pytest.mark.parametrize("cost", [0.004, 0.06])
def test_a_flood_takes_its_share_of_a_nodes_time_and_all_floods_together_half(peers, flooding, cost):
    rate_limit, now, spent = RateLimit(peers), 0.0, 0.0
    while now < 300:
        read = set(range(flooding)) - rate_limit.spent(now)
        for peer in read:
            rate_limit.charge(peer, cost, now)
            spent, now = spent + cost + 0.001, now + cost + 0.001
        now += 0 if read else 0.001
    share = flooding * min(SHARE, TOTAL / peers) * now
    assert 0.9 * share <= spent <= share + flooding * (AHEAD + cost + 0.001)


def test_others_are_not_held_to_account_and_all_is_forgiven_in_time():
    rate_limit = RateLimit(3)
    for _ in range(20):
        rate_limit.charge(1, 0.01, 0.0)
    rate_limit.charge(2, 0.0, 0.0)
    assert rate_limit.spent(0.0) == {1}
    assert rate_limit.spent(60.0) == frozenset()
