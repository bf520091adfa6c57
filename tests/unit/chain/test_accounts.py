"""Keystore files: what opens as another account than the file names is refused, since its checksum does not see it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chain_bandit.chain.accounts import KEYSTORE, PASSWORD, decrypted, encrypted, named
from chain_bandit.chain.errors import AccountRefused
from chain_bandit.cli.root import app
from chain_bandit.crypto.keys import Signer
from chain_bandit.nodes.keystore import unlock
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


@pytest.mark.parametrize("form", [None, str, str.upper, "0x{}".format, "0X{}".format, "".format, "0x".format])
def test_a_keystore_may_name_its_account_in_any_form_or_not_at_all(
    keystore: dict[str, Any], form: Any, tmp_path: Path
) -> None:
    address = keystore.pop("address")
    if form is not None:
        keystore["address"] = form(address)
    assert opened(tmp_path, keystore) == SECRET


def test_a_byte_order_mark_is_no_part_of_password_or_keystore(
    keystore: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ann.json").write_text(json.dumps(keystore), encoding="utf-8-sig")
    (tmp_path / "password").write_text("sesame\r\n", encoding="utf-8-sig")
    monkeypatch.setenv(KEYSTORE, str(tmp_path))
    monkeypatch.setenv(PASSWORD, str(tmp_path / "password"))
    wallet = named("ann", 1)
    assert named(wallet.address, 1).address == wallet.address


@pytest.mark.parametrize("code", [0, 8])
def test_keygen_takes_an_existing_key(keystore: dict[str, Any], tmp_path: Path, code: int) -> None:
    (tmp_path / "geth.json").write_text(json.dumps(keystore))
    (tmp_path / "password").write_text("other" if code else "sesame")
    line = "keygen", "ann", "--out", tmp_path / "ann", "--from", tmp_path / "geth.json"
    with light_keys():
        ended = CliRunner().invoke(app, [*map(str, line), "--password-file", str(tmp_path / "password"), "--json"])
    if code:
        assert isinstance(ended.exception, AccountRefused)
        assert not (tmp_path / "ann").exists()
    else:
        assert json.loads(ended.stdout)["address"].removeprefix("0x").lower() in keystore["address"].lower()
        assert Signer(unlock(tmp_path / "ann", "sesame")).secret == SECRET


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


@pytest.mark.parametrize("says", [str, "0x{}".format, lambda said: "", lambda said: None])
@pytest.mark.parametrize("is_folder", [True, False])
def test_an_account_is_found_by_its_address(
    keystore: dict[str, Any], says: Any, is_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = keystore["address"]
    file, password, keys = tmp_path / "keys" / "ann", tmp_path / "password", tmp_path / "keys"
    keys.mkdir()
    file.write_text(json.dumps({**keystore, "address": says(address)}))
    (keys / "notes").write_text("[1]")
    password.write_text("sesame")
    monkeypatch.setenv(KEYSTORE, str(keys if is_folder else file))
    monkeypatch.setenv(PASSWORD, str(password))
    for name in (f"0x{address}", f"0x{address.upper()}"):
        assert named(name, 1).address.lower() == f"0x{address.lower()}"
    with pytest.raises(AccountRefused, match="is no keystore file in"):
        named("0x" + "11" * 20, 1)
