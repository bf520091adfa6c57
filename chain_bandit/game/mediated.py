"""UCB participants that agree on their tokens on a chain: played, exported, audited."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chain_bandit.actors.epochs.participant import EpochParticipant
from chain_bandit.actors.epochs.transcript import Sent
from chain_bandit.actors.epochs.validator import EpochValidator
from chain_bandit.append_log import whole_file
from chain_bandit.auditor.agreement import AgreementReport, audit_agreement
from chain_bandit.chain import accounts
from chain_bandit.chain.funds import Need, fund
from chain_bandit.chain.http_node import HttpNode
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.node import DevelopmentNode, account
from chain_bandit.chain.remote import at_url, json_rpc
from chain_bandit.chain_history import files
from chain_bandit.chain_history.collect import collect
from chain_bandit.crypto.keys import Signer, derive
from chain_bandit.crypto.verify import Verifier
from chain_bandit.game import folder
from chain_bandit.game.agreement import Agreement, AgreementOnChain
from chain_bandit.game.chains import connected, require_no_payer
from chain_bandit.game.folder import FolderRefused
from chain_bandit.mediate.bandit import TokenIncentive
from chain_bandit.output import naming
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.errors import ChainBanditError
from chain_bandit.protocol.units import UNIT
from chain_bandit.simulation.arena import World, play
from chain_bandit.simulation.incentive import shaped
from chain_bandit.simulation.rivals.reports import Malice
from chain_bandit.simulation.rivals.ucb1 import ucb1

HISTORY, REPORT = folder.AGREEMENT, "audit.json"
GAS_OF_AN_EPOCH, GAS_OF_A_DEPLOYMENT = 2_000_000, 20_000_000

Observer = Callable[[int, int], None]

AgreeOn = Callable[[Sequence[int], Sequence[Sequence[Sent]]], int]
"""The token in use after an epoch, in units, from everybody's own and what everybody sent in it."""


@dataclass(frozen=True, slots=True)
class AgreementGame:
    """What is played.

    Attributes:
        terms: of the agreement; an epoch has as many rounds as it has steps.
        means: of the arms, each in [0, 1].
        seed: keys, salts and rewards follow from it. For development games only: it is public.
    """

    terms: AgreementTerms
    means: tuple[float, ...]
    epochs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        tokens: after each epoch, in units.
        gas: by method.
        regret: of the participants, the mean, in rewards.
    """

    contract: str
    tokens: tuple[int, ...]
    gas: dict[str, list[int]]
    regret: float
    report: AgreementReport

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        report = self.report
        return {
            "contract": self.contract, "tokens": list(self.tokens), "gas": self.gas, "regret": self.regret,
            "credits": list(report.credits), "head": report.head, "digest": report.digest,
            "exit_code": report.exit_code,
            "findings": [finding.sentence for finding in report.findings],
        }  # fmt: skip


def play_on(
    name: str, game: AgreementGame, out: Path, payer: str | None = None, observe: Observer = lambda done, total: None,
    on_connected: Callable[[int], None] = lambda chain_id: None,
) -> Result:  # fmt: skip
    """Play on the chain of that name, and leave its history and audit in a new folder.

    Args:
        payer: the account that pays for gas, where nobody gives it away.
        observe: is told how many epochs of how many are over.
        on_connected: told the id of a chain that is not embedded, before anything is paid.

    Raises:
        AssumptionBroken, WorldError: nobody can play that.
        FolderRefused: the folder is there, or cannot be made.
        ChainBanditError: no such chain, no node, or it refused.
    """
    game.terms.check()
    relayer = Signer(derive(game.seed, "relayer"))
    if name == "embedded":
        from chain_bandit.chain.embedded import EmbeddedNode  # an EVM, which no other chain asks for

        require_no_payer(payer)
        node = EmbeddedNode({relayer.address: 10**20})
        return _play(node, json_rpc(node.line), game, relayer, out, observe)
    with connected(name) as live:
        on_connected(live.chain_id)
        _fund(live, game, relayer.address, payer)
        return _play(live, at_url(live.url), game, relayer, out, observe)


def _fund(node: HttpNode, game: AgreementGame, relayer: bytes, payer: str | None) -> None:
    need = Need(relayer, 0, GAS_OF_A_DEPLOYMENT + GAS_OF_AN_EPOCH * game.epochs)
    fund(node, [need], accounts.named(payer, node.chain_id) if payer else None, Journal())


def _play(
    node: DevelopmentNode, rpc: Callable[..., Any], game: AgreementGame, relayer: Signer, out: Path, observe: Observer
) -> Result:
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise FolderRefused(out, f"cannot be made: {error.strerror}; name another with --out") from error
    recorder = AgreementOnChain(node, account(relayer.secret))
    try:
        agreement = _agreement(game, recorder)
    except BaseException:
        out.rmdir()  # there is no contract that it could hold anything of
        raise
    tokens: list[int] = []

    def agree(own: Sequence[int], sent: Sequence[Sequence[Sent]]) -> int:
        tokens.append(agreement.play(own, salts(game, len(tokens)), sent))
        observe(len(tokens), game.epochs)
        return tokens[-1]

    try:
        regret = play_world(game, agree)
    except BaseException as stopped:
        stopped.add_note(_left(rpc, recorder, out))
        raise
    contract, report = recorder.contract, _exported(rpc, recorder, out)
    return Result("0x" + contract.address.hex(), tuple(tokens), contract.gas, regret, report)


def play_world(game: AgreementGame, agree: AgreeOn) -> float:
    """Play the participants' bandit, and agree on a token after each epoch; gives their mean regret, in rewards."""

    def agreed(own: NDArray[np.int64], asked: NDArray[np.bool_], pleased: NDArray[np.bool_]) -> NDArray[np.int64]:
        sent = [list(map(Sent, asked[:, 0, at].tolist(), pleased[:, 0, at].tolist())) for at in range(own.shape[1])]
        return np.array([agree(own[0].tolist(), sent)])

    terms = game.terms
    world = World(game.means, terms.participants, 0, game.epochs * terms.steps)
    maker = shaped(ucb1(Malice()), partial(TokenIncentive, epoch=terms.steps, agree=agreed))
    return float(play(world, maker, 1, game.seed).regret[0, -1])


def _exported(rpc: Callable[..., Any], recorder: AgreementOnChain, out: Path) -> AgreementReport:
    first = recorder.contract.created_in
    assert first is not None
    return export(rpc, recorder.contract.address, first, out)


def export(
    rpc: Callable[..., Any], contract: bytes, first_block: int, out: Path, head: bytes | None = None
) -> AgreementReport:  # fmt: skip
    """Write what the chain has of the agreement at an address, its audit, and the page of that.

    Args:
        head: the hash of the last block; by default, or where the node has none, its last one.
    """
    from chain_bandit.views.agreement_page import agreement_page  # late: it loads matplotlib

    with naming(out):
        files.write(collect(rpc, contract, first_block, head=head), out / HISTORY)
        report = audit_agreement(files.read(out / HISTORY))
        for name, text in ((folder.REPORT, agreement_page(report)), (REPORT, report.json() + "\n")):
            with whole_file(out / name) as file:
                file.write(text.encode())
    return report


def _left(rpc: Callable[..., Any], recorder: AgreementOnChain, out: Path) -> str:
    """Keep what a game that was stopped has on the chain, and say so; where the node no longer says it, its address."""
    try:
        report = _exported(rpc, recorder, out)
    except ChainBanditError:
        with suppress(OSError):  # not empty
            out.rmdir()
        return f"its results are in the contract at 0x{recorder.contract.address.hex()}"
    return f"history and audit of {len(report.epochs)} epochs are in {out}"


def signers(game: AgreementGame) -> list[Signer]:
    """The key of each seat: of a role in the order of their addresses, as the contract asks."""
    terms = game.terms
    keys: list[Signer] = []
    for role, count in (("token-participant", terms.participants), ("token-validator", terms.validators)):
        own = (Signer(derive(game.seed, role, at)) for at in range(count))
        keys += sorted(own, key=lambda signer: signer.address)
    return keys


def _agreement(game: AgreementGame, recorder: AgreementOnChain) -> Agreement:
    terms, verifier, keys = game.terms, Verifier(), list(enumerate(signers(game)))
    return Agreement(
        terms,
        [EpochParticipant(seat, signer) for seat, signer in keys[: terms.participants]],
        [EpochValidator(seat, signer, verifier) for seat, signer in keys[terms.participants :]],
        [signer.address for _, signer in keys],
        recorder,
        verifier,
    )


def salts(game: AgreementGame, epoch: int) -> list[bytes]:
    """Of everybody, for an epoch's shares."""
    secret = derive(game.seed, "token-salt")
    return [keccak(secret, uint(epoch, 4), uint(seat, 2)) for seat in range(game.terms.participants)]


def default_terms(
    participants: int, validators: int, faulty: int, groups: int, rounds: int, deadline: int = 10
) -> AgreementTerms:
    """Tokens from 0.1, between 0 and 10, by no more than 1 an epoch; the deadline is in blocks."""
    return AgreementTerms(participants, validators, faulty, groups, UNIT // 10, 10 * UNIT, UNIT, rounds, deadline)

