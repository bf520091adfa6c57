"""protocol/creation.py: the arguments of a creation come back from their only encoding, behind any code."""

import pytest

from chain_bandit.protocol.creation import decode, encode
from chain_bandit.protocol.errors import Malformed

SALT, SECRET, CODE = b"\1" * 32, b"\2" * 32, b"\x60\x80" * 9


def test_arguments_come_back_whether_or_not_the_code_is_known(parameters):
    p = parameters()
    data = CODE + encode(p, SALT, SECRET)
    for found in (decode(data, CODE), decode(data)):
        assert (found.code, found.salt_commitment, found.secret_commitment) == (CODE, SALT, SECRET)
        assert (found.fields, found.declaration) == (tuple(p.fields()), p.declaration)


@pytest.mark.parametrize("change", [
    lambda data: data[:-1], lambda data: data + b"\0", lambda data: data + bytes(32), lambda data: b"\1" + data,
    lambda data: data[:-1] + b"\1", lambda data: b"", lambda data: CODE,
], ids=range(7))  # fmt: skip
def test_any_other_encoding_is_refused_with_its_length(parameters, change):
    data = change(CODE + encode(parameters(), SALT, SECRET))
    with pytest.raises(Malformed) as refused:
        decode(data, CODE)
    assert "creation: expected parameters, two commitments and a declaration of rules" in str(refused.value)
    assert f"{len(data)} bytes" in str(refused.value)
