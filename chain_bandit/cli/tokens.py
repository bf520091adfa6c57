"""`chain-bandit mediate chain` and `mediate audit`: agreed tokens on a chain, and their audit."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from chain_bandit.cli.options import Json, PublicKeys, Usage, hexadecimal
from chain_bandit.cli.warnings import allow_public_keys


def chain(
    chain: Annotated[str, typer.Option("--chain", help="embedded, anvil, hardhat, or a node's URL.")] = "embedded",
    account: Annotated[str | None, typer.Option("--account", help="Account that pays for gas at a URL.")] = None,
    participants: Annotated[int, typer.Option("--participants", min=2, max=255, help="Number of participants.")] = 6,
    validators: Annotated[int, typer.Option("--validators", min=1, max=254, help="Number of validators.")] = 4,
    faulty: Annotated[
        int, typer.Option("--faulty", min=0, help="Bound on malicious validators: fewer than a third.")
    ] = 1,
    groups: Annotated[int, typer.Option("--groups", min=1, help="Groups for the median of means; 1: one mean.")] = 1,
    epochs: Annotated[int, typer.Option("--epochs", min=1, max=10**5)] = 50,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=65535, help="Rounds per epoch.")] = 20,
    deadline: Annotated[
        int, typer.Option("--deadline", min=1, max=2**32 - 1, help="Deadline of an epoch, in blocks.")
    ] = 10,
    means: Annotated[str, typer.Option("--means", help="Mean rewards of the arms.")] = "0.8,0.6,0.5",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1)] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="A new folder; by default runs/tokens-SEED.")] = None,
    public_keys: PublicKeys = False,
    as_json: Json = False,
) -> None:
    """Play UCB participants that exchange tokens of an agreed size on a chain, and audit the result."""
    from chain_bandit.game.mediated import AgreementGame, default_terms, play_on

    terms = default_terms(participants, validators, faulty, groups, rounds, deadline)
    place = out or Path("runs") / f"tokens-{seed}"
    game = AgreementGame(terms, _means(means), epochs, seed)
    _warn_of_pairs(participants, groups)
    observe = _say if sys.stderr.isatty() else lambda done, total: None
    result = play_on(chain, game, place, account, observe, allow_public_keys(public_keys, "the seed", ""))
    if as_json:
        print(json.dumps({**result.as_dict(), "out": str(place)}, sort_keys=True))
    else:
        gas = result.gas["agree"]
        print(f"{epochs} epochs, tokens {result.tokens[0] / 1e9:.9f} to {result.tokens[-1] / 1e9:.9f}, "
              f"{sum(gas) / len(gas):,.0f} gas an epoch, regret {result.regret:.2f}")  # fmt: skip
        print("\n".join(result.report.lines()))
        print(f"history and audit in {place}; last block {result.report.head}")
    raise typer.Exit(result.report.exit_code)


def audit(
    history: Annotated[Path, typer.Argument(help="The tokens.jsonl.gz of a run, or another export.")],
    head: Annotated[str | None, typer.Option("--head", help="Trusted hash of the last block.")] = None,
    as_json: Json = False,
) -> None:
    """Audit an agreement: recompute every agreed token from an exported history alone."""
    from chain_bandit.auditor.agreement import audit_agreement
    from chain_bandit.chain_history import files

    kept = hexadecimal(head, 32, "--head") if head else None
    report = audit_agreement(files.read(history), kept)
    print(report.json() if as_json else "\n".join(report.lines()))
    raise typer.Exit(report.exit_code)


def _warn_of_pairs(participants: int, groups: int) -> None:
    if participants < 3 * groups:
        print(
            f"warning: {participants} participants in {groups} groups make groups of two, in which each learns the "
            "other's token: three a group or more hide it",
            file=sys.stderr,
        )


def _say(done: int, total: int) -> None:
    print(f"\repoch {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _means(said: str) -> tuple[float, ...]:
    try:
        means = tuple(map(float, said.split(",")))
    except ValueError:
        means = ()
    if len(means) < 2 or not all(0 <= mean <= 1 for mean in means):
        raise Usage(f"--means {said}: expected two numbers or more from 0 to 1, with commas between them")
    return means
