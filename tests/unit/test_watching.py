"""`watch` reports what it waits for."""

from typing import Any

import pytest

from chain_bandit import watching
from chain_bandit.chain.errors import NodeUnreachable
from chain_bandit.watching import Watched


def test_a_node_that_does_not_answer_is_told_once_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    said, answers = list[str](), iter([None, None, {"hash": "0x00"}, {"hash": "0x00"}, None])

    def ask(*asked: Any) -> Any:
        answer = next(answers)
        if answer is None:
            raise NodeUnreachable("nobody listens")
        return answer

    monkeypatch.setattr(watching, "at_url", lambda url, notice: ask)
    monkeypatch.setattr(Watched, "_renew", lambda *given: None)
    watched = Watched("http://user:pass@127.0.0.1:9/key", bytes(20), None, 1, said.append)
    for _ in range(5):
        watched.look()
    away, back, again = said
    assert away == again
    assert away.startswith("waiting for the chain at http://127.0.0.1:9: the chain node does not answer")
    assert back == "connected to the chain at http://127.0.0.1:9 again"
