"""Ledger of an agreement: the contract's state as a function of its epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chain_bandit.protocol.agreement.body import AgreementBody
from chain_bandit.protocol.agreement.terms import AgreementTerms
from chain_bandit.protocol.agreement.tokens import clamped
from chain_bandit.protocol.blocks import mask
from chain_bandit.protocol.digests import ZERO, keccak, word

EVIDENCE_DELAY = 1
"""The validators of the open epoch may be signing: an accused seat is left out from the next one on."""


@dataclass(frozen=True, slots=True)
class AgreementLedger:
    """Where an agreement stands.

    Attributes:
        epoch: the open one.
        head: the digest of all before it.
        token: in use, in units.
        blocked_from: of each seat the first epoch that it is left out of; 0 for none.
        credits: of each participant, in units.
    """

    epoch: int
    head: bytes
    token: int
    blocked_from: tuple[int, ...]
    credits: tuple[int, ...]

    @property
    def round(self) -> int:
        """The open epoch: what it is to a node that plays rounds of any system."""
        return self.epoch


def opening(terms: AgreementTerms, accounts: Sequence[bytes]) -> AgreementLedger:
    """Before the first epoch."""
    return AgreementLedger(
        0, keccak(terms.digest(accounts)), terms.first, (0,) * terms.places, (0,) * terms.participants
    )


def blocked(ledger: AgreementLedger) -> int:
    """Mask of the seats left out of the open epoch."""
    return mask(seat for seat, since in enumerate(ledger.blocked_from) if 0 < since <= ledger.epoch)


def participants(terms: AgreementTerms, ledger: AgreementLedger) -> int:
    """Mask of the seats that may deal in the open epoch."""
    return terms.everybody & ~blocked(ledger)


def validators(terms: AgreementTerms, ledger: AgreementLedger) -> int:
    """Mask of the seats that hold shares in the open epoch."""
    return terms.holders & ~blocked(ledger)


def after_epoch(
    terms: AgreementTerms, ledger: AgreementLedger, body: AgreementBody | None, content: bytes = ZERO
) -> AgreementLedger:
    """What an epoch leaves.

    Args:
        body: one that has something agreed; None for an epoch that came to nothing, whose token stays.
        content: keccak of its bytes.
    """
    token, credits = ledger.token, ledger.credits
    if body is not None and body.agreed is not None:
        token = clamped(body.agreed, ledger.token, terms.most, terms.step)
        if terms.steps:
            credits = tuple(had + net * ledger.token for had, net in zip(credits, body.nets, strict=True))
    head = keccak(ledger.head, word(ledger.epoch), content, word(token))
    return replace(ledger, epoch=ledger.epoch + 1, head=head, token=token, credits=credits)


def accused(ledger: AgreementLedger, seat: int) -> AgreementLedger:
    """After the first proof against a seat; further ones change nothing."""
    return listed(ledger, seat, ledger.epoch + EVIDENCE_DELAY)


def listed(ledger: AgreementLedger, seat: int, since: int) -> AgreementLedger:
    """With a seat left out from an epoch on, unless it is already."""
    blocked_from = list(ledger.blocked_from)
    blocked_from[seat] = blocked_from[seat] or since
    return replace(ledger, blocked_from=tuple(blocked_from))
