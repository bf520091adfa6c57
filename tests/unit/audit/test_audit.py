"""Audits of games that are whole, cut short, called off or odd, without any violation."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chain_bandit.auditor import setup
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.catalogue import CHECKS
from chain_bandit.auditor.draws import CHECKS_OF_DRAWS
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.errors import HistoryError
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.settlement import Conduct
from chain_bandit.protocol.units import UNIT
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import OF_OTHERS_RULES, OF_PHASES, OF_PROVABLE_GAMES
from tests.unit.audit.played_game import (
    COMMITTEES,
    DRAWS,
    GAMES,
    LATE,
    LIAR,
    PARAMETERS,
    ROLES,
    SKIPPED,
    WEIGHTS,
    K,
    L,
    M,
    Played,
    Script,
    T,
    rich,
)

FALSE_COUNTS = lambda counts, seat, t: (counts[0] + 1, *counts[1:]) if seat == LIAR else counts  # noqa: E731


def failed(report: object) -> set[str]:
    return {violation.check for violation in report.violations}


def kinds(report: object) -> set[tuple[str, int]]:
    return {(finding.kind, finding.seat) for finding in report.findings}


STUMBLED = {("false report", LIAR), ("no report", 1), ("no report", 2), ("ended by the deadline", None)}
"""What is found in a game in which the liar lies and the rounds stumble."""

SEALED_ONLY = {"settlement.tags", "settlement.sums", "seal.keys", "seal.records"}
"""Checks that an open game has no use for."""


@pytest.mark.parametrize("game", ["full", "compact"])
def test_audit_passes_and_leaves_no_check_unused_when_everything_happens(
    game: str, request: pytest.FixtureRequest
) -> None:
    played: Played = request.getfixturevalue(game)
    own = audit(played.history)
    report = audit(played.history, bytes.fromhex(own.head[2:]), trail=bytes.fromhex(own.trail))
    assert (report.exit_code, report.verdict, report.complete) == (0, "passed", True), report.violations
    assert report.checks.keys() == CHECKS.keys()
    unused = {*CHECKS_OF_DRAWS, *SEALED_ONLY, *OF_OTHERS_RULES, *OF_PROVABLE_GAMES, *OF_PHASES}
    unused |= {"certificate.batch"}  # committees certify each
    assert {name for name, tally in report.checks.items() if not tally.passed} == unused
    assert kinds(report) == {*STUMBLED, ("equivocated", LIAR)}
    since = 20 + COMMITTEES.evidence_delay
    assert report.game["blocked_from"] == [0, 0, 0, since]
    for row in report.rounds:
        listed = row.round >= since
        assert row.blocked == ((LIAR,) if listed else ())
        assert not listed or (LIAR not in row.validators and LIAR not in row.reporters)
        assert row.rewards is None or not listed or row.rewards[LIAR] is None
        grown = row.round in (L, LATE, LATE + 2)  # everybody at first, and after skips
        assert len(row.validators) == (0 if row.kind == "exploration" else 4 if grown else 3)
    assert all(bool(row.signers) == (row.kind != "exploration" and row.round != LATE) for row in report.rounds)


def test_audit_passes_a_game_whose_blocks_share_a_quorum(batched: Played) -> None:
    report = audit(batched.history)
    assert report.exit_code == 0, report.violations
    assert report.checks["certificate.batch"].passed == sum(
        row.kind in ("approved", "rejected") and not row.signers for row in report.rounds
    ) > 5


def test_audit_passes_a_game_in_which_validators_and_commanders_are_drawn() -> None:
    script = rich(parameters=replace(DRAWS, unrecorded=3))
    played = Played(script)
    report = audit(played.history)
    assert (report.exit_code, report.complete) == (0, True), report.violations
    assert all(report.checks[name].passed for name in CHECKS_OF_DRAWS)
    assert len({row.validators for row in report.rounds}) > 3
    since = 20 + DRAWS.evidence_delay + 2
    assert report.game["blocked_from"] == [0, 0, 0, since]
    for row in report.rounds:
        assert row.round < since or LIAR not in row.validators
        if row.round in (L, SKIPPED + 1, LATE + 2):
            assert len(row.validators) == 4
    chain_only = audit(played.chain)
    assert chain_only.exit_code == 0


def test_audit_passes_a_game_of_unequal_weights_and_every_stake_comes_back(weighed: Played) -> None:
    report = audit(weighed.history)
    assert (report.exit_code, report.complete) == (0, True), report.violations
    stake = DRAWS.stake
    assert [account.stake for account in report.accounts[:M]] == [weight * stake for weight in WEIGHTS]
    assert report.checks["game.weights"].passed == M
    cost = report.accounts[0].cost
    assert all(account.withdrawn == account.stake + account.net for account in report.accounts)
    assert [account.net for account in report.accounts[:LIAR]] == [
        account.rewards * DRAWS.wei_per_unit - cost for account in report.accounts[:LIAR]
    ]


@pytest.mark.parametrize("finish", ["called off", "void"])
def test_unequal_deposits_come_back_where_there_are_no_costs(finish: str) -> None:
    report = audit(Played(Script(parameters=DRAWS, weights=WEIGHTS, finish=finish)).history)
    assert (report.violations, report.complete) == ([], True)
    assert report.checks["money.balances"].passed == (M if finish == "void" else M + 1)
    assert report.checks["money.conservation"].passed
    assert [account.stake for account in report.accounts[:M]] == [weight * DRAWS.stake for weight in WEIGHTS]
    assert sum(account.withdrawn for account in report.accounts) + report.burned == sum(
        account.stake for account in report.accounts
    )


def test_audit_of_a_compact_game_without_bodies_says_that_it_cannot_check_draws() -> None:
    played = Played(Script(parameters=replace(DRAWS, body_mode=BodyMode.COMPACT)))
    report = audit(played.chain)
    assert report.violations == []
    for name in CHECKS_OF_DRAWS:
        tally = report.checks[name]
        assert tally.not_checkable == 24
        assert tally.passed == (2 if name == "draw.committee" else 0)  # after a skip everybody validates


@pytest.mark.parametrize(("validators", "each"), [(M, False), (M, True), (3, True)])
@pytest.mark.parametrize("mode", list(BodyMode))
def test_exploration_in_the_middle_of_a_batch_is_followed(mode: BodyMode, validators: int, each: bool) -> None:
    script = rich(
        parameters=replace(COMMITTEES, body_mode=mode, validators=validators), each=each, kind=lambda t: "block",
        reporters=lambda t: (0, 3) if t in (10, 11) else (0, 1, 2, 3),
    )  # fmt: skip
    played = Played(script)
    report = audit(played.history)
    assert report.exit_code == 0, report.violations
    kinds = {row.round: row.kind for row in report.rounds}
    assert [kinds[t] for t in (10, 11, 12, 13)] == ["rejected", "rejected", "exploration", "approved"]
    assert len({row.block for row in report.rounds if 10 <= row.round <= 13}) == 1
    signed = [bool(row.signers) for row in report.rounds if row.round in (10, 11, 13)]
    assert signed == ([True, True, True] if each else [False, False, True])
    assert report.rounds[-1].reputations == played.contract._view("reputations")


@pytest.mark.parametrize("game", ["full", "sealed"])
def test_a_game_comes_to_the_same_on_the_embedded_chain(games: Callable[[str], Played], game: str) -> None:
    """The chain of these tests is another EVM; gas, and hashes that depend on it, are all that differs."""
    mine, theirs = audit(games(game).history), audit(Played(GAMES[game], chain=EmbeddedNode).history)
    assert mine.run_digest == theirs.run_digest is not None
    assert [replace(row, gas=0) for row in mine.rounds] == [replace(row, gas=0) for row in theirs.rounds]
    assert (mine.checks, mine.accounts) == (theirs.checks, theirs.accounts)
    assert [(f.kind, f.seat, f.rounds) for f in mine.findings] == [(f.kind, f.seat, f.rounds) for f in theirs.findings]
    assert mine.other_transactions == theirs.other_transactions == {}


def test_reputations_of_the_report_are_the_contracts(full: Played) -> None:
    assert audit(full.history).rounds[-1].reputations == full.contract._view("reputations")


def test_audit_passes_when_the_game_is_whole(honest: Played) -> None:
    report = audit(honest.history)
    assert (report.exit_code, report.verdict, report.complete) == (0, "passed", True)
    assert not report.violations
    assert [row.round for row in report.rounds] == list(range(4, T + 1))
    assert {row.kind for row in report.rounds} == {"approved", "rejected", "skip", "exploration"}
    assert kinds(report) == STUMBLED
    assert sum(account.withdrawn for account in report.accounts) + report.burned == sum(
        account.stake for account in report.accounts
    )
    assert any(row.costly for row in report.rounds)


def test_audit_trusts_the_file_and_says_so_when_no_head_was_kept(honest: Played) -> None:
    report = audit(honest.history)
    assert report.head_trusted
    assert "chain.head" not in report.checks
    assert any(f"trusts the history's own last block, {report.head}" in line for line in report.lines())


def test_audit_says_the_same_whatever_the_history_comes_through(honest: Played, tmp_path: Path) -> None:
    for name in ("history.jsonl", "history.jsonl.gz"):
        files.write(honest.history, tmp_path / name)
        assert audit(files.read(tmp_path / name)).json() == audit(honest.history).json()
    value = json.loads(audit(honest.history).json())
    assert value["verdict"] == "passed"
    assert value["checks"]["aggregate.selected"]["proves"]


@pytest.mark.parametrize(
    ("game", "unknown"),
    [
        ("running", {"settlement.rewards", "honest.report", "reveal.cost", "money.close"}),
        ("void", {"settlement.rewards", "honest.report", "reveal.cost", "costs.case"}),
    ],
    ids=["running", "void"],
)
def test_audit_is_incomplete_when_something_was_never_opened(
    games: Callable[[str], Played], game: str, unknown: set[str]
) -> None:
    report = audit(games(game).history)
    assert (report.exit_code, report.verdict) == (13, "incomplete")
    assert unknown <= {name for name, tally in report.checks.items() if tally.not_checkable}
    assert not report.violations


def test_void_game_shares_the_pool(games: Callable[[str], Played]) -> None:
    report = audit(games("void").history)
    assert report.checks["money.balances"].passed == M
    assert report.checks["money.conservation"].passed > 20
    assert report.game["costs_void"] is True


@pytest.mark.parametrize(
    ("script", "finding"),
    [
        (Script(counts=FALSE_COUNTS), ("false count commitment", LIAR)),
        (Script(pull=lambda arm, seat, t: None if (seat, t) == (LIAR, 9) else arm), ("forfeited", LIAR)),
        (Script(pull=lambda arm, seat, t: 1 - arm if seat == LIAR else arm), ("other arm than the honest", LIAR)),
        (Script(means=lambda means, *_: means), ("label without a lie", LIAR)),
        (Script(roles=bytes((0, 0, 0, Conduct.ATTACKER))), ("false report of a seat not labelled a liar", LIAR)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_audit_passes_with_a_finding_when_a_participant_misbehaves(script: Script, finding: tuple[str, int]) -> None:
    report = audit(Played(script).history)
    assert report.exit_code == 0, report.violations
    assert finding in kinds(report)


@pytest.mark.parametrize(
    "script",
    [
        Script(counts=FALSE_COUNTS),
        Script(counts=FALSE_COUNTS, bits=lambda bits, t: {**bits, LIAR: (False, False)} if t == 10 else bits),
    ],
    ids=["true bits", "forged"],
)
def test_bits_of_a_liar_whose_counts_do_not_open_are_shown_to_rest_on_trust(script: Script) -> None:
    report = audit(Played(script).history)
    blocks = sum(LIAR in row.reporters for row in report.rounds)
    tally = report.checks["counts.bits"]
    assert (report.exit_code, tally.trusted, report.trusted) == (0, K * blocks, K * blocks)
    assert report.as_dict()["trusted"] == report.as_dict()["checks"]["counts.bits"]["trusted"] == K * blocks
    assert tally.evidence == f"{K * blocks} comparison bits of malicious seats rest on the quorum's word alone"
    assert report.lines()[0].endswith(f"0 not checkable, {K * blocks} on the quorum's word")
    assert any(tally.evidence in line for line in report.lines())
    (finding,) = [finding for finding in report.findings if finding.kind == "trusted bits"]
    assert (finding.seat, finding.count) == (LIAR, blocks)


def test_nothing_rests_on_trust_when_all_counts_open(honest: Played) -> None:
    report = audit(honest.history)
    assert report.trusted == 0
    assert report.lines()[0].endswith("0 not checkable")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((0, 0, 0, 1), set()),
        ((0, 0, 0, 3), set()),
        ((0, 0, 1, 1), {"liars", "honest"}),
        ((0, 2, 2, 1), {"attackers", "honest", "quorum"}),
        ((0, 0, 2, 1), {"honest"}),
    ],
)
def test_labels_beyond_the_theorem_are_found(labels: tuple[int, ...], expected: set[str]) -> None:
    report = audit(Played(Script(roles=bytes(labels))).history)
    assert report.exit_code == 0, report.violations
    about = [finding for finding in report.findings if finding.kind.startswith("labels")]
    assert {finding.kind for finding in about} == {f"labels: {name}" for name in expected}
    assert all(finding.count == sum(map(bool, labels)) for finding in about)
    assert all("the theorem promises nothing" in finding.sentence for finding in about)


def test_lie_in_the_burn_ins_last_round_costs_nothing() -> None:
    script = Script(means=lambda means, seat, t: tuple(UNIT - each for each in means) if seat == LIAR else means)
    report = audit(Played(script, seed=2).history)
    assert report.exit_code == 0, report.violations
    first = report.rounds[0]
    assert (first.round, first.kind, first.costly) == (L, "approved", False)
    assert any(LIAR in held for held in first.selected)


def test_costly_bit_is_a_violation_when_the_label_has_no_lie() -> None:
    truthful = Script(means=lambda means, seat, t: means)
    rows = audit(Played(truthful).history).rounds
    in_force = next(row.round for row in rows if row.round > L and any(LIAR in held for held in row.selected))
    report = audit(Played(replace(truthful, costly=lambda costly, t: t == in_force)).history)
    assert failed(report) == {"costs.case"}
    assert report.violations[0].round == in_force


def test_environment_can_take_the_cost_of_every_round_with_a_liar_in_force_and_is_named_when_it_is_paid() -> None:
    truthful = Script(means=lambda means, seat, t: means)
    fair = audit(Played(truthful).history)
    in_force = {row.round for row in fair.rounds if row.round > L and any(LIAR in held for held in row.selected)}
    report = audit(Played(replace(truthful, costly=lambda costly, t: t in in_force)).history)
    assert failed(report) == {"costs.case"}
    assert {violation.round for violation in report.violations} == in_force
    taken = len(in_force) * report.game["cost"] * PARAMETERS.wei_per_unit
    net, less = ([account.net for account in each.accounts if account.seat is not None] for each in (fair, report))
    assert [have - left for have, left in zip(net, less, strict=True)] == [taken, taken, taken, -taken]
    assert 5 * sum(less[:LIAR]) < sum(net[:LIAR])


def test_liar_labelled_honest_is_a_violation() -> None:
    report = audit(Played(Script(roles=bytes(4))).history)
    assert failed(report) == {"honest.report"}
    assert bytes(4) != ROLES


def test_refused_and_foreign_transactions_are_listed_only(honest: Played) -> None:
    played = Played(Script())
    played.contract.join(played.accounts[0], played.seated[0])  # refused, and yet done: the account has its seat
    report = audit(played.history)
    assert report.exit_code == 0
    assert report.other_transactions == {"reverted": 1}


def test_game_without_its_opening_is_refunded_in_full(games: Callable[[str], Played]) -> None:
    report = audit(games("called off").history)
    assert (report.exit_code, report.complete) == (0, True), report.lines()
    assert report.checks["money.balances"].passed == M + 1


def test_audit_fails_when_the_history_starts_after_the_creation(honest: Played) -> None:
    blocks = tuple(honest.history.blocks)
    late = History(replace(honest.history.origin, first_block=3), blocks[2:])
    assert failed(audit(late)) == {"game.code"}


def test_audit_refuses_a_history_that_changes_between_its_walks(honest: Played) -> None:
    class Shifting:
        walks = 0

        def __iter__(self):
            self.walks += 1
            return iter(tuple(honest.history.blocks)[: None if self.walks == 1 else -1])

    with pytest.raises(HistoryError, match="changed"):
        audit(History(honest.history.origin, Shifting()))


def test_audit_says_how_far_it_is(honest: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress in blocks, whose number the first pass counts."""
    monkeypatch.setattr("chain_bandit.auditor.audit.SEEN_EVERY", 10)
    told: list[tuple[int, int]] = []
    audit(honest.history, observe=lambda done, total: told.append((done, total)))
    count = len(tuple(honest.history.blocks))
    assert told == [(done, total) for total in (0, count) for done in range(10, count + 1, 10)]


def test_audit_fails_when_contract_or_chain_is_another(honest: Played) -> None:
    origin = honest.history.origin
    blocks = tuple(honest.history.blocks)
    other = audit(History(replace(origin, contract=bytes(20)), blocks))
    assert failed(other) == {"game.code"}
    assert failed(audit(History(replace(origin, chain_id=1), blocks))) == {"chain.transactions"}
    assert failed(audit(History(origin, ()))) == {"chain.links"}


def test_long_burn_in_is_not_replayed(honest: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "LONGEST_BURN_IN", 3)
    report = audit(honest.history)
    assert report.exit_code == 13
    assert "longer than an audit replays" in report.checks["record.links"].evidence


@pytest.mark.parametrize("cut", range(1, 50, 7))
def test_every_prefix_of_a_history_is_incomplete_never_violated(honest: Played, cut: int) -> None:
    report = audit(History(honest.history.origin, tuple(honest.history.blocks)[:cut]))
    assert report.exit_code == 13, report.violations


def test_dropping_any_event_is_detected(honest: Played) -> None:
    keys = {signer.address: signer for signer in (*honest.signers, honest.owner)}
    names = ("Joined", "Opened", "Recorded", "RewardsSettled", "Revealed", "CostsSettled", "Closed", "Withdrawn")
    drop: Callable[[bytes], None] = lambda data: None  # noqa: E731
    for name in names:
        forged = Forgery(honest.history, keys)
        forged.event(name, 0, drop)
        assert audit(forged.made()).exit_code == 12, name
