"""`chain-bandit mediate chain`, `mediate up` and `mediate audit`: agreed tokens on a chain, and their audit."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chain_bandit.cli.options import Json, Page, Paranoid, PublicKeys, TrustedHead
from chain_bandit.cli.page import end_audit, write_page
from chain_bandit.cli.warnings import allow_public_keys
from chain_bandit.output import answer
from chain_bandit.usage import Usage, hexadecimal

if TYPE_CHECKING:
    from chain_bandit.game.mediated import AgreementGame, Result


_Account = Annotated[str | None, typer.Option("--account", help="Account that pays for gas at a URL.")]
Participants = Annotated[int, typer.Option("--participants", min=2, max=255, help="Number of participants.")]
Validators = Annotated[int, typer.Option("--validators", min=1, max=254, help="Number of validators.")]
Faulty = Annotated[int, typer.Option("--faulty", min=0, help="Bound on malicious validators: fewer than a third.")]
Groups = Annotated[int, typer.Option("--groups", min=1, help="Groups for the median of means; 1: one mean.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, max=10**5, help="Number of epochs.")]
EpochRounds = Annotated[int, typer.Option("--rounds", min=1, max=65535, help="Rounds per epoch.")]
Deadline = Annotated[
    int, typer.Option("--deadline", min=1, max=2**32 - 1, help="Deadline of an epoch, in blocks.")
]
_Means = Annotated[str, typer.Option("--means", help="Mean rewards of the arms.")]
GameSeed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of keys, salts and rewards.")]
_Out = Annotated[Path | None, typer.Option("--out", help="A new folder; by default (runs|nodes)/tokens-SEED.")]


def chain(
    chain: Annotated[str, typer.Option("--chain", help="embedded, anvil, hardhat, or a node's URL.")] = "embedded",
    account: _Account = None,
    participants: Participants = 6,
    validators: Validators = 4,
    faulty: Faulty = 1,
    groups: Groups = 1,
    epochs: Epochs = 50,
    rounds: EpochRounds = 20,
    deadline: Deadline = 10,
    means: _Means = "0.8,0.6,0.5",
    seed: GameSeed = 1,
    out: _Out = None,
    public_keys: PublicKeys = False,
    as_json: Json = False,
) -> None:
    """Play UCB participants that exchange tokens of an agreed size on a chain, and audit the result."""
    from chain_bandit.game.mediated import play_on

    game = _game((participants, validators, faulty, groups, rounds, deadline), means, epochs, seed)
    place = out or Path("runs") / f"tokens-{seed}"
    observe = _say if sys.stderr.isatty() else lambda done, total: None
    result = play_on(chain, game, place, account, observe, allow_public_keys(public_keys, "the seed", ""))
    _say_result(result, place, epochs, as_json)


def up(
    chain: Annotated[str, typer.Option("--chain", help="anvil, hardhat, or a node's URL.")] = "anvil",
    account: _Account = None,
    participants: Participants = 6,
    validators: Validators = 4,
    faulty: Faulty = 1,
    groups: Groups = 1,
    epochs: Epochs = 50,
    rounds: EpochRounds = 20,
    deadline: Deadline = 10,
    means: _Means = "0.8,0.6,0.5",
    seed: GameSeed = 1,
    bound_ms: Annotated[int, typer.Option("--bound-ms", min=1, help="Delay bound of messages, in ms.")] = 1000,
    revive: Annotated[bool, typer.Option("--revive", help="Restart a node that was killed.")] = False,
    out: _Out = None,
    public_keys: PublicKeys = False,
    as_json: Json = False,
) -> None:
    """Play UCB participants that exchange tokens of an agreed size, each node as a process, and audit the result."""
    from chain_bandit.nodes.agreement_up import up_agreement

    game = _game((participants, validators, faulty, groups, rounds, deadline), means, epochs, seed)
    place = out or Path("nodes") / f"tokens-{seed}"
    result = up_agreement(
        game, place, chain, bound_ms, account, revives=lambda name: revive,
        on_connected=allow_public_keys(public_keys, "the seed", ""),
    )  # fmt: skip
    _say_result(result, place, epochs, as_json)


def _game(sizes: tuple[int, int, int, int, int, int], means: str, epochs: int, seed: int) -> "AgreementGame":
    from chain_bandit.game.mediated import AgreementGame, default_terms

    participants, _, _, groups, _, _ = sizes
    game = AgreementGame(default_terms(*sizes), _means(means), epochs, seed)
    _warn_of_pairs(participants, groups)
    return game


def _say_result(result: "Result", place: Path, epochs: int, as_json: bool) -> None:
    """Print what was played, and exit as its audit says."""
    if as_json:
        answer({**result.as_dict(), "out": str(place)}, sort_keys=True)
    else:
        gas, report = result.gas.get("agree") or [0], result.report
        print(f"{epochs} epochs, tokens {result.tokens[0] / 1e9:.9f} to {result.tokens[-1] / 1e9:.9f}, "
              f"{sum(gas) / len(gas):,.0f} gas an epoch, regret {result.regret:.2f}")  # fmt: skip
        print("\n".join(report.lines()))
        print(f"history, audit and report.html in {place}; last block {report.head}; digest {report.digest}")
    raise typer.Exit(result.report.exit_code)


def audit(
    history: Annotated[Path, typer.Argument(help="A run folder, or an export.")],
    head: TrustedHead = None,
    page: Page = None,
    paranoid: Paranoid = False,
    rpc: Annotated[
        str | None, typer.Option("--rpc", help="A node's URL: export to the run folder of nodes first.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Audit an agreement: recompute every agreed token from an exported history alone."""
    from chain_bandit.auditor.agreement import audit_agreement, creates
    from chain_bandit.audits import OtherGame
    from chain_bandit.chain_history import files
    from chain_bandit.game.folder import AGREEMENT, HISTORY

    kept = hexadecimal(head, 32, "--head") if head is not None else None
    if rpc is not None:
        from chain_bandit.nodes.agreement_up import audit_on_chain  # late: it loads what nodes need

        audit_on_chain(history, rpc, kept)
    if history.is_dir():
        history = history / (HISTORY if (history / HISTORY).is_file() else AGREEMENT)
    if creates(files.read(history), "ChainBandit"):
        raise OtherGame("contract", "that of an agreement on tokens", "a game's, which chain-bandit audit audits")
    report = audit_agreement(files.read(history), kept)
    if paranoid:
        from chain_bandit.auditor.second_implementation import with_second_agreement  # late: libraries of its own

        report = with_second_agreement(report, history)
    lost = ""
    if page is not None:
        from chain_bandit.views.agreement_page import agreement_page

        if page.is_dir() or not page.parent.is_dir():
            raise Usage(f"--page {page}: there is no folder for it, or a folder in its place")
        lost = write_page(page, agreement_page(report))
    print(report.json() if as_json else "\n".join(report.lines()))
    end_audit(lost, report.exit_code)


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
