"""Option 3 of Aggregation (Theorems 3 and 5)."""

from chain_bandit.protocol.rules.option_2 import Option2


class Option3(Option2):
    """Option 2 without the block list. The block list is left out in every option here, so it *is* Option 2."""

    name = "option-3"
