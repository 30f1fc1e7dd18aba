"""How each reader of spaces is tried; see `tests.property.readers`."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from companion.app.own import files, own_space, record, residents, shared, signposting
from companion.crypto.primitives import dh_keypair, random_bytes, sign, signing_keypair
from companion.space import cards, items, order, place, saying, shelf, signpost, turns, versions, words
from companion.space.keys import BOOK, log_id
from companion.wire import SUITE_ITEM
from tests.property.together_readers import together_recipes

SPACE = b"s" * 16
LOG = log_id(SPACE, BOOK)
KEY, NEXT = b"k" * 32, b"x" * 32
PRIVATE, PUBLIC = signing_keypair()
BOX_PRIVATE, BOX = dh_keypair()
ANN, ID, OTHER = b"a" * 16, "aa" * 16, "bb" * 16


def _json(doc: Any) -> bytes:
    """Return what a hostile program can write: also what is nested too deep for ours."""
    try:
        return json.dumps(doc).encode()
    except RecursionError:
        return b"[" * 50_000


def _item(doc: Any) -> object:
    inner = items.signed(PRIVATE, b"companion space item v1" + LOG, _json(doc)[: items.CONTENT_LIMIT_BYTES])
    return items.open_item(KEY, LOG, items.seal_signed(SUITE_ITEM, KEY, 1, LOG, inner, b"", random_bytes))


def _said(content: dict[str, Any]) -> items.Item:
    return items.Item(n=0, id=ID, signer=PUBLIC, content=content)


def _card() -> dict[str, Any]:
    signature = sign(PRIVATE, cards.card_message(SPACE, PUBLIC, "Ann Lee", "gp"))
    return {"name": "Ann Lee", "profession": "gp", "identity": PUBLIC.hex(), "signature": signature.hex()}


def _note(doc: dict[str, Any]) -> shelf.Placed:
    return shelf.Placed(seq=1, at_ms=5, item=_said(doc), is_steward=False)


def space_recipes(recipe: Callable[..., Any]) -> dict[str, Any]:
    """Return them by their full names; `recipe` makes one."""
    turn = turns.seal_turn(
        KEY, 0, NEXT, space=SPACE, log=LOG, sign_private=PRIVATE, at=3, boxes={ANN: BOX}, more={"without": []}
    )
    version = versions.Version(id=ID, device=OTHER, at_ms=5, body={"text": "x"}, past=(OTHER,))
    history = versions.with_version(versions.History(), version)
    recovery, own = bytes(range(32)), place.Space(id=ID, kind=place.OWN, service="local", keys=(KEY,), first="ab" * 32)
    way = signpost.way_to(words.words_of(recovery), own)
    named = {"service": "local", "space": ID, "generation": 1, "n": 0, "first": "ab" * 32, "key": way.sealed.hex()}
    seen = order.Seen(incarnation=ID, seq=3, h="ab" * 32)
    told = {
        "cards.read_card": recipe(read=lambda doc: cards.read_card(SPACE, _said(doc)), good=(_card(),)),
        "cards.read_box": recipe(read=cards.read_box, good=(BOX.hex(),)),
        "cards.read_key": recipe(read=cards.read_key, good=("ab" * 32,)),
        "cards.read_keys": recipe(read=lambda value: cards.read_keys(value, 64), good=(["ab" * 32],)),
        "items.open_item": recipe(read=_item, good=({"kind": "note", "id": ID, "text": "x"},)),
        "items.read_said": recipe(read=items.read_said, good=(b'{"kind": "note"}',)),
        "items.open_signed": recipe(
            read=lambda data: items.open_item(KEY, LOG, data),
            good=(items.seal_item(KEY, 1, LOG, PRIVATE, {"kind": "x"}),),
        ),
        "order.Seen.from_doc": recipe(read=lambda value: order.Seen.from_doc(value), good=(seen.to_doc(),)),
        "shelf.read_note": recipe(
            read=lambda doc: shelf.read_note(_note(doc)),
            good=(shelf.note_content(ID, "Title", "Text", message=OTHER, of=ID),),
        ),
        "signpost.read_way": recipe(read=signpost.read_way, good=(named,)),
        "signpost.open_way": recipe(
            read=lambda data: signpost.open_way(
                words.words_of(recovery), words.words_box(recovery), replace(way, sealed=data)
            ),
            good=(way.sealed,),
        ),
        "words.Words.from_doc": recipe(read=words.Words.from_doc, good=(words.words_of(recovery).to_doc(),)),
        "turns.open_box": recipe(
            read=lambda data: turns.open_box(turns.open_turn(KEY, LOG, data), SPACE, ANN, BOX_PRIVATE), good=(turn,)
        ),
        "turns.open_turn": recipe(read=lambda data: turns.open_turn(KEY, LOG, data), good=(turn,)),
        "keys.open_past": recipe(
            read=lambda data: turns.key_before(NEXT, SPACE, data),
            good=(turn,),
        ),
        "versions.Version.from_doc": recipe(read=versions.Version.from_doc, good=(version.to_doc(),)),
        "versions.History.from_doc": recipe(read=versions.History.from_doc, good=(history.to_doc(),)),
    }
    found = {f"companion.space.{name}": one for name, one in told.items()}
    return found | own_recipes(recipe) | together_recipes(recipe)


def own_recipes(recipe: Callable[..., Any]) -> dict[str, Any]:
    """Return those of a person's own space, and of what this device keeps of spaces."""
    space = place.Space(id=ID, kind=place.OWN, service="local", keys=(KEY,), first="ab" * 32, holders=(OTHER,))
    said = saying.Saying(id=ID, space=OTHER, log="shelf", kind=saying.ITEM, content={"kind": "x"}, blobs=(OTHER,))
    version = versions.Version(id=ID, device=OTHER, at_ms=5, body={"text": "x"}, past=(OTHER,))
    known = record.Record(
        table="journal",
        id=ID,
        history=versions.with_version(versions.History(), version),
        here=ID,
        places={ID: {OTHER: 4}},
        lineage={"": ID},
    )
    given = {
        "space": ID,
        "n": 2,
        "key": "ab" * 32,
        "first": "ab" * 32,
        "reads": {"book": 2, "shelf": 1},
        "shelf": {"n": 1, "at": 900},
        "generation": 1,
    }
    file = {
        "id": ID,
        "kind": "picture",
        "media_type": "image/png",
        "size_bytes": 9,
        "at_ms": 1,
        "width": 3,
        "height": 3,
    }
    file |= {
        "height": 3,
        "sample_rate_hz": 0,
        "channels": 0,
        "caption": "",
        "blob": OTHER,
        "key": "ab" * 32,
        "device": ID,
    }
    checkin = {"_v": 1, "at_ms": 5, "level": 2, "word": ""}
    return {
        "companion.space.place.Log.from_doc": recipe(read=place.Log.from_doc, good=(place.Log(n=1).to_doc(),)),
        "companion.space.place.Space.from_doc": recipe(read=place.Space.from_doc, good=(space.to_doc(),)),
        "companion.space.saying.Saying.from_doc": recipe(read=saying.Saying.from_doc, good=(said.to_doc(),)),
        "companion.app.own.record.Record.from_doc": recipe(read=record.Record.from_doc, good=(known.to_doc(),)),
        "companion.app.own.record.read_place": recipe(read=record.read_place, good=([4, ID],)),
        "companion.app.own.record.read_places": recipe(read=record.read_places, good=({ID: 4},)),
        "companion.app.own.own_space.read_own": recipe(
            read=lambda doc: own_space.read_own(doc, "local"), good=(given,)
        ),
        "companion.app.own.residents.read_secret": recipe(
            read=residents.read_secret, good=({"number": 1, "secret": "ab" * 32},)
        ),
        "companion.app.own.signposting.read_signpost": recipe(
            read=signposting.read_signpost,
            good=({"service": "local", **words.words_of(bytes(range(32))).to_doc()},),
        ),
        "companion.app.own.files.read_file": recipe(read=files.read_file, good=(file,)),
        "companion.app.own.shared.read_shared": recipe(
            read=lambda doc: shared.read_shared("checkins", ID, doc), good=(checkin,)
        ),
    }
