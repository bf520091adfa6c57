"""Audits of sealed games: lies of every kind planted by a liar, found by round and kind, and nobody else accused."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from eth_abi import encode

from chain_bandit.audit.audit import audit
from chain_bandit.audit.draws import CHECKS_OF_DRAWS
from chain_bandit.audit.report import KEPT, AuditReport
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.parameters import BodyMode
from chain_bandit.protocol.settlement import PULL_BYTES, Conduct, Pull
from chain_bandit.protocol.units import NO_PULL, UNIT
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import (
    COMMITTEES,
    LIAR,
    PARAMETERS,
    REJECTED,
    ROLES,
    SEALED,
    K,
    L,
    M,
    Played,
    Script,
    T,
    lie,
    rich,
    same,
)

FINDINGS = {
    "arm": "false sealed arm", "reward": "false sealed reward", "count": "false count commitment",
    "mean": "false report",
}  # fmt: skip


@dataclass
class Liar:
    """What the liar says in which round, by chance; `rounds` fills as the game goes."""

    seed: int
    share: float = 0.3
    kinds: tuple[str, ...] = tuple(FINDINGS)
    rounds: dict[str, set[int]] = field(default_factory=lambda: {kind: set() for kind in FINDINGS})

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def lies(self, kind: str, seat: int, t: int) -> bool:
        if seat != LIAR or kind not in self.kinds:
            return False
        told = random.Random(f"{self.seed} {kind} {t}").random() < self.share
        if told:
            self.rounds[kind].add(t)
        return told

    def means(self, means: tuple[int, ...], seat: int, t: int) -> tuple[int, ...]:
        if not self.lies("mean", seat, t):
            return means
        arm = self.chance.randrange(K)
        wrong = (means[arm] + self.chance.choice((1, UNIT // 3))) % (UNIT + 1)
        return tuple(wrong if i == arm else mean for i, mean in enumerate(means))

    def counts(self, counts: tuple[int, ...], seat: int, t: int) -> tuple[int, ...]:
        return (counts[0] + 1, *counts[1:]) if self.lies("count", seat, t) else counts

    def record(self, pull: Pull, seat: int, t: int) -> Pull:
        if self.lies("arm", seat, t):
            arms = [arm for arm in (0, 1, 2, 200, NO_PULL) if arm != pull.arm]
            return Pull(self.chance.choice(arms), self.chance.choice((pull.reward, 0, UNIT)))
        if self.lies("reward", seat, t):
            return replace(pull, reward=self.chance.choice([r for r in (0, 1, UNIT, 2**32 - 1) if r != pull.reward]))
        return pull

    def pull(self, arm: int, seat: int, t: int) -> int | None:
        return arm if seat != LIAR else self.chance.choice((arm, arm, 1 - arm, None))

    def script(self, **changes: object) -> Script:
        return replace(
            Script(parameters=SEALED, means=self.means, counts=self.counts, record=self.record, pull=self.pull),
            **changes,  # type: ignore[arg-type]
        )


def found(report: AuditReport, kind: str) -> tuple[int, set[int]]:
    """How often, and in which rounds as far as they are listed, the liar is named for it; nobody else may be."""
    named = [finding for finding in report.findings if finding.kind == kind]
    assert {finding.seat for finding in named} <= {LIAR}
    return sum(f.count for f in named), {t for f in named for t in f.rounds}


def nobody_honest_is_accused(report: AuditReport) -> None:
    assert report.violations == []
    assert {f.kind for f in report.findings if f.seat not in (None, LIAR)} <= {"no report"}


def check_lies(liar: Liar, report: AuditReport) -> int:
    """Every lie is found in its round under its kind, and no other; how many there were."""
    nobody_honest_is_accused(report)
    for kind, rounds in liar.rounds.items():
        count, listed = found(report, FINDINGS[kind])
        assert count == len(rounds)
        assert listed == set(sorted(rounds)[:KEPT])
    return sum(map(len, liar.rounds.values()))


@pytest.mark.parametrize("seed", range(3))
def test_every_planted_lie_of_a_liar_whose_key_is_revealed_is_found(seed: int) -> None:
    liar = Liar(seed)
    report = audit(Played(liar.script(), seed + 1).history)
    assert check_lies(liar, report) > 12
    assert report.not_checkable == 0


@pytest.mark.deep
def test_a_thousand_planted_lies_are_all_found() -> None:
    lies = 0
    for seed in range(60):
        mode = BodyMode(seed % 2)
        liar = Liar(seed, share=0.1 + seed % 5 / 5)
        script = liar.script(parameters=replace(SEALED, body_mode=mode))
        lies += check_lies(liar, audit(Played(script, seed + 1).history))
    assert lies >= 1000


@pytest.mark.parametrize("kind", FINDINGS)
def test_a_lie_is_named_by_its_kind_alone(kind: str) -> None:
    liar = Liar(7, kinds=(kind,))
    report = audit(Played(liar.script()).history)
    assert check_lies(liar, report) == len(liar.rounds[kind]) > 0
    assert {f.kind for f in report.findings if f.kind in FINDINGS.values()} == {FINDINGS[kind]}


@pytest.mark.parametrize("mode", BodyMode)
def test_an_honest_sealed_game_is_audited_whole(mode: BodyMode) -> None:
    report = audit(Played(Script(parameters=replace(SEALED, body_mode=mode))).history)
    assert report.exit_code == 0
    checks = report.checks
    assert checks["seal.records"].passed == checks["report.signature"].passed > 80
    assert checks["settlement.roots"].passed == report.game["approved"] - 1  # round L is not paid
    assert (checks["seal.keys"].passed, checks["settlement.sums"].passed) == (M, M)


def test_a_sealed_game_with_committees_batches_and_a_block_list_is_audited_whole() -> None:
    sealed = replace(COMMITTEES, sealed=1, unrevealed_penalty=7, stake=COMMITTEES.stake + 7)
    report = audit(Played(rich(parameters=sealed)).history)
    assert report.exit_code == 0
    unused = {name for name, tally in report.checks.items() if not tally.passed}
    assert unused == set(CHECKS_OF_DRAWS)


def test_sealed_and_open_games_come_to_the_same_rounds() -> None:
    """But for the records in the reports, and what settlement shows."""
    rows = [
        [(row.kind, row.arm, row.means, row.selected, row.rewards) for row in audit(Played(script).history).rounds]
        for script in (Script(parameters=SEALED, kind=lambda t: "block"), Script(kind=lambda t: "block"))
    ]
    assert [len(each) for each in rows] == [T - L + 1] * 2
    assert all(row[-1] is not None for row in rows[0][1:] if row[0] == "approved")


def test_without_its_key_a_seat_is_not_checkable_and_pays() -> None:
    liar = Liar(3)
    played = Played(liar.script(opened_seals=(0, 1, 2)))
    report = audit(played.history)
    nobody_honest_is_accused(report)
    assert report.exit_code == 13
    own = report.checks["seal.records"]
    assert own.not_checkable == found(report, "sealing key not revealed")[0] > 0
    assert own.evidence == f"seat {LIAR} did not reveal its sealing key"
    assert {name for name, tally in report.checks.items() if tally.not_checkable} == {"seal.records"}
    assert own.passed == report.checks["report.signature"].passed - own.not_checkable
    assert found(report, "false report")[0] == len(liar.rounds["mean"])  # the roots open without it
    assert report.burned % PARAMETERS.wei_per_unit == 1000 % PARAMETERS.wei_per_unit
    rewards = [account.rewards for account in report.accounts[:M]]
    assert rewards == played.sums


def test_a_record_under_another_key_is_named() -> None:
    script = Script(parameters=SEALED, seal_key=lambda key, seat, t: keccak(key) if seat == LIAR else key)
    report = audit(Played(script).history)
    nobody_honest_is_accused(report)
    assert found(report, "sealed record does not open")[0] > 20


def test_roots_open_when_several_pull_anything_and_keep_their_keys() -> None:
    chance = random.Random(5)
    roles = bytes((0, 0, Conduct.ATTACKER, Conduct.LIAR))
    script = Script(
        parameters=SEALED, roles=roles, opened_seals=(0, 1), means=same,
        pull=lambda arm, seat, t: arm if seat < 2 else chance.choice((0, 1, None)),
    )  # fmt: skip
    report = audit(Played(script).history)
    assert report.violations == []
    assert report.checks["settlement.roots"].passed == report.game["approved"] - 1
    assert report.checks["settlement.sums"].passed == M


def test_an_honest_seat_that_pulls_another_arm_is_named_by_the_root() -> None:
    script = Script(parameters=SEALED, pull=lambda arm, seat, t: 1 - arm if (seat, t) == (1, 10) else arm)
    report = audit(Played(script).history)
    assert [(v.check, v.round) for v in report.violations] == [("honest.arm", 10)]


def test_a_false_root_is_named_and_accuses_no_participant() -> None:
    script = Script(parameters=SEALED, root=lambda root, t: keccak(root) if t == 10 else root)
    report = audit(Played(script).history)
    assert [(v.check, v.round) for v in report.violations] == [("settlement.roots", 10)]
    assert report.run_digest is None
    assert report.checks["settlement.sums"].not_checkable == M
    assert report.checks["seal.records"].passed > 80


def test_false_sums_are_named() -> None:
    script = Script(parameters=SEALED, sums=lambda sums: [sums[0], sums[1] + 1, *sums[2:]])
    report = audit(Played(script).history)
    assert [v.check for v in report.violations] == ["settlement.sums"]
    assert "seat 1" in report.violations[0].sentence


FORGED: dict[str, Callable[[Forgery], None]] = {
    "seal.keys": lambda f: f.call("revealSeal", 0, lambda data: data[:5] + bytes([data[5] ^ 1]) + data[6:]),
    "settlement.form": lambda f: f.call("settleSums", 0, lambda data: data[:4] + encode(["bytes"], [bytes(8 * M - 1)])),
    "record.events": lambda f: f.event("SumsSettled", 0, lambda data: bytes(32)),
    "settlement.sums": lambda f: f.call("settleSums", 0, lambda data: data[:-1] + bytes([data[-1] ^ 1])),
}


@pytest.fixture(scope="module")
def sealed() -> Played:
    return Played(Script(parameters=SEALED))


@pytest.mark.parametrize("check", FORGED)
def test_made_up_sums_and_keys_are_named(sealed: Played, check: str) -> None:
    forged = Forgery(sealed.history, {signer.address: signer for signer in (*sealed.signers, sealed.owner)})
    FORGED[check](forged)
    assert check in {violation.check for violation in audit(forged.made()).violations}


def test_records_have_one_length_and_never_repeat(sealed: Played) -> None:
    """Before keys are revealed, all that anybody sees."""
    records = [sealed._sealed(seat, t) for seat in range(M) for t in range(1, T)]
    assert {len(record) for record in records} == {21}
    assert len(set(records)) == len(records)


def test_in_an_open_game_lies_are_found_without_any_key() -> None:
    """Arms and rewards are in the settlement; counts that change a comparison bit show in it."""
    told = {9, 17, 20}
    script = Script(
        opened_counts=(0, 1, 2),
        counts=lambda counts, seat, t: (0,) * K if seat == LIAR and t in told else counts,
        means=lambda means, seat, t: (means[0] ^ 1, means[1]) if seat == LIAR and t in told else means,
        pull=lambda arm, seat, t: 1 - arm if seat == LIAR and t in told else arm,
    )
    report = audit(Played(script).history)
    nobody_honest_is_accused(report)
    for kind in ("bits of other counts", "false report", "other arm than the honest"):
        assert found(report, kind) == (3, told)


def test_an_honest_open_game_names_no_bits() -> None:
    report = audit(Played(Script(means=lie, opened_counts=(0, 1, 2))).history)
    assert found(report, "bits of other counts") == (0, set())


def test_settled_bytes_are_a_root_a_round(sealed: Played) -> None:
    assert PULL_BYTES * M < 32  # four seats are fewer bytes in the open, ten are more
    assert ROLES[LIAR] == Conduct.LIAR
    assert REJECTED not in {row.round for row in audit(sealed.history).rounds if row.kind == "approved"}
