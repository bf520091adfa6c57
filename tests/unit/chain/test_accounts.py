"""Keystore files: what opens as another account than the file names is refused, since its checksum does not see it."""

import json
from pathlib import Path
from typing import Any

import pytest

from chain_bandit.chain.accounts import decrypted, encrypted
from chain_bandit.chain.errors import AccountRefused
from tests.light_keys import light_keys

SECRET = bytes(range(32))


@pytest.fixture
def keystore() -> dict[str, Any]:
    with light_keys():
        said: dict[str, Any] = json.loads(encrypted(SECRET, "sesame"))
    return said


def opened(place: Path, keystore: dict[str, Any]) -> bytes:
    (place / "keystore.json").write_text(json.dumps(keystore))
    return decrypted("ann", place / "keystore.json", "sesame")


@pytest.mark.parametrize("form", [None, str, str.upper, lambda said: "0x" + said])
def test_a_keystore_may_name_its_account_in_any_form_or_not_at_all(
    keystore: dict[str, Any], form: Any, tmp_path: Path
) -> None:
    address = keystore.pop("address")
    if form is not None:
        keystore["address"] = form(address)
    assert opened(tmp_path, keystore) == SECRET


def test_a_keystore_with_a_changed_vector_is_not_another_account(keystore: dict[str, Any], tmp_path: Path) -> None:
    """A bit of it gives another key, of an account that nobody has: money that is sent there is lost."""
    vector = keystore["crypto"]["cipherparams"]
    vector["iv"] = f"{int(vector['iv'], 16) ^ 1:032x}"
    with pytest.raises(AccountRefused, match="names another account than it holds the key of"):
        opened(tmp_path, keystore)


@pytest.mark.parametrize(
    ("address", "said"), [("00" * 20, "another account"), (5, "no keystore file"), ("zz", "no keystore file")]
)
def test_a_keystore_that_names_another_account_is_refused(
    keystore: dict[str, Any], address: object, said: str, tmp_path: Path
) -> None:
    with pytest.raises(AccountRefused, match=said):
        opened(tmp_path, {**keystore, "address": address})
