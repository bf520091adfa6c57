"""Krum: the report that is closest to its neighbours."""

from chain_bandit.rule_api import Aggregation, Estimate, Option


def distance(a, b):
    return sum((x - y) * (x - y) for x, y in zip(a, b, strict=True))


class Krum(Aggregation):
    name = "krum"
    version = 1
    options = {"fewer": Option(2)}  # noqa: RUF012

    def estimate(self, terms, state, agreed):
        reports = agreed.reports
        near = len(reports) - terms.liars - self.options["fewer"].default
        scores = {}
        for seat, values in reports.items():
            apart = sorted(distance(values, other) for each, other in reports.items() if each != seat)
            scores[seat] = sum(apart[:near])
        best = min(scores, key=lambda seat: (scores[seat], seat))
        return Estimate(state, reports[best], tuple({best} for _ in range(terms.arms)))
