"""Items: what opens, and what is refused."""

import pytest

from companion.crypto.primitives import Aead, aead_encrypt, random_bytes, sign, signing_keypair
from companion.errors import MessageRejected
from companion.space.items import (
    CONTENT_LIMIT_BYTES,
    cid_of,
    key_number,
    open_item,
    seal_item,
    seal_signed,
    signed,
)
from companion.space.keys import item_key, log_id
from companion.wire import ENVELOPE_LIMIT_BYTES, SUITE_ITEM, SUITE_MLS, SUITE_TURN, format_envelope

KEY, LOG, OTHER_LOG = b"k" * 32, log_id(b"s" * 16, "shelf"), log_id(b"s" * 16, "book")
PRIVATE, PUBLIC = signing_keypair()
LABEL = b"companion space item v1"
BASE_POINT = "58" + "66" * 31
SAID = {"kind": "note", "text": "Tea at four"}
SEALED = seal_item(KEY, 7, LOG, PRIVATE, SAID)


def test_an_item_says_what_was_sealed_by_whom_and_under_which_key():
    item = open_item(KEY, LOG, SEALED)
    assert (item.n, item.signer, item.content) == (7, PUBLIC, {"id": item.id, **SAID})
    assert key_number(SEALED) == (7, False)


@pytest.mark.parametrize(("key", "log"), [(b"x" * 32, LOG), (KEY, OTHER_LOG)])
def test_another_key_and_another_log_open_nothing(key, log):
    with pytest.raises(MessageRejected):
        open_item(key, log, SEALED)


@pytest.mark.parametrize("place", range(0, len(SEALED), 7))
def test_no_byte_of_an_envelope_may_change(place):
    changed = bytearray(SEALED)
    changed[place] ^= 1
    with pytest.raises(MessageRejected):
        open_item(KEY, LOG, bytes(changed))


def test_a_reader_cannot_sign_for_somebody_else():
    """Who has the key can seal anything: what another one said under another key of the space does not verify there."""
    said = b'{"kind": "note"}'
    forged = PUBLIC + sign(signing_keypair()[0], b"companion space item v1" + LOG + said) + said
    moved = PUBLIC + sign(PRIVATE, b"companion space item v1" + OTHER_LOG + said) + said
    for inner in (forged, moved):
        with pytest.raises(MessageRejected):
            open_item(KEY, LOG, seal_signed(SUITE_ITEM, KEY, 0, LOG, inner, b"", random_bytes))


def test_each_envelope_is_another_one_and_stands_under_its_own_hash():
    again = seal_item(KEY, 7, LOG, PRIVATE, SAID)
    assert again != SEALED
    assert cid_of(again) != cid_of(SEALED)
    assert cid_of(SEALED) == cid_of(bytes(SEALED))
    assert len(bytes.fromhex(cid_of(SEALED))) == 16


def test_the_length_tells_little():
    lengths = {len(seal_item(KEY, 0, LOG, PRIVATE, {"text": "x" * n})) for n in range(2_000)}
    assert len(lengths) < 70


def test_the_largest_item_fits_an_envelope_and_a_larger_one_is_refused():
    assert CONTENT_LIMIT_BYTES == 57_344
    room = CONTENT_LIMIT_BYTES - len(b'{"id": "", "text": ""}') - 32
    assert len(seal_item(KEY, 0, LOG, PRIVATE, {"text": "x" * room})) <= ENVELOPE_LIMIT_BYTES
    with pytest.raises(ValueError, match="an item of"):
        seal_item(KEY, 0, LOG, PRIVATE, {"text": "x" * (room + 1)})


@pytest.mark.parametrize("body", [b"", SEALED[:20], format_envelope(SUITE_MLS, b"x" * 100), format_envelope(4, b"xx")])
def test_what_is_no_item_is_refused(body):
    with pytest.raises(MessageRejected):
        open_item(KEY, LOG, body)


@pytest.mark.parametrize("body", [b"", format_envelope(SUITE_MLS, b"x" * 100), format_envelope(4, b"xx")])
def test_what_is_no_envelope_of_a_space_has_no_number(body):
    with pytest.raises(MessageRejected):
        key_number(body)


ID = '"id": "' + "ab" * 16 + '"'


def said(text):
    inner = signed(PRIVATE, LABEL + LOG, text if isinstance(text, bytes) else text.encode())
    return open_item(KEY, LOG, seal_signed(SUITE_ITEM, KEY, 0, LOG, inner, b"", random_bytes))


def test_what_names_its_id_keeps_it_and_what_does_not_gets_a_new_one_each_time():
    assert open_item(KEY, LOG, seal_item(KEY, 0, LOG, PRIVATE, {"id": "ab" * 16})).id == "ab" * 16
    ids = {open_item(KEY, LOG, seal_item(KEY, 0, LOG, PRIVATE, SAID)).id for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{}",
        '{"id": "x"}',
        "{" + ID + ', "kind": "note", "kind": "down"}',
        "{" + ID + ', "in": {"a": 1, "a": 2}}',
        "{" + ID + ', "text": "\\ud800"}',
        "{" + ID + ', "at": NaN}',
        "{" + ID + ', "at": -Infinity}',
        "{" + ID + ', "at": 1e999}',
        "{" + ID + ', "at": ' + "9" * 5_000 + "}",
        "{" + ID + "} {}",
        "\ufeff{" + ID + "}",
        ("{" + ID + "}").encode("utf-16"),
        "{" + ID + ', "in": ' + "[" * 70 + "]" * 70 + "}",
        "",
    ],
)
def test_what_two_programs_could_read_differently_is_refused(text):
    assert said("{" + ID + "}").content == {"id": "ab" * 16}
    with pytest.raises(MessageRejected):
        said(text)


def test_padding_is_as_long_as_it_has_to_be():
    inner = signed(PRIVATE, LABEL + LOG, ("{" + ID + "}").encode())
    salt = b"z" * 32
    head = format_envelope(SUITE_ITEM, bytes(4) + salt)

    def opened(plain):
        sealed = aead_encrypt(Aead.AES_256_GCM, item_key(KEY, LOG, salt), bytes(12), plain, head)
        return open_item(KEY, LOG, head + sealed)

    assert opened((inner + b"\x80").ljust(256, b"\0")).signer == PUBLIC
    short, long = inner + b"\x80", (inner + b"\x80").ljust(257, b"\0")
    for plain in (short, long, (inner + b"\x81").ljust(256, b"\0"), bytes(256)):
        with pytest.raises(MessageRejected):
            opened(plain)


def test_a_key_that_anybody_signs_for_signs_nothing():
    """Under the neutral point R = sB holds for every message."""
    anybody = (1).to_bytes(32, "little")
    inner = anybody + bytes.fromhex(BASE_POINT) + (1).to_bytes(32, "little") + ("{" + ID + "}").encode()
    with pytest.raises(MessageRejected):
        open_item(KEY, LOG, seal_signed(SUITE_ITEM, KEY, 0, LOG, inner, b"", random_bytes))


def test_what_calls_itself_a_turn_is_not_read_as_an_item():
    """Whoever has the key could else say one thing to those who look at the kind, and another to those who open it."""
    inner = signed(PRIVATE, LABEL + LOG, ("{" + ID + "}").encode())
    assert open_item(KEY, LOG, seal_signed(SUITE_ITEM, KEY, 0, LOG, inner, b"", random_bytes))
    with pytest.raises(MessageRejected, match="suite 5"):
        open_item(KEY, LOG, seal_signed(SUITE_TURN, KEY, 0, LOG, inner, b"", random_bytes))
