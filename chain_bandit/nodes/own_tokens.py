"""Token source of a participant's node: the world of a development game, simulated by it, one epoch an agreed token.

Its seed is public, so that every participant plays the same world, all of it, and takes what its own seat has. What
comes next follows from seed and agreed tokens: a participant that is started again plays along the records anew.
"""

import threading
from collections.abc import Sequence
from queue import SimpleQueue

from chain_bandit.actors.epochs.transcript import Sent, StepObservation, witnessed
from chain_bandit.game.mediated import AgreementGame, play_world, salts
from chain_bandit.protocol.agreement.ledger import AgreementLedger
from chain_bandit.protocol.agreement.terms import AgreementTerms

_Epoch = tuple[Sequence[int], Sequence[Sequence[Sent]]]
"""Everybody's token, in units, and what everybody sent."""


class OwnTokens:
    """`nodes.epochs.OwnOf` of one seat. The world is played in a thread, which waits for each agreed token."""

    def __init__(self, terms: AgreementTerms, epochs: int, means: tuple[float, ...], seed: int, seat: int) -> None:
        self._game, self._seat = AgreementGame(terms, means, epochs, seed), seat
        self._played, self._agreed = SimpleQueue[_Epoch | Exception](), SimpleQueue[int]()
        threading.Thread(target=self._play, daemon=True).start()

    def of(self, ledger: AgreementLedger) -> tuple[int, bytes, Sequence[StepObservation]]:
        """Of the open epoch; to be asked for every epoch from 0 on, once."""
        if ledger.epoch:
            self._agreed.put(ledger.token)
        found = self._played.get()
        if isinstance(found, Exception):
            raise found
        tokens, sent = found
        return tokens[self._seat], salts(self._game, ledger.epoch)[self._seat], witnessed(sent)[self._seat]

    def _play(self) -> None:
        def agree(tokens: Sequence[int], sent: Sequence[Sequence[Sent]]) -> int:
            self._played.put((tokens, sent))
            return self._agreed.get()

        try:
            play_world(self._game, agree)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self._played.put(error)
