"""The second computation agrees with every honest game, and differs where the rule itself is wrong."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace
from itertools import product
from math import isqrt
from pathlib import Path
from typing import Any

import pytest
import rlp

from chain_bandit.auditor import blocks, commitments, second_implementation
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.catalogue import SECOND
from chain_bandit.auditor.report import Account, AuditReport
from chain_bandit.auditor.second_implementation import MONEY, with_second_opinion
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.protocol import (
    aggregation,
    arms,
    committee,
    estimation,
    ledger,
    merits,
    reputation,
    rewards,
    rules,
    run_digest,
)
from chain_bandit.protocol.parameters import Parameters
from chain_bandit.protocol.rule import Standing
from chain_bandit.protocol.rules import kl_ucb, option_1, thompson
from chain_bandit.protocol.ruleset import RuleChoice, RuleKind
from chain_bandit.protocol.units import UNIT
from tests.rules import rule
from tests.unit.audit import played_game
from tests.unit.audit.forging import Forgery
from tests.unit.audit.planted import LIES, ROUND, Lie
from tests.unit.audit.played_game import COMPACT, DRAWS, LATE, PARAMETERS, SEALED, SKIPPED, K, Played, Script, T
from tests.unit.audit.test_planted_violations import CHAINED, change_chain, forgery
from verification.tampering import rehashed, taken_apart


def second_opinion(history: History, folder: Path) -> AuditReport:
    path = folder / "history.jsonl"
    files.write(history, path)
    return with_second_opinion(audit(files.read(path)), path)


def differing(report: AuditReport) -> set[str]:
    return {violation.check for violation in report.violations if violation.check.startswith("paranoid.")}


def agrees(report: AuditReport) -> None:
    assert report.violations == []
    assert report.checks.keys() >= SECOND.keys()
    assert not any(tally.failed for tally in report.checks.values())


@pytest.mark.parametrize("game", ["honest", "sealed", "drawn", "weighed", "full", "compact", "phases"])
def test_both_agree(game: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    played: Played = request.getfixturevalue(game)
    report = second_opinion(played.history, tmp_path)
    agrees(report)
    assert report.exit_code == 0
    silent = {name for name in SECOND if not report.checks[name].passed}
    used = {"paranoid.commanders": played.p.draws_commanders, "paranoid.evidence": bool(played.script.accused)}
    assert silent == {name for name, is_used in used.items() if not is_used}


def weighed_by(parameters: Parameters, name: str, least: int) -> Parameters:
    """The same game with a reputation that leaves out who has less than `least`."""
    given = rules.shipped()[RuleKind.REPUTATION, name, b""].options
    options = {key: option.default or 0 for key, option in given.items()} | {"least": least}
    made = replace(parameters, reputation=RuleChoice(RuleKind.REPUTATION, name, 1, tuple(sorted(options.items()))))
    return rules.with_classes(made)


def pulled_by(name: str, **fields: int) -> Parameters:
    return replace(PARAMETERS, policy=RuleChoice(RuleKind.POLICY, name), **fields)


LEAST = UNIT * 45 // 100
"""A seat without merit falls below it within a block, others rise."""
OPTIONS: dict[str, Parameters] = {
    "option 2, by distance": replace(PARAMETERS, aggregation=rule("option-2"), cost=1),
    "delta-safe": replace(COMPACT, aggregation=rule("delta-safe", delta=UNIT // 10)),
    "confidence, by distance": replace(PARAMETERS, aggregation=rule("confidence", delta=5 * UNIT // 2), cost=1),
    "two thirds": replace(PARAMETERS, quorum_choice=1, c1_per_report=0),
    "kl-ucb": pulled_by("kl-ucb"),
    "thompson, sealed": replace(SEALED, policy=RuleChoice(RuleKind.POLICY, "thompson"), c1_denominator=3),
    "meritrank": weighed_by(replace(PARAMETERS, aggregation=rule("option-2")), "meritrank", LEAST),
    "meritrank, of a median": weighed_by(replace(PARAMETERS, aggregation=rule("median")), "meritrank", LEAST),
    "meritrank, more than f + m": weighed_by(PARAMETERS, "meritrank", UNIT),
    "bittensor-trust, drawn": weighed_by(replace(DRAWS, aggregation=rule("option-2")), "bittensor-trust", LEAST),
}


@pytest.mark.parametrize("parameters", OPTIONS.values(), ids=OPTIONS)
def test_both_agree_on_every_option_and_say_what_is_computed_once(parameters: Parameters, tmp_path: Path) -> None:
    """Of merits the weights alone; of who is left out, of policies, and of what a median counts for nothing."""
    agrees(report := second_opinion(Played(Script(parameters=parameters)).history, tmp_path))
    once = {name for name in SECOND if "has one implementation" in report.checks[name].evidence}
    weighs = {"paranoid.accuracy"} if parameters.reputation.name != "accuracy" else set()
    median = {"paranoid.selection", "paranoid.means"} if parameters.aggregation.name == "median" else set()
    assert once == weighs | median


@pytest.mark.parametrize("finish", ["void", "called off", "running"])
def test_both_agree_where_a_game_is_not_finished(
    games: Callable[[str], Played], finish: str, tmp_path: Path
) -> None:
    report = second_opinion(games(finish).history, tmp_path)
    agrees(report)
    assert (report.exit_code == 0) == (finish == "called off")


def test_a_key_that_is_kept_leaves_bits_and_records_open_and_nothing_else(tmp_path: Path) -> None:
    report = second_opinion(Played(Script(parameters=SEALED, opened_seals=(0, 1, 3))).history, tmp_path)
    agrees(report)
    assert [name for name in SECOND if report.checks[name].not_checkable] == ["paranoid.report", "paranoid.bits"]


def one_smaller_too(estimates: dict[int, int], members: frozenset[int], trim: int, order: Any) -> frozenset[int]:
    ranked = sorted(members, key=lambda seat: (estimates[seat], order[seat]))
    return frozenset(ranked[trim + 1 : len(ranked) - trim])


def other_way_round(seed: bytes, seats: frozenset[int]) -> dict[int, bytes]:
    return {seat: bytes(255 - byte for byte in tie) for seat, tie in TIES(seed, seats).items()}


def rounded_up(estimates: dict[int, int], members: frozenset[int]) -> int:
    return -(-sum(estimates[seat] for seat in members) // len(members)) if members else 2**32 - 1


def a_label_is_enough(selected: Any, lied: Any) -> bool:
    return any(played_game.LIAR in members for members in selected)


def one_round_fewer(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, ...]:
    return PHILOX((key[0], key[1] ^ 1), counter)


def without_kinds(digest: bytes, parameters: Parameters, round_: int, kind: int, *rest: Any) -> bytes:
    return EXTEND(digest, parameters, round_, 1, *rest)


BETA, EXCESS = thompson._beta, kl_ucb._excess
TIES, PHILOX, EXTEND = aggregation.tie_break, rewards.philox, run_digest.extend
DRAWN_AS_VALIDATOR, DRAWN_AS_COMMANDER = committee.validator_drawn, committee.commander_drawn


def halves_swapped(output: bytes) -> bytes:
    return output[16:] + output[:16]


FAULTS: dict[str, tuple[str, list[tuple[Any, str, Callable[..., Any]]], Script]] = {
    "one report more is trimmed": (
        "selection", [(option_1, "trimmed", one_smaller_too)], Script(),
    ),
    "ties are broken the other way round": (
        "selection", [(option_1, "tie_break", other_way_round)], Script(parameters=COMPACT),
    ),
    "means are rounded up": (
        "means", [(aggregation, "global_mean", rounded_up)], Script(parameters=COMPACT),
    ),
    "accuracies are rounded up": (
        "accuracy",
        [(reputation, "accuracy", lambda d, tolerance: max(0, -(65535 * (d - tolerance) // tolerance)))],
        Script(parameters=COMPACT),
    ),
    "radii are rounded up": (
        "radii", [(reputation, "radius", lambda n: isqrt(UNIT * UNIT // n) + 1)], Script(),
    ),
    "widths are those of twice the pulls": (
        "arm", [(arms, "confidence_width", lambda z, n: 10 * isqrt(z // (2 * n)))], Script(),
    ),
    "divergences are twice as large": (
        "arm", [(kl_ucb, "_excess", lambda mean, q, samples, most: EXCESS(mean, q, 2 * samples, most))],
        Script(parameters=pulled_by("kl-ucb")),
    ),
    "draws toss the coins of the next arm": (
        "arm", [(thompson, "_beta", lambda samples, mean, seed, arm: BETA(samples, mean, seed, arm + 1))],
        Script(parameters=pulled_by("thompson", c1_numerator=100)),
    ),
    "nobody is left out": (
        "selection", [(merits, "below", lambda reputations, least: frozenset())],
        Script(parameters=weighed_by(replace(PARAMETERS, aggregation=rule("option-2")), "meritrank", LEAST)),
    ),
    "who is left out validates": (
        "committee", [(Standing, "without", lambda standing, seats: standing)],
        Script(parameters=weighed_by(replace(DRAWS, aggregation=rule("option-2")), "bittensor-trust", LEAST)),
    ),
    "where somebody is left out an estimator counts for nobody": (
        "arm", [(estimation, "mask", lambda seats: -1 if seats else 0)],
        Script(parameters=weighed_by(
            replace(PARAMETERS, aggregation=rule("huber-one-step", clip=UNIT)), "meritrank", LEAST
        )),
    ),
    "reputations are rounded once": (
        "reputation",
        [(ledger, "after_block", lambda old, new: tuple((7 * o + n) // 8 for o, n in zip(old, new, strict=True)))],
        Script(),
    ),
    "a label without a lie costs": (
        "cost",
        [(played_game, "case_2", a_label_is_enough), (blocks, "case_2", a_label_is_enough)],
        Script(means=played_game.same),
    ),
    "draws are those of another key": (
        "reward", [(rewards, "philox", one_round_fewer)], Script(),
    ),
    "every count is enough": (
        "bits",
        [(module, "enough_pulls", lambda counts, reference, k: (True,) * K) for module in (played_game, commitments)],
        Script(pull=lambda arm, seat, t: 1 - arm if seat == 3 else arm),
    ),
    "commanders' half of a hash draws validators": (
        "committee",
        [(committee, "validator_drawn", lambda p, w, output: DRAWN_AS_VALIDATOR(p, w, halves_swapped(output)))],
        Script(parameters=DRAWS),
    ),
    "validators' half of a hash draws commanders": (
        "commanders",
        [(committee, "commander_drawn", lambda p, output, t: DRAWN_AS_COMMANDER(p, halves_swapped(output), t))],
        Script(parameters=DRAWS),
    ),
    "the run digest forgets kinds": (
        "digest", [(run_digest, "extend", without_kinds)], Script(),
    ),
}  # fmt: skip
"""Mistakes in what engine and audit share, which the contract does not compute: by what they change."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_that_engine_and_audit_share_is_found(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, places, script = FAULTS[fault]
    for place, name, wrong in places:
        monkeypatch.setattr(place, name, wrong)
    seed = 100 + list(FAULTS).index(fault)  # the audit keeps draws: no other test may have asked for these
    history = Played(script, seed).history
    alone = audit(history)
    assert alone.exit_code == 0, alone.violations
    report = second_opinion(history, tmp_path)
    assert report.exit_code == 12
    assert f"paranoid.{what}" in differing(report) == {each.check for each in report.violations}
    (first, *_) = [each for each in report.violations if each.check == f"paranoid.{what}"]
    assert (first.round is None) == (what in ("digest", "balance"))
    assert "expected" in first.sentence and "found" in first.sentence  # noqa: PT018


STATEMENTS: dict[str, Callable[[Account], Account]] = {
    "role": lambda account: replace(account, role="a saint"),
    "cost": lambda account: replace(account, cost=(account.cost or 0) + 1),
    "net": lambda account: replace(account, net=(account.net or 0) + 1),
    **{
        name: lambda account, name=name: replace(account, **{name: getattr(account, name) + 1})
        for name in ("stake", "rewards", "penalty", "void", "share", "withdrawn", "owed")
    },
}


def test_whatever_a_statement_says_otherwise_is_found(honest: Played, tmp_path: Path, monkeypatch: Any) -> None:
    """Of a seat and of the environment, each part by itself; the second computation is made once for all."""
    report, path = audit(honest.history), tmp_path / "history.jsonl"
    files.write(honest.history, path)
    verdict = recompute(path)
    monkeypatch.setattr(second_implementation, "recompute", lambda path: deepcopy(verdict))
    for name, at in product(STATEMENTS, (0, -1)):
        told = replace(report, accounts=list(report.accounts))
        told.accounts[at] = STATEMENTS[name](report.accounts[at])
        (found,) = with_second_opinion(told, path).violations
        assert (found.check, found.field) == ("paranoid.balance", f"{name} of account {told.accounts[at].address}")


@pytest.mark.parametrize(
    "change",
    [lambda lines: lines[:-1], lambda lines: [*lines, lines[0]], lambda lines: [lines[1], lines[0], *lines[2:]]],
    ids=["one less", "one more", "exchanged"],
)  # fmt: skip
def test_a_statement_of_others_is_found(honest: Played, change: Callable[[Any], Any], tmp_path: Path) -> None:
    report = audit(honest.history)
    report.accounts[:] = change(report.accounts)
    path = tmp_path / "history.jsonl"
    files.write(honest.history, path)
    found = {(each.check, each.field) for each in with_second_opinion(report, path).violations}
    assert ("paranoid.balance", "holders of accounts") in found


def test_every_part_of_an_account_is_compared() -> None:
    assert {each.name for each in fields(Account)} == {*MONEY, "seat", "address"}
    assert STATEMENTS.keys() == set(MONEY)


def lie_under(check: str, *, forged: bool) -> Lie:
    """The first lie planted for a check, of a round if there is one, in a forged history or in a game played wrong."""
    lies = [told for told in LIES.values() if told.fails[:1] == (check,) and bool(told.of) is forged]
    return min(lies, key=lambda told: told.rounds == (None,))


CHEATED = {
    "header.arm": "arm", "header.form": "selection", "report.signature": "report", "report.range": "report",
    "aggregate.selected": "selection", "aggregate.means": "means", "aggregate.accuracy": "accuracy",
    "header.body": "record", "header.radii": "radii", "record.waiting": "record", "settlement.rewards": "reward",
    "honest.arm": "arm", "honest.report": "report", "counts.commitment": "bits", "counts.bits": "bits",
    "settlement.tags": "reward", "seal.records": "report", "costs.case": "cost", "draw.committee": "committee",
    "draw.commanders": "commanders", "draw.proof": "committee", "header.length": "arm",
}  # fmt: skip
"""Where a quorum or the environment cheats: what the audit says of it, and what the second computation does."""


@pytest.mark.parametrize("check", CHEATED)
def test_what_the_audit_finds_the_second_computation_finds_as_well(check: str, tmp_path: Path) -> None:
    told = lie_under(check, forged=False)
    assert told.script is not None
    report = second_opinion(told.script().history, tmp_path)
    rounds = {each.round for each in report.violations if each.check == check}
    assert rounds
    assert rounds <= {each.round for each in report.violations if each.check == f"paranoid.{CHEATED[check]}"}


OF_PHASES = {
    "another length of a phase": "arm", "another arm of a phase": "arm",
    "another arm in a phase by an honest label": "arm", "a phase beyond the last pull": "arm",
    "fewer pulls than a phase has": "reward", "more pulls than a phase has": "reward",
    "a reward too much in a phase": "reward", "a settlement that leaves a phase for later": "reward",
}  # fmt: skip
"""What both find of a game with phases, by what the second computation does."""


@pytest.mark.parametrize("name", OF_PHASES)
def test_lies_about_phases_are_found_twice(name: str, phases: Played, tmp_path: Path) -> None:
    told = LIES[name]
    made = forgery(phases)
    told.forge(made)
    history = told.script().history if told.script else made.made()
    report, check = second_opinion(history, tmp_path), f"paranoid.{OF_PHASES[name]}"
    rounds = {each.round for each in report.violations if each.check == told.fails[0]}
    assert rounds
    assert rounds <= {each.round for each in report.violations if each.check == check}


MADE_UP: dict[str, tuple[str, int | None]] = {
    "game.parameters": ("setup", None), "game.deposits": ("setup", None), "game.opening": ("setup", None),
    "game.genesis": ("setup", None), "record.events": ("kind", ROUND), "record.links": ("record", ROUND),
    "record.deadline": ("time", SKIPPED), "record.exploration": ("record", LATE + 1),
    "certificate.quorum": ("certificate", ROUND), "certificate.signatures": ("certificate", ROUND),
    "header.form": ("record", ROUND), "aggregate.approval": ("kind", ROUND),
    "reveal.commitment": ("cost", None), "reveal.cost": ("cost", None), "settlement.form": ("reward", None),
    "costs.records": ("record", ROUND), "money.close": ("balance", None), "money.balances": ("balance", None),
    "money.conservation": ("balance", None), "certificate.members": ("record", 4),
    "certificate.batch": ("certificate", 6), "committee.best": ("committee", SKIPPED),
    "evidence.proof": ("evidence", 20), "evidence.listing": ("blocklist", 20), "blocklist.silence": ("blocklist", 30),
    "draw.committee": ("committee", SKIPPED),
}  # fmt: skip
"""Histories that no contract would have let pass: the audit's check, and where the second computation differs."""


@pytest.mark.parametrize("check", MADE_UP)
def test_what_is_made_up_is_found_a_second_time(check: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    told = lie_under(check, forged=True)
    forged = forgery(request.getfixturevalue(told.of))
    told.forge(forged)
    what, round_ = MADE_UP[check]
    report = second_opinion(forged.made(), tmp_path)
    assert (f"paranoid.{what}", round_) in {(each.check, each.round) for each in report.violations}


SAID: dict[str, tuple[str, int | None]] = {
    "another committee in an event": ("record", T), "sums in an event that were not credited": ("reward", None),
    "sums in an event that were not paid": ("reward", None),
}  # fmt: skip
"""Events that say other than the calldata, and where the second computation differs."""


@pytest.mark.parametrize("name", SAID)
def test_an_event_that_says_other_than_the_calldata_is_found_a_second_time(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    forged = forgery(request.getfixturevalue(LIES[name].of))
    LIES[name].forge(forged)
    report = second_opinion(forged.made(), tmp_path)
    found = {(each.check, each.round) for each in report.violations}
    assert found == {("record.events", SAID[name][1]), (f"paranoid.{SAID[name][0]}", SAID[name][1])}


LAST: dict[str, tuple[str, str]] = {
    "CostsSettled": ("honest", "paranoid.cost"), "SealRevealed": ("sealed", "paranoid.setup"),
    "Withdrawn": ("honest", "paranoid.balance"),
}  # fmt: skip
"""Events of the end of a game, one that has them, and where the second computation differs."""


@pytest.mark.parametrize("change", [lambda data: data + bytes(32), lambda data: data[:-1] + bytes([data[-1] ^ 1])],
                         ids=["a word more", "another word"])  # fmt: skip
@pytest.mark.parametrize("name", LAST)
def test_an_event_of_the_end_that_lies_is_found_a_second_time(
    name: str, change: Callable[[bytes], bytes], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    game, check = LAST[name]
    forged = forgery(request.getfixturevalue(game))
    forged.event(name, 0, change)
    assert check in differing(second_opinion(forged.made(), tmp_path))


P = PARAMETERS
DEADLINES: dict[str, tuple[tuple[str, int], tuple[str, int], int]] = {
    "a cost settlement": (("settleCosts", -1), ("submitBlocks", -1), P.settlement_window),
    "a reveal": (("reveal", 0), ("submitBlocks", -1), P.settlement_window),
    "a seat": (("join", -1), ("constructor", 0), P.opening_deadline),
    "the opening": (("open", 0), ("constructor", 0), P.opening_deadline),
    "the last record": (("submitBlocks", -1), ("open", 0), P.game_blocks),
}
"""What comes how many blocks after what, at the latest."""


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("which", DEADLINES)
def test_both_see_what_comes_a_block_too_late(honest: Played, which: str, late: int, tmp_path: Path) -> None:
    call, after, blocks = DEADLINES[which]
    forged = forgery(honest)
    start = 0 if after[0] == "constructor" else forged.block_of(*after)
    forged.wait(forged.block_of(*call), blocks - (forged.block_of(*call) - start) + late)
    report = second_opinion(forged.made(), tmp_path)
    told = [each.field for each in report.violations if each.check == "paranoid.time"]
    assert bool(told and told[0].startswith(f"whether {call[0]} may come")) is bool(late)
    assert bool({"record.deadline", "game.opening"} & {each.check for each in report.violations}) >= bool(late)


def exchanged(forged: Forgery, one: tuple[str, int], other: tuple[str, int]) -> None:
    """Two calls in the place of each other."""
    first, second = (forged.blocks[forged.block_of(*each)] for each in (one, other))
    for part in (1, 2):
        first[part][:], second[part][:] = second[part][:], first[part][:]
    first[0][10], second[0][10] = second[0][10], first[0][10]


EARLY = {
    "a closing before the costs": (("close", 0), ("settleCosts", -1), "time"),
    "a closing before the last record": (("close", 0), ("submitBlocks", -1), "time"),
    "costs before the last record": (("settleCosts", 0), ("submitBlocks", -1), "time"),
    "a withdrawal before the closing": (("withdraw", 0), ("close", 0), "balance"),
}


@pytest.mark.parametrize("which", EARLY)
def test_both_see_what_comes_too_early(honest: Played, which: str, tmp_path: Path) -> None:
    early, before, what = EARLY[which]
    forged = forgery(honest)
    exchanged(forged, early, before)
    report = second_opinion(forged.made(), tmp_path)
    assert f"paranoid.{what}" in differing(report)
    assert {"record.deadline", "money.close", "money.balances"} & {each.check for each in report.violations}


def test_both_see_a_transaction_that_is_left_out_and_one_that_is_refused_though_it_is_owed(
    honest: Played, tmp_path: Path
) -> None:
    parts = taken_apart(tuple(honest.history.blocks))
    left_out, refused = forgery(honest).block_of("settleRewards", 1), forgery(honest).block_of("withdraw", 0)
    del parts[left_out][1][:], parts[left_out][2][:]
    parts[left_out][0][10] = b""
    raw = parts[refused][2][0]
    parts[refused][2][0] = raw[:1] + rlp.encode([b"", *rlp.decode(raw[1:])[1:2], bytes(256), []])
    report = second_opinion(History(honest.history.origin, rehashed(parts)), tmp_path)
    told = {(each.check, each.field.split(" 0x")[0]) for each in report.violations}
    assert told >= {
        ("chain.order", "transaction"), ("paranoid.order", "number of a transaction of"),
        ("money.balances", "withdrawal of seat 0"), ("paranoid.balance", "what"),
    }  # fmt: skip


@pytest.mark.parametrize("check", CHAINED)
def test_no_chain_is_followed_by_either(check: str, honest: Played, tmp_path: Path) -> None:
    report = second_opinion(change_chain(honest.history, 20, CHAINED[check]), tmp_path)
    assert {each.check for each in report.violations} == {check}
    assert {(report.checks[name].passed, report.checks[name].not_checkable) for name in SECOND} == {(0, 1)}
    assert {each.what for each in recompute(tmp_path / "history.jsonl").differences.values()} == {"chain"}


def test_every_check_of_the_second_computation_has_been_seen_to_fail() -> None:
    seen = {what for what, _, _ in FAULTS.values()} | set(CHEATED.values()) | {what for what, _ in MADE_UP.values()}
    assert {f"paranoid.{what}" for what in seen | {"chain", "order"}} == SECOND.keys()
