"""Steps a CPU second of two bandit libraries playing UCB1 on ten Bernoulli arms; run by `speed.py` in their own folder.

    python benchmarks/peers.py

One JSON object: by library, {"version", "steps_per_cpu_second"}. A step is a choice, a reward and an update.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version

MEANS = [0.7 - 0.05 * arm for arm in range(10)]


def smpybandits() -> Callable[[], None]:
    """Its UCB, which reads rewards one at a time."""
    from SMPyBandits.Policies import UCB  # type: ignore[import-not-found]

    policy = UCB(len(MEANS))
    policy.startGame()

    def step() -> None:
        arm = policy.choice()
        policy.getReward(arm, float(random.random() < MEANS[arm]))

    return step


def mabwiser() -> Callable[[], None]:
    """Its UCB1, one prediction and one partial fit a step."""
    from mabwiser.mab import MAB, LearningPolicy  # type: ignore[import-not-found]

    arms = list(range(len(MEANS)))
    policy = MAB(arms, LearningPolicy.UCB1(alpha=1.0))
    policy.fit(arms, [0] * len(arms))

    def step() -> None:
        arm = policy.predict()
        policy.partial_fit([arm], [float(random.random() < MEANS[arm])])

    return step


def rate(step: Callable[[], None], seconds: float = 3.0) -> float:
    """Steps a CPU second."""
    steps, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for _ in range(100):
            step()
        steps += 100
    return steps / spent


def main() -> None:
    found = {}
    with redirect_stdout(sys.stderr):  # what they have to say on being imported
        for name, make in (("SMPyBandits", smpybandits), ("mabwiser", mabwiser)):
            found[name] = {"version": version(name), "steps_per_cpu_second": rate(make())}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
