"""network/address.py: what is an address, and whose it may be."""

import pytest

from chain_bandit.network.address import host_and_port, is_loopback, is_private, is_unspecified


@pytest.mark.parametrize(
    ("text", "is_what"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:65535", ("::1", 65535)), ("host.example:1", ("host.example", 1)),
        ("host", None), (":80", None), ("host:", None), ("host:0", None), ("host:65536", None), ("host:1234567", None),
        ("host:-1", None), ("host:\u0661", None), ("node_0:1", ("node_0", 1)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        (f"{'a' * 63}.b:1", ("a" * 63 + ".b", 1)), (f"{'a' * 64}.b:1", None), ("a..b:1", None), (".a:1", None),
        ("-a:1", None), ("a b:1", None), ("a\n:1", None), ("a\x1b:1", None), ("caf\xe9:1", None),
        ("[[::1]]:1", None), ("a:b:1", None),
        ("a." * 126 + "a:1", ("a." * 126 + "a", 1)), ("a." * 127 + "a:1", None),
    ],
)  # fmt: skip
def test_an_address_is_a_host_and_a_port(text: str, is_what: tuple[str, int] | None) -> None:
    assert host_and_port(text) == is_what


def test_port_0_is_for_who_lets_the_system_choose() -> None:
    assert host_and_port("localhost:0", least=0) == ("localhost", 0)


@pytest.mark.parametrize(
    ("host", "private", "loopback"),
    [
        ("localhost", True, True), ("127.9.9.9", True, True), ("::1", True, True), ("10.0.0.7", True, False),
        ("192.168.1.1", True, False), ("169.254.169.254", True, False), ("fe80::1", True, False),
        ("0.0.0.0", True, False), ("8.8.8.8", False, False), ("2606:4700::1111", False, False),
        ("host.example", False, False), ("127.1", True, True), ("0x7f000001", True, True), ("0", True, False),
    ],
)  # fmt: skip
def test_whose_a_host_may_be(host: str, private: bool, loopback: bool) -> None:
    assert (is_private(host), is_loopback(host)) == (private, loopback)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0"])
def test_every_address_of_a_machine_is_none_of_it(host: str) -> None:
    assert is_unspecified(host)
    assert not is_unspecified("10.0.0.7")
