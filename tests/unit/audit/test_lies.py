"""Lies of every kind, planted in every report of two liars: all are found by seat and round, and nobody else accused.

In an open game nobody reveals any key; in a sealed one everybody does.
"""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from chain_bandit.auditor import findings
from chain_bandit.auditor.audit import audit
from chain_bandit.crypto.seal import seal
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.sealing import nonce
from chain_bandit.protocol.settlement import Pull
from chain_bandit.protocol.units import UNIT, sample_means
from tests.unit.audit.played_game import PARAMETERS, SEALED, K, Played, Script, same

KINDS = ("arm", "reward", "mean", "count")
LIARS = (2, 3)

Place = tuple[int, int]
"""A seat and a round."""


def of(rounds: int, parameters: Parameters, mode: BodyMode = BodyMode.COMPACT) -> Parameters:
    return replace(
        parameters, horizon=rounds, unrecorded=10, body_mode=mode, game_blocks=10 * rounds,
        stake=parameters.stake * rounds // PARAMETERS.horizon,
    )  # fmt: skip


class Lying(Played):
    """A game whose liars pull anything, and in each report tell lies of these kinds, each with a chance of `share`.

    Attributes:
        told: of each kind, the seats and rounds of lies that make a report differ from the honest one; a reward that is
            false by a unit seldom does, as means are floored.
        named: what an audit should find: for each sort of finding, seats and rounds.
    """

    def __init__(self, parameters: Parameters, seed: int, kinds: tuple[str, ...] = KINDS, share: float = 1) -> None:
        self.chance, self.kinds, self.share = random.Random(seed), kinds, share
        self.told, self.named = defaultdict[str, set[Place]](set), defaultdict[str, set[Place]](set)
        script = Script(
            parameters=parameters, means=same, pull=self.pulled, roles=bytes((0, 0, 1, 1)), batch=10,
            last=parameters.horizon, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3),
        )  # fmt: skip
        super().__init__(script, seed)

    def pulled(self, arm: int, seat: int, t: int) -> int | None:
        return self.chance.choice((arm, arm, 1 - arm, None)) if seat in LIARS else arm

    def report(self, seat: int, t: int) -> Report:
        honest = super().report(seat, t)
        if seat not in LIARS:
            return honest
        kinds = [kind for kind in self.kinds if self.chance.random() < self.share]
        if {"arm", "reward"} <= set(kinds):  # of one receipt one of them is told
            kinds.remove(self.chance.choice(("arm", "reward")))
        said = honest
        for kind in kinds:
            true, said = said, getattr(self, f"_{kind}")(said, seat, t)
            if said != true:
                self.told[kind].add((seat, t))
        if said.means != honest.means:
            self.named["false report"].add((seat, t))
        if said.commitment != honest.commitment:
            self.named["false count commitment"].add((seat, t))
        if said.sealed != honest.sealed:
            self.named["false sealed arm" if "arm" in kinds else "false sealed reward"].add((seat, t))
        return said

    def _arm(self, said: Report, seat: int, t: int) -> Report:
        return self._received(said, seat, t, replace(self.last[seat], arm=1 - self.last[seat].arm))

    def _reward(self, said: Report, seat: int, t: int) -> Report:
        other = (self.last[seat].reward + self.chance.choice((1, UNIT // 3, UNIT))) % (UNIT + 1)
        return self._received(said, seat, t, replace(self.last[seat], reward=other))

    def _mean(self, said: Report, seat: int, t: int) -> Report:
        arm = self.chance.randrange(K)
        wrong = (said.means[arm] + self.chance.choice((1, UNIT // 3))) % (UNIT + 1)
        return replace(said, means=tuple(wrong if i == arm else mean for i, mean in enumerate(said.means)))

    def _count(self, said: Report, seat: int, t: int) -> Report:
        """No comparison bit changes."""
        counts = self.counts[seat]
        return replace(said, commitment=self.committed((counts[0] + 2, *counts[1:]), seat, t))

    def _received(self, said: Report, seat: int, t: int, false: Pull) -> Report:
        """The report of one whose last receipt is another: in a sealed game its record, in an open one its means."""
        if self.p.sealed:
            return replace(said, sealed=seal(self.seal_keys[seat], nonce(self.game, t, seat), false))
        counts, totals = list(self.counts[seat]), list(self.totals[seat])
        for pull, sign in ((self.last[seat], -1), (false, 1)):
            counts[pull.arm] += sign
            totals[pull.arm] += sign * pull.reward
        changed = replace(said, means=sample_means(totals, counts))
        return replace(changed, commitment=self.committed(tuple(counts), seat, t))


def check(played: Lying, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Every lie is found under its sort, by seat and round, and nothing else is; how many of each kind were found."""
    monkeypatch.setattr(findings, "KEPT", 10**6)
    report = audit(played.history)
    assert report.violations == []
    assert report.not_checkable == 0
    lies = ("false report", "false count commitment", "false sealed arm", "false sealed reward")
    found = {
        sort: {(f.seat, t) for f in report.findings if f.kind == sort for t in f.rounds} for sort in lies
    }  # fmt: skip
    assert found == {sort: played.named[sort] for sort in lies}
    assert set().union(*found.values()) == set().union(*played.told.values())
    assert {f.seat for f in report.findings} <= {None, *LIARS}
    return Counter({kind: len(places) for kind, places in played.told.items()})


@pytest.mark.parametrize("parameters", [PARAMETERS, SEALED], ids=["open", "sealed"])
def test_a_thousand_planted_lies_are_all_found(parameters: Parameters, monkeypatch: pytest.MonkeyPatch) -> None:
    told = check(Lying(of(330, parameters), 1), monkeypatch)
    assert told.total() >= 1000
    assert all(told[kind] >= 200 for kind in KINDS)


@pytest.mark.deep
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [PARAMETERS, SEALED], ids=["open", "sealed"])
def test_a_thousand_planted_lies_of_each_kind_are_all_found(
    parameters: Parameters, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Counter[str]()
    for seed, mode in ((2, BodyMode.FULL), (3, BodyMode.COMPACT)):
        told += check(Lying(of(400, parameters, mode), seed, (kind,)), monkeypatch)
    assert told[kind] >= 1000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [PARAMETERS, SEALED], ids=["open", "sealed"])
def test_a_lie_now_and_then_is_named_by_its_kind_alone(
    parameters: Parameters, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = check(Lying(of(30, parameters), 4, (kind,), 0.3), monkeypatch)
    assert told.keys() == {kind}
