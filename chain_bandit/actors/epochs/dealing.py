"""A participant's token as shares, one a validator, and what shows that they are shares of one token.

What is hashed and how is `protocol/sharing.py`'s; here the polynomials are of degree f.
"""

from collections.abc import Sequence

from chain_bandit.protocol import sharing
from chain_bandit.protocol.agreement import shamir
from chain_bandit.protocol.digests import keccak, uint
from chain_bandit.protocol.sharing import ELEMENT_BYTES, Dealing, field_element, leaf, shares_commitment

TOKENS = 1
"""Elements of a share beside its mask."""

SHARE_BYTES = sharing.share_bytes(TOKENS)

_MASK, _OWN = keccak(b"chain_bandit.mediate.dealing.mask"), keccak(b"chain_bandit.mediate.dealing.salt")

Share = tuple[int, int]
"""An element of the token, and one of the mask that hides it in a probe."""


def deal(token: int, salt: bytes, faulty: int, validators: int) -> Dealing:
    """Share a token among so many validators; f of them learn nothing.

    Args:
        salt: 32 bytes, secret and used once: all chance follows from them.
    """
    hidden = field_element(_MASK, salt)
    tokens = shamir.split(token, shamir.coefficients(salt, faulty), validators)
    masks = shamir.split(hidden, shamir.coefficients(keccak(_MASK, salt), faulty), validators)
    shares = tuple(
        uint(token_, ELEMENT_BYTES) + uint(mask, ELEMENT_BYTES) + keccak(_OWN, salt, uint(at, 2))
        for at, (token_, mask) in enumerate(zip(tokens, masks, strict=True))
    )
    return Dealing(b"".join(leaf(at, share) for at, share in enumerate(shares)), shares)


def opened(share: bytes, at: int, leaves: bytes) -> Share | None:
    """The value of a validator's share; None unless it is the one that the leaves bind."""
    found = sharing.opened(share, at, len(leaves) // 32, leaves, shares_commitment(leaves), TOKENS)
    return None if found is None else (found[0], found[1])


def probe(share: Share, leaves: bytes) -> int:
    """A validator's share of a combination that reveals nothing of the token: its mask hides it."""
    return sharing.probe(share, shares_commitment(leaves))


def probed(probes: Sequence[int | None], faulty: int) -> tuple[tuple[int, ...], int] | None:
    """Which validators' probes are off or missing, and the number that the others share.

    None where there is no such number: then the dealer is false, as long as only f validators are. Of a false dealer
    false validators can name the number, until each share that is off or missing here has been opened.
    """
    given = {at: value for at, value in enumerate(probes) if value is not None}
    try:
        found = shamir.opened(given, faulty)
    except shamir.NotShared:
        return None
    return tuple(at for at in range(len(probes)) if at not in given or at in found.wrong), found.secret


def is_on(value: int, at: int, probes: Sequence[int | None], doubtful: Sequence[int], faulty: int) -> bool:
    """Whether a probe is on the polynomial of all that are beyond doubt."""
    given = {other: each for other, each in enumerate(probes) if each is not None and other not in doubtful}
    try:
        return not shamir.opened({**given, at: value}, faulty).wrong
    except shamir.NotShared:
        return False
