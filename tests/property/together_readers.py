"""How each reader of what members of a group keep together is tried; see `tests.property.readers`."""

from collections.abc import Callable
from typing import Any

from companion.app.own import secrets
from companion.app.spaces.desk import SAW, Landed
from companion.app.together import books, circle, circle_ground, ground, notes, residents, rows, turning
from companion.crypto.primitives import dh_keypair
from companion.space import shelf, statements
from companion.space.items import Item
from companion.space.order import Seen

ID, OTHER, HASH = "aa" * 16, "bb" * 16, "ab" * 32
KEY = b"k" * 32


def _item(content: Any) -> Item:
    return Item(n=0, id=ID, signer=KEY, content=content)


def _entry() -> statements.Entry:
    return statements.Entry(group=OTHER, box=dh_keypair()[1], links=(KEY,))


def _statements() -> dict[str, Any]:
    way = statements.Way(first=HASH, reads={"book": 2, "shelf": 1})
    full = statements.Statement(
        space=ID, n=2, key=KEY, stewards=KEY, way=way, member=KEY, proof=KEY + KEY, asks=statements.KEY
    ).to_content()
    secret = statements.Statement(space=ID, secret=KEY).to_content()
    circle = statements.Statement(space=ID, entry=_entry(), is_circle=True).to_content()
    return {
        "read_statement": (full, secret, circle),
        "read_said": (statements.said_doc(ID, 5, OTHER, full, is_carer=True),),
        "read_entry": (_entry().to_content(),),
    }


def together_recipes(recipe: Callable[..., Any]) -> dict[str, Any]:
    """Return them by their full names; `recipe` makes one."""
    said = Item(n=0, id=ID, signer=KEY, content=shelf.note_content(ID, "Title", "Text"))
    landed = Landed(log="shelf", digest=HASH, seq=4, at_ms=5, item=said)
    entry = {"space": ID, "seq": 4, "n": 0, "id": ID, "signer": HASH, "content": {"kind": "first"}, "is_turn": False}
    pin = notes.Pin(id=ID, group=OTHER, title="Title", text="Text", made_ms=5)
    saw = {SAW: {"book": Seen(incarnation=ID, seq=3, h=HASH).to_doc()}}
    told = {
        "together.circle.read_stewards": (
            circle.read_stewards,
            (circle.StewardsOf(group=OTHER, space=ID, n=3).to_content(),),
        ),
        "together.circle_ground.read_circle_ground": (
            circle_ground.read_circle_ground,
            (circle_ground.CircleGround(space=ID, group=OTHER, given=3).put().doc,),
        ),
        "together.circle_ground.read_visit": (
            circle_ground.read_visit,
            (circle_ground.Visit(space=ID, pair=OTHER, person=OTHER, state="offered", entry=_entry()).put().doc,),
        ),
        "together.books.read_entry": (books.read_entry, (entry, {**entry, "is_turn": True})),
        "together.books.read_item": (books.read_item, (entry,)),
        "together.ground.read_ground": (ground.read_ground, (ground.Ground(group=ID, gone=("Ann",)).put().doc,)),
        "together.notes.read_placed": (notes.read_placed, (notes.item_put(ID, landed, is_steward=True).doc,)),
        "together.notes.read_down": (notes.read_down, (shelf.down_content(ID, KEY),)),
        "together.notes.read_pin": (notes.read_pin, (pin.put().doc,)),
        "together.residents.read_at": (lambda content: residents.read_at(_item(content)), (saw,)),
        "together.rows.read_key_row": (
            rows.read_key_row,
            (rows.ToldKey(space=ID, n=1, key=KEY, stewards=KEY, seq=4, person=OTHER).put().doc,),
        ),
        "together.rows.read_member_row": (
            rows.read_member_row,
            (rows.ToldMember(space=ID, group=OTHER, member=KEY, person=OTHER, seq=3).put().doc,),
        ),
        "together.rows.read_secret_row": (rows.read_secret_row, (rows.secret_put(KEY).doc,)),
        "together.turning.read_intent": (
            turning.read_intent,
            (turning.TurnIntent(space=ID, n=1, key=KEY, secret=KEY).put().doc,),
        ),
        "own.secrets.read_own_secret": (
            secrets.read_own_secret,
            (secrets.OwnSecret(space=ID, number=1, secret=KEY, told=(OTHER,)).put().doc,),
        ),
    }
    found = {f"companion.app.{name}": recipe(read=read, good=good) for name, (read, good) in told.items()}
    readers = {
        "read_statement": statements.read_statement,
        "read_said": statements.read_said,
        "read_entry": statements.read_entry,
    }
    return found | {
        f"companion.space.statements.{name}": recipe(read=readers[name], good=good)
        for name, good in _statements().items()
    }
