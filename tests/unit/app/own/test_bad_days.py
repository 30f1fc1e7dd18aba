"""Clocks that are wrong, documents that are damaged, and where else a page of the other device is found."""

from companion.app.own.record import RECORDS, record_id
from companion.app.own.shared import FOLLOWS
from companion.errors import MessageRejected
from companion.journal import TABLE, UNDER
from companion.space.versions import PAST_KEPT
from tests.unit.app.own.conftest import beside, core, meet, texts, work, write
from views.journal.choosing import chosen_text, paragraphs

YEAR_MS = 366 * 86_400_000


async def test_a_device_a_year_ahead_neither_wins_nor_loses(phone, tablet, monkeypatch):
    page = await write(phone, "One")
    await meet(phone, tablet)
    ahead = core(tablet)._context.clock.now_ms() + YEAR_MS
    clock = core(tablet)._context.clock
    now_ms = clock.now_ms
    clock.now_ms = lambda: ahead
    await write(tablet, "From the year to come", page)
    await core(tablet).own.housekeeping.run()
    clock.now_ms = now_ms
    await meet(tablet, phone)
    await write(phone, "And now", page)
    await meet(phone, tablet)
    assert await texts(phone) == await texts(tablet) == ["And now"]
    assert await beside(phone, page) == await beside(tablet, page) == []


async def test_a_device_counts_as_there_for_ten_minutes(phone, tablet):
    await meet(phone, tablet)
    core(phone).own.heard(core(tablet).device, phone.clock.now_ms(), "local")
    phone.clock.move(599_000)
    await write(phone, "Soon")
    assert await core(phone).own.housekeeping.left_ms() <= 300
    phone.clock.move(60_000)
    assert not core(phone).own.is_somebody_there()


async def test_a_page_of_the_other_device_is_found_listed_and_counted(phone, tablet):
    await meet(phone, tablet)
    await core(tablet).timeline.index()
    page = await write(phone, "A walk by the canal")
    await meet(phone, tablet)
    index = await core(tablet).timeline.index()
    assert [head.id for head in index.heads] == [page]
    await core(tablet).searching.start()
    hits = await core(tablet)._context.store.search("canal", frozenset({TABLE}), 5)
    assert [hit.id for hit in hits] == [page]
    assert (await core(tablet).facts()).counts[TABLE] == 1


async def test_what_keeps_versions_apart_is_never_part_of_what_leaves_the_journal(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    await core(phone).journal.page(page)
    core(phone).journal.draft(page, "Typed here")
    await write(tablet, "Secret of the tablet", page)
    await meet(tablet, phone)
    await core(phone).journal.save_drafts()
    doc = await core(phone)._context.store.get(TABLE, page)
    assert doc[UNDER]
    assert doc[FOLLOWS]
    parts = paragraphs(core(phone).journal.shown(page).text)
    assert chosen_text(parts, frozenset(range(len(parts)))) == "Typed here"
    hits = await core(phone)._context.store.search("Secret", frozenset({TABLE}), 5)
    assert hits == ()


async def test_what_is_known_of_a_page_may_be_damaged_and_no_words_are_lost(phone, tablet):
    page = await write(phone, "One")
    await meet(phone, tablet)
    for doc in (None, {"_id": record_id(TABLE, page), "_v": 1, "history": 7}):
        records = phone.vault.store.tables[RECORDS]
        records.pop(record_id(TABLE, page), None)
        if doc is not None:
            records[str(doc["_id"])] = doc
        text = f"After {doc is None}"
        await write(phone, text, page)
        await meet(phone, tablet)
        assert await texts(phone) == await texts(tablet) == [text]


async def test_one_malformed_version_holds_up_nothing(phone, tablet, monkeypatch):
    await meet(phone, tablet)
    documents = core(tablet).own.documents
    take, seen = documents.take, []

    async def once(space, landed, docs):
        if not seen:
            seen.append(landed)
            raise MessageRejected("malformed")
        return await take(space, landed, docs)

    monkeypatch.setattr(documents, "take", once)
    await write(phone, "One")
    await work(phone)
    await phone.network.exchange()
    await write(phone, "Two")
    await meet(phone, tablet)
    assert await texts(tablet) == ["Two"]


async def test_as_many_versions_as_a_version_names_are_one_page_to_who_was_away_for_all_of_them(phone, tablet):
    page = await write(phone, "0")
    await meet(phone, tablet)
    for number in range(1, PAST_KEPT):
        await write(phone, str(number), page)
        await core(phone).own.housekeeping.tell(await core(phone).own.space())
    for _ in range(8):
        await phone.network.exchange()
        await work(phone)  # what is followed is emptied
    await meet(tablet)
    assert (await texts(tablet), await beside(tablet, page)) == ([str(PAST_KEPT - 1)], [])
