"""What is signed inside items of a book: who a member key is, which one it follows, and that a space moves on.

Source: docs/protocol.md section 8.
"""

from collections.abc import Iterable

from companion.crypto.primitives import KEY_BYTES, dh, verify
from companion.errors import CryptoError, MessageRejected
from companion.fields import as_list, as_object, refused
from companion.people import NAME_LIMIT, PROFESSIONS
from companion.space.belonging import Belonging, Card
from companion.space.items import Item
from companion.strings import read_line

_SIGNATURES_LIMIT = 4_000
"""As many as there can be link persons: eight for each of 500 groups."""
_ANY_PRIVATE = bytes(KEY_BYTES)
"""Whatever it is, with a box of low order it comes to nothing (RFC 7748 section 6.1)."""
_CARD_LABEL = b"companion space card v1"
_FOLLOWS_LABEL = b"companion space follows v1"
_MOVED_LABEL = b"companion space moved v1"
_MEMBER_LABEL = b"companion space member v1"


def card_message(space: bytes, member: bytes, name: str, profession: str) -> bytes:
    """Return what a person's identity key signs, so that a member key may go by their name in one space."""
    encoded = name.encode()
    return _CARD_LABEL + space + member + len(encoded).to_bytes(2, "big") + encoded + profession.encode()


def follows_message(space: bytes, former: bytes, member: bytes) -> bytes:
    """Return what a former member key signs, so that its follower may change what it said."""
    return _FOLLOWS_LABEL + space + former + member


def member_message(space: bytes, member: bytes, person: str) -> bytes:
    """Return what a member key signs, so that nobody but its owner says in a group whose it is."""
    return _MEMBER_LABEL + space + member + person.encode()


def moved_message(space: bytes, following: bytes) -> bytes:
    """Return what link persons sign, each with their member key of the space that they leave for another."""
    return _MOVED_LABEL + space + following


def card_content(
    name: str,
    profession: str,
    identity_key: bytes,
    signature: bytes,
    *,
    follows: tuple[bytes, bytes] | None = None,
) -> dict[str, object]:
    """Return a card. `signature`: the identity key's over `card_message`; `follows`: a former member key, and its
    signature over `follows_message`.
    """
    content: dict[str, object] = {"kind": "card", "name": name, "profession": profession}
    content |= {"identity": identity_key.hex(), "signature": signature.hex()}
    if follows is not None:
        content["follows"] = {"key": follows[0].hex(), "signature": follows[1].hex()}
    return content


@refused("a card")
def read_card(space: bytes, item: Item) -> Card:
    """Raises: MessageRejected unless the identity key, and a key that it follows, have signed it."""
    content = item.content
    name, profession = read_line(content["name"], NAME_LIMIT, "a person's name"), str(content["profession"])
    identity, follows = read_key(content["identity"]), b""
    if profession not in PROFESSIONS:
        raise MessageRejected("a card without a profession")
    _check(identity, content["signature"], card_message(space, item.signer, name, profession))
    if content.get("follows") is not None:
        said = as_object(content["follows"])
        follows = read_key(said["key"])
        _check(follows, said["signature"], follows_message(space, follows, item.signer))
    return Card(name=name, profession=profession, identity_key=identity, follows=follows)


@refused("signatures of link persons")
def is_moved(book: Belonging, following: bytes, signed: object) -> bool:
    """Tell whether link persons of more than half the groups have signed that this space goes on as another.

    `signed`: the list of a `first`, each with key and signature. What does not hold counts as nothing.
    """
    linked = dict[bytes, set[str]]()
    for id in book.present:
        for link in book.groups[id].links:
            linked.setdefault(link, set()).add(id)
    found = set[str]()
    for key, signature in _signatures(signed):
        try:
            if key in linked:
                _check(key, signature, moved_message(book.space, following))
                found |= linked.pop(key)
        except MessageRejected:
            continue
    return 2 * len(found) > len(book.present)


def _signatures(signed: object) -> Iterable[tuple[bytes, object]]:
    for one in as_list(signed)[:_SIGNATURES_LIMIT]:
        yield read_key(as_object(one)["key"]), as_object(one)["signature"]


@refused("a key")
def read_key(value: object) -> bytes:
    return _key(value)


def _key(value: object) -> bytes:
    key = bytes.fromhex(value) if isinstance(value, str) else b""
    if len(key) != KEY_BYTES:
        raise MessageRejected("not a key")
    return key


@refused("a box")
def read_box(value: object) -> bytes:
    """Return an X25519 key. Raises: MessageRejected for one of low order: nothing can be sealed to it, so one group's
    would keep a turn from everybody.
    """
    box = read_key(value)
    try:
        dh(_ANY_PRIVATE, box)
    except CryptoError:
        raise MessageRejected("a box that nothing can be sealed to") from None
    return box


@refused("keys")
def read_keys(value: object, limit: int) -> tuple[bytes, ...]:
    """Return keys, each once. Raises: MessageRejected, also for more than `limit`."""
    keys = tuple(_key(one) for one in as_list(value)[: limit + 1])
    if len(keys) > limit or len(set(keys)) != len(keys):
        raise MessageRejected("keys too many, or twice")
    return keys


def _check(key: bytes, signature: object, said: bytes) -> None:
    try:
        verify(key, bytes.fromhex(str(signature)), said)
    except CryptoError:
        raise MessageRejected("a signature in the book does not hold") from None
