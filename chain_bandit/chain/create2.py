"""The deterministic deployment proxy (Arachnid's), by which code has the same address on every chain (EIP-1014)."""

PROXY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
PROXY_CODE = bytes.fromhex(
    "7f" + "ff" * 31 + "e0" + "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
"""Arachnid's deterministic deployment proxy: 32 bytes of salt, then creation code."""

_CREATION = bytes.fromhex("604580600e600039806000f350fe") + PROXY_CODE
_TWOS = bytes.fromhex("22" * 32)
TRANSACTION = (
    bytes.fromhex("f8a58085174876e800830186a08080b853") + _CREATION + b"\x1b\xa0" + _TWOS + b"\xa0" + _TWOS
)
"""It creates the proxy, from an account that nobody holds the key of: its signature was made up."""

SIGNER = bytes.fromhex("3fab184622dc19b6109349b94811493bf2a45362")
PRICE = 10**16
"""Wei that the transaction costs at most."""

SALT = bytes(32)
"""Of everything that we deploy."""
