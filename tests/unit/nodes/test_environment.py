"""How long an environment waits for pulls, before it writes a round down and settles it."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from chain_bandit.chain.errors import TransactionReverted
from chain_bandit.nodes import environment as module
from chain_bandit.nodes.environment import EnvironmentRole
from chain_bandit.protocol.blocks import Kind

WINDOW = 60.0


def test_each_round_is_waited_for_as_long_whoever_was_away_in_those_before(monkeypatch):
    now, written, pulled = [0.0], list[int](), defaultdict[int, dict[int, Any]](dict)
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    parameters = SimpleNamespace(burn_in=2, sealed=False)
    rules = SimpleNamespace(everybody=(0, 1), parameters=parameters, reporters=lambda ledger: (0, 1))
    environment: Any = SimpleNamespace(rules=rules, begin=lambda ledger: None, given=lambda round_: pulled[round_])
    books: Any = SimpleNamespace(settlement=lambda least: None)
    books.add = lambda record, body: written.append(books.ledger.round)
    scenario = SimpleNamespace(chain=SimpleNamespace(settle_every=1))
    kept, contract = SimpleNamespace(of=lambda seat: {}), SimpleNamespace(settled_through=lambda: 0)
    given: Any = (environment, books, scenario, kept, None, contract, None, None, None, WINDOW)
    role = EnvironmentRole(*given)

    def recorded(round_: int) -> None:
        role.begin(SimpleNamespace(round=round_))  # type: ignore[arg-type]
        found: Any = SimpleNamespace(record=SimpleNamespace(kind=Kind.APPROVED), block=None)
        role.recorded(found)
        pulled[round_][0] = "pulled"
        role.close(found)

    recorded(5)
    now[0] = WINDOW - 1
    role.act(True, False)
    assert written == []
    now[0] = WINDOW
    role.act(True, False)
    assert written == [5]
    for round_ in (6, 7):
        recorded(round_)
        now[0] += WINDOW / 2
    role.act(True, False)
    assert written == [5, 6]
    pulled[7][1] = "pulled, as one that is back"
    role.act(True, False)
    assert written == [5, 6, 7]


def test_an_environment_that_is_back_after_the_window_for_settlement_closes_the_game(monkeypatch):
    """What it did not settle is void; whoever waits for the accounts to be final need not wait for ever."""
    called: list[str] = []

    class Chain:
        def settled_through(self) -> int:
            return 0

        def settle(self) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            def call(*given: object) -> None:
                called.append(name)
                if name != "close":
                    raise TransactionReverted(name, "WindowPassed", (115, 111))

            return call

    parameters = SimpleNamespace(sealed=True)
    environment: Any = SimpleNamespace(
        rules=SimpleNamespace(parameters=parameters), secret=b"", roles=(), sums=(),
        model=SimpleNamespace(encode=lambda: b""),
    )  # fmt: skip
    monkeypatch.setattr(module, "encode_sums", lambda sums: b"")
    books: Any = SimpleNamespace(settlement=lambda least: (9, b""))
    follower: Any = SimpleNamespace(closed=False, revealed=False, rest=lambda: None)
    files: Any = SimpleNamespace(sync=lambda: None)
    given: Any = (environment, books, None, files, files, Chain(), None, None, follower, WINDOW)
    role = EnvironmentRole(*given)
    for _ in range(3):
        assert not role.finish()
    assert called == ["settle_rewards", "settle_sums", "reveal", "close", "close"]
