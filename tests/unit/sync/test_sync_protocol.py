"""The shared encodings take what they make and nothing else."""

import pytest

from services.sync.protocol import (
    decode_octets,
    encode_octets,
    parse_capability,
    parse_id,
    parse_number,
    session_message,
)


@pytest.mark.parametrize("text", [None, 5, "", "ab" * 15, "AB" * 16, "ab" * 17, "zz" * 16, "ab" * 16 + "\n"])
def test_only_32_lower_case_hex_characters_are_an_id(text):
    with pytest.raises(ValueError, match="not an id"):
        parse_id(text)


@pytest.mark.parametrize("text", [None, "", "ab" * 16, "AB" * 32])
def test_only_64_lower_case_hex_characters_are_a_capability(text):
    with pytest.raises(ValueError, match="not a capability"):
        parse_capability(text)


@pytest.mark.parametrize("text", [None, "", "-1", "+1", "1.0", " 1", "1" * 19, "٣"])
def test_only_decimal_digits_are_a_number(text):
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)


@pytest.mark.parametrize("text", [None, "A", "A=", "AA==", "A+", "A/", "A A"])
def test_only_unpadded_base64url_is_octets(text):
    with pytest.raises(ValueError, match="not base64url"):
        decode_octets(text)


def test_octets_come_back():
    assert [decode_octets(encode_octets(bytes(range(n)))) for n in range(5)] == [bytes(range(n)) for n in range(5)]


def test_signed_bytes_are_those_of_the_protocol():
    message = session_message(origin="https://a.example", device=b"d" * 16, nonce=b"n" * 32, at_ms=258)
    assert message == b"companion-session-v1\0https://a.example\0" + b"d" * 16 + b"n" * 32 + bytes(6) + b"\x01\x02"
