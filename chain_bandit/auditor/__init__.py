"""The auditor: replays a game from its history alone and trusts nobody (protocol.md: Trust in the environment)."""
