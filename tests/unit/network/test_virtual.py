"""verification/virtual_network.py: when what arrives, by clocks and delays alone."""

from chain_bandit.actors.messages import Answer, Question, Send
from verification.virtual_network import STEP, VirtualNetwork

FUNCTION = -1


class Node:
    """Sends its step to all others, and writes down what comes when."""

    def __init__(self, to):
        self.to, self.step, self.got = to, None, []

    def on_tick(self, step):
        self.step = step
        return [Send(self.to, Question(step, {}))]

    def on_message(self, sender, message):
        self.got.append((self.step, sender, message.round))
        return []


class Function:
    """Answers every request."""

    def on_tick(self, step):
        return []

    def on_message(self, sender, message):
        return [Send((sender,), Answer(message.round, {}))]


def network(fate, clocks=(0, 0), **more):
    nodes = {0: Node((1, FUNCTION)), 1: Node((0, 7)), FUNCTION: Function()}
    return nodes, VirtualNetwork(dict(nodes), {FUNCTION: 0, 0: clocks[0], 1: clocks[1]}, fate, **more)


def test_what_is_sent_within_a_step_arrives_before_the_next_one_begins_and_functions_answer_at_once():
    nodes, net = network(lambda moment, sender, to: (STEP - 1,))
    net.run(2)
    assert nodes[1].got == [(0, 0, 0), (1, 0, 1)]
    assert nodes[0].got == [(0, FUNCTION, 0), (0, 1, 0), (1, FUNCTION, 1), (1, 1, 1)]


def test_what_takes_a_whole_step_arrives_in_the_next_one_or_in_the_next_run():
    nodes, net = network(lambda moment, sender, to: (STEP,))
    net.run(2)
    assert nodes[1].got == [(1, 0, 0)]
    net.run(1)
    assert nodes[1].got == [(1, 0, 0), (0, 0, 1)]


def test_messages_are_lost_doubled_and_overtaken_as_they_are_told_to():
    fates = iter([(), (9, 5), (1,), (1,)])
    seen = []
    nodes, net = network(
        lambda moment, sender, to: next(fates),
        arrived=lambda moment, sender, to, message: seen.append((moment, sender, to)),
    )
    net.run(2)
    assert nodes[1].got == [(1, 0, 1)]
    between = [arrival for arrival in seen if FUNCTION not in arrival]
    assert between == [(5, 1, 0), (9, 1, 0), (STEP + 1, 0, 1), (STEP + 1, 1, 0)]


def test_a_slow_clock_hears_in_an_earlier_step_and_a_late_one_is_waited_for():
    nodes, net = network(lambda moment, sender, to: (10,), clocks=(0, 100))
    net.run(2)
    assert nodes[1].got == [(None, 0, 0), (0, 0, 1)]
    assert net.start == 2 * STEP
    _, far = network(lambda moment, sender, to: (10,), clocks=(0, 3 * STEP))
    far.run(1)
    assert far.start == 3 * STEP + 1


def test_everything_that_is_sent_is_heard_and_who_is_taken_out_neither_acts_nor_hears():
    heard = []
    nodes, net = network(lambda moment, sender, to: (1,), heard=lambda sender, send: heard.append((sender, send.to)))
    del net.actors[0]
    net.run(1)
    assert heard == [(1, (0, 7))]
    assert nodes[0].got == nodes[1].got == []
