"""Environments, the sources of rewards: each module makes a `protocol.rewards.RewardModel` of a scenario's table."""
