"""The fold of a book that is kept in memory: who looks at it while it is read on changes nothing of it."""

from companion.app.overlay import Overlay
from companion.app.together.books import Books
from companion.space.place import GROUP, Log, Space
from tests.unit.app.together.conftest import core
from tests.unit.space.people import ANN, BEN, BOX, SPACE, first_content, group_content

GROUP_ID = "11" * 16


def items():
    first = ANN.says(first_content(SPACE, [ANN.key]))
    return first, ANN.says(group_content(GROUP_ID, is_on=True, box=BOX, links=[BEN.key]))


async def read(books, space, overlay, seq, item):
    before = await books.before(space, seq, overlay)
    overlay.take(books.take(space, before, seq, item))


async def test_who_looks_at_a_book_while_it_is_read_changes_nothing_of_it(alice):
    context = core(alice)._context
    books, overlay = Books(context), Overlay(context.store)
    space = Space(id=SPACE.hex(), kind=GROUP, service="local", keys=(b"k" * 32,))
    assert (await books.now(space)).seq == 0
    first, group = items()
    await read(books, space, overlay, 1, first)
    assert not (await books.now(space)).is_founded  # nothing is committed yet
    await read(books, space, overlay, 2, group)
    assert not (await books.now(space)).is_founded
    assert (await books.before(space, 3, overlay)).present == {GROUP_ID}
    await context.commit(overlay.change)
    read_space = space.with_log("book", Log(cursor=2))
    assert (await books.now(read_space)).present == {GROUP_ID}
