"""Our own frozen answers for recovery words and their signpost, and the key schedule once more, written from
docs/protocol.md section 8 alone. `tests/vectors/words_frozen.json` is never regenerated.
"""

import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from companion.crypto import hpke, keyslots, words
from companion.crypto.primitives import hkdf, sha256, signing_public
from companion.space import signpost
from companion.space.place import OWN, Space
from companion.space.words import words_box, words_of
from tests.vectors.test_mls_frozen import counted_random
from tests.vectors.test_space_frozen import boxing, derived, signing

FROZEN = json.loads((Path(__file__).parent / "words_frozen.json").read_text())
RECOVERY, MASTER, IDENTITY = bytes(range(32)), b"m" * 32, b"i" * 32
SPACE = Space(
    id=bytes(range(16)).hex(),
    kind=OWN,
    service="https://one.example",
    keys=(b"k" * 32, b"n" * 32),
    first="ab" * 32,
    generation=3,
)


def told():
    """Return everything that must stay as it is."""
    random, mine = counted_random(b"companion words frozen"), words_of(RECOVERY)
    way = signpost.way_to(mine, SPACE)
    return mine.to_doc() | {
        "words": " ".join(words.words_from_key(RECOVERY)),
        "holder": mine.holder.hex(),
        "box_private": words_box(RECOVERY).hex(),
        "slot_secret": keyslots.words_secret(RECOVERY).hex(),
        "locked": keyslots.lock(mine.slot, MASTER, b"keys2|vault|recovery|", random).hex(),
        "sealed": way.sealed.hex(),
        "whose": signpost.whose_entry(mine, IDENTITY, random).hex(),
        "way": signpost.way_entry(mine, IDENTITY, way, random).hex(),
    }


def test_the_same_words_give_the_same_octets_as_when_this_was_written():
    assert told() == FROZEN


def test_what_was_written_then_leads_to_the_space_now():
    mine = words_of(words.key_from_words(FROZEN["words"]))
    post = signpost.fold(mine, [(1, bytes.fromhex(FROZEN["whose"])), (2, bytes.fromhex(FROZEN["way"]))])
    assert post.identity == signing_public(IDENTITY)
    assert post.way == signpost.way_to(mine, SPACE)
    assert signpost.open_way(mine, words_box(RECOVERY), post.way) == SPACE.keys[-1]
    locked = bytes.fromhex(FROZEN["locked"])
    assert keyslots.unlock(keyslots.words_secret(RECOVERY), locked, b"keys2|vault|recovery|") == MASTER


def test_what_follows_from_the_words_is_what_the_protocol_says():
    use = {name: derived(RECOVERY, f"companion words {name} v1".encode()) for name in USES}
    expected = {
        "log": use["log"][:16],
        "capability": use["capability"],
        "keeper": use["keeper"],
        "key": use["entry"],
        "box_private": use["box"],
        "box": boxing(use["box"]),
        "slot_secret": use["slot"],
        "slot": hpke.derive_keypair(use["slot"])[1],
        "holder": sha256(b"companion words holder v1|" + boxing(use["box"]))[:16],
    }
    assert {name: FROZEN[name] for name in expected} == {name: value.hex() for name, value in expected.items()}


USES = ("log", "capability", "keeper", "entry", "box", "slot")


def opened(name):
    """Return (signer, what was said) of an entry, by the protocol's words."""
    envelope, log = bytes.fromhex(FROZEN[name]), bytes.fromhex(FROZEN["log"])
    assert envelope[:10] == b"CMPN\x01\x04" + bytes(4)
    head, sealed = envelope[:42], envelope[42:]
    key = derived(bytes.fromhex(FROZEN["key"]), b"companion item v1|" + log + head[10:])
    plain = AESGCM(key).decrypt(bytes(12), sealed, head)
    inner = plain[: plain.rindex(b"\x80")]
    return inner[:32], json.loads(inner[96:])


def test_an_entry_says_what_the_protocol_says():
    said = [opened(name) for name in ("whose", "way")]
    assert [signer for signer, _ in said] == [signing(IDENTITY)] * 2
    assert [{name: value for name, value in content.items() if name != "id"} for _, content in said] == [
        {"kind": "whose"},
        {
            "kind": "way",
            "service": SPACE.service,
            "space": SPACE.id,
            "generation": 3,
            "n": 1,
            "first": SPACE.first,
            "key": FROZEN["sealed"],
        },
    ]


def test_the_key_of_a_way_is_sealed_as_the_protocol_says():
    log, space = bytes.fromhex(FROZEN["log"]), bytes.fromhex(SPACE.id)
    info = b"companion words key v1|" + log + space + (1).to_bytes(8, "big")
    sealed = bytes.fromhex(FROZEN["sealed"])
    assert hpke.open_sealed(bytes.fromhex(FROZEN["box_private"]), info, sealed) == SPACE.keys[1]
    ephemeral = hkdf(SPACE.keys[1], b"companion words way v1|" + info)
    assert hpke.derive_keypair(ephemeral)[1] == sealed[:32]
