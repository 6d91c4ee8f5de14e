"""Which addresses may be read from."""

import pytest

from pytest_apitest.openapi.addresses import Reach, is_public, refusal

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "223.255.255.1",
    "2606:4700::1111",
    "2a00:1450::5",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("2001::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "4000::1", "100::1", "::127.0.0.1", "::2:1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1"),
]  # fmt: skip
DISGUISED = ["::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::808:808", "2002:808:808::1", "::8.8.8.8"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_not_public(address: str) -> None:
    assert not is_public(address)
    assert refusal(Reach(guarded=True), 443, ["8.8.8.8", address], public=False)
    assert refusal(Reach(), 443, [address, "8.8.8.8"], public=True)
    assert not refusal(Reach(), 443, [address], public=False)


@pytest.mark.parametrize("address", DISGUISED)
def test_a_form_of_another_address_is_refused_where_strangers_ask(address: str) -> None:
    assert "IPv6 form" in refusal(Reach(guarded=True), 80, [address], public=False)
    assert not refusal(Reach(), 80, [address], public=True)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_ports(port: int) -> None:
    assert refusal(Reach(guarded=True), port, ["8.8.8.8"], public=False) == f"port {port} is not read from"
    assert not refusal(Reach(guarded=True, ports=(80, 443, port)), port, ["8.8.8.8"], public=False)
    assert not refusal(Reach(), port, ["8.8.8.8"], public=True)


def test_named_networks_count_as_public() -> None:
    reach = Reach(guarded=True, networks=("10.1.0.0/16", "fd00:1::/32"))
    assert not refusal(reach, 80, ["10.1.2.3", "fd00:1::5"], public=True)
    assert refusal(reach, 80, ["10.2.2.3"], public=True)
    assert refusal(reach, 80, ["fd00:2::5"], public=True)
