"""Member keys and items for tests of spaces."""

from dataclasses import replace

from companion.crypto.primitives import dh_keypair, random_bytes, signing_keypair
from companion.space.belonging import Belonging
from companion.space.book import first_content, group_content, roll_content, with_item
from companion.space.items import Item
from companion.space.layers import Layers

SPACE = b"s" * 16
GROUP, OTHER_GROUP = "11" * 16, "22" * 16


class Somebody:
    """One member of a space."""

    def __init__(self):
        self.private, self.key = signing_keypair()

    def says(self, content, n=0, id=None):
        return Item(n=n, id=id or random_bytes(16).hex(), signer=self.key, content=content)


class Book:
    """A book that is written item by item."""

    def __init__(self):
        self.now = Belonging(space=SPACE)

    def add(self, who, content, n=0):
        return self.take(who.says(content, n))

    def take(self, item):
        """Return whether the item changed anything but what was said, and where the book ends."""
        before = self.now
        self.now = with_item(before, before.seq + 1, item)
        return replace(self.now, said=Layers(), seq=0) != replace(before, said=Layers(), seq=0)


ANN, BEN, CAT, DEE, EVE = (Somebody() for _ in range(5))
BOX, NEW_BOX = dh_keypair()[1], dh_keypair()[1]


def founded(*stewards):
    book = Book()
    assert book.add(ANN, first_content(SPACE, [one.key for one in stewards or (ANN,)]))
    return book


def with_group(*, links=(BEN,), members=(), stewards=(), group=GROUP):
    book = founded(*stewards)
    assert book.add(ANN, group_content(group, is_on=True, box=BOX, links=[one.key for one in links]))
    for member in members:
        assert book.add(links[0], roll_content(group, on=[member.key]))
    return book


def belongs(book, who, at=None):
    return book.now.belongs(who.key, book.now.seq if at is None else at)
