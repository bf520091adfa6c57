"""Findings about participants: proofs, observations and hints, kept apart."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from eth_account import Account
from eth_utils import to_checksum_address

from chain_bandit.auditor import collusion, findings
from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.collusion import Alike, Pair, chance, groups
from chain_bandit.auditor.nonces import Nonces
from chain_bandit.auditor.report import AuditReport, Finding, Weight, worded
from chain_bandit.chain.embedded import EmbeddedNode
from chain_bandit.chain_history.records import SELECTORS
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.nonces import gives_key_away
from chain_bandit.crypto.verify import signer
from chain_bandit.protocol.blocks import Report
from chain_bandit.protocol.digests import keccak
from chain_bandit.protocol.rewards import Distribution, RewardModel, bernoulli
from chain_bandit.protocol.units import UNIT
from tests.unit.audit.forging import Forgery, signed_with
from tests.unit.audit.planted import NONCE, ROUND, Careless, flip, wider_b
from tests.unit.audit.played_game import COMMITTEES, LIAR, PARAMETERS, M, Played, Script, rich, with_header


def of(report: AuditReport, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_every_kind_has_one_weight() -> None:
    assert not findings._PROOFS.keys() & findings._OBSERVATIONS.keys()
    assert {weight.value for weight in Weight} == {"proof", "observation", "hint"}


@pytest.mark.parametrize("count", [1, 2])
def test_sentences_count_as_people_do(count: int) -> None:
    for kind in (*findings._PROOFS, *findings._OBSERVATIONS):
        said = findings._noted(kind, 2, [7, 9][:count], {}, {}).sentence
        assert not re.search(r"\b1 \w+s\b|\b2 (round|block|call)\b", said), said
        assert said.endswith("(in round 7)" if count == 1 else "(first in round 7)")


def test_a_liar_without_a_report_is_not_said_to_have_told_the_truth() -> None:
    """One whose reports all came to nothing has neither lied nor not."""
    silent = Played(Script(reporters=lambda t: (0, 1, 2)))
    report = audit(silent.history)
    assert [item.seat for item in of(report, "label without a report")] == [LIAR]
    assert not of(report, "label without a lie")
    honest = audit(Played(Script(means=lambda means, seat, t: means)).history)
    assert [item.seat for item in of(honest, "label without a lie")] == [LIAR]
    assert not of(honest, "label without a report")


def test_values_of_one_sort_are_written_in_one_way() -> None:
    assert worded((0, 1)) == worded([0, 1]) == worded({1, 0}) == "[0, 1]"
    assert worded((3,)) == "[3]"
    assert worded([(1, bytes(2))]) == "[[1, 0x0000]]"


# Keys


def keys(count: int) -> list[Signer]:
    return [Signer(derive(4, "nonces", index)) for index in range(count)]


@pytest.mark.parametrize("nonce", [1, 2, NONCE, 2**255])
def test_two_signatures_with_one_nonce_give_their_key_away(nonce: int) -> None:
    for owner in keys(8):
        one, other = ((digest, signed_with(nonce, owner, digest)) for digest in (keccak(b"1"), keccak(b"2")))
        assert {signer(*one), signer(*other)} == {owner.address}
        assert gives_key_away(owner.address, one, other)


def test_what_gives_no_key_away() -> None:
    mine, theirs = keys(2)
    one, other = keccak(b"1"), keccak(b"2")
    same = (one, signed_with(NONCE, mine, one))
    assert not gives_key_away(mine.address, same, same)
    assert not gives_key_away(mine.address, same, (other, mine.sign(other)))
    assert not gives_key_away(mine.address, same, (other, signed_with(NONCE, theirs, other)))
    assert not gives_key_away(theirs.address, same, (other, signed_with(NONCE, mine, other)))


def test_one_content_signed_again_is_no_repeated_nonce() -> None:
    (mine,) = keys(1)
    nonces = Nonces()
    for text in (b"1", b"1", b"2"):
        nonces.add(keccak(text), mine.sign(keccak(text)))
    assert nonces.repeated() == frozenset()
    nonces.add(keccak(b"3"), mine.sign(keccak(b"1")))  # as if its digest were another
    assert len(nonces.repeated()) == 1


def test_a_report_signed_with_the_nonce_of_another_shows_the_key_and_prints_none() -> None:
    played = Played(script := Script())
    assert not of(audit(played.history), "key given away")
    careless = Careless(script)
    report = audit(careless.history)
    assert report.exit_code == 0, report.violations
    (found,) = of(report, "key given away")
    assert (found.seat, found.rounds, found.weight) == (1, (ROUND, ROUND + 1), Weight.PROOF)
    first, second = found.evidence["first"], found.evidence["second"]
    assert first["signature"][:66] == second["signature"][:66] == found.evidence["nonce_r"]
    for each in (first, second):
        digest, signature = (bytes.fromhex(each[name][2:]) for name in ("digest", "signature"))
        assert signer(digest, signature) == careless.signers[1].address
    secret = careless.signers[1].secret
    said = report.json() + str(report.findings) + "\n".join(report.lines())
    assert secret.hex() not in said
    assert str(int.from_bytes(secret, "big")) not in said


@dataclass
class Loose:
    """A key that signs whatever it signs with one nonce."""

    key: Signer

    @property
    def address(self) -> bytes:
        return self.key.address

    def sign(self, digest: bytes) -> bytes:
        return signed_with(NONCE, self.key, digest)


@pytest.mark.parametrize("environment", [False, True], ids=["a seat", "the environment"])
def test_transactions_with_one_nonce_give_their_key_away(honest: Played, environment: bool) -> None:
    forged = Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})
    method = "settleRewards" if environment else "submitBlocks"
    same = [which for which in range(5) if forged.who(method, which).address == forged.who(method, 0).address]
    for which in same[:2]:
        forged.sender(method, which, Loose(forged.who(method, 0)))  # type: ignore[arg-type]
    report = audit(forged.made())
    assert report.exit_code == 0, report.violations
    (found,) = of(report, "key given away")
    assert found.weight is Weight.PROOF
    assert (found.seat is None) == environment


# Who certified what is false


def test_the_signers_of_a_false_block_are_named_though_the_contract_recorded_it() -> None:
    report = audit(Played(Script(header=wider_b)).history)
    signers = next(row.signers for row in report.rounds if row.round == ROUND)
    found = of(report, "certified a false block")
    assert {finding.seat for finding in found} == set(signers) < set(range(4))
    assert {(finding.rounds, finding.weight) for finding in found} == {((ROUND,), Weight.PROOF)}


def test_who_vouches_for_a_false_block_by_a_later_one_is_named() -> None:
    everybody = replace(COMMITTEES, validators=M)
    script = rich(parameters=everybody, header=with_header(ROUND, selected=lambda rows: (rows[0] ^ 1, rows[1])))
    report = audit(Played(script).history)
    rows = {row.round: row for row in report.rounds}
    vouching = next(row for t, row in sorted(rows.items()) if t >= ROUND and row.signers)
    assert vouching.round > ROUND
    found = of(report, "certified a false block")
    assert {finding.seat for finding in found} == set(vouching.signers)
    assert {finding.rounds for finding in found} == {(ROUND,)}


def test_nobody_is_blamed_by_a_false_signature(full: Played) -> None:
    forged = Forgery(full.history, {signer.address: signer for signer in (*full.signers, full.owner)})

    def changed(data: bytes) -> bytes:  # a false body, in a batch whose signatures are then false as well
        return flip(len(data) - 300)(data)

    forged.call("submitBlocks", 0, changed)
    report = audit(forged.made())
    assert report.checks["certificate.signatures"].failed
    assert not of(report, "certified a false block")


def test_wrong_bits_name_nobody_as_a_validator_has_them_from_the_comparison() -> None:
    script = Script(bits=lambda bits, t: {**bits, 1: (bits[1][0], False)} if t == ROUND else bits)
    report = audit(Played(script).history)
    assert report.checks["counts.bits"].failed
    assert not of(report, "certified a false block")


# Late and refused


def test_a_call_that_comes_too_late_is_observed() -> None:
    played = Played(Script())
    committee = played.ledger.committee
    with pytest.raises(Exception, match="refused"):
        played.contract.skip_after_deadline(played.accounts[2], committee)
    with pytest.raises(Exception, match="refused"):
        played.contract.settle_rewards(played.environment, 30, b"")
    report = audit(played.history)
    assert report.exit_code == 0
    (mine,), (theirs,) = of(report, "call too late"), of(report, "call too late, of the environment")
    assert (mine.seat, mine.count, mine.weight) == (2, 1, Weight.OBSERVATION)
    assert (theirs.seat, theirs.count) == (None, 1)


def test_a_call_in_time_that_is_refused_is_no_late_one() -> None:
    class Hasty(Played):
        def _finish(self) -> None:
            with pytest.raises(Exception, match="refused"):
                self.contract.close(self.accounts[1])
            super()._finish()

    report = audit(Hasty(Script()).history)
    assert [(finding.seat, finding.count) for finding in of(report, "call refused")] == [(1, 1)]
    assert not of(report, "call too late")


def closed_early(played: Played, gas: int) -> int:
    """The gas that a closing by the environment uses where there is nothing to close."""
    eth, account = played.node.line.eth, played.environment
    signed = account.sign_transaction({
        "chainId": eth.chain_id, "nonce": eth.get_transaction_count(account.address), "data": SELECTORS["close"],
        "to": to_checksum_address(played.contract.address), "value": 0, "gas": gas, "type": 2,
        "maxFeePerGas": 2 * eth.gas_price + 10**9, "maxPriorityFeePerGas": 1,
    })  # fmt: skip
    receipt = eth.get_transaction_receipt(eth.send_raw_transaction(signed.raw_transaction))
    assert receipt["status"] == 0
    return int(receipt["gasUsed"])


def calls_found(played: Played) -> dict[str, int]:
    return {each.kind: each.count for each in audit(played.chain).findings if each.kind.startswith("call")}


REFUSED, SPENT = "call refused, of the environment", "call out of gas, or refused, of the environment"


def test_a_call_that_ran_out_of_gas_is_not_said_to_be_refused() -> None:
    played = Played(Script(finish="called off"), chain=EmbeddedNode)
    used = closed_early(played, 3_000_000)
    assert calls_found(played) == {REFUSED: 1}
    limits = range(21_200, used, 1_000)
    # A call within a call leaves a 64th (EIP-150): the game calls the implementation, that the bookkeeper.
    assert all(limit * 63**2 // 64**2 <= closed_early(played, limit) <= limit for limit in limits)
    assert calls_found(played) == {REFUSED: 1, SPENT: len(limits)}


def test_a_call_is_refused_where_a_21st_of_its_gas_is_left() -> None:
    for limit, kind in ((21_000, SPENT), (22_050, SPENT), (22_051, REFUSED)):
        played = Played(Script(finish="called off"))
        assert closed_early(played, limit) == 21_000
        assert calls_found(played) == {kind: 1}


def test_a_stranger_may_send_what_it_likes() -> None:
    played = Played(Script())
    with pytest.raises(Exception, match="refused"):
        played.contract.join(Account.from_key(played.outsider.secret), played.seated[0])
    report = audit(played.history)
    assert report.other_transactions == {"reverted": 1}
    assert {finding.kind for finding in report.findings} == {"false report", "no report", "ended by the deadline"}


# Too alike

MODELS = {
    "coin": RewardModel((bernoulli(7 * UNIT // 10), bernoulli(3 * UNIT // 10))),
    "table": RewardModel((
        Distribution(tuple(range(0, UNIT + 1, UNIT // 20)), (1,) * 21), Distribution((0, UNIT // 3, UNIT), (5, 2, 1)),
    )),
    "fine": RewardModel((Distribution(tuple(range(UNIT // 2, UNIT // 2 + 1500, 5)), (1,) * 300),) * 2),
    "nearly sure": RewardModel((bernoulli(98 * UNIT // 100), bernoulli(2 * UNIT // 100))),
}  # fmt: skip


def draw(model: RewardModel, arm: int, dice: random.Random) -> int:
    distribution = model.arms[arm]
    return dice.choices(distribution.values, distribution.weights)[0]


def game(model: RewardModel, seats: int, rounds: int, dice: random.Random, copies: Sequence[int] = ()) -> Alike:
    """Blocks of a game in lockstep in which everybody reports what it drew; but who copies reports what seat 0 does."""
    pairs, pulls = Alike(seats), [3, 3]
    totals = [[sum(draw(model, arm, dice) for _ in range(3)) for arm in (0, 1)] for _ in range(seats)]
    for t in range(rounds):
        means = [tuple(total // n for total, n in zip(own, pulls, strict=True)) for own in totals]
        reports = {seat: Report(means[0 if seat in copies else seat], bytes(32)) for seat in range(seats)}
        pairs.take(t, tuple(pulls), reports, model)
        arm = dice.randrange(2)
        pulls[arm] += 1
        for own in totals:
            own[arm] += draw(model, arm, dice)
    return pairs


@pytest.mark.parametrize("name", MODELS)
def test_fewer_games_than_the_bound_says_name_anybody_honest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a bound that can be seen: one game in 20, of 300."""
    monkeypatch.setattr(collusion, "GAMES", 20)
    named = sum(bool(game(MODELS[name], 5, 60, random.Random(seed)).found()) for seed in range(300))
    assert named <= 300 / 20


@pytest.mark.parametrize("name", ["coin", "table"])
def test_who_copies_is_named_with_whom_it_copies_and_nobody_else(name: str) -> None:
    found = game(MODELS[name], 5, 150, random.Random(1), copies=(2, 4)).found()
    assert {pair.seats for pair in found} == {(0, 2), (0, 4), (2, 4)}
    for pair in found:
        assert pair.alike == pair.compared > pair.expected
        assert pair.since < 150
    assert len(groups(found)) == 1


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("width", [1, UNIT // 10, UNIT, 2 * UNIT])
def test_chance_is_that_of_counting_pairs(name: str, width: int) -> None:
    for arm in MODELS[name].arms:
        pairs = list(zip(arm.values, arm.weights, strict=True))
        near = sum(v * w for x, v in pairs for y, w in pairs if abs(x - y) < width)
        assert chance(arm, width) == near / sum(arm.weights) ** 2


def test_groups_are_joined_by_shared_seats() -> None:
    pairs = [Pair(seats, 1, 1, 0.5, 1) for seats in ((0, 1), (2, 3), (1, 2), (5, 6))]
    assert sorted(sorted({seat for pair in group for seat in pair.seats}) for group in groups(pairs)) == [
        [0, 1, 2, 3], [5, 6],
    ]  # fmt: skip


def test_liars_with_one_plan_are_a_hint_and_no_violation() -> None:
    rounds = 120
    parameters = replace(
        PARAMETERS, horizon=rounds, unrecorded=10, game_blocks=10 * rounds, stake=PARAMETERS.stake * rounds // 30
    )
    script = Script(
        parameters=parameters, batch=10, last=rounds, kind=lambda t: "block", reporters=lambda t: (0, 1, 2, 3),
        means=lambda means, seat, t: (UNIT // 3, UNIT) if seat > 1 else means, roles=bytes((0, 0, 1, 1)),
    )  # fmt: skip
    report = audit(Played(script).history)
    assert report.exit_code == 0, report.violations
    (hint,) = of(report, "reports too alike")
    assert (hint.seat, hint.others, hint.weight) == (2, (LIAR,), Weight.HINT)
    (pair,) = hint.evidence["pairs"]
    assert pair["seats"] == [2, 3]
    assert pair["alike"] == pair["compared"] > 100
    assert "fewer than one of 1,000,000 games" in hint.sentence
    assert not [finding for finding in report.findings if finding.weight is Weight.HINT and finding is not hint]

