"""`chain-bandit keygen`: a key of one's own, for games of other organisers."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json, PasswordFile
from chain_bandit.output import answer

EXAMPLES = ("keygen ann --out ann",)


def keygen(
    name: Annotated[str, typer.Argument(help="Name of the key, shown at the password prompt.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder, readable by you alone.")],
    existing: Annotated[
        Path | None, typer.Option("--from", help="An existing keystore file, whose key is taken under its password.")
    ] = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Generate a key, or take an existing one: a keystore (Web3 secret storage) and a TLS certificate, in a new folder.

    All secrets of a node derive from this key. Print the account's address.
    """
    from chain_bandit.chain.accounts import decrypted
    from chain_bandit.chain.addresses import checksummed
    from chain_bandit.nodes import keystore

    given = keystore.password(password_file, name, new=existing is None)
    secret = None if existing is None else decrypted(name, existing, given)
    address = checksummed(keystore.create(out, name, given, secret))
    answer({"address": address, "out": str(out)}) if as_json else print(f"{address}  {out}")
