"""Examples that `--help` shows, by command: what is typed after `chain-bandit`."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "run": ("run flights", "run game.toml --chain anvil --out runs/anvil", "run small -o policy=kl-ucb --seed 7"),
    "deploy": (
        "deploy game.toml --chain anvil --account dev0",
        "deploy game.toml --key organiser --chain URL --listen HOST:7700",
    ),
    "demo": ("demo", "demo --rounds 1000 --seed 7"),
    "simulate": ("simulate flights --replicates 200 --jobs 2", "simulate flights --baselines"),
    "sweep": ("sweep sweep --out runs/sweep", "sweep sweep --out runs/sweep --resume --jobs 2"),
    "audit": (
        "audit runs/demo --checks",
        "audit --history history.jsonl.gz --paranoid",
        "audit --rpc URL --contract game.json --export history.jsonl.gz",
    ),
    "show": ("show runs/demo", "show runs/demo round 20", "show runs/demo participant 3"),
    "watch": ("watch game.json --rpc URL",),
    "keygen": ("keygen ann --out ann",),
    "join": ("join game.json --key ann --listen HOST:7710 --rpc URL",),
    "assemble": ("assemble game.json ann/join.json bob/join.json",),
    "leave": ("leave game.json --key ann --rpc URL",),
    "node": ("node ann --game game.json", "node ann --metrics 127.0.0.1:9100 --log json"),
    "up": ("up small", "up game.toml --chain anvil --rounds 100"),
    "ps": ("ps nodes/small",),
    "logs": ("logs nodes/small",),
    "down": ("down nodes/small",),
    "doctor": ("doctor",),
    "explain": ("explain 12", "explain settlement.rewards", "explain chain.body", "explain krum"),
    "list": ("list attacks", "list checks --json"),
    "new plugin": ("new plugin attack mine", "new plugin aggregation middle --out rules/middle"),
    "new scenario": ("new scenario mine", "new scenario mine --preset paper --out games/mine.toml"),
    "mediate chain": ("mediate chain --epochs 10", "mediate chain --chain anvil --participants 9 --groups 3"),
    "mediate up": ("mediate up --epochs 6",),
    "mediate audit": (
        "mediate audit runs/tokens-1",
        "mediate audit runs/tokens-1/tokens.jsonl.gz --page tokens.html",
    ),
    "mediate run": ("mediate run smoke", "mediate run reduced --game ipd --jobs 2 --resume"),
    "mediate table": ("mediate table runs/mediate-smoke-0",),
    "mediate plot": ("mediate plot runs/mediate-smoke-0 --out pictures",),
}


def epilog(command: str) -> str:
    """The examples of a command as its help ends; empty where it has none."""
    lines = "\n".join(f"  chain-bandit {each}" for each in EXAMPLES.get(command, ()))
    return f"\b\nExamples:\n{lines}" if lines else ""
