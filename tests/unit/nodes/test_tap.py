"""What nodes heard, held together: the one statement that differs is seen, whoever heard it, in whatever life."""

from chain_bandit.actors.messages import ENVIRONMENT, Receipt
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.network.wire import Envelope, Kind
from chain_bandit.nodes.tap import VARIABLE, said_twice, tapped
from chain_bandit.protocol.messages import Phase


def step(round_, *messages):
    return Envelope(Kind.STEP, round_, 0, messages)


def claim(seat, content, phase=Phase.BLOCK):
    return Frame(phase, (Claim(seat, content, bytes(64)),))


def test_two_statements_of_one_slot_are_seen_and_nothing_else_is(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    for name in ("seat-0", "seat-1", "again"):
        (tmp_path / name).mkdir()
    here, there = tapped(tmp_path / "seat-0", 0), tapped(tmp_path / "seat-1", 1)
    for heard in (here, there):
        heard(2, step(7, claim(2, b"one"), Vote(2, b"v", b""), claim(3, b"of 3, relayed")))
        heard(2, step(7, claim(2, b"two", Phase.REPORT), Vote(3, b"of 3", b"")))
        heard(2, step(8, claim(2, b"two"), Vote(2, b"w", b"")))
    here(3, step(7, claim(3, b"its own")))
    here(ENVIRONMENT, step(9, Receipt(7, 0, 5, b"t", b"")))
    there(ENVIRONMENT, step(9, Receipt(7, 1, 6, b"t", b"")))
    assert said_twice(tmp_path) == []
    tapped(tmp_path / "seat-1", 1)(2, step(7, Vote(2, b"another", b"")))  # a later life
    assert said_twice(tmp_path) == [2]
    there(3, step(7, claim(3, b"not its own")))
    here(ENVIRONMENT, step(9, Receipt(7, 0, 6, b"t", b"")))
    assert said_twice(tmp_path) == [ENVIRONMENT, 2, 3]


def test_nothing_is_kept_where_nobody_asks(tmp_path):
    tapped(tmp_path, 0)(2, step(7, Vote(2, b"v", b"")))
    assert list(tmp_path.iterdir()) == []
