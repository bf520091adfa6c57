"""Accounts with code of their own (EIP-7702) before the audit: their numbers, on a chain whose rules have them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from chain_bandit.auditor.audit import audit
from chain_bandit.auditor.exhibits import Place, exhibit
from chain_bandit.auditor.report import AuditReport
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.chain.retry_budget import RetryBudget
from chain_bandit.chain_history.blocks import History
from chain_bandit.chain_history.records import SELECTORS, calls_in
from tests.integration.live import Anvil, anvil
from tests.integration.test_exhibits import shows
from tests.unit.audit.played_game import Played, Script
from tests.unit.audit.test_nonce_order import without
from tests.unit.audit.test_second_implementation import second_opinion

MAKER = bytes.fromhex("5f5f5ff000")
"""Code that makes an empty contract, which takes a number of the account whose code it is."""

REFUSING = bytes.fromhex("5f5ffd")
"""Code that takes no money."""

SPEAKING = bytes.fromhex("5f5fa000")
"""Code that has an event without data."""

WITHDRAWING = "36600557005b365f5f375f5f365f5f73{}5af100"
"""Code that calls the contract with what it was called with, and takes money in silence."""

SOMEWHERE = "0x" + "77" * 20


@pytest.fixture
def node() -> Iterator[Anvil]:
    with anvil() as node:
        yield node


class CalledOff(Played):
    """A game that was called off: everybody may take back what it put in; the last account is the environment's."""

    def __init__(self, node: Anvil) -> None:
        super().__init__(Script(finish="called off"), chain=lambda balances: node.fund(balances) or node)

    def number(self, who: int) -> int:
        return int(self.node.ask("eth_getTransactionCount", self.accounts[who].address, "latest"), 16)

    def send(self, who: int, to: str | bytes, data: bytes = b"", **more: object) -> dict[str, Any]:
        """The receipt of a transaction."""
        fields = {
            "type": 2, "chainId": self.node.chain_id, "nonce": self.number(who), "data": data, "value": 0,
            "to": to_checksum_address(to) if to else "", "gas": 500_000,
            "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 1, **more,
        }  # fmt: skip
        raw = self.accounts[who].sign_transaction(fields).raw_transaction
        name, patience = self.node.ask("eth_sendRawTransaction", "0x" + raw.hex()), RetryBudget(10.0)
        while (receipt := self.node.ask("eth_getTransactionReceipt", name)) is None:
            patience.wait(NodeUnreachable(f"no receipt of {name}"))
        return dict(receipt)

    def put(self, code: bytes) -> str:
        """Code on the chain; gives its address."""
        setup = bytes([0x60, len(code), 0x80, 0x60, 9, 0x5F, 0x39, 0x5F, 0xF3])  # copy what follows, return it
        return str(self.send(-1, "", setup + code)["contractAddress"])

    def delegate(self, who: int, address: str) -> None:
        """Let an account have the code of an address, of 0 none any more."""
        given = self.accounts[who].sign_authorization(
            {"chainId": self.node.chain_id, "address": to_checksum_address(address), "nonce": self.number(who) + 1}
        )
        self.send(who, SOMEWHERE, type=4, authorizationList=[given])

    def refused(self, who: int) -> None:
        assert self.send(who, self.contract.address, SELECTORS["close"])["status"] == "0x0"

    def report(self, missing: int | None = None) -> AuditReport:
        """The audit; of one transaction less, counted from behind."""
        history = History(self.chain.origin, tuple(self.chain.blocks))
        if missing is not None:
            held = [index for index, block in enumerate(history.blocks) if block.transactions]
            history = without(history, held[missing])
        return audit(history)


@pytest.fixture
def game(node: Anvil) -> CalledOff:
    return CalledOff(node)


def test_an_authorization_takes_a_number_of_its_account(game: CalledOff) -> None:
    code, before = game.put(MAKER), game.number(-1)
    game.delegate(-1, code)
    assert game.number(-1) == before + 2
    game.refused(-1)
    report = game.report()
    assert (report.exit_code, report.violations) == (0, [])


def test_an_account_whose_code_takes_numbers_is_no_liar_and_not_checkable(game: CalledOff) -> None:
    game.delegate(-1, game.put(MAKER))
    before = game.number(-1)
    game.send(-1, game.accounts[-1].address)
    assert game.number(-1) == before + 2  # the code ran
    game.refused(-1)
    report = game.report()
    assert (report.exit_code, report.violations) == (13, [])
    assert report.checks["chain.order"].not_checkable == 1
    assert "may have code of its own" in report.checks["chain.order"].evidence


def test_an_account_that_has_no_code_any_more_skips_no_number(game: CalledOff) -> None:
    game.delegate(-1, game.put(MAKER))
    game.delegate(-1, "0x" + "00" * 20)
    for _ in range(3):
        game.send(-1, SOMEWHERE)
    game.refused(-1)
    assert game.report().exit_code == 0
    assert {each.check for each in game.report(missing=-3).violations} == {"chain.order"}


def test_an_account_whose_code_takes_no_money_is_refused_it_and_nobody_lied(node: Anvil) -> None:
    class Unpaid(CalledOff):
        def _withdraw(self) -> None:
            self.delegate(0, self.put(REFUSING))
            assert self.send(0, self.contract.address, SELECTORS["withdraw"])["status"] == "0x0"

    report = Unpaid(node).report()
    assert (report.exit_code, report.violations) == (0, [])
    assert "call refused" in {finding.kind for finding in report.findings if finding.seat == 0}
    assert report.accounts[0].owed > 0


def test_an_account_whose_code_speaks_when_it_is_paid_is_no_violation(node: Anvil) -> None:
    class Spoken(CalledOff):
        def _withdraw(self) -> None:
            self.delegate(0, self.put(SPEAKING))
            logs = self.send(0, self.contract.address, SELECTORS["withdraw"])["logs"]
            assert {log["address"] for log in logs} == {self.accounts[0].address.lower(), _hex(self.contract.address)}

    report = Spoken(node).report()
    assert (report.exit_code, report.violations) == (0, [])
    assert report.checks["money.balances"].passed == 1


def test_an_account_whose_code_withdraws_for_it_is_no_violation(node: Anvil) -> None:
    class Fetched(CalledOff):
        def _withdraw(self) -> None:
            self.delegate(0, self.put(bytes.fromhex(WITHDRAWING.format(self.contract.address.hex()))))
            logs = self.send(1, self.accounts[0].address, SELECTORS["withdraw"])["logs"]
            assert [log["address"] for log in logs] == [_hex(self.contract.address)]

    report = Fetched(node).report()
    assert (report.exit_code, report.violations) == (0, [])
    assert report.other_transactions == {"through another contract": 1}
    assert report.checks["money.balances"].passed == 1


def test_a_withdrawal_that_ran_out_of_gas_beside_authorizations_is_nobodys_lie(node: Anvil, tmp_path: Path) -> None:
    """What they give back (EIP-7702) hides how much of its gas it used: a fifth of it seems to be left."""

    class Short(CalledOff):
        def _withdraw(self) -> None:
            first = self.number(1)
            given = [
                self.accounts[1].sign_authorization(
                    {"chainId": self.node.chain_id, "address": "0x" + "00" * 20, "nonce": first + more}
                )
                for more in range(4)
            ]
            sent = self.send(
                0, self.contract.address, SELECTORS["withdraw"], type=4, authorizationList=given, gas=160_000
            )
            assert (sent["status"], 21 * (160_000 - int(sent["gasUsed"], 16)) > 160_000) == ("0x0", True)

    history = History((played := Short(node)).chain.origin, tuple(played.chain.blocks))
    report = second_opinion(history, tmp_path)
    assert (report.exit_code, report.violations) == (0, [])
    assert "call out of gas, or refused" in {finding.kind for finding in report.findings if finding.seat == 0}


def _hex(address: bytes) -> str:
    return "0x" + address.hex()


def test_the_number_of_a_transaction_is_shown_without_those_of_its_authorizations(game: CalledOff) -> None:
    number = game.number(2)
    game.delegate(2, SOMEWHERE)
    block = tuple(game.chain.blocks)[-1]
    (call,) = calls_in(block, bytes.fromhex(SOMEWHERE[2:]))
    assert [given.nonce for given in call.transaction.authorizations] == [number + 1]
    made = exhibit(Place(block, call.block, call), "chain.order")
    assert made.bytes == hex(number)
    shows(made, game.node.url)
