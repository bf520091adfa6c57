"""The comparison as an actor: openings and questions in, answers out."""

from chain_bandit.actors.messages import Answer, Message, Question, Send
from chain_bandit.actors.rules import Rules
from chain_bandit.comparison.interface import Comparison, ComparisonAborted, ComparisonRound, Opening
from chain_bandit.protocol.blocks import round_seed
from chain_bandit.protocol.ledger import Ledger


class Comparer:
    """Puts a `Comparison` behind messages: openings until reports are agreed, questions from then on."""

    def __init__(self, rules: Rules, comparison: Comparison) -> None:
        self._rules, self._comparison = rules, comparison
        self.aborted: tuple[str, ...] = ()
        """Why the open round has no bits, an attempt each."""

    def begin(self, ledger: Ledger) -> None:
        """Open the next round."""
        self._round, self._step, self.aborted = ledger.round, 0, ()
        self._early: dict[int, Question] = {}
        rules = self._rules
        setting = ComparisonRound(rules.slot(ledger), round_seed(ledger.seed, ledger.round), rules.validators(ledger))
        self._comparison.begin(ledger.pulls, rules.parameters.threshold, setting)

    def close(self) -> None:
        """The game is over."""
        self._comparison.close()

    def on_tick(self, step: int) -> list[Send]:
        """Note the step: it decides between openings and questions. Those that came before it are answered now."""
        self._step = step
        if step < self._rules.schedule.compare:
            return []
        early, self._early = self._early, {}
        return [send for sender, question in early.items() for send in self.on_message(sender, question)]

    def on_message(self, sender: int, message: Message) -> list[Send]:
        """Keep an opening in time; answer a question about the open round, unless nobody can."""
        asking = self._step >= self._rules.schedule.compare
        match message:
            case Opening() if not asking and sender in self._rules.everybody:
                self._comparison.on_opening(sender, message)
            case Question(round=round_) if round_ == self._round and not asking:
                self._early[sender] = message
            case Question(round=round_) if round_ == self._round:
                try:
                    return [Send((sender,), Answer(round_, self._comparison.bits(message.commitments)))]
                except ComparisonAborted as abort:
                    self.aborted = abort.failures
                    return []  # validators without an answer sign that there is no block
        return []
