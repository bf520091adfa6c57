"""Rules that have a compiled form; this list needs no numba."""

BY_ARM, FILTERED, NEAR, NEARER, CLIPPED = range(5)
"""What a compiled game does for one."""

FORMS = {
    "option-1": BY_ARM, "option-2": FILTERED, "option-3": FILTERED, "delta-safe": NEAR, "confidence": NEARER,
    "huber-one-step": CLIPPED,
}  # fmt: skip
"""By the name of the rule."""

OTHER = -1
"""Of every other rule, which no compiled game plays."""

UCB1, KL_UCB = range(2)

POLICIES = {"ucb1": UCB1, "kl-ucb": KL_UCB}
"""Index policies, by name."""
