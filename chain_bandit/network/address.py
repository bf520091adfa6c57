"""HOST:PORT: how an address is read, and whether a host is on this machine or in a private network."""

from ipaddress import ip_address


def host_and_port(text: str, least: int = 1) -> tuple[str, int] | None:
    """A host, without the brackets of IPv6, and a port from `least` on; None for what is no such address."""
    host, _, port = text.rpartition(":")
    good = bool(host) and port.isascii() and port.isdigit() and least <= int(port[:6]) < 1 << 16
    return (host.strip("[]"), int(port)) if good else None


def is_private(host: str) -> bool:
    """Whether a host is `localhost` or an address that is loopback, link-local, private or unspecified.

    Of another name nothing is known before it is resolved.
    """
    try:
        return host == "localhost" or not ip_address(host).is_global
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by an address that no other reaches."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
