"""The second computation follows proofs of false reports in played games, and finds what does not follow from them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from chain_bandit.actors.messages import Send
from chain_bandit.attacks.attack import Attack, View
from chain_bandit.comparison.interface import Opening
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.paranoid import money, recompute, settlement, tally, times
from chain_bandit.paranoid.calls import FUNCTIONS, Call, calls
from chain_bandit.paranoid.draws import Disclosed
from chain_bandit.paranoid.export import read
from chain_bandit.paranoid.proofs import Lies
from chain_bandit.paranoid.records import Records
from chain_bandit.paranoid.statements import ENVIRONMENT, REWARD, statement
from chain_bandit.paranoid.verdict import Verdict
from chain_bandit.paranoid.words import keccak, uint
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.scenario import Scenario
from chain_bandit.stopwatch import Stopwatch
from tests.games import build_scenario, malicious

LIAR = 6
BURN_IN = 8


def scenario(rounds: int = 24, liar: bool = True, **chain: object) -> Scenario:
    """One liar that neither withholds nor equivocates; a short window, since all of its blocks are mined."""
    by = [malicious(LIAR, "worse-half")] if liar else []
    at = {"settle_every": 7, "settlement_window": 20} | chain
    return build_scenario(7, 2, rounds, malicious=by, attackers=1, liars=1, slash=0.5, burn_in=BURN_IN, chain=at)


def play(case: Scenario, out: Path) -> Path:
    out.mkdir()
    run(case, out, lambda moment: None, Stopwatch())
    return out / "history.jsonl.gz"


@dataclass
class Played:
    history: Path
    records: Records
    verdict: Verdict


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    history = play(scenario(), tmp_path_factory.mktemp("lied") / "run")
    ended: list[Records] = []
    original = recompute._end

    def end(records: Records, *rest: Any) -> Any:
        ended.append(records)
        return original(records, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recompute, "_end", end)
        verdict = recompute.recompute(history)
    return Played(history, ended[0], verdict)


def test_a_liar_is_proven_and_all_of_it_is_computed_again(played: Played) -> None:
    verdict, lies = played.verdict, played.records.lies
    assert (verdict.complete, verdict.differences, verdict.unknown) == (True, {}, {})
    assert (set(lies.proven), lies.alone, lies.acquitted) == ({LIAR}, {LIAR}, frozenset())
    assert (lies.proven[LIAR].round, lies.proven[LIAR].named) == (BURN_IN, BURN_IN - 1)
    account, p = verdict.accounts[LIAR], played.records.setup.p
    assert account.rewards > 0
    assert (account.penalty, account.void) == (p.slash, account.rewards * p.wei_per_unit)
    assert verdict.burned >= account.penalty + account.void
    assert any(row.costly for row in verdict.rounds)
    assert account.cost == 0  # of all costly rounds before it was on the block list nothing was transferred


@pytest.mark.parametrize("chain", [{"settle_every": 1}, {"settle_every": 25, "body": "compact"}])
def test_other_settlements_come_out_alike(chain: dict[str, object], tmp_path: Path) -> None:
    verdict = recompute.recompute(play(scenario(16, **chain), tmp_path / "run"))
    assert (verdict.complete, verdict.differences, verdict.unknown) == (True, {}, {})
    assert verdict.passed["evidence"]


class HidesForAWhile(Attack):
    """Opens no commitment in three rounds: its reports do not count there."""

    conduct = Conduct.ATTACKER

    def outbox(self, view: View, sends: list[Send]) -> list[Send]:
        return [each for each in sends if view.round not in range(6, 9) or not isinstance(each.message, Opening)]


def test_rounds_that_are_not_paid_are_in_the_tallies(tmp_path: Path) -> None:
    """Blocks without B, and explorations after them, while everybody rests on older tallies."""
    hides = f"{__name__}:{HidesForAWhile.__name__}"
    case = build_scenario(
        7, 2, 14, seed=5, liars=2, attackers=1, failure_limit=1, slash=0.5,
        malicious=[malicious(seat, hides) for seat in range(4)],
        chain={"batch": 3, "settle_every": 3, "settlement_window": 20},
    )  # fmt: skip
    verdict = recompute.recompute(play(case, tmp_path / "run"))
    assert (verdict.complete, verdict.differences, verdict.unknown) == (True, {}, {})
    kinds = [row.kind for row in verdict.rounds]
    assert {"approved", "exploration", "rejected"} <= set(kinds)
    assert kinds[-1] == "approved"


def test_nobody_is_proven_to_lie_without_a_liar(tmp_path: Path) -> None:
    verdict = recompute.recompute(play(scenario(12, liar=False), tmp_path / "run"))
    assert (verdict.complete, verdict.differences, verdict.unknown) == (True, {}, {})
    assert (verdict.passed["evidence"], verdict.burned) == (0, 0)


def _one_more(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: original(*given) + 1


def _burn_in_pays_more(self: Disclosed, round_: int, *place: int) -> int:
    return _draw(self, round_, *place) + (round_ < BURN_IN)


_draw, _disclosed, _packed = Disclosed.draw, recompute.disclosed, tally.packed
PLANTS: dict[str, tuple[object, str, Any, str]] = {
    "kept": (Lies, "keeps", _one_more(Lies.keeps), "balance"),
    "hidden cost": (recompute, "disclosed", lambda *given: _disclosed(*given[:-1], provable=False), "cost"),
    "slashed": (Lies, "slashed", lambda self, listed_from: frozenset(), "balance"),
    "credited": (tally, "packed", lambda credited, *rest: _packed(credited + 1, *rest), "reward"),
    "signed": (settlement, "tallies_statement", lambda *given: bytes(32), "reward"),
    "burn-in": (Disclosed, "draw", _burn_in_pays_more, "reward"),
    "proofs longer": (times, "proofs_end", times.window_end, "time"),
    "closed early": (money, "window_end", _one_more(lambda records: 10**9), "time"),
}
"""What is computed otherwise, as if the contract had; and the check that sees it."""


@pytest.mark.parametrize("plant", PLANTS)
def test_another_outcome_is_a_difference(plant: str, played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, planted, what = PLANTS[plant]
    monkeypatch.setattr(where, name, planted)
    found = {each.what for each in recompute.recompute(played.history).differences.values()}
    assert what in found


def proof_of(played: Played) -> Call:
    return next(call for call in calls(read(played.history), Verdict()) if call.name == "reportFalse")


def differences(verdict: Verdict) -> set[str]:
    return {each.what for each in verdict.differences.values()}


def before(played: Played, verdict: Verdict) -> Records:
    """The state as if nothing was proven yet, in the round that the proof was handed in."""
    records = played.records.beside(verdict)
    records.lies, records.blocked_from = Lies(), [0] * records.setup.p.participants
    records.round = played.records.blocked_from[LIAR] - 3 - records.setup.p.unrecorded
    return records


def test_a_proof_has_to_prove(played: Played) -> None:
    proof = proof_of(played)
    verdict = Verdict()
    before(played, verdict).prove(proof)
    assert (verdict.differences, verdict.passed["evidence"]) == ({}, 7)
    places = {"author": 32 * 5, "tally": 32 * 21, "root": 32 * 9, "root's signature": 32 * 10, "report": 32 * 15}
    for about, at in places.items():
        verdict = Verdict()
        changed = proof.data[:at] + bytes([proof.data[at] ^ 1]) + proof.data[at + 1 :]
        before(played, verdict).prove(replace(proof, data=changed))
        assert "evidence" in differences(verdict), about


def test_a_second_proof_of_the_same_report_is_none(played: Played) -> None:
    verdict = Verdict()
    records = before(played, verdict)
    records.prove(proof_of(played))
    records.prove(proof_of(played))
    assert differences(verdict) == {"evidence", "blocklist"}


@pytest.mark.parametrize("is_known", [False, True])
def test_a_proof_that_every_rule_allows_is_not_refused(is_known: bool, played: Played) -> None:
    verdict = Verdict()
    records = before(played, verdict)
    records.lies.proven = dict(played.records.lies.proven) if is_known else {}
    refused = replace(proof_of(played), succeeded=False, events=[])
    recompute._refused(refused, records.setup, records, False, verdict)
    assert len(verdict.differences) == (not is_known)


def acquittal(played: Played, told: bytes, round_: int | None = None) -> Call:
    setup, lie = played.records.setup, played.records.lies.proven[LIAR]
    content = keccak(uint(1, 1), uint(5, 4), told)
    at = lie.named if round_ is None else round_
    digest = statement(setup.domain, at, setup.genesis, REWARD, ENVIRONMENT, LIAR, content)
    signature = Plan(scenario()).environment.sign(digest)
    data = encode([FUNCTIONS["acquit"]], [(LIAR, setup.genesis, 1, 1, 5, told, signature[:32], signature[32:])])
    return replace(proof_of(played), name="acquit", data=data, events=[("Acquitted", [LIAR])])


def test_an_acquittal_gives_back_all_but_the_place_on_the_block_list(played: Played) -> None:
    verdict = Verdict()
    records = played.records.beside(verdict)
    records.past = played.records.past
    assert records.lies.slashed(records.blocked_from) == {LIAR}
    records.acquit(acquittal(played, keccak(b"another")))
    assert verdict.differences == {}
    assert records.lies.proven == {}
    assert records.lies.slashed(records.blocked_from) == frozenset()
    assert records.blocked_from[LIAR]
    verdict = Verdict()
    again = records.beside(verdict)
    again.prove(proof_of(played))
    assert "evidence" in differences(verdict)


def test_what_is_no_other_tally_acquits_nobody(played: Played) -> None:
    lie = played.records.lies.proven[LIAR]
    for given in (acquittal(played, lie.told), acquittal(played, keccak(b"another"), lie.named + 1)):
        verdict = Verdict()
        played.records.beside(verdict).acquit(given)
        assert "evidence" in differences(verdict)
