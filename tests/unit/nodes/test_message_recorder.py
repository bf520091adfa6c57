"""Records of many nodes together: the one statement that differs is seen, in the records of any life."""

import resource

import pytest

from chain_bandit.actors.messages import ENVIRONMENT, Receipt
from chain_bandit.append_log import LogUnwritable
from chain_bandit.consensus.broadcast import Claim, Frame
from chain_bandit.consensus.certificate import Vote
from chain_bandit.network.wire import Envelope, EnvelopeKind
from chain_bandit.nodes.message_recorder import HEARD, VARIABLE, said_twice, tapped
from chain_bandit.protocol.messages import Phase


def step(round_, *messages):
    return Envelope(EnvelopeKind.STEP, round_, 0, messages)


def claim(seat, content, phase=Phase.BLOCK):
    return Frame(phase, (Claim(seat, content, bytes(64)),))


def test_two_statements_of_one_slot_are_seen_and_nothing_else_is(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    for name in ("seat-0", "seat-1", "again"):
        (tmp_path / name).mkdir()
    with tapped(tmp_path / "seat-0", 0) as here:
        with tapped(tmp_path / "seat-1", 1) as there:
            for heard in (here, there):
                heard(2, step(7, claim(2, b"one"), Vote(2, b"v", b""), claim(3, b"of 3, relayed")))
                heard(2, step(7, claim(2, b"two", Phase.REPORT), Vote(3, b"of 3", b"")))
                heard(2, step(8, claim(2, b"two"), Vote(2, b"w", b"")))
            here(3, step(7, claim(3, b"its own")))
            here(ENVIRONMENT, step(9, Receipt(7, 0, 5, b"t", b""), Receipt(8, 0, 2**40, b"t", b"", 900)))
            there(ENVIRONMENT, step(9, Receipt(7, 1, 6, b"t", b"")))
            assert said_twice(tmp_path) == []
        with tapped(tmp_path / "seat-1", 1) as there:  # a later life
            there(2, step(7, Vote(2, b"another", b"")))
            assert said_twice(tmp_path) == [2]
            there(3, step(7, claim(3, b"not its own")))
            here(ENVIRONMENT, step(9, Receipt(7, 0, 6, b"t", b"")))
            assert said_twice(tmp_path) == [ENVIRONMENT, 2, 3]


def test_a_full_disk_is_said_in_a_sentence_and_what_is_torn_is_dropped(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tapped(tmp_path, 0) as heard:
        heard(2, step(7, Vote(2, b"v", b"")))
        kept = (tmp_path / HEARD).read_bytes()
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) + 5, hard))
            with pytest.raises(LogUnwritable, match="cannot be written") as refused:
                heard(2, step(8, Vote(2, b"w", b"")))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.exit_code == 2
    with tapped(tmp_path, 0):
        assert (tmp_path / HEARD).read_bytes() == kept


def test_nothing_is_kept_where_nobody_asks(tmp_path):
    with tapped(tmp_path, 0) as heard:
        heard(2, step(7, Vote(2, b"v", b"")))
    assert list(tmp_path.iterdir()) == []
