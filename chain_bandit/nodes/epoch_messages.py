"""Messages of an agreement on tokens, as nodes send them."""

from chain_bandit.actors.epochs.epoch import Doubts, Ended, Shared, Stage, Staged
from chain_bandit.network.codecs import BYTES, NUMBER, choice, record, rows
from chain_bandit.network.wire import CERTIFICATE, FRAME, MessageType

MESSAGES = (
    MessageType(12, Shared, record(Shared, share=BYTES)),
    MessageType(13, Staged, record(Staged, stage=choice(Stage), frame=FRAME), True),
    MessageType(14, Doubts, record(Doubts, places=rows(NUMBER))),
    MessageType(15, Ended, record(Ended, body=BYTES, certificate=CERTIFICATE)),
)
