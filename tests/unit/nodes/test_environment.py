"""How long an environment waits for pulls, before it writes a round down and settles it."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

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
