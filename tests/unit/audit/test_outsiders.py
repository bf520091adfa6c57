"""Calls by an outsider, or by an account's own code, neither frame a game nor hide it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import rlp
from eth_abi import encode
from eth_account import Account
from eth_utils import to_checksum_address

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.chain import survey
from chain_bandit.auditor.report import AuditReport, Checks
from chain_bandit.chain.client import Coordinator
from chain_bandit.chain.errors import ForeignCreation
from chain_bandit.chain_history import files
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.evm import Log
from chain_bandit.chain_history.records import SELECTORS, TOPICS
from chain_bandit.game.attach import attach
from chain_bandit.paranoid.recompute import recompute
from chain_bandit.protocol.digests import keccak
from chain_bandit.stopwatch import Stopwatch
from tests import foreign_creation
from tests.unit.audit.forging import Forgery
from tests.unit.audit.played_game import Played, Script

FORWARDER_CODE = "365f5f375f5f365f3473{}5af13d5f5f3e602a573d5ffd5b3d5ff3"
"""Passes calldata on and passes back what comes of it."""


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


@dataclass
class Outsider:
    """An account with money that sends what it likes."""

    played: Played

    def send(self, to: bytes | None, data: bytes) -> dict[str, object]:
        eth, account = self.played.node.line.eth, Account.from_key(self.played.outsider.secret)
        transaction = {
            "chainId": eth.chain_id, "nonce": eth.get_transaction_count(account.address), "data": data,
            "value": 0, "gas": 3_000_000, "maxFeePerGas": 2 * eth.gas_price + 10**9, "maxPriorityFeePerGas": 1,
        }  # fmt: skip
        if to is not None:
            transaction["to"] = to_checksum_address(to)
        signed = account.sign_transaction(transaction)
        return eth.get_transaction_receipt(eth.send_raw_transaction(signed.raw_transaction))

    def forwarder(self) -> bytes:
        code = bytes.fromhex(FORWARDER_CODE.format(self.played.contract.address.hex()))
        setup = bytes([0x60, len(code), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xF3])  # copy what follows, return it
        receipt = self.send(None, setup + code)
        assert receipt["status"] == 1
        return bytes.fromhex(str(receipt["contractAddress"])[2:])


@pytest.mark.parametrize("view", ["head()", "progress()", "closed()"])
def test_view_called_in_a_transaction_is_listed_only(view: str) -> None:
    played = Played(Script())
    assert Outsider(played).send(played.contract.address, selector(view))["status"] == 1
    report = audit(played.history)
    assert report.exit_code == 0, report.violations
    assert report.other_transactions == {"without effect": 1}


def made_to_speak(played: Played, data: bytes) -> AuditReport:
    """The audit of a game in which a transaction that the contract cannot have taken has its events."""
    forged = Forgery(played.history, {signer.address: signer for signer in (*played.signers, played.owner)})
    forged.call("withdraw", 0, lambda _: data)
    return audit(forged.made())


def test_unknown_call_with_an_event_is_a_violation(honest: Played) -> None:
    report = made_to_speak(honest, selector("head()"))
    assert {violation.check for violation in report.violations} == {"record.events"}
    assert "no call that the contract has" in report.violations[0].sentence


def test_unknown_call_with_money_is_a_violation() -> None:
    played = Played(Script())
    Outsider(played).send(played.contract.address, selector("head()"))
    forged = Forgery(played.history, {played.outsider.address: played.outsider})
    forged.value(len(forged.blocks) - 1, 7)
    assert {violation.check for violation in audit(forged.made()).violations} == {"record.events"}


def test_record_through_a_contract_is_refused_and_the_game_stays_auditable() -> None:
    class Forwarded(Played):
        def _round(self) -> None:
            if self.script.kind(self.ledger.round) == "late":
                outsider = Outsider(self)
                target = outsider.forwarder()
                self.node.mine(4)
                assert outsider.send(target, selector("skipAfterDeadline(uint256)") + bytes(32))["status"] == 0
            super()._round()

    report = audit(Forwarded(Script()).history)
    assert report.exit_code == 0, report.violations
    assert not report.other_transactions


def test_record_from_another_contract_is_a_violation(honest: Played) -> None:
    """The contract takes nothing of this sort but from an account without code, straight."""
    forged = Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})
    forged.recipient("skip", 0, bytes(20))
    report = audit(forged.made())
    assert report.exit_code == 12
    (said,) = (each.found for each in report.violations if "through another one" in each.sentence)
    assert [event["name"] for event in said] == ["Recorded"]


@pytest.mark.parametrize(
    ("topic", "size"), [(TOPICS["Accused"], 64), (TOPICS["Joined"], 64), (b"\1" * 32, 0)],
    ids=["accused", "joined", "unknown"],
)  # fmt: skip
def test_stranger_whose_contract_has_the_game_speak_hides_no_theft(
    honest: Played, tmp_path: Path, topic: bytes, size: int
) -> None:
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    forged.event("Withdrawn", 0, lambda data: data[:32] + (10**21).to_bytes(32, "big"))
    stolen = {each.check for each in audit(forged.made()).violations}
    said = Log(honest.contract.address, (topic,), bytes(size))
    forged.call_first(forged.block_of("close", 0), honest.outsider, b"\x77" * 20, b"x", [said])
    assert "money.balances" in stolen
    assert found_by_both(forged.made(), tmp_path) == (stolen | {"record.events"}, {"balance", "setup"})


def test_withdrawal_of_an_account_without_code_through_a_contract_is_a_violation(honest: Played) -> None:
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner)})
    forged.recipient("withdraw", 0, b"\x77" * 20)
    report = audit(forged.made())
    assert {violation.check for violation in report.violations} == {"record.events"}
    assert report.other_transactions == {"through another contract": 1}


def test_withdrawal_that_sets_off_another_is_no_violation(honest: Played) -> None:
    """The code of a paid account may make others withdraw in the same transaction."""
    forged = Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})
    forged.move_event("Withdrawn", 1, 0)
    forged.call("withdraw", 1, lambda _: selector("head()"))
    report = audit(forged.made())
    assert report.exit_code == 0, report.violations
    assert report.checks["money.balances"].passed == 5


def test_withdrawal_by_somebody_else_is_a_violation(honest: Played) -> None:
    forged = Forgery(honest.history, {signer.address: signer for signer in (*honest.signers, honest.owner)})
    forged.sender("withdraw", 0, honest.signers[1])
    report = audit(forged.made())
    assert {violation.check for violation in report.violations} == {"record.events"}


def found_by_both(history: History, folder: Path) -> tuple[set[str], set[str]]:
    """What the audit calls violated, and what the second computation finds to differ."""
    path = folder / "history.jsonl"
    files.write(history, path)
    verdict = recompute(path)
    assert verdict.complete
    return {each.check for each in audit(history).violations}, {each.what for each in verdict.differences.values()}


A_PULL = b"".join(number.to_bytes(32, "big") for number in (1, 64, 5, 1 << 248))
"""Arguments of a settlement through round 1, of five bytes."""


@pytest.mark.parametrize("data", [SELECTORS["settleRewards"] + A_PULL, SELECTORS["close"], b"hello"])
def test_call_before_the_creation_says_nothing_of_the_game(honest: Played, tmp_path: Path, data: bytes) -> None:
    """The EVM lets every call to an address without code succeed."""
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    forged.call_first(0, honest.outsider, honest.contract.address, data)
    history = forged.made()
    assert found_by_both(history, tmp_path) == (set(), set())
    assert audit(history).exit_code == 0


def test_creation_code_that_writes_storage_first_is_refused_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else tells of it: the code of the game, its terms and all that it does are those of an honest one."""
    monkeypatch.setattr(Coordinator, "deploy", foreign_creation.deploy)
    played = Played(Script())
    address, line = played.contract.address, played.node.line
    assert Coordinator.at(line, address, Stopwatch()).game() == played.contract.game()
    with pytest.raises(ForeignCreation):
        attach(line, address, played.history.origin.first_block)
    assert found_by_both(played.history, tmp_path) == ({"game.code"}, {"setup"})


def test_attaching_takes_the_game_that_our_code_created_in_that_block(honest: Played) -> None:
    line, address, first = honest.node.line, honest.contract.address, honest.history.origin.first_block
    assert attach(line, address, first)[0].game() == honest.contract.game()
    with pytest.raises(ForeignCreation):
        attach(line, address, first + 1)


def withdrawn(played: Played, account: bytes, wei: int) -> Log:
    return Log(played.contract.address, (TOPICS["Withdrawn"],), bytes(12) + account + wei.to_bytes(32, "big"))


@pytest.mark.parametrize("through", [False, True], ids=["direct", "through another contract"])
def test_event_before_the_creation_is_a_violation(honest: Played, tmp_path: Path, through: bool) -> None:
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    to = bytes(19) + b"\x77" if through else honest.contract.address
    forged.call_first(0, honest.outsider, to, b"hello", [withdrawn(honest, honest.owner.address, 10**18)])
    assert found_by_both(forged.made(), tmp_path) == ({"record.events"}, {"setup"})


@pytest.mark.parametrize(("method", "which"), [("submitBlocks", 3), ("skip", 0), ("reveal", 0), ("withdraw", 0)])
def test_event_of_another_contract_in_a_call_is_a_violation(honest: Played, method: str, which: int) -> None:
    """The contract calls nobody but whom it pays, and a paid account without code says nothing."""
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner)})
    other = b"\x77" * 20
    forged.speak(method, which, Log(other, (TOPICS["Recorded"],), bytes(96)))
    (violation,) = audit(forged.made()).violations
    assert (violation.check, violation.found) == ("record.events", ["0x" + other.hex()])


def test_settlements_of_a_stranger_are_not_kept(honest: Played) -> None:
    """The contract takes none; a history that says so is false, and costs no memory."""
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    data = SELECTORS["settleRewards"] + encode(["uint32", "bytes"], [1, bytes(100_000)])
    forged.call_first(forged.block_of("settleRewards", 1), honest.outsider, honest.contract.address, data)
    history, checks = forged.made(), Checks()
    first = forged.arguments("settleRewards", 0)[1]
    assert survey(history, None, checks).pulls == first
    report = audit(history)
    assert report.checks["settlement.form"].failed >= 1
    assert {violation.check for violation in report.violations} == {"settlement.form", "record.events"}


def with_a_refused_withdrawal(played: Played) -> Forgery:
    """The first account that withdrew is not paid."""
    forged = Forgery(played.history, {each.address: each for each in (*played.signers, played.owner)})
    receipts = forged.blocks[forged.block_of("withdraw", 0)][2]
    (_, gas, *_), kind = rlp.decode(receipts[0][1:]), receipts[0][:1]
    receipts[:] = [kind + rlp.encode([b"", gas, bytes(256), []])]
    return forged


def test_account_without_code_that_is_not_paid_is_a_violation(honest: Played) -> None:
    report = audit(with_a_refused_withdrawal(honest).made())
    (violation,) = report.violations
    assert (violation.check, violation.field) == ("money.balances", "withdrawal of seat 0")
    assert (violation.found, violation.expected) == (0, report.accounts[0].owed)
    assert violation.exhibit is not None
    assert violation.exhibit.field == "input"


def test_withdrawal_without_gas_is_a_finding(honest: Played) -> None:
    forged = with_a_refused_withdrawal(honest)
    spent = (21_000).to_bytes(2, "big")
    forged.change_transaction(forged.block_of("withdraw", 0), 0, lambda fields: fields.__setitem__(4, spent))
    report = audit(forged.made())
    assert report.exit_code == 0, report.violations
    assert "call out of gas, or refused" in {finding.kind for finding in report.findings}


def test_second_withdrawal_is_refused_by_the_rules() -> None:
    played = Played(Script())
    with pytest.raises(Exception, match="refused"):
        played.contract.withdraw(played.accounts[0])
    report = audit(played.history)
    assert report.exit_code == 0, report.violations
    assert "call refused" in {finding.kind for finding in report.findings}


@pytest.mark.parametrize(("count", "size"), [(33, 1 << 16), (1, 7_000_000), (40_000, 0)])
def test_stranger_that_fills_a_block_with_events_makes_nobody_a_liar(honest: Played, count: int, size: int) -> None:
    """Of 17, 56 and 15 million gas: no more than some chains' blocks have."""
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    other = b"\x77" * 20
    logs = [Log(other, (), bytes(size))] * count
    forged.call_first(forged.block_of("close", 0), honest.outsider, other, b"x", logs)
    report = audit(forged.made())
    assert (report.exit_code, report.violations) == (0, [])


@pytest.mark.parametrize("before", ["submitBlocks", "close"])
def test_withdrawal_of_nothing_is_a_violation(honest: Played, tmp_path: Path, before: str) -> None:
    """The contract refuses it (NothingOwed)."""
    forged = Forgery(honest.history, {each.address: each for each in (*honest.signers, honest.owner, honest.outsider)})
    nothing = withdrawn(honest, honest.outsider.address, 0)
    at = forged.block_of(before, 0)
    forged.call_first(at, honest.outsider, honest.contract.address, SELECTORS["withdraw"], [nothing])
    assert found_by_both(forged.made(), tmp_path) == ({"money.balances"}, {"balance"})
