"""`chain-bandit demo`: the game of the airlines."""

from chain_bandit.cli.options import Json, Out, RoundCount, Seed, overrides
from chain_bandit.cli.run import play_scenario

EXAMPLES = ("demo", "demo --rounds 1000 --seed 7")


def demo(rounds: RoundCount = None, seed: Seed = None, out: Out = None, as_json: Json = False) -> None:
    """Play and audit the demo: ten participants, three malicious, learn which airline is most often on time."""
    from chain_bandit.examples import example

    if not as_json:
        print(_FLIGHTS, flush=True)
    play_scenario(example("flights.toml"), overrides(None, rounds, seed), out, as_json, named="demo")


_FLIGHTS = """\
Which of 16 airlines is most often on time? Ten participants choose an airline
(an arm) each round; one of its recorded flights is drawn, and an arrival on
time is a reward of 1. Three of the ten are malicious. This takes a minute.
"""
