"""`chain-bandit leave`: withdrawal of a stake or pool."""

from chain_bandit.cli.options import Json, KeyFolder, OrganiserFile, PasswordFile, RpcUrl
from chain_bandit.cli.stopping import RESENT, when_stopped
from chain_bandit.output import answer

EXAMPLES = ("leave game.json --key ann --rpc URL",)


def leave(
    game: OrganiserFile, key: KeyFolder, rpc: RpcUrl = None, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Withdraw the stake, or with the organiser's key the pool, from a game that was not opened before its deadline.

    With the organiser's key the relayer's money for gas comes back too, also after a game that was played.
    """
    from chain_bandit.cli.coins import in_coins
    from chain_bandit.nodes import keystore, open_game
    from chain_bandit.nodes.node_files import read_game

    secret = keystore.unlock(key, keystore.password(password_file, key.name))
    with when_stopped(lambda: RESENT):
        wei = open_game.leave(game, key, secret, rpc)
    if as_json:
        answer({"wei": wei})
    elif wei:
        print(f"{in_coins(wei, read_game(game).chain_id)} withdrawn ({wei:,} wei)")
    else:
        print("nothing is left to withdraw")
