"""network/rate_limit.py: what a flood may cost, and that an honest peer's few words cost it nothing."""

from chain_bandit.network.rate_limit import SHARE, RateLimit


def test_a_flood_takes_its_share_of_a_nodes_time_and_no_more():
    rate_limit, now, spent = RateLimit(), 0.0, 0.0
    while now < 60:
        if 1 in rate_limit.spent(now):
            now += 0.001
            continue
        rate_limit.charge(1, 0.004, now)
        spent, now = spent + 0.005, now + 0.005
    assert SHARE * 60 <= spent <= SHARE * 60 + 0.1


def test_others_are_not_held_to_account_and_all_is_forgiven_in_time():
    rate_limit = RateLimit()
    for _ in range(20):
        rate_limit.charge(1, 0.01, 0.0)
    rate_limit.charge(2, 0.0, 0.0)
    assert rate_limit.spent(0.0) == {1}
    assert rate_limit.spent(60.0) == frozenset()
