"""A part of `python -m verification.schedules --sending`; and faults planted, each of which it must find.

A fault is a few places in the real code: what stands there, and what stands there instead. `RARE` has the first of the
seeds that find one which needs many things at once.
"""

import inspect
import textwrap
from typing import Any

import pytest

from chain_bandit.chain.call import Call
from chain_bandit.chain.journal import Journal
from chain_bandit.chain.outbox import Outbox
from chain_bandit.chain.rpc import Rpc
from chain_bandit.chain.sender import Sender
from chain_bandit.chain.transactions import Fee
from verification.schedules.budget import of_sending
from verification.schedules.crashing import TrueSigner
from verification.schedules.sending import play

SCHEDULES = 500
"""Of `make test`; the deep ones are 10^5."""

FOUND_WITHIN = 600

REFUSED = "            if call.refused is None:"
SYNC, POST = "self._journal.sync()", "self._sending, self._sent_at = self._rpc.post(requests), now"
EVENTS = "(yield from self._take_events(asking.watched, answers))"
NONCE = 'yield Ask("eth_getTransactionCount", [account, which], as_int)'


def on(word: str, what: str) -> str:
    """What is done at a refusal in such words."""
    return f"            if '{word}' in word.text:\n                {what}\n{REFUSED}"


FAULTS: dict[str, tuple[tuple[Any, str, str, str], ...]] = {
    # what a node says of a transaction
    "already known is as good as mined": ((Outbox, "_take_word", REFUSED, on("known", "call.outdone = self.head")),),
    "nonce too low is as good as mined": ((Outbox, "_take_word", REFUSED, on("too low", "call.outdone = self.head")),),
    "insufficient funds is believed": (
        (Outbox, "_take_word", REFUSED, on("insufficient", "raise TransactionReverted(call.method, 'Rejected', ())")),
    ),
    "a refusal gives a new nonce": ((Outbox, "_take_word", REFUSED, on("", "call.versions.clear()")),),
    "what is taken is mined": (
        (Outbox, "_take_word", "call.accepted = True", "call.accepted, call.outdone = True, self.head"),
    ),
    "every receipt is a success": ((Outbox, "_take_receipt", "== 1 and reached", ">= 0"),),
    "receipts are taken in without the events before them": (
        (Outbox, "_take", f"not {EVENTS}", f"{EVENTS} is None"),
    ),
    "receipts are taken in though a range was refused": (
        (Outbox, "_take_events", "yield from self._catch_up(latest)\n                return False",
         "yield from self._catch_up(latest)\n                return True"),
    ),
    "events are asked for from the head on": ((Outbox, "_take_events", "self.head[0] - UNDONE", "self.head[0]"),),
    "a nonce is believed taken at once": ((Outbox, "_look_into", "call.taken >= NONCES_TAKEN", "True"),),
    "a garbled count of nonces ends the run": (
        (Outbox, "_next_nonce", NONCE, f'as_int(({NONCE.replace("as_int", "as_answered")}))'),
    ),
    "garbled events are none": (
        (Outbox, "_take_receipt", '_events(field(fields, "logs"))', 'list(field(fields, "logs"))'),
    ),
    # reorganisations
    "nobody looks back": ((Outbox, "look_back", "range(len(every), 0, -ASKED_AT_ONCE)", "range(0)"),),
    "what was found once is there for ever": ((Outbox, "look_back", "!= top[1]", "!= top[1] and False"),),
    "what was found in any branch is below the head": (
        (Outbox, "look_back", "(head and {answers[0], answers[-1]} != {head[1]})", "False"),
    ),
    "nobody looks back before the end": (
        (Sender, "settle", "self._take_step(self._outbox.look_back())", "pass"),
        (Outbox, "_follow", "yield from self.look_back()\n", "yield from ()\n"),
    ),
    "one confirmation is enough": ((Outbox, "_is_confirmed", "self._delivery.confirmations", "1"),),
    "one confirmation too few": (
        (Outbox, "_is_confirmed", "self._delivery.confirmations", "self._delivery.confirmations - 1"),
    ),
    "calls are forgotten with their first block": ((Outbox, "_forget", "self.head[0] - UNDONE", "self.head[0]"),),
    "receipts of blocks that fell out are taken in again": (
        (Outbox, "_in_chain", "if digest not in chain", "if not digest"),
    ),
    "what fell out does not go out again": ((Call, "fell_out", "self.next_since = 0.0", "self.next_since = 1e9"),),
    "what others did is not followed": ((Outbox, "look_back", "in self.kept if call.outdone", "in ()"),),
    "what others did counts at once": ((Outbox, "_close", "or self._is_confirmed(call.outdone[0])", "or True"),),
    "a state of any branch judges": ((Rpc, "attempt", "pinned = ", "pinned = False and "),),
    # nonces, versions and fees
    "nonces are not those of the journal": ((Outbox, "take_over", "self._nonces[entry.account] = ", "_ = "),),
    "the journal's versions are not taken up": ((Outbox, "admit", "self._readmit(call, entry)", "pass"),),
    "only the first version is taken up": ((Outbox, "admit", "pop(call.index, ())", "pop(call.index, [])[:1]"),),
    "the journal is read backwards": ((Outbox, "take_over", "entry in entries", "entry in list(entries)[::-1]"),),
    "what an earlier process left over is not sent": ((Outbox, "_left_over", "not self._journaled", "True"),),
    "a fee is never raised": ((Outbox, "_replace", "version.fee.most < fee.most", "False"),),
    "a fee is raised by one wei": ((Fee, "raised", "max(2 * self.most, 2 * base + tip)", "self.most + 1"),),
    "a repeat that is refused raises no fee": ((Outbox, "_look_into", "passed_over and", "False and"),),
    "others' parts are sent again": ((Call, "is_done", "self.first = done", "self.first = 0"),),
    # orders
    "a call that failed is judged before those before it": (
        (Outbox, "_close", "not (all_mined and", "not (True and"),
        (Outbox, "_is_settled", "not self._is_next(call)", "False"),
    ),
    "a call that failed and may fall out lets those after it be judged": (
        (Outbox, "_close", "all_mined and call.came_through", "all_mined and receipt is not None"),
        (Outbox, "_is_next", "each.came_through for", "each.receipt is not None for"),
    ),
    "what others did is not asked": ((Outbox, "_is_done", "if call.done", "if False"),),
    "the order alone is ignored": ((Outbox, "_due", "Order.ALONE in ahead if", "False if"),),
    "the order after is ignored": ((Outbox, "_due", "else not ahead.isdisjoint(Order)", "else False"),),
    "who is waited for by nonce waits": ((Outbox, "_due", "waits = waits and call not in urgent", "pass"),),
    "who failed holds its account up": ((Outbox, "_due", "if call.outside or not call.versions:  #", "if True:  #"),),
    "a block takes everything, and nothing mines what it leaves": (
        (Outbox, "_due", "waits = full", "waits = False"),
        (Sender, "_is_left_in_pool", "if not is_due", "if True"),
    ),
    # the journal, and other chains
    "nothing is journaled": ((Sender, "_keep", "self._journal.append(entry)", "pass"),),
    "the journal is synced after the sending": (
        (Sender, "_send", f"{SYNC}\n            {POST}", f"{POST}\n            {SYNC}"),
    ),
    "the journal is not synced": ((Journal, "sync", "self._lines.sync()", "pass"),),
    "it is sent whoever answers": ((Outbox, "sends", "self.sending or self.doubtful", "self.sending"),),
    "any chain is ours": ((Outbox, "_check_identity", "self._doubt(error)", "self.doubtful = False"),),
    "any chain answers a question": ((Rpc, "_insist", "self.identity if self._doubtful else None", "None"),),
}  # fmt: skip

RARE = {
    "what was found in any branch is below the head": 1_400,
    "what others did is not followed": 13_400,
    "a state of any branch judges": 2_900,
    "who failed holds its account up": 48_700,
    "a block takes everything, and nothing mines what it leaves": 1_100,
    "receipts of blocks that fell out are taken in again": 800,
    "what others did counts at once": 10_500,
    "who is waited for by nonce waits": 7_200,
    "a call that failed and may fall out lets those after it be judged": 5_100,
}


def edited(owner: Any, name: str, old: str, new: str) -> Any:
    """A function with another piece of source."""
    source = inspect.getsource(vars(owner)[name])
    assert source.count(old) == 1, (name, old)
    made: dict[str, Any] = {}
    exec(textwrap.dedent(source.replace(old, new)), vars(inspect.getmodule(owner)), made)
    return made[name]


def test_nothing_is_lost_or_doubled(capsys):
    assert of_sending(range(SCHEDULES), 2) == 0
    said = capsys.readouterr().out
    for what in ("reorganisation", "killed", "another chain", "refused, rightly", "passed over for ever", "gave up"):
        assert what in said
    for lie in ("loss", "slow", "words", "hides", "garbles", "stale", "evicts", "foreign", "full", "base", "orphans"):
        assert f"mood: {lie}" in said
    assert f"{SCHEDULES:,} schedules, 0 broken" in said


@pytest.mark.parametrize("seed", [1_856, 2_856, 4_399, 9_035, 11_222, 59_742, 64_539, 76_258, 279_768])
def test_a_seed_that_once_held_the_sender_up_or_raised_a_fee_in_vain_comes_through(seed):
    assert not play(seed).violations


def test_true_signatures_change_nothing():
    assert all(play(seed, TrueSigner) == play(seed) for seed in range(40))


def test_a_seed_gives_the_same_schedule():
    assert play(7) == play(7) != play(8)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    for where, name, old, new in FAULTS[fault]:
        monkeypatch.setattr(where, name, edited(where, name, old, new))
    first = RARE.get(fault, 0)
    played = (play(seed).violations for seed in range(first, first + FOUND_WITHIN))
    violations = next(filter(None, played), [])
    assert violations
    assert not any("Error: " in each for each in violations)  # of a fault that cannot run


@pytest.mark.deep
def test_many_schedules():
    assert of_sending(range(100_000), 2) == 0
