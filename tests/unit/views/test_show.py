from dataclasses import replace

import pytest

from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.records import METHODS, PACKED, Accusation, Acquittal, Refutation, calls
from chain_bandit.protocol.blocks import KEYS_BYTES
from chain_bandit.protocol.reputation import FULL
from chain_bandit.protocol.settlement import CostEntry
from chain_bandit.protocol.units import UNIT
from chain_bandit.views.decoded_history import DecodedHistory, NotShown, plain
from chain_bandit.views.show import show_participant, show_round, show_transaction
from chain_bandit.views.view_model import manifest_of
from tests.unit.views.on_screen import shown


@pytest.fixture(scope="module")
def inside(sample):
    return DecodedHistory.of(sample.manifest, sample.report, sample.history)


@pytest.fixture(scope="module")
def inside_batched(batched):
    return DecodedHistory.of(batched.manifest, batched.report, batched.history)


def rows(sample, kind):
    found = [row for row in sample.report.rounds if row.kind == kind]
    assert found
    return found


def test_show_round_tells_reports_b_and_signers(inside, sample):
    row = rows(sample, "approved")[-1]
    text = shown(show_round(inside, row.round))
    assert "approved" in text
    assert "signers" in text
    assert f"{row.gas:,}" in text
    for arm, name in enumerate(sample.manifest["arm_names"]):
        line = next(line for line in text.splitlines() if line.startswith(name))
        assert line.count("*") == len(row.selected[arm])
    by_seat = [line.split() for line in text[text.index("By seat") :].splitlines()]
    assert ["seat", *map(str, range(len(row.reputations)))] in by_seat
    assert ["reputation", *(f"{lane / FULL:.2f}" for lane in row.reputations)] in by_seat
    assert ["reward", *("none" if paid is None else str(paid // UNIT) for paid in row.rewards)] in by_seat
    assert any(line[:1] == ["accuracy"] and len(line) == len(row.reputations) + 1 for line in by_seat)
    assert ["block", "list", "3"] in [line.split() for line in text.splitlines()]


def test_show_round_says_with_which_others_it_was_recorded_and_who_vouches(headed):
    row = next(row for row in rows(headed, "approved") if not row.signers)
    text = " ".join(shown(show_round(DecodedHistory.of(*headed.run[:2], headed.history), row.round)).split())
    assert "a later block of its transaction holds its digest" in text
    assert "which recorded rounds" in text
    assert "Reports by seat" in text


def test_show_of_a_history_alone_leaves_out_the_true_means_while_they_are_not_revealed(sample, cut):
    alone = DecodedHistory.of(manifest_of(cut, sample.history), cut, sample.history)
    row = next(row for row in cut.rounds if row.kind == "approved")
    text = shown(show_round(alone, row.round))
    for name in sample.manifest["arm_names"]:
        assert next(line for line in text.splitlines() if line.startswith(name)).split()[2] == "\N{EN DASH}"
    assert "off by" in shown(show_participant(alone, "0"))
    whole = DecodedHistory.of(manifest_of(sample.report, sample.history), sample.report, sample.history)
    known = DecodedHistory.of(*sample.run[:2], sample.history)
    assert shown(show_round(whole, row.round)) == shown(show_round(known, row.round))


def test_show_round_without_bodies_says_so(batched):
    bare = History(batched.history.origin, [replace(block, bodies=()) for block in batched.history.blocks])
    inside = DecodedHistory.of(batched.manifest, batched.report, bare)
    text = shown(show_round(inside, rows(batched, "approved")[0].round))
    assert "it lies beside the chain" in text
    assert "?" in text
    assert "Its last report" not in shown(show_participant(inside, "0"))


def test_entries_are_the_records_of_the_audit_with_their_blocks(inside, sample, inside_batched, batched):
    for seen, of in ((inside, sample), (inside_batched, batched)):
        entries = list(seen.entries())
        assert [entry.row for entry in entries] == of.report.rounds
        for entry in entries:
            assert (entry.header is not None) == (entry.row.means is not None)
            if entry.header is not None:
                assert entry.header.means == entry.row.means
                assert sorted(seen.reports(entry)) == list(entry.row.reporters)


def test_show_transaction_tells_every_block_of_a_batch(inside_batched, batched):
    call = next(
        call for call in calls(batched.history)
        if call.method == "submitBlocks" and shown(show_transaction(inside_batched, call.digest.hex())).count("µ̂") > 3
    )  # fmt: skip
    text = shown(show_transaction(inside_batched, call.digest.hex()))
    assert "1 of 3" in text
    assert "3 of 3" in text
    assert text.count("next committee") == 3


def test_show_transaction_tells_a_proof(inside, sample):
    call = next(call for call in calls(sample.history) if call.method == "reportEquivocation")
    text = shown(show_transaction(inside, call.digest.hex()))
    (proof,) = call.arguments
    assert "commander" in text
    assert "0x" + proof.content.hex() in text
    assert "Accused(3, " in text


def test_show_round_tells_a_skip_and_its_exploration(inside, sample):
    assert "skip" in shown(show_round(inside, rows(sample, "skip")[0].round))
    assert "too many rounds failed" in shown(show_round(inside, rows(sample, "exploration")[0].round))


@pytest.mark.parametrize(
    ("round_", "why"), [(0, "1 to 40"), (41, "1 to 40"), (3, "burn-in and leave none"), (-1, "1 to 40")]
)
def test_show_round_refuses_a_round_without_a_record(inside, round_, why):
    with pytest.raises(NotShown, match=why) as refused:
        show_round(inside, round_)
    assert refused.value.exit_code == 2


def test_show_round_refuses_a_round_that_the_history_does_not_reach(sample, cut):
    with pytest.raises(NotShown, match="the history has"):
        show_round(DecodedHistory.of(sample.manifest, cut, sample.history), 40)


def test_show_participant_by_seat_by_address_and_by_its_beginning(inside, sample):
    address = sample.report.accounts[3].address
    text = shown(show_participant(inside, "3"))
    assert address in text
    assert "liar and attacker" in text
    assert "proven" in text
    assert "proof: seat 3" in text
    since = sample.report.game["blocked_from"][3]
    assert f"from round {since} on" in text
    assert "0.00 of 1 at the end" in text
    assert "never" in shown(show_participant(inside, "0"))
    for asked in (address, address.upper().replace("0X", "0x"), address[:8]):
        assert shown(show_participant(inside, asked)) == text


def test_show_participant_sets_its_last_report_beside_the_truth(inside, sample):
    text = shown(show_participant(inside, "3"))
    line = next(line for line in text.splitlines() if line.startswith("arm 2"))
    assert line.split()[2:5] == ["0.000", "0.800", "\N{MINUS SIGN}0.800"]


@pytest.mark.parametrize("who", ["4", "-1", "0x", "0x00000000", "nobody", "", "\x1b[31m"])
def test_show_participant_refuses_who_does_not_play(inside, who):
    with pytest.raises(NotShown, match="name a seat or a whole address") as refused:
        show_participant(inside, who)
    assert refused.value.exit_code == 2
    assert "\x1b" not in str(refused.value)


def test_show_transaction_decodes_every_method(inside, sample):
    seen = {}
    for call in calls(sample.history):
        seen.setdefault(call.method, call)
    assert {
        "constructor", "join", "open", "submitBlocks", "reportEquivocation", "skipAfterDeadline", "settleRewards",
        "reveal", "settleCosts",
    } <= seen.keys()  # fmt: skip
    for method, call in seen.items():
        text = shown(show_transaction(inside, "0x" + call.digest.hex()))
        assert f"0x{call.digest.hex()}" in text
        assert method in text
        assert f"{call.gas:,}" in text
        for event in call.events:
            assert f"{event.name}(" in text


ARGUMENTS = {
    "bytes": b"\xab" * KEYS_BYTES, "bytes32": b"\xab" * 32, "uint32": 7, "uint256": 7,
    METHODS["settleCosts"][0]: (CostEntry(b"\xab" * 32, 1, False, bytes(4)),),
    METHODS["reportEquivocation"][0]: Accusation(
        1, 20, b"\xab" * 32, 1, 1, b"\xab" * 32, b"\xab" * 64, b"\xab" * 32, b"\xab" * 64
    ),
    METHODS["reportFalse"][0]: Refutation(
        1, 20, b"\xab" * 32, b"\xab" * 40, b"\xab" * 64, b"\xab" * 56, 24, b"\xab" * 32, b"\xab" * 64, (b"\xab" * 32,),
        0,
    ),
    METHODS["acquit"][0]: Acquittal(1, b"\xab" * 32, 2, 1, 7, b"\xab" * 32, b"\xab" * 64),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_show_transaction_drops_no_argument_of_any_method(inside_batched, batched, method):
    """Of every argument something is shown: without them the same call has fewer lines, by one an argument at least."""
    inside = inside_batched  # of a game with committees, which a skip names
    call = next(call for call in calls(batched.history) if call.method == "open")
    given = tuple(ARGUMENTS[kind] for kind in METHODS[method]) or ((b"\xab",) if method == PACKED else ())
    lines = len(shown(show_transaction(_with(inside, replace(call, method="", arguments=())), "0x")).splitlines())
    text = shown(show_transaction(_with(inside, replace(call, method=method, arguments=given)), "0x"))
    assert len(text.splitlines()) >= lines + len(given)
    assert text.count("0xab") >= sum(isinstance(each, bytes) for each in given)


def _with(inside, call):
    class Only(DecodedHistory):
        def transaction(self, digest):
            return call

    return Only(inside.manifest, inside.report, inside.history)


def test_show_transaction_tells_the_keys_of_who_joins(inside, sample):
    """The contract takes a VRF key of 33 bytes, the hash of a sealing key, and the weight in two."""
    call = next(call for call in calls(sample.history) if call.method == "join")
    data = call.transaction.data[4 + 64 :][:67]
    text = "".join(shown(show_transaction(inside, call.digest.hex())).split())
    assert "VRFkey0x" + data[:33].hex() in text
    assert "sealhash0x" + data[33:65].hex() in text
    assert "weight1" in text


def test_a_transaction_for_json_has_its_hash_and_its_sender(sample):
    for call in calls(sample.history):
        said = plain(call)
        assert said["hash"] == "0x" + call.digest.hex()
        seats = {account.address: account.seat for account in sample.report.accounts}
        if call.method == "join":
            assert seats[said["from"]] == call.events[0].values[0]


def test_show_transaction_names_the_rounds_of_a_settlement(inside, sample):
    settled = [call for call in calls(sample.history) if call.method == "settleRewards"]
    text = "".join(shown(show_transaction(inside, call.digest.hex())) for call in settled)
    paid = [row.round for row in sample.report.rounds if row.rewards is not None]
    assert paid
    assert all(f"round {round_} " in text for round_ in paid)


def test_show_transaction_says_settled_rewards_by_seat_however_many_arms_were_pulled(inside, sample):
    """Seat 0 pulled arm 1, seat 1 arm 2, seat 2 nothing and seat 3 arm 1: packed as the contract takes them."""
    call = next(call for call in calls(sample.history) if call.method == "settleRewards")
    pulled = ((1, UNIT), (2, 0), (255, 0), (1, UNIT // 2))
    data = b"".join(bytes([arm]) + reward.to_bytes(4, "big") for arm, reward in pulled)
    through = next(row.round for row in sample.report.rounds if row.rewards is not None)
    text = shown(show_transaction(_with(inside, replace(call, arguments=(through, data))), "0x"))
    assert "arm 1: 1 none none 0.500; arm 2: none 0 none none" in " ".join(text.split())
    settled = shown(show_transaction(inside, call.digest.hex()))
    assert all(line.count(":") == 1 for line in settled.splitlines() if line.startswith("round"))


def test_show_round_marks_every_report_and_says_how(inside, sample):
    trimmed = 0
    for row in rows(sample, "approved"):
        text = shown(show_round(inside, row.round))
        assert "x not selected, ~ too few pulls" in text
        lines = [line for line in text.splitlines() if line.startswith(tuple(sample.manifest["arm_names"]))]
        for line in lines:
            assert sum(line.count(sign) for sign in "*x~") == len(row.reporters)
            trimmed += line.count("x")
    assert trimmed


def test_show_participant_says_a_single_round_once(inside, sample):
    text = " ".join(shown(show_participant(inside, "3")).split())
    for item in sample.report.findings:
        if item.seat == 3 and item.rounds:
            said = text[text.index(item.sentence) + len(item.sentence) :]
            assert said.startswith("; rounds ") == (len(item.rounds) > 1)


@pytest.mark.parametrize(("digest", "why"), [("0x" + "00" * 32, "concerns"), ("", "concerns"), ("zz", "concerns")])
def test_show_transaction_refuses_an_unknown_hash(inside, digest, why):
    with pytest.raises(NotShown, match=why) as refused:
        show_transaction(inside, digest)
    assert refused.value.exit_code == 2


def test_show_transaction_refuses_a_beginning_of_several(inside, sample):
    first = [call.digest.hex()[0] for call in calls(sample.history)]
    twice = next(sign for sign in first if first.count(sign) > 1)
    with pytest.raises(NotShown, match="several hashes begin so"):
        show_transaction(inside, twice)
