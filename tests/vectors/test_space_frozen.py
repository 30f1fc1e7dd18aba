"""Our own frozen answers for spaces, and the key schedule once more, written from docs/protocol.md section 8 alone.

`tests/vectors/space_frozen.json` is never regenerated. A change of format gets new labels and a new file.
"""

import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from companion.space import cards, items, keys, order, turns
from tests.vectors.test_mls_frozen import counted_random

FROZEN = json.loads((Path(__file__).parent / "space_frozen.json").read_text())
SPACE, KEY, NEXT, SECRET, GROUP_KEY = bytes(range(16)), b"k" * 32, b"n" * 32, b"o" * 32, b"g" * 32
BOOK = keys.log_id(SPACE, keys.BOOK)
ITEM_ID = bytes(range(16, 32))
SIGNER = keys.member_key(SECRET, SPACE)[0]
SAID = {"id": ITEM_ID.hex(), "kind": "note", "text": "Tea at four, äöü"}


def told():
    """Return everything that must stay as it is."""
    random = counted_random(b"companion space frozen")
    group_private, group_public = keys.group_box(GROUP_KEY)
    item = items.seal_item(KEY, 7, BOOK, SIGNER, SAID, random)
    turn = turns.seal_turn(
        *(KEY, 7, NEXT),
        space=SPACE,
        log=BOOK,
        sign_private=SIGNER,
        at=12,
        boxes={ITEM_ID: group_public, SPACE: keys.member_box(SECRET, SPACE)[1]},
        random=random,
    )
    cids = [items.cid_of(item), items.cid_of(turn)]
    found = {f"log_{name}": keys.log_id(SPACE, name) for name in keys.KEEP_DAYS} | {
        "capability": keys.capability(KEY, BOOK),
        "keeper": keys.keeper(KEY, BOOK),
        "item_key": keys.item_key(KEY, BOOK, b"z" * 32),
        "group_box_private": group_private,
        "group_box": group_public,
        "member_key": keys.member_key(SECRET, SPACE)[1],
        "member_box": keys.member_box(SECRET, SPACE)[1],
        "erase_secret": keys.erase_secret(SECRET, BOOK, ITEM_ID),
        "item": item,
        "turn": turn,
        "h_1": order.running_hash(1, cids[:1]),
        "h_2": order.running_hash(1, cids),
        "h_256": order.running_hash(256, cids[:1]),
    }
    return {name: value.hex() for name, value in found.items()}


def test_the_same_random_bytes_give_the_same_octets_as_when_this_was_written():
    assert told() == FROZEN


def test_what_was_sealed_then_opens_now():
    item = items.open_item(KEY, BOOK, bytes.fromhex(FROZEN["item"]))
    assert (item.n, item.id, item.content) == (7, ITEM_ID.hex(), SAID)
    envelope = bytes.fromhex(FROZEN["turn"])
    turn = turns.open_turn(KEY, BOOK, envelope)
    assert turns.open_box(turn, SPACE, ITEM_ID, keys.group_box(GROUP_KEY)[0]) == NEXT
    assert turns.open_box(turn, SPACE, SPACE, keys.member_box(SECRET, SPACE)[0]) == NEXT
    assert turns.key_before(NEXT, SPACE, envelope) == KEY


# Once more, by other hands: RFC 5869 and the protocol's words, nothing of ours


def derived(secret, label, length=32):
    """HKDF-SHA256 with an empty salt; one block is enough."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, label + b"\x01", hashlib.sha256).digest()[:length]


def signing(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def boxing(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def test_the_keys_are_those_of_the_protocol():
    for name in ("book", "shelf", "feed", "slips", "rest"):
        assert FROZEN[f"log_{name}"] == derived(SPACE, b"companion log v1|" + name.encode(), 16).hex()
    log = derived(SPACE, b"companion log v1|book", 16)
    expected = {
        "capability": derived(KEY, b"companion space capability v1|" + log),
        "keeper": derived(KEY, b"companion keeper v1|" + log),
        "item_key": derived(KEY, b"companion item v1|" + log + b"z" * 32),
        "group_box_private": derived(GROUP_KEY, b"companion box v1"),
        "group_box": boxing(derived(GROUP_KEY, b"companion box v1")),
        "member_key": signing(derived(SECRET, b"companion member key v1|" + SPACE)),
        "member_box": boxing(derived(SECRET, b"companion member box v1|" + SPACE)),
        "erase_secret": derived(SECRET, b"companion erase v1|" + log + ITEM_ID),
    }
    assert {name: FROZEN[name] for name in expected} == {name: value.hex() for name, value in expected.items()}


def opened(envelope, open_bytes):
    """Return (what stands open, signer, signature, what was said) of an envelope, by the protocol's words."""
    head, sealed = envelope[: 6 + 4 + 32 + open_bytes], envelope[6 + 4 + 32 + open_bytes :]
    log = derived(SPACE, b"companion log v1|book", 16)
    key = derived(KEY, b"companion item v1|" + log + head[10:42])
    plain = AESGCM(key).decrypt(bytes(12), sealed, head)
    inner = plain[: plain.rindex(b"\x80")]
    assert not plain[len(inner) + 1 :].strip(b"\0")
    return head[42:], inner[:32], inner[32:96], inner[96:]


def test_an_item_is_laid_out_as_the_protocol_says():
    envelope = bytes.fromhex(FROZEN["item"])
    assert envelope[:10] == b"CMPN\x01\x04" + (7).to_bytes(4, "big")
    _, signer, signature, said = opened(envelope, 0)
    assert signer == signing(derived(SECRET, b"companion member key v1|" + SPACE))
    assert json.loads(said) == SAID
    key = Ed25519PrivateKey.from_private_bytes(derived(SECRET, b"companion member key v1|" + SPACE)).public_key()
    key.verify(signature, b"companion space item v1" + derived(SPACE, b"companion log v1|book", 16) + said)


def test_a_turn_is_laid_out_as_the_protocol_says():
    envelope = bytes.fromhex(FROZEN["turn"])
    assert envelope[:10] == b"CMPN\x01\x05" + (7).to_bytes(4, "big")
    past, _, signature, said = opened(envelope, 60)
    log = derived(SPACE, b"companion log v1|book", 16)
    key = Ed25519PrivateKey.from_private_bytes(derived(SECRET, b"companion member key v1|" + SPACE)).public_key()
    key.verify(signature, b"companion space turn v1" + log + (7).to_bytes(4, "big") + past + said)
    assert AESGCM(derived(NEXT, b"companion past v1|" + SPACE)).decrypt(past[:12], past[12:], b"") == KEY
    length = int.from_bytes(said[:4], "big")
    assert json.loads(said[4 : 4 + length]) == {"kind": "turn", "at": 12, "digest": hashlib.sha256(NEXT).hexdigest()}
    boxes = said[4 + length :]
    assert [boxes[i : i + 16] for i in range(0, len(boxes), 96)] == [SPACE, ITEM_ID]


def test_the_running_hash_is_that_of_the_protocol():
    cids = [hashlib.sha256(bytes.fromhex(FROZEN[name])).digest()[:16] for name in ("item", "turn")]
    first = hashlib.sha256(bytes(32) + (1).to_bytes(8, "big") + cids[0]).digest()
    assert FROZEN["h_1"] == first.hex()
    assert FROZEN["h_2"] == hashlib.sha256(first + (2).to_bytes(8, "big") + cids[1]).hexdigest()
    assert FROZEN["h_256"] == hashlib.sha256(bytes(32) + (256).to_bytes(8, "big") + cids[0]).hexdigest()


def test_what_is_signed_inside_the_book_is_what_the_protocol_names():
    one, other = b"1" * 32, b"2" * 32
    named = b"companion space card v1" + SPACE + one + b"\x00\x04" + "Zoë".encode() + b"gp"
    assert cards.card_message(SPACE, one, "Zoë", "gp") == named
    assert cards.follows_message(SPACE, one, other) == b"companion space follows v1" + SPACE + one + other
    assert cards.moved_message(SPACE, ITEM_ID) == b"companion space moved v1" + SPACE + ITEM_ID


def test_the_logs_are_kept_as_long_as_the_protocol_says():
    assert keys.KEEP_DAYS == {"book": 0, "shelf": 0, "feed": 365, "slips": 90, "rest": 1}
