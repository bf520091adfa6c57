"""The auditor: replays a game from its history alone and trusts nobody (PROTOCOL 6)."""
