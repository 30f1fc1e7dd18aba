from urllib.parse import quote

import pytest

from companion.errors import InviteGarbled, MessageRejected
from companion.wire import (
    ENVELOPE_LIMIT_BYTES,
    create_invite_code,
    format_envelope,
    format_notice,
    parse_envelope,
    parse_invite,
    read_notice,
)

CODE = create_invite_code(bytes(range(10)), "https://sync.example")


def test_envelope_reads_what_was_written() -> None:
    assert parse_envelope(format_envelope(1, b"payload")) == (1, b"payload")


@pytest.mark.parametrize(
    "body",
    [b"", b"CMPN", b"CMPN\x01\x01", b"XMPN\x01\x01payload", b"CMPN\x02\x01payload", b"CMPN\x00\x01payload"],
    ids=["empty", "magic only", "no payload", "other magic", "newer", "version nought"],
)
def test_foreign_bytes_are_not_an_envelope(body: bytes) -> None:
    with pytest.raises(MessageRejected):
        parse_envelope(body)


def test_envelope_over_the_limit_is_refused() -> None:
    with pytest.raises(MessageRejected):
        parse_envelope(format_envelope(1, bytes(ENVELOPE_LIMIT_BYTES)))


def test_notice_reads_what_was_written() -> None:
    assert format_notice(bytes(range(32))) == b"CMPN\x01\x06" + bytes(range(32))
    assert read_notice(format_notice(bytes(range(32)))) == bytes(range(32))


@pytest.mark.parametrize("body", [format_envelope(3, bytes(32)), format_notice(bytes(31)), format_notice(bytes(33))])
def test_what_has_another_suite_or_length_is_no_notice(body: bytes) -> None:
    with pytest.raises(MessageRejected):
        read_notice(body)


@pytest.mark.parametrize("text", [CODE.link, f"  {CODE.link}\n"])
def test_link_gives_code_and_service(text: str) -> None:
    assert parse_invite(text) == CODE


def test_short_code_is_read_as_people_type_it() -> None:
    typed = CODE.short.lower().replace("-", " ").replace("1", "l").replace("0", "o")
    read = parse_invite(typed)
    assert (read.code, read.service) == (CODE.code, "")


@pytest.mark.parametrize(
    "text",
    [
        f"<{CODE.link}>",
        f"\u201c{CODE.link}\u201d",
        f"Join us: {CODE.link}",
        f"{CODE.link} see you there",
        f"Join us: {CODE.link}. See you there, 12 to 14!",
        CODE.link[:40] + "\n" + CODE.link[40:],
        CODE.link[:40] + "=\r\n" + CODE.link[40:],
        "https://eur01.safelinks.protection.outlook.com/?url=" + quote(CODE.link, safe="") + "&data=05%7C01&reserved=0",
        "https://outer.example/?u=" + quote("https://inner.example/?u=" + quote(CODE.link, safe=""), safe=""),
        CODE.link.replace("#", "%23"),
        CODE.link.replace("companion://join", "Companion://Join"),
        CODE.link.replace("join?", "join/?"),
        CODE.link.replace("join?", "join?from=mail&"),
        CODE.link.replace("#", "&from=mail#"),
    ],
)
def test_link_is_found_as_mail_hands_it_on(text: str) -> None:
    assert parse_invite(text) == CODE


def test_short_code_is_read_in_wide_letters() -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in CODE.short)
    assert parse_invite(wide).code == CODE.code


def test_local_service_survives_the_link() -> None:
    local = create_invite_code(bytes(10), "local")
    assert parse_invite(local.link).service == "local"


def test_one_wrong_letter_is_noticed() -> None:
    noticed = 0
    for place in range(16):
        wrong = "7" if CODE.code[place] != "7" else "8"
        try:
            parse_invite(CODE.code[:place] + wrong + CODE.code[place + 1 :])
        except InviteGarbled:
            noticed += 1
    assert noticed >= 14  # five bits of checksum let one in 32 pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        CODE.short[:-1],
        CODE.short + "A",
        "https://sync.example/#" + CODE.short,
        "companion://join?service=x#",
        "companion://join?service=javascript:alert(1)#" + CODE.short,
        "companion://join?service=https://sync.example",
        "https://elsewhere.example/join?service=https://sync.example#" + CODE.short,
        "companion://join?service=" * 2_000,
    ],
)
def test_other_text_is_garbled(text: str) -> None:
    with pytest.raises(InviteGarbled):
        parse_invite(text)


def test_id_and_key_come_apart() -> None:
    assert len(CODE.id) == 32
    assert len(CODE.key) == 32
    assert bytes.fromhex(CODE.id) != CODE.key[:16]
