"""`chain-bandit join`: participation in a game with a key of one's own."""

from typing import Annotated

import typer

from chain_bandit.cli.options import Funder, Json, KeyFolder, Listen, OrganiserFile, PasswordFile, RpcUrl
from chain_bandit.cli.stopping import RESENT, when_stopped
from chain_bandit.output import answer

EXAMPLES = ("join game.json --key ann --listen HOST:7710 --rpc URL",)


def join(
    game: OrganiserFile,
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
