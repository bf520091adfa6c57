"""Calls of a foreign rule under a step bound: an answer and its steps, or one typed error for all that can go wrong."""

from typing import Any, NamedTuple

from chain_bandit.foreign.errors import RuleFailed
from chain_bandit.foreign.load import BOUND, METER
from chain_bandit.foreign.meter import Halt, Meter


class Answer(NamedTuple):
    """What a verb gave, and the steps that it took: a function of source and input alone."""

    value: Any
    steps: int


def run(rule: Any, verb: str, *given: Any, bound: int = BOUND) -> Answer:
    """Call a verb of an instance of a class that `load` gave, in at most `bound` steps.

    Raises:
        RuleFailed: it raised, passed the bound, or did what no rule may. The same for all that call it so.
    """
    meter: Meter = getattr(rule, METER)
    meter.start(bound)
    try:
        value = getattr(rule, verb)(*given)
        meter.finish()
    except Halt as error:
        raise RuleFailed(type(rule).__name__, str(error)) from error
    except MemoryError:  # of the machine: within its bounds no rule needs much
        raise
    except Exception as error:
        raise RuleFailed(type(rule).__name__, f"{verb} raises {type(error).__name__}") from error
    return Answer(value, meter.steps)
