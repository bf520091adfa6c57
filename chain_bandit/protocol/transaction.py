"""Limits of one transaction: gas that is enough for a call, the most there is (EIP-7825), and the number of calls."""

from chain_bandit.protocol.assumptions import LEAST_WINDOW
from chain_bandit.protocol.blocks import MOST_STATE, SIGNATURE_BYTES, body_bytes
from chain_bandit.protocol.errors import require
from chain_bandit.protocol.parameters import BodyMode, Parameters
from chain_bandit.protocol.settlement import SUM_BYTES, settled_bytes
from chain_bandit.protocol.units import MAX_PARTICIPANTS

WORD = 32
MOST_GAS = 2**24
BASE_GAS, GAS_PER_BYTE, GAS_PER_SEAT = 1_000_000, 150, 12_000

MOST_UNPAID = 2_000
"""Rounds without a reward that one settlement goes through beside those with one: calldata says nothing of them."""

FIRST_CREDITS = 2 * MAX_PARTICIPANTS
"""Of an agreement's epoch, in seats as `gas_of_call` counts them: a participant's first credit takes as much as two."""

_PLAIN = 256
"""Bytes that a transaction without lists has beside its calldata, at most."""

ENTRY_WORDS = 6
"""Of a `CostEntry` in calldata, beside its header: its place, four fields and the header's length."""


def gas_of_call(size: int, seats: int = 0) -> int:
    """Gas that is enough for a call with so many bytes of calldata that goes through so many seats."""
    return BASE_GAS + GAS_PER_BYTE * size + GAS_PER_SEAT * seats


def gas_of_blocks(size: int, blocks: int, participants: int, signatures: int) -> int:
    """Gas that is enough to record so many blocks of `size` bytes and so many signatures in all.

    Where bytes are many their floor price is more than what signatures and the first look at the block list take. Lanes
    and committee are of every block.
    """
    apart = max(50 * size, 30 * size + 3_100 * signatures + 3_000 * participants)
    return 100_000 + apart + blocks * (15_000 + 1_000 * participants)


def gas_of_anybodys_call(size: int, participants: int) -> int:
    """Gas that is enough, by Prague's prices, for a call that any account may make, other than blocks: a seat, a skip,
    a proof, an acquittal, a withdrawal. It is less than `gas_of_call` gives.

    Args:
        size: bytes of its calldata.
    """
    return 200_000 + GAS_PER_BYTE * size + 3_000 * participants


def gas_of_lists(raw: int, data: int, authorizations: int) -> int:
    """Gas that is enough for what a transaction of `raw` bytes brings beside `data` bytes of calldata: an entry of an
    access list takes less than `GAS_PER_BYTE` (EIP-2930), an authorization 25,000 (EIP-7702).
    """
    return GAS_PER_BYTE * max(0, raw - data - _PLAIN) + 25_000 * authorizations


def gas_of_pulls(size: int) -> int:
    """Gas that is enough to settle rows of so many bytes, of any seats and with any content."""
    return gas_of_call(size, MAX_PARTICIPANTS) + 250 * size


def gas_of_rows(parameters: Parameters, rows: int) -> int:
    """Gas that is enough to settle so many rows. Few seats are checked by sixes, one by one where one did not pull;
    seats that wait for their burn-in are looked at in each, and those on the block list.
    """
    p = parameters
    looked_at = p.participants if p.paid_burn_in else p.liars + p.attackers
    row = 1_500 + 2_200 * -(-p.participants // 6) + 350 * looked_at
    apart = 0 if p.sealed or p.has_phases else max(0, row - GAS_PER_BYTE * settled_bytes(p))
    return gas_of_call(rows * settled_bytes(p), p.participants) + rows * apart


def gas_of_sums(parameters: Parameters) -> int:
    """Gas that is enough for the sums of a sealed game: of all its rounds, 256 a word, again for each seat on the block
    list, on which no honest one is.
    """
    p, words = parameters, parameters.horizon // 256 + 1
    once = gas_of_call(SUM_BYTES * p.participants, p.participants)
    return once + words * (2_500 + 500 * (p.liars + p.attackers))


def gas_of_model(size: int) -> int:
    """Gas that is enough to reveal an encoded reward model of so many bytes, eight of them a reward."""
    return BASE_GAS + 55 * size


def decided_bytes(parameters: Parameters) -> int:
    """The most bytes of `Header.decided`: nothing shared among arms."""
    size = parameters.mask_bytes
    extension = 1 + (2 + MOST_STATE) * parameters.keeps_state + 4 * parameters.has_phases
    return size + 1 + 2 * (1 + parameters.arms * size) + parameters.successor_bytes + extension


def derived_bytes(parameters: Parameters) -> int:
    """Bytes of `Header.derived`."""
    return 4 * parameters.arms + 2 * parameters.participants


def header_bytes(parameters: Parameters) -> int:
    """The most bytes of a header."""
    return 4 + 3 * WORD + decided_bytes(parameters) + derived_bytes(parameters)


def block_bytes(parameters: Parameters) -> int:
    """The most bytes of a submitted block, less its signatures."""
    full = parameters.body_mode == BodyMode.FULL
    body = body_bytes(parameters.participants, parameters) if full else WORD
    attested = derived_bytes(parameters) * parameters.is_attested
    return parameters.mask_bytes + decided_bytes(parameters) + attested + body


def entry_bytes(parameters: Parameters) -> int:
    """The most bytes of a `CostEntry` in calldata."""
    return ENTRY_WORDS * WORD + -(-header_bytes(parameters) // WORD) * WORD


def gas_of_costs(parameters: Parameters, rounds: int) -> int:
    """Gas that is enough for the costs of so many rounds: the first that costs notes the seats on the block list."""
    return gas_of_call(rounds * entry_bytes(parameters)) + 25_000 * parameters.attackers


def most_entries(parameters: Parameters) -> int:
    """Rounds of costs that one transaction can carry."""
    return (MOST_GAS - gas_of_costs(parameters, 0)) // (GAS_PER_BYTE * entry_bytes(parameters))


def require_room(
    parameters: Parameters, batch: int, certificates: int, settle_every: int, costs_every: int, model: int = 0
) -> None:  # fmt: skip
    """Refuse batches, settlements and reward models of which the largest would not fit in a transaction.

    Args:
        batch, certificates: blocks in a transaction, and how many of them bring their quorum's signatures.
        settle_every, costs_every: rounds of rewards, and of costs, in a transaction.
        model: bytes of the encoded reward model.

    Raises:
        AssumptionBroken: with the gas that it takes.
    """
    p = parameters
    signatures = certificates * p.participants
    size = batch * block_bytes(p) + SIGNATURE_BYTES * signatures
    for name, gas in (
        ("chain.batch", gas_of_blocks(size, batch, p.participants, signatures)),
        ("chain.settle_every", gas_of_rows(p, settle_every)),
        ("paid_burn_in", gas_of_rows(p, settle_every + p.burn_in * p.settles_burn_in)),
        ("chain.costs_every", gas_of_costs(p, costs_every)),
        ("rounds", gas_of_sums(p) if p.sealed else 0),
        ("rewards", gas_of_model(model)),
    ):
        require(gas <= MOST_GAS, name, "gas <= 2^24, what one transaction may take", gas=gas, most=MOST_GAS)


def calls_due(parameters: Parameters, costs_every: int) -> tuple[int, int, int]:
    """How many calls the end of a game brings: the environment's that show its rewards, sealing keys, and costs."""
    p, records = parameters, parameters.horizon - parameters.burn_in + 1
    return 2 + p.sealed, p.participants * p.sealed, -(-records // costs_every)


def least_window(parameters: Parameters, costs_every: int, confirmations: int) -> int:
    """The shortest settlement window for all calls that are due, with a block for each, and for each liar's proof.

    Args:
        confirmations: blocks that the environment waits after each call of its own.
    """
    p, (shows, keys, costs) = parameters, calls_due(parameters, costs_every)
    shown, costs = shows * confirmations + keys, costs * confirmations
    if not p.slash:
        return shown + costs
    return max(LEAST_WINDOW, (4 if p.provable else 2) * shown, 2 * (shown + p.liars * p.provable), 2 * costs)
