"""Where rewards come from: each module turns what a scenario names into a `protocol.rewards.RewardModel`."""
