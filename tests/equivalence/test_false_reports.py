"""False reports that are proven: the simulator decides, and pays to the unit, as the live game and its contract do."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chain_bandit.attacks.attack import Attack, View
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.simulated import replicates
from chain_bandit.game.without_messages import planned
from chain_bandit.protocol.settlement import Conduct, CostEntry
from chain_bandit.protocol.units import Counts, Means
from chain_bandit.scenario import Scenario, load
from chain_bandit.simulation import plain
from chain_bandit.simulation.batch import NotTogether
from chain_bandit.simulation.engine import Engine
from chain_bandit.simulation.kernel.compiled import AVAILABLE
from chain_bandit.simulation.replicates import Measured
from chain_bandit.stopwatch import Stopwatch
from tests.equivalence import test_kernel_equals_outcomes as kernel
from tests.equivalence.test_outcomes_equal_game import SELECTIONS, decided, scenario, without_messages
from tests.fast_chain import fast_node
from tests.few import crossed, few

FLIGHTS = Path(__file__).resolve().parents[2] / "examples/flights.toml"


class Noted(OnChain):
    """Notes what the contract owes each seat before anybody withdraws."""

    owed: Sequence[int] = ()

    def finish(self, entries: Sequence[CostEntry]) -> None:
        """As ever, but that the seats' own withdrawals are seen."""
        withdraw, found = self.contract.withdraw, list[int]()

        def noting(sender: Any) -> Any:
            found.append(self.contract.owed(sender.address))
            return withdraw(sender)

        self.contract.withdraw = noting  # type: ignore[method-assign]
        super().finish(entries)
        self.owed = found[: len(self._plan.seated)]


def live(case: Scenario) -> tuple[list[tuple[Any, ...]], list[int], tuple[int, ...]]:
    """(Every round, what each seat gained in wei, since when each is on the contract's block list)."""
    plan = Plan(case)
    recorder, rows = Noted(fast_node(plan), Stopwatch()), []
    game = Game(case, recorder, plan)
    for played in game.play():
        header, kind = (played.record.header, played.record.kind) if played.record else (None, None)
        rows.append(decided(
            played.round, kind, played.arm, header, played.cost, game.progress.ledger, played.accused
        ))  # fmt: skip
    deposits = [seated.weight * plan.parameters.stake for seated in plan.seated]
    listed = tuple(map(recorder.contract.blocked_from, range(len(deposits))))
    assert sorted(seat for seat, since in enumerate(listed) if since) == sorted(
        game.progress.reported | {proof.seat for proof in game.progress.false_reports}
    )
    return rows, [wei - kept for wei, kept in zip(recorder.owed, deposits, strict=True)], listed


WITHHELD = {"reports": False, "first": 15, "last": 30}
"""Options of who takes no part in the consensus for a while, nor reports."""


def measured(case: Scenario) -> Measured:
    sums, settled = plain.play(planned(Plan(case)), ())
    return Measured(case.parameters, (), sums, 0.0, settled=settled)


SEALED = {"sealed": True, "slash": 0.25, "unrevealed_penalty": 0.1, "chain": {"settlement_window": 160}}
"""Its window is mined block by block."""


def require_equal(case: Scenario) -> tuple[list[tuple[Any, ...]], list[int]]:
    """(Every round, since when each seat is on the block list)."""
    assert case.parameters.provable
    there, gained, listed = live(case)
    for ours, theirs in zip(here := without_messages(case), there, strict=True):
        assert ours == theirs
    found = measured(case)
    assert found.settled is not None
    assert found.settled[0, 2].tolist() == list(listed)
    wei = case.parameters.wei_per_unit
    assert [units * wei for units in found.payoffs(case.roles)[0].tolist()] == gained
    return here, list(listed)


LIES = [
    "constant-lie", "sign-flip", "few-counts", "copycat", "on-off", "inflated-counts", "two-faced-counts",
    "two-faced-report", "within-range",
]  # fmt: skip
CHAINS = [{"batch": batch, "settle_every": every} for batch, every in product((1, 10), (1, 7, 25))]


@pytest.mark.parametrize(("name", "chain"), few(product(LIES, CHAINS), 5))
def test_a_liar_is_proven_and_pays_as_in_the_live_game(name, chain):
    rows, listed = require_equal(scenario(name, slash=0.25, chain=chain))
    assert len(rows) == 50
    assert bool(listed[5]) is (name != "two-faced-counts")


@pytest.mark.parametrize("chain", CHAINS[::2], ids=str)
def test_who_lies_and_signs_twice_is_listed_by_what_is_proven_first(chain):
    malicious = [
        {"seat": 4, "attacks": [{"name": "constant-lie"}, {"name": "two-faced-report"}]},
        {"seat": 5, "attacks": [{"name": "on-off"}, {"name": "equivocating-commander", "options": {"first": 20}}]},
        {"seat": 6, "attacks": [{"name": "sleeper", "options": {"wakes": 47}}]},
    ]
    require_equal(scenario("", malicious=malicious, slash=0.25, attackers=3, liars=3, participants=10, chain=chain))


@pytest.mark.parametrize("changes", [
    {"cost": "distance"}, {"threshold": 3}, {"failure_limit": 1}, {"failure_limit": 5, "rounds": 60},
    *({**each} for each in SELECTIONS.values()),
], ids=str)  # fmt: skip
def test_under_every_selection_and_switch(changes):
    chain = {"batch": 3, "settle_every": 4}
    require_equal(scenario("within-range", seed=7, slash=0.5, chain=chain, **changes))


@pytest.mark.parametrize("seats", [(3, 4, 5, 6), (2, 3, 4, 5, 6)])
def test_where_rounds_fail(seats):
    """Rounds that fail give no receipts: reports rest on older tallies, too old ones are none."""
    rows, _ = require_equal(scenario("silent-validator", seats=seats, slash=0.25, failure_limit=6, rounds=60))
    kinds = [row[1].name for row in rows if row[1] is not None]
    assert {"SKIP", "APPROVED"} <= set(kinds)


@pytest.mark.parametrize("chain", CHAINS[::2], ids=str)
def test_who_withholds_its_report_is_given_nothing_for_that_round_and_reports_again(chain):
    withheld = range(15, 31)  # longer than a report may be old
    malicious = [{"seat": 6, "attacks": [{"name": "silent-validator", "options": WITHHELD}]}]
    case = scenario("", malicious=malicious, slash=0.25, chain=chain)
    rows, listed = require_equal(case)
    assert not any(listed)
    told = {row[0]: row[3][1] >> 6 & 1 for row in rows if row[3]}
    assert {round_ for round_, reports in told.items() if not reports} == set(withheld) & told.keys()
    plainly = measured(case)
    assert plainly.settled is not None
    speaking = measured(scenario("", malicious=[], slash=0.25, chain=chain)).settled
    assert speaking is not None
    assert plainly.settled[0, 0, 6] < speaking[0, 0, 6]


@pytest.mark.parametrize("changes", [{}, SEALED, {"growth": 0.5}, {"chain": CHAINS[-1]}], ids=str)
def test_who_pulls_another_arm_than_the_blocks_is_given_nothing_for_that_round(changes):
    case = scenario("free-rider", **{"slash": 0.25} | changes)
    _, listed = require_equal(case)
    assert not any(listed)
    proven, plainly = measured(case).payoffs(case.roles)[0], measured(scenario("free-rider")).payoffs(case.roles)[0]
    assert proven[5:].max() < proven[:5].mean()
    assert plainly[5:].mean() > plainly[:5].mean()


class Idle(Attack):
    """Pulls nothing in rounds 20 to 25, and lies from then on."""

    conduct = Conduct.LIAR

    def arm(self, view: View, honest: int) -> int | None:
        """For a while none."""
        return None if 20 <= view.round <= 25 else honest

    def means(self, view: View, honest: Means) -> Means:
        """True at first."""
        return honest if view.round <= 25 else (0,) * len(honest)


class Late(Attack):
    """Commits to one pull too many from round 30 on."""

    conduct = Conduct.LIAR

    def counts(self, view: View, honest: Counts) -> Counts:
        """Of the first arm."""
        return (honest[0] + (view.round >= 30), *honest[1:])


@pytest.mark.parametrize("chain", CHAINS[1::3], ids=str)
@pytest.mark.parametrize("name", ["Idle", "Late"])
def test_who_has_no_receipt_is_dropped_and_who_miscounts_is_proven(name, chain):
    rows, listed = require_equal(scenario(f"{__name__}:{name}", slash=0.25, chain=chain))
    missing = {row[0] for row in rows if row[3] and not row[3][1] >> 5 & 1 and not row[3][0] >> 5 & 1}
    assert bool(missing) is (name == "Idle")
    assert all(listed[5:])


@pytest.mark.parametrize("chain", few(CHAINS, 4), ids=str)
def test_flights(chain):
    case = load(FLIGHTS, {"preset": "paper", "rounds": 62, "burn_in": 32, "slash": 0.25, "chain": chain})
    _, listed = require_equal(case)
    assert all(listed[7:])
    assert not any(listed[:7])


ENGINES = [Engine.PLAIN, *([Engine.COMPILED] if AVAILABLE else [])]


def test_lying_does_not_pay_where_it_is_proven():
    cases = [scenario("within-range", slash=share, rounds=200) for share in (0.0, 0.25)]
    without, with_it = (replicates(case, 4, engine=Engine.PLAIN).payoffs(case.roles)[:, 5:].mean() for case in cases)
    assert with_it < 0 < without


LIES_OF_ENGINES = ["constant-lie", "few-counts", "on-off", "two-faced-report", "inflated-counts", "silent-validator"]


@pytest.mark.parametrize("name", LIES_OF_ENGINES)
@pytest.mark.parametrize("changes", [
    {}, {"chain": {"batch": 10, "settle_every": 7}}, {"growth": 0.5}, {"failure_limit": 6}, SELECTIONS["reputation"],
], ids=str)  # fmt: skip
def test_engines_agree(name, changes):
    for seats in ((5, 6), (3, 4, 5, 6)):
        case = scenario(name, 9, seats, slash=0.25, rounds=60, **changes)
        if name == "silent-validator":
            attack = {"name": name, "options": WITHHELD}
            malicious = [{"seat": seat, "attacks": [attack]} for seat in seats]
            case = scenario("", 9, malicious=malicious, slash=0.25, rounds=60, **changes)
        kernel.require_equal(case)
        found = [replicates(case, 2, engine=engine) for engine in ENGINES]
        for each in found:
            assert each.settled is not None
            assert found[0].settled is not None
            assert np.array_equal(each.settled, found[0].settled)
            assert np.array_equal(each.sums, found[0].sums)


def test_the_array_engine_refuses_liars_that_are_proven():
    with pytest.raises(NotTogether, match="liars in a game whose false reports are proven"):
        replicates(scenario("constant-lie", slash=0.25), 2, engine=Engine.NUMPY)
    honest = scenario("", slash=0.25, malicious=[])
    assert np.array_equal(replicates(honest, 2, engine=Engine.NUMPY).sums, replicates(honest, 2).sums)


def test_a_proof_that_comes_too_late_for_the_block_list_costs_all_the_same():
    """Nothing is settled before the game is over, and nobody is on the block list in any round."""
    case = scenario("constant-lie", slash=0.25, chain={"settle_every": 1000})
    rows, listed = require_equal(case)
    assert not any(row[3][0] for row in rows if row[3])
    assert listed[5:] == [51 + case.parameters.evidence_delay] * 2
    found = measured(case)
    assert found.settled is not None
    assert not found.settled[0, :2, 5:].any()


@pytest.mark.parametrize(
    ("name", "changes"),
    crossed(LIES, [{}, {"chain": {"batch": 10, "settle_every": 7, "settlement_window": 160}}], every=2),
)
def test_a_sealed_game_is_proven_once_it_is_opened(name, changes):
    case = scenario(name, **SEALED | changes)
    rows, listed = require_equal(case)
    proven = {row[0] for row in rows if row[3] and row[3][0]}
    assert not proven or name == "two-faced-report"  # equivocation alone lists anybody before the end
    assert bool(listed[5]) is (name != "two-faced-counts")
    found = measured(case)
    assert found.settled is not None
    if name not in ("two-faced-counts", "two-faced-report", "sleeper"):
        assert not found.settled[0, :2, 5:].any()


KEEPERS = [
    ("constant-lie", True, True), (f"{__name__}:Late", True, False), (f"{__name__}:Late", False, True),
    ("copycat", True, True),
]  # fmt: skip
"""An attack, whether it keeps its key, and whether it is proven."""


@pytest.mark.parametrize(("name", "keeps", "is_proven"), KEEPERS)
def test_who_keeps_its_key_is_proven_by_its_means_alone(name, keeps, is_proven):
    attacks = [{"name": name}, *([{"name": "withheld-key"}] if keeps else [])]
    case = scenario("", malicious=[{"seat": seat, "attacks": attacks} for seat in (5, 6)], **SEALED)
    _, listed = require_equal(case)
    assert bool(listed[5]) is is_proven
    if keeps:
        with pytest.raises(NotTogether):
            replicates(case, 2, engine=Engine.NUMPY)


@pytest.mark.parametrize("name", ["constant-lie", "few-counts", "on-off", "inflated-counts", "two-faced-report"])
def test_engines_agree_on_sealed_games(name):
    case = scenario(name, 9, (5, 6), rounds=60, **SEALED)
    found = [replicates(case, 2, engine=engine) for engine in ENGINES]
    for each in found:
        assert np.array_equal(each.settled, found[0].settled)
        assert np.array_equal(each.sums, found[0].sums)
