"""Proofs of false reports in games on the real contract, as an audit follows them; and planted faults that it finds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode

from chain_bandit.actors.environment import Environment
from chain_bandit.actors.messages import PullRequest, Send
from chain_bandit.actors.participant import Participant
from chain_bandit.actors.rules import Rules
from chain_bandit.actors.witness import Witness
from chain_bandit.auditor import game as auditor_game
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.game import ReplayedGame
from chain_bandit.auditor.report import AuditReport
from chain_bandit.auditor.two_process import audit_by_two
from chain_bandit.chain_history import files
from chain_bandit.chain_history.records import METHODS, calls
from chain_bandit.comparison.interface import Opening
from chain_bandit.game import folder
from chain_bandit.game.books import Books
from chain_bandit.game.game import Game
from chain_bandit.game.on_chain import OnChain
from chain_bandit.game.plan import Plan
from chain_bandit.game.run import run
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.protocol import proposal
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.ledger import Ledger, honest_arm
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rewards import hidden_cost
from chain_bandit.protocol.settlement import Pull, decode_pulls, encode_pulls, pull_bytes
from chain_bandit.protocol.tallies import FalseReport, Settled
from chain_bandit.protocol.units import NO_PULL, UNIT
from chain_bandit.runs import audit_folder
from chain_bandit.scenario import Scenario, load
from chain_bandit.stopwatch import Stopwatch
from tests.integration.framed import frame
from tests.unit.audit.forging import Forgery
from verification.browser.bundle import BrowserVerifier, verifier

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIARS = (7, 9)
HONEST = 0
RECENT = 31
"""The round before the first record: what was given in it is the last receipt of the first report."""
SEALED: dict[str, object] = {"sealed": True, "chain.settlement_window": 160}
FRAMED_IN = 40
"""A round whose reward the environment settles otherwise than it gave it."""


def flights(**changes: object) -> Scenario:
    short: dict[str, object] = {"preset": "paper", "rounds": 62, "burn_in": 32, "slash": 0.25}
    given = short | {"chain.settlement_window": 100} | changes  # of the whole one every block is mined
    return load(EXAMPLES / "flights.toml", given)


def play(out: Path, **changes: object) -> Path:
    run(flights(**changes), out, lambda moment: None, Stopwatch())
    return out


def failed(report: AuditReport) -> set[str]:
    return {each.check for each in report.violations}


@pytest.fixture(scope="module")
def page() -> Iterator[BrowserVerifier]:
    with verifier() as found:
        yield found


@pytest.fixture(scope="module")
def told_of_the_honest() -> list[FalseReport]:
    return []


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, told_of_the_honest: list[FalseReport]) -> Path:
    """A game with liars; what a proof against a true report of an honest seat would be is kept."""
    original = Witness._proof

    def keep(witness: Witness, round_: int, seat: int) -> FalseReport | None:
        slot, signed = witness._unheld[round_, seat]
        (named,) = signed.report.named
        for each in witness._signed if seat == HONEST and not told_of_the_honest else ():
            if (place := each.find(named, seat)) is not None:
                told_of_the_honest.append(FalseReport(
                    slot, seat, signed, each.tallies[place], each.through, each.root, each.signature, each.path(place),
                    0,
                ))  # fmt: skip
        return original(witness, round_, seat)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Witness, "_proof", keep)
        return play(tmp_path_factory.mktemp("false"))


def test_who_is_proven_loses_slash_and_rewards(played: Path) -> None:
    report, slash = audit_folder(played), flights().parameters.slash
    assert (report.exit_code, report.violations) == (0, [])
    proven = {each.seat for each in report.findings if each.kind == "proven false report"}
    assert proven == set(LIARS)
    wei = flights().parameters.wei_per_unit
    for each in report.accounts:
        if each.seat in LIARS:
            assert (each.penalty, each.void) == (slash, each.rewards * wei)  # it lied from the first round on
            assert each.void > 0
        else:
            assert each.void == 0
    assert all(each.cost == 0 for each in report.accounts if each.seat is not None)  # rounds of case 2 cost nothing
    assert report.game["costly_rounds"]


@pytest.mark.parametrize("used", [None, 142_129])
def test_a_receipt_lets_no_liar_off(played: Path, used: int | None, page: BrowserVerifier, tmp_path: Path) -> None:
    """That the proof ran out of gas, of which its sender gave it five times what any proof takes."""
    forged = Forgery(files.read(played / "history.jsonl.gz"), {})
    forged.refuse("reportFalse", -1, used)
    path = tmp_path / "history.jsonl"
    files.write(forged.made(), path)
    report = audit(forged.made())
    assert any("the contract refused it" in each.sentence for each in report.violations), report.violations
    (events,) = [each["tally"] for each in page.verdict(path)["checks"] if each["id"] == "record.events"]
    assert events["failed"]
    assert recompute(path).differences


def test_a_game_without_liars_has_tallies_and_no_proof(tmp_path: Path) -> None:
    report = audit_folder(play(tmp_path, malicious=[]))
    assert (report.exit_code, report.violations) == (0, [])
    assert report.checks["settlement.tallies"].passed == 4  # two settlements: a root, and a signature
    assert not [each for each in report.findings if "false" in each.kind]


def test_rounds_that_are_never_settled_are_not_checkable_and_nothing_is_said_to_be_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is away after the last round; a liar of the last rounds goes on unproven, the costs are void."""
    settle, finish = Game._settle, OnChain.finish

    def closed(recorder: OnChain, entries: object) -> None:
        withdraw = recorder.contract.withdraw
        with pytest.MonkeyPatch.context() as patched:
            is_owner = lambda who: who is recorder._environment  # noqa: E731 - it has nothing to withdraw
            patched.setattr(recorder.contract, "withdraw", lambda who: None if is_owner(who) else withdraw(who))
            finish(recorder, [])

    monkeypatch.setattr(Game, "_settle", lambda game, force=False: None if force else settle(game))
    monkeypatch.setattr(OnChain, "finish", closed)
    out = play(tmp_path, malicious=[{"seat": 9, "attacks": [{"name": "sleeper", "options": {"wakes": 55}}]}])
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations, report.run_digest) == (13, [], None)
    assert report.game["costs_void"]


@pytest.mark.parametrize(
    ("where", "forgotten", "instead", "found"), [
        (ReplayedGame, "kept", property(lambda game: game.rewards), {"money.close", "money.balances"}),
        (auditor_game, "hidden_cost", lambda secret, seed_0, provable: hidden_cost(secret, seed_0),
         {"reveal.cost", "money.balances"}),
    ],
)  # fmt: skip
def test_an_audit_that_forgets_what_follows_from_proofs_contradicts_the_contract(
    played: Path, monkeypatch: pytest.MonkeyPatch, where: object, forgotten: str, instead: object, found: set[str]
) -> None:
    auditor_game.disclose.cache_clear()
    monkeypatch.setattr(where, forgotten, instead)
    report = audit_folder(played)
    auditor_game.disclose.cache_clear()
    assert report.exit_code == 12
    assert failed(report) >= found


def test_an_environment_that_calls_true_reports_costly_takes_nothing_from_the_honest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seats are labelled and tell the truth: with transfers the honest would pay them for every round."""
    monkeypatch.setattr(Environment, "charge", lambda environment, round_, header, reported: UNIT)
    truthful = [{"name": "sleeper", "options": {"wakes": 63}}]
    out = play(tmp_path, malicious=[{"seat": seat, "attacks": truthful} for seat in LIARS])
    report = audit_folder(out, paranoid=True)
    assert failed(report) == {"costs.case", "paranoid.cost"}
    assert {each.cost for each in report.accounts if each.seat is not None} == {0}
    assert min(each.net for each in report.accounts if each.seat is not None) > 0


def test_a_root_that_is_signed_over_other_tallies_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Books.settlement

    def lying(books: Books, least: int) -> tuple[int, bytes] | None:
        paid, made = len(books._unsettled), original(books, least)
        if made is None:
            return None
        said, other = Settled.decode(made[1], paid, books.parameters), bytes(32)
        signature = books.environment.sign_tallies(made[0], other)
        return made[0], Settled(said.paid, other, signature, said.unpaid).encode()

    monkeypatch.setattr(Books, "settlement", lying)
    report = audit_folder(play(tmp_path))
    assert (report.exit_code, failed(report)) == (12, {"settlement.tallies"})
    assert [each.seat for each in report.findings if each.kind == "false tallies, of the environment"] == [None]


@pytest.mark.parametrize("settled", [None, Pull(15, 0)], ids=["reward", "arm"])
def test_nobody_honest_is_blamed_for_rows_that_are_not_those_of_the_signed_tallies(
    settled: Pull | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier
) -> None:
    """Planted: the environment settles another pull than it gave, under the root of what it gave. No proof holds."""
    original = Books.settlement

    def lying(books: Books, least: int) -> tuple[int, bytes] | None:
        paid, made = len(books._unsettled), original(books, least)
        if made is None or not made[0] - paid < FRAMED_IN <= made[0]:
            return made
        said, rows = Settled.decode(made[1], paid, books.parameters), bytearray(made[1])
        at = len(said.paid) // paid * (paid - 1 - (made[0] - FRAMED_IN)) + pull_bytes(books.parameters) * HONEST
        (true,) = decode_pulls(bytes(rows[at : at + pull_bytes(books.parameters)]), 1, False)
        other = settled or Pull(true.arm, 0 if true.reward else UNIT)
        rows[at : at + pull_bytes(books.parameters)] = encode_pulls([other], False)
        return made[0], bytes(rows)

    monkeypatch.setattr(Books, "settlement", lying)
    report = audit_folder(out := play(tmp_path, malicious=[]), paranoid=True)
    assert failed(report) == {"settlement.tallies", "settlement.rewards", "paranoid.reward"}
    checks = page.verdict(out / folder.HISTORY)["checks"]
    assert {check["id"] for check in checks if check["tally"]["failed"]} == {"settlement.tallies", "settlement.rewards"}
    assert not any(each.void or each.penalty for each in report.accounts)


def test_a_root_that_somebody_else_signed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Environment, "sign_tallies", lambda self, through, root: bytes(64))
    report = audit_folder(play(tmp_path))
    assert (report.exit_code, failed(report)) == (12, {"settlement.tallies"})
    assert "false tallies, of the environment" not in {each.kind for each in report.findings}


@pytest.mark.parametrize(
    ("mode", "found"),
    [({}, "settlement.form"), (SEALED, "settlement.rewards")],
    ids=["open", "sealed"],
)  # fmt: skip
def test_a_reward_of_who_did_not_report_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier, mode: dict[str, object], found: str
) -> None:
    """Planted: the environment pays seat 9 in rounds in which it withheld its report."""
    options = {"reports": False, "first": 40, "last": 45}
    silent = [{"seat": 9, "attacks": [{"name": "silent-validator", "options": options}]}]
    for out in (right := tmp_path / "right", wrong := tmp_path / "wrong"):
        out.mkdir()
    kept = audit_folder(play(right, malicious=silent, **mode), paranoid=True)
    assert kept.verdict == "passed"
    forfeited = {each.seat: each.count for each in kept.findings if each.kind == "forfeited"}
    assert forfeited == {9: 6}
    monkeypatch.setattr(Rules, "rewarded", lambda rules, ledger, header: rules.reporters(ledger))
    broken = audit_folder(play(wrong, malicious=silent, **mode), paranoid=True)
    assert failed(broken) == {"settlement.rewards", "paranoid.reward"}
    checks = page.verdict(wrong / folder.HISTORY)["checks"]
    assert found in {check["id"] for check in checks if check["tally"]["failed"]}


@pytest.mark.parametrize("mode", [{}, SEALED], ids=["open", "sealed"])
def test_a_reward_of_another_arm_than_the_blocks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier, mode: dict[str, object]
) -> None:
    """Planted: the environment pays seat 9, which tells the truth and pulls what it likes."""
    free = {"malicious": [{"seat": 9, "attacks": [{"name": "free-rider"}]}]} | mode
    for out in (right := tmp_path / "right", wrong := tmp_path / "wrong"):
        out.mkdir()
    kept = audit_folder(play(right, **free), paranoid=True)
    assert kept.verdict == page.verdict(right / folder.HISTORY)["verdict"] == "passed"
    assert {each.seat for each in kept.findings if each.kind == "forfeited"} == {9}
    monkeypatch.setattr(Rules, "is_paid", lambda rules, header, arm: True)
    broken = audit_folder(play(wrong, **free), paranoid=True)
    assert failed(broken) == {"settlement.rewards", "paranoid.reward"}
    checks = page.verdict(wrong / folder.HISTORY)["checks"]
    assert {check["id"] for check in checks if check["tally"]["failed"]} == {"settlement.rewards"}


@pytest.mark.parametrize(
    ("mode", "is_given", "found", "by_page"), [
        ({}, False, {"settlement.rewards", "paranoid.arm"}, "settlement.form"),
        ({"paid_burn_in": True}, False, {"settlement.rewards", "paranoid.arm"}, "settlement.form"),
        (SEALED, False, {"settlement.tallies", "paranoid.reward"}, "settlement.tallies"),
        (SEALED, True, {"settlement.tallies", "paranoid.reward"}, "settlement.tallies"),
    ],
    ids=["unpaid", "paid", "sealed", "sealed-empty"],
)  # fmt: skip
def test_an_unasked_receipt_that_is_withheld_is_found_and_who_lacks_it_is_not_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier,
    mode: dict[str, object], is_given: bool, found: set[str], by_page: str,
) -> None:  # fmt: skip
    """Planted: the environment gives an honest seat nothing in a round of the burn-in, or an empty receipt, and settles
    that. In a sealed game the root alone tells."""
    gives = Environment.give

    def withhold(environment: Environment, arm: int) -> list[Send]:
        if environment._ledger.round != RECENT:
            return gives(environment, arm)
        seats = [seat for seat in environment.rules.everybody if is_given or seat != HONEST]
        return [Send((seat,), environment.give_to(seat, RECENT, NO_PULL if seat == HONEST else arm)) for seat in seats]

    monkeypatch.setattr(Environment, "give", withhold)
    monkeypatch.setattr(Game, "_check_lockstep", lambda game: None)
    out = play(tmp_path, malicious=[], **mode)
    assert failed(audit_folder(out, paranoid=True)) == found
    checks = page.verdict(out / folder.HISTORY)["checks"]
    assert {check["id"] for check in checks if check["tally"]["failed"]} == {by_page}


@pytest.mark.parametrize("is_given", [True, False], ids=["empty", "withheld"])
@pytest.mark.parametrize("mode", [{}, SEALED], ids=["open", "sealed"])
def test_nobody_honest_is_blamed_for_a_receipt_that_the_environment_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier, mode: dict[str, object], is_given: bool
) -> None:
    """Planted: a pull of an honest reporter brings a receipt of nothing, or one that is settled and never sent."""
    answers = Environment.late_pull

    def keep(environment: Environment, seat: int, round_: int, request: PullRequest) -> list[Send]:
        if (seat, round_) != (HONEST, FRAMED_IN):
            return answers(environment, seat, round_, request)
        if is_given:
            return environment._pulled(seat, environment._rounds[round_], NO_PULL)
        answers(environment, seat, round_, request)
        return []

    monkeypatch.setattr(Environment, "late_pull", keep)
    monkeypatch.setattr(Game, "_check_lockstep", lambda game: None)
    out = play(tmp_path, malicious=[], **mode)
    report = audit_folder(out, paranoid=True)
    assert (report.exit_code, report.violations) == (0, [])
    assert page.verdict(out / folder.HISTORY)["verdict"] == "passed"


@pytest.mark.parametrize("slash", [0.25, 0.0])
def test_of_another_arm_that_a_quorum_certified_nobody_honest_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: BrowserVerifier, slash: float
) -> None:
    """Beyond the assumptions. With proofs the honest are given nothing in that round, and rest on that receipt."""

    def captured(parameters: Parameters, ledger: Ledger) -> int:
        return (honest_arm(parameters, ledger) + (ledger.round == FRAMED_IN)) % parameters.arms

    monkeypatch.setattr(proposal, "honest_arm", captured)
    monkeypatch.setattr(Game, "_check_lockstep", lambda game: None)
    out = play(tmp_path, malicious=[], slash=slash)
    report = audit_folder(out, paranoid=True)
    assert [(each.check, each.round) for each in report.violations] == [
        ("header.arm", FRAMED_IN), ("paranoid.arm", FRAMED_IN),
    ]  # fmt: skip
    checks = page.verdict(out / folder.HISTORY)["checks"]
    assert {check["id"]: check["tally"]["failed"] for check in checks if check["tally"]["failed"]} == {"header.arm": 1}


def test_a_row_of_the_burn_in_that_is_no_draw_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Environment.observed

    def false(environment: Environment, round_: int) -> tuple[Pull, ...]:
        first, *rest = original(environment, round_)
        return (Pull(first.arm, first.reward ^ 1) if round_ == 3 else first, *rest)

    monkeypatch.setattr(Environment, "observed", false)
    report = audit_folder(play(tmp_path))
    assert report.exit_code == 12
    assert "settlement.rewards" in failed(report)


def test_a_report_that_names_a_round_that_it_must_not_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quorum lets it pass."""
    original = Participant.report

    def old(participant: Participant, ledger: Ledger) -> tuple[Report, Opening]:
        report, opening = original(participant, ledger)
        is_old = participant.seat == LIARS[0] and ledger.round == FRAMED_IN
        return (replace(report, named=(FRAMED_IN - 4,)) if is_old else report), opening

    monkeypatch.setattr(Participant, "report", old)
    monkeypatch.setattr(proposal, "may_name", lambda parameters, round_, failures, named: True)
    report = audit_folder(play(tmp_path))
    assert "report.named" in failed(report)
    assert {each.round for each in report.violations if each.check == "report.named"} == {FRAMED_IN}


def forged(played: Path, method: str, change: Callable[[bytes], bytes]) -> AuditReport:
    """The audit of the game with the calldata of a call of the relayer changed."""
    plan, history = Plan(flights(), lambda seconds: None), files.read(played / folder.HISTORY)
    made = Forgery(history, {plan.relayer.address: plan.relayer})
    made.call(method, 0, change)
    return audit(made.made())


def test_a_proof_against_a_true_report_is_found(played: Path, told_of_the_honest: list[FalseReport]) -> None:
    (proof,) = told_of_the_honest
    kind = METHODS["reportFalse"]
    report = forged(played, "reportFalse", lambda data: data[:4] + encode(kind, [proof.calldata()]))
    found = [each.sentence for each in report.violations if each.check == "evidence.proof"]
    assert len(found) == 1
    assert "it is true" in found[0]
    assert "proven false report of a seat not labelled a liar" not in {each.kind for each in report.findings}


NO_PROOF: dict[str, tuple[Callable[[list[Any]], None], str]] = {
    "another's signature": (lambda said: said.__setitem__(0, 8), "not its signature"),
    "another round": (lambda said: said.__setitem__(1, 33), "not its signature"),
    "no such settlement": (lambda said: said.__setitem__(7, 58), "did not sign"),
    "no path": (lambda said: said.__setitem__(11, said[11][1:]), "does not lead"),
    "a short tally": (lambda said: said.__setitem__(6, said[6][:-1]), "length"),
}


@pytest.mark.parametrize("how", NO_PROOF)
def test_what_proves_no_false_report_is_found(played: Path, how: str) -> None:
    change, why = NO_PROOF[how]
    (proof, *_) = (call.arguments[0] for call in calls(files.read(played / folder.HISTORY))
                   if call.method == "reportFalse" and call.arguments)  # fmt: skip
    said: list[Any] = [
        proof.seat, proof.round, proof.parent, proof.report, proof.signature[:32], proof.signature[32:], proof.tally,
        proof.through, proof.root, proof.root_signature[:32], proof.root_signature[32:], list(proof.path), proof.arm,
    ]  # fmt: skip
    change(said)
    report = forged(played, "reportFalse", lambda data: data[:4] + encode(METHODS["reportFalse"], [said]))
    found = [each.sentence for each in report.violations if each.check == "evidence.proof"]
    assert any(why in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("changes", "settled"),
    [({}, None), ({"growth": 1.0, "rounds": 200}, None), ({}, Pull(15, 0))],
    ids=["rounds", "phases", "arm"],
)  # fmt: skip
def test_who_was_framed_is_acquitted_keeps_its_money_and_no_verifier_blames_it(
    changes: dict[str, object], settled: Pull | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    page: BrowserVerifier,
) -> None:
    frame(monkeypatch, HONEST, FRAMED_IN, settled)
    report = audit_folder(out := play(tmp_path, **changes), paranoid=True)
    assert failed(report) == {"settlement.rewards", "settlement.tallies", "paranoid.reward"}
    by_two, by_one = audit_by_two(out / folder.HISTORY, None), audit(files.read(out / folder.HISTORY))
    assert by_two is not None
    assert by_two.json() == by_one.json()
    checks = page.verdict(out / folder.HISTORY)["checks"]
    assert {check["id"] for check in checks if check["tally"]["failed"]} == {"settlement.rewards", "settlement.tallies"}
    (own,) = (each for each in report.accounts if each.seat == HONEST)
    assert (own.penalty, own.void) == (0, 0)
    assert report.game["blocked_from"][HONEST] > 0
    found = {each.kind: each.seat for each in report.findings}
    assert found["two tallies, of the environment"] is None
    assert "proven false report of a seat not labelled a liar" not in found
