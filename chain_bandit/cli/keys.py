"""`chain-bandit keygen`, `join`, `assemble` and `leave`: taking part in a game with a key of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Funder, Json, RpcUrl
from chain_bandit.cli.stopping import RESENT, when_stopped
from chain_bandit.output import answer

KeyFolder = Annotated[Path, typer.Option("--key", metavar="FOLDER", help="Folder of the keystore, made by keygen.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="By default the file that ETH_PASSWORD names, or the terminal.")
]
_GameFile = Annotated[Path, typer.Argument(metavar="GAME", help="game.json of the organiser.")]
Listen = Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Listen address of the node.")]


def keygen(
    name: Annotated[str, typer.Argument(help="Name of the key, shown at the password prompt.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder, readable by you alone.")],
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Generate a key: an encrypted keystore (Web3 secret storage) and a TLS certificate, in a folder of their own.

    All secrets of a node derive from this key. Print the account's address.
    """
    from chain_bandit.chain.addresses import checksummed
    from chain_bandit.nodes import keystore

    address = checksummed(keystore.create(out, name, keystore.password(password_file, name, new=True)))
    answer({"address": address, "out": str(out)}) if as_json else print(f"{address}  {out}")


def join(
    game: _GameFile,
    key: KeyFolder,
    listen: Listen,
    announce: Annotated[
        str | None, typer.Option("--announce", metavar="HOST:PORT", help="Address for the other nodes, if different.")
    ] = None,
    account: Funder = None,
    rpc: RpcUrl = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Join a game: deposit the stake, and write FOLDER/join.json for the organiser.

    Only a plain account can: one with code (a contract, EIP-7702) is refused before anything is sent. The stake comes
    back after the game, or from the opening deadline on where the game does not open. Again with another address, it
    announces the new one.
    """
    from chain_bandit.nodes import keystore, open_game
    from chain_bandit.nodes.node_files import JOINED

    secret = keystore.unlock(key, keystore.password(password_file, key.name))
    with when_stopped(lambda: RESENT):
        joined = open_game.join(game, key, secret, listen, announce, rpc, account)
    record = joined.node_record
    said = {
        "place": record.address, "address": "0x" + joined.registration.address.hex(), "endpoint": record.endpoint,
        "counter": record.counter, "out": str(key / JOINED),
    }  # fmt: skip
    answer(said) if as_json else print(f"place {said['place']}: hand {said['out']} to the organiser")


def assemble(
    game: _GameFile,
    joins: Annotated[list[Path], typer.Argument(metavar="JOIN…", help="join.json of each participant.")],
    out: Annotated[Path | None, typer.Option("--out", help="Output file; by default GAME itself.")] = None,
    rpc: RpcUrl = None,
    as_json: Json = False,
) -> None:
    """Write the game file with all participants' addresses and certificates; each is signed by its participant's key.

    Everybody needs this file before the nodes start. It holds no secret.
    """
    from chain_bandit.nodes.open_game import assemble as assembled

    whole = assembled(game, joins, out or game, rpc)
    said = {"game": whole.game, "participants": len(whole.participants), "out": str(out or game)}
    line = f"{said['out']} has {said['participants']} participants: hand it to everybody"
    answer(said) if as_json else print(line)


def leave(
    game: _GameFile, key: KeyFolder, rpc: RpcUrl = None, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Withdraw the stake, or with the organiser's key the pool, from a game that was not opened before its deadline.

    With the organiser's key the relayer's money for gas comes back too, also after a game that was played.
    """
    from chain_bandit.nodes import keystore, open_game

    secret = keystore.unlock(key, keystore.password(password_file, key.name))
    with when_stopped(lambda: RESENT):
        wei = open_game.leave(game, key, secret, rpc)
    answer({"wei": wei}) if as_json else print(f"{wei} wei came back" if wei else "nothing is left to take back")
