"""A stranger names the address that the relay knocks at: it must never be one of our own network's."""

import asyncio
import ipaddress
import socket

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.relay.push import guard as push_guard
from services.relay.push.gateway import Answer, BadTarget, Outcome, WebPush, encrypt, open_key
from services.relay.push.guard import NotAllowed, is_public, knock, parse_endpoint, public_rules
from services.relay.push.store import Registration
from services.sync.protocol import decode_octets

PUBLIC = public_rules()


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1"),
        *("192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::"),
        *("2002:c0a8:101::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "64:ff9b:1::1", "100::1"),
    ],
)
def test_private_address_is_not_public_whatever_it_is_wrapped_in(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"])
def test_address_on_the_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "text",
    [
        "http://push.example/x",
        "ftp://push.example/x",
        "//push.example/x",
        "push.example/x",
        "https://",
        "https:///x",
        "https://push.example:8443/x",
        "https://push.example:80/x",
        "https://push.example:99999/x",
        "https://user@push.example/x",
        "https://user:word@push.example/x",
        "https://push.example/x#part",
        "https://push.example/a b",
        "https://push.example/\r\nHost: other",
        "https://push.example\\@127.0.0.1/",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[fe80::1%25eth0]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://017700000001/x",
        "https://\u2460\u2461\u2466.0.0.1/x",
        "https://push..example/x",
        "https://" + "a" * 64 + ".example/x",
        "https://push.example/" + "a" * 1_000,
    ],
)
def test_endpoint_that_is_no_plain_https_address_is_refused(text):
    with pytest.raises(NotAllowed):
        parse_endpoint(text, PUBLIC)


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        ("https://push.example/a/b?c=d", "https://push.example", "/a/b?c=d"),
        ("https://PUSH.example.:443", "https://push.example", "/"),
        ("https://8.8.8.8/x", "https://8.8.8.8", "/x"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]", "/x"),
    ],
)
def test_plain_endpoint_is_read(text, origin, target):
    endpoint = parse_endpoint(text, PUBLIC)
    assert (endpoint.origin, endpoint.target) == (origin, target)


@pytest.fixture
def lookups(monkeypatch):
    """Answer names from a table, each time with the next list of addresses; and note where a connection would go."""
    answers, connections = [], []

    async def look_up(self, host, port, **options):
        found = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    async def connect(host, port, **options):
        connections.append((host, port, options["server_hostname"]))
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    monkeypatch.setattr(push_guard.asyncio, "open_connection", connect)
    return answers, connections


async def test_name_that_leads_home_is_not_called(lookups):
    answers, connections = lookups
    for found in (["127.0.0.1"], ["10.0.0.1"], ["93.184.215.14", "192.168.0.1"], []):
        answers.append(found)
        with pytest.raises(NotAllowed):
            await knock(parse_endpoint("https://push.example/", PUBLIC), PUBLIC, {}, b"")
    assert connections == []


async def test_connection_goes_to_the_address_that_was_checked_so_a_second_lookup_changes_nothing(lookups):
    answers, connections = lookups
    answers += [["93.184.215.14"], ["127.0.0.1"]]
    with pytest.raises(ConnectionRefusedError):
        await knock(parse_endpoint("https://push.example/", PUBLIC), PUBLIC, {}, b"")
    assert connections == [("93.184.215.14", 443, "push.example")]
    assert len(answers) == 1


async def test_registration_whose_name_turned_to_a_private_address_is_gone(lookups):
    answers, _ = lookups
    answers.append(["127.0.0.1"])
    private = ec.generate_private_key(ec.SECP256R1())
    gateway = WebPush(private, PUBLIC, None, lambda: 0)
    registration = Registration(
        device=bytes(16),
        kind="web",
        endpoint="https://push.example/x",
        p256dh=decode_octets(gateway.key),
        auth=bytes(16),
        wake=bytes(16),
    )
    assert await gateway.wake(registration) == Answer(outcome=Outcome.GONE)


def test_gateway_refuses_points_that_are_not_on_the_curve():
    gateway = WebPush(ec.generate_private_key(ec.SECP256R1()), PUBLIC, None, lambda: 0)
    gateway.check("https://push.example/x", decode_octets(gateway.key), bytes(16))
    for point, auth in ((bytes(65), bytes(16)), (b"\x04" + b"\x01" * 64, bytes(16)), (decode_octets(gateway.key), b"")):
        with pytest.raises(BadTarget):
            gateway.check("https://push.example/x", point, auth)


def test_encryption_is_that_of_rfc_8291_appendix_a():
    scalar = int.from_bytes(decode_octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    sealed = encrypt(
        b"When I grow up, I want to be a watermelon",
        decode_octets("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        decode_octets("BTBZMqHH6r4Tts7J_aSIgg"),
        private=ec.derive_private_key(scalar, ec.SECP256R1()),
        salt=decode_octets("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert sealed == decode_octets(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQ"
        "pu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_key_of_another_kind_is_not_used(tmp_path):
    first = open_key(tmp_path)
    assert open_key(tmp_path).private_numbers() == first.private_numbers()
    (tmp_path / "push.key").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="PEM"):
        open_key(tmp_path)
