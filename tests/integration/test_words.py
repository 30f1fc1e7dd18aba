"""The recovery words at a real service and over real files: they lead to the own space, and open a linked device."""

import pytest

from companion.app.own.by_words import find_by_words
from companion.crypto.words import key_from_words, words_from_key
from companion.errors import NothingByWords, Offline, WrongKey
from companion.space.items import key_number, open_item
from companion.space.keys import BOOK, SHELF, capability, log_id
from companion.space.past import past_keys
from services.sync.client import RelayClient
from tests.integration.people import PASSPHRASE, Person, until
from tests.integration.test_own_space import _new_device, link, run_due, until_texts, write


@pytest.fixture
async def phone(tmp_path, standing_relay):
    person = await Person(tmp_path / "phone", standing_relay.url).begin("Alice Green")
    yield person
    await person.companion.lock()


@pytest.fixture
async def tablet(tmp_path, standing_relay):
    """A device as it is before it is linked: no words open it."""
    person = Person(tmp_path / "tablet", standing_relay.url)
    await person.companion.create("Tablet", "other", PASSPHRASE, None)
    yield person
    await person.companion.lock()


@pytest.fixture
async def nobody(standing_relay):
    """A device that the service never saw, which has nothing but what somebody types."""
    client = RelayClient(standing_relay.url, *_new_device())
    yield client
    await client.close()


def written(person):
    return key_from_words(" ".join(person.words))


async def until_found(nobody, person, n, *devices):
    """Return where the words lead, once that is the key of this number."""
    found = []

    async def holds():
        for one in devices:
            await run_due(one)
        try:
            found[:] = [await find_by_words(written(person), nobody)]
        except NothingByWords:
            return False
        return found[0].n == n

    await until(holds, 20)
    return found[0]


async def items_of(found, nobody):
    """Return every item of the shelf, opened with nothing but what was found."""
    space = bytes.fromhex(found.space)
    book, shelf = log_id(space, BOOK), log_id(space, SHELF)
    stood, turns = await nobody.events(book.hex(), capability(found.key, book).hex(), 0), {}
    for event in stood:
        n, is_turn = key_number(event.body)
        if is_turn:
            turns.setdefault(n, []).append(event.body)
    first = stood[0].body
    keys = past_keys(found.key, found.n, turns, space=space, log=book, first=first, known_as=found.first)
    events = await nobody.events(shelf.hex(), capability(found.key, shelf).hex(), 0)
    return [open_item(keys[key_number(event.body)[0]], shelf, event.body) for event in events if event.body]


async def test_the_words_alone_lead_to_everything_that_was_shared(phone, tablet, nobody):
    await write(phone, "Before the turn")
    await phone.opened.own.turn_on()
    await link(phone, tablet)
    await until_texts(tablet, ["Before the turn"], phone)
    await phone.opened.devices.revoke(tablet.opened.device)
    found = await until_found(nobody, phone, 1, phone)
    await write(phone, "After the turn")
    await phone.opened.own.housekeeping.tell(await phone.opened.own.space())

    async def is_said():
        await run_due(phone)
        return (await phone.opened.own.progress()).waiting == 0

    await until(is_said, 20)
    assert found.identity_key == phone.opened.me.identity_key
    items = await items_of(found, nobody)
    texts = [item.content["body"].get("text") for item in items if item.content["kind"] == "version"]
    assert {"Before the turn", "After the turn"} <= set(texts)
    assert {item.n for item in items} == {0, 1}


async def test_the_words_open_a_linked_device_and_new_ones_do_in_their_place(phone, tablet):
    await phone.opened.own.turn_on()
    await link(phone, tablet)
    former = written(phone)

    async def opens(*by):
        await run_due(tablet)
        await run_due(phone)
        return [await tablet.opened._context.store.opens_with(recovery=one) for one in by]

    async def is_open():
        return await opens(former) == [True]

    await until(is_open, 20)
    key, phone.words = phone.companion.recovery_words()
    await phone.opened.recovery.renew(PASSPHRASE, key)

    async def is_replaced():
        return await opens(former, key) == [False, True]

    await until(is_replaced, 20)
    await tablet.companion.lock()
    with pytest.raises(WrongKey):
        await tablet.companion.unlock(words=" ".join(words_from_key(former)))
    await tablet.companion.unlock(words=" ".join(phone.words))
    assert tablet.companion.opened is not None


async def test_words_that_lead_nowhere_are_told_from_a_service_that_does_not_answer(phone, nobody):
    with pytest.raises(NothingByWords):
        await find_by_words(written(phone), nobody)
    gone = RelayClient("http://127.0.0.1:9", *_new_device())
    with pytest.raises(Offline):
        await find_by_words(written(phone), gone)
    await gone.close()
