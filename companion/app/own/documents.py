"""Documents that a person's devices share: noted when they change here, told as versions, taken in from the others.

A change is noted in the commit that makes it. Some time later it becomes a version, and then something to say. What
came from another device meanwhile stands beside it, if it was not known when this one was written.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from companion.app.context import Context
from companion.app.overlay import Overlay
from companion.app.own.files import Files, is_long
from companion.app.own.record import RECORDS, Place, Record, digest_of, record_id
from companion.app.own.shared import (
    BESIDE,
    FOLLOWS,
    MOST,
    RULES,
    follows_of,
    read_shared,
    seen_at_most,
    shared_fields,
)
from companion.app.spaces.desk import Landed, wait
from companion.chat.standing import STANDINGS
from companion.errors import UsageError
from companion.fields import each_read, read_or, refused
from companion.journal import TABLE as JOURNAL
from companion.journal import UNDER, joined
from companion.ports import Change, Doc, Documents, Drop, Put
from companion.space.items import CONTENT_LIMIT_BYTES
from companion.space.keys import SHELF
from companion.space.place import Space
from companion.space.saying import ITEM, Saying
from companion.space.versions import History, Version, trimmed, with_version, written
from companion.strings import kept

log = logging.getLogger(__name__)

CHANGED, FOLLOWED, WANTED = "own_changed", "own_followed", "own_wanted"
"""Documents that changed here since their last version; places of versions that newer ones follow; documents whose
words are longer than an item and have not come yet.
"""
VERSION = "version"
ROOM_BYTES = 2_048  # for what an item says besides its version
NAMES_MOST = 1_000
_HERE: Mapping[str, object] = {}
"""In place of the body of the version that lies in its table."""


class SharedDocuments:
    """Whoever calls a method that commits holds the turn of spaces."""

    def __init__(self, context: Context, files: Files) -> None:
        self._context = context
        self.files = files
        self.is_noting = False
        """Whether there is a space to tell of changes. All that was here before is noted when there is one."""
        context.widen.append(self._note)

    # Noting

    def _note(self, change: Change) -> Change:
        """Return what notes the shared documents that a change touches. What comes with its record is told already."""
        if not self.is_noting:
            return Change()
        told = {str(put.doc["_id"]) for put in change.put if put.table == RECORDS}
        touched = [(put.table, str(put.doc["_id"])) for put in change.put]
        touched += [(edit.table, edit.id) for edit in change.edit]
        touched += [(drop.table, drop.id) for drop in change.drop]
        fresh = dict.fromkeys(one for one in touched if one[0] in RULES and record_id(*one) not in told)
        return Change(put=tuple(self._noted(*one) for one in fresh))

    def _noted(self, table: str, id: str) -> Put:
        at_ms = self._context.clock.now_ms()
        return Put(CHANGED, {"_id": record_id(table, id), "_v": 1, "table": table, "id": id, "at_ms": at_ms})

    async def note_all(self, known: frozenset[str] | None = None) -> Change:
        """Return what notes every document that has no version yet: all that was here before it was shared."""
        if known is None:
            known = frozenset(str(doc["_id"]) for doc in await self._context.store.all(RECORDS))
        puts = list[Put]()
        for table in RULES:
            ids = [str(doc["_id"]) for doc in await self._context.store.all(table)]
            puts += [self._noted(table, id) for id in ids if record_id(table, id) not in known]
        return Change(put=tuple(puts))

    async def changed(self, most: int) -> tuple[Doc, ...]:
        """Return what waits to become a version, the newest first."""
        return await self._context.store.newest(CHANGED, most)

    # Telling

    async def tell(self, space: Space, noted: tuple[Doc, ...]) -> None:
        """Make versions of changed documents, and say them."""
        overlay = Overlay(self._context.store)
        for doc in noted:
            overlay.take(await self._told(space, doc, overlay))
        if noted:
            await self._context.commit(overlay.change)

    async def _told(self, space: Space, noted: Doc, documents: Documents) -> Change:
        table, id = kept(noted["table"]), kept(noted["id"])
        done = Change(drop=(Drop(CHANGED, record_id(table, id)),))
        doc, record = await documents.get(table, id), await self.record(table, id, documents)
        if doc is None:
            record, again = await self._said_again(space, record, None)
            gone = await self._said(space, record, (record.here,), None, None) if record.here else Change()
            return done + again + gone
        record, files = await self._uncovered(record, doc, documents)
        body, named = await self.files.body_out(table, doc, shared_fields(table, doc), documents)
        record, again = await self._said_again(space, record, body)
        done, base = done + files + named + again, record.base(follows_of(doc))
        if record.here and digest_of(body) == record.digest and set(base) <= {record.here}:
            return done
        return done + await self._said(space, record, base, doc, body)

    async def _uncovered(self, record: Record, doc: Doc, documents: Documents) -> tuple[Record, Change]:
        """Return the record with the words of a version that a page, opened before it came, was saved over."""
        change, under = Change(), doc.get(UNDER)
        for one in under if isinstance(under, list) else ():
            if isinstance(one, dict) and record.here in record.history.newest and follows_of(one) == (record.here,):
                body, files = await self.files.body_out(record.table, one, shared_fields(record.table, one), documents)
                record, change = with_body(record, record.here, body), change + files
        return record, change

    async def _said_again(self, space: Space, record: Record, body: dict[str, object] | None) -> tuple[Record, Change]:
        """Return what says in another space the newest versions that do not stand there yet: they are what they were.

        `body` is that of the document in its table. What was written on top of a version since is told as it is.
        """
        if not record.is_anew:
            return record, Change()
        record = replace(record, is_anew=False)
        change = Change(put=(Put(RECORDS, record.to_doc()),))
        for version in record.history.newest.values():
            is_here = version.body == _HERE
            if version.id in record.places or (is_here and (body is None or digest_of(body) != record.digest)):
                continue
            said, files = await self._saying(space, record, replace(version, body=body) if is_here else version)
            change += files + said
        return record, change

    async def _saying(self, space: Space, record: Record, version: Version) -> tuple[Change, Change]:
        """Return what says a version, and what is noted of the files that it names."""
        content: dict[str, object] = {"kind": VERSION, "table": record.table, "doc": record.id, **version.to_doc()}
        said = Saying(id=self._context.new_id(), space=space.id, log=SHELF, kind=ITEM, content=content)
        sayings, files = await self.files.made_ready(said, CONTENT_LIMIT_BYTES - ROOM_BYTES)
        return Change(put=tuple(wait(one) for one in sayings)), files

    async def _said(
        self, space: Space, record: Record, base: tuple[str, ...], doc: Doc | None, body: dict[str, object] | None
    ) -> Change:
        """Return what makes a version of a document that is based on others."""
        table = record.table
        version = self._version(record, base, body)
        said, files = await self._saying(space, record, version)
        held = version if body is None else replace(version, body=_HERE)
        grown = self._with(record.grown(base, version.id), held)
        digest = "" if body is None else digest_of(body)
        grown = replace(grown, here="" if body is None else version.id, digest=digest)
        puts = [Put(RECORDS, grown.to_doc())]
        if doc is not None and RULES[table] == BESIDE:
            puts.append(Put(table, {**{name: doc[name] for name in doc if name != UNDER}, FOLLOWS: [version.id]}))
        return files + said + Change(put=tuple(puts)) + _followed(record, grown)

    def _version(self, record: Record, base: tuple[str, ...], body: Mapping[str, object] | None) -> Version:
        """Return the next version. Where versions stand side by side it follows those alone that it is based on."""
        newest = record.history.newest
        is_beside = RULES[record.table] == BESIDE
        seen = History(newest={one: newest[one] for one in base if one in newest}) if is_beside else record.history
        id, at_ms = self._context.new_id(), self._context.clock.now_ms()
        version = written(seen, id=id, device=self._context.me.device, at_ms=at_ms, body=body)
        older = tuple(one for one in base if one not in version.past)
        return replace(version, past=(*older, *version.past))

    # Taking in

    async def take(self, space: Space, landed: Landed, documents: Documents) -> Change:
        """Return what an item of the shelf changes here. Raises: MessageRejected."""
        content = landed.item.content
        if content.get("kind") != VERSION or content.get("table") not in RULES:
            return Change()  # of a kind that a newer app shares
        table, id, version = str(content["table"]), kept(content["doc"]), Version.from_doc(content)
        overlay = Overlay(documents)
        changed, known = await overlay.get(CHANGED, record_id(table, id)), await self.record(table, id, documents)
        is_mine = version.id in known.history.newest
        if is_mine:  # it stands there now, so it need not be said again
            overlay.take(Change(put=(Put(RECORDS, known.landed(version.id, (landed.seq, landed.cid)).to_doc()),)))
        if changed is not None:  # what was written here before this came stands beside it
            overlay.take(await self._told(space, changed, overlay))
        record = await self.record(table, id, overlay)
        after = record if is_mine else self._with(record, version).landed(version.id, (landed.seq, landed.cid))
        if is_long(version.body) and not is_mine and version.id in after.history.newest:
            overlay.take(Change(put=(_wanted(table, id, version.id),)))
        is_replay = landed.cid in known.places.get(version.id, ())
        if not is_mine or (RULES[table] != BESIDE and not is_replay):
            after = await self._show(after, version, overlay)
        overlay.take(Change(put=(Put(RECORDS, after.to_doc()),)) + _followed(record, after))
        if version.id not in after.history.newest:
            overlay.take(Change(put=(_followed_at((landed.seq, landed.cid)),)))
        return overlay.change

    async def _show(self, record: Record, version: Version, overlay: Overlay) -> Record:
        """Let the document's own table show what has come, where it is to; return its record then."""
        table, id, newest = record.table, record.id, record.history.newest
        if version.id not in newest or (RULES[table] == BESIDE and record.here in newest):
            return record  # what this person has before them stays; the other one stands beside it
        doc = await overlay.get(table, id)
        if record.here in newest and doc is not None:  # it is newest still, and no longer in its table
            body, files = await self.files.body_out(table, doc, shared_fields(table, doc), overlay)
            overlay.take(files)
            record = with_body(record, record.here, body)
        wanted = version if RULES[table] != BESIDE else next(iter(record.history.shown), version)
        return await self.show(record, wanted, overlay)

    async def show(self, record: Record, version: Version, overlay: Overlay) -> Record:
        """Put a version into the document's own table, if its words are here."""
        table, id = record.table, record.id
        doc = await overlay.get(table, id)
        if version.body is None:
            overlay.take(await self.files.let_go(table, doc))
            overlay.take(Change(drop=(Drop(table, id),) if doc is not None else ()))
            return replace(record, here="", digest="")
        if is_long(version.body):  # its words have still to come
            return record
        fresh, change = await self.files.doc_in(table, read_shared(table, id, dict(version.body)), doc)
        if RULES[table] == MOST:
            fresh = seen_at_most(doc, fresh, await overlay.get(STANDINGS, id))
        if RULES[table] == BESIDE:
            fresh = {**fresh, FOLLOWS: [version.id]}
        overlay.take(change + Change(put=(Put(table, fresh),)))
        held = replace(record, here=version.id, digest=digest_of(version.body))
        return with_body(held, version.id, _HERE)

    def _with(self, record: Record, version: Version) -> Record:
        history = with_version(record.history, version)
        history = trimmed(history) if len(history.past) > NAMES_MOST else history
        return replace(record, history=history)

    async def record(self, table: str, id: str, documents: Documents | None = None) -> Record:
        doc = await (documents or self._context.store).get(RECORDS, record_id(table, id))
        return read_or(doc, Record.from_doc, Record(table=table, id=id))

    async def anew(self) -> Change:
        """Return what lets all of it be said once more: another space begins. The versions are what they were."""
        store, puts = self._context.store, list[Put]()
        known = each_read(await store.all(RECORDS), Record.from_doc)
        for record in known:
            anew = replace(record, places={}, is_anew=True)
            puts += (Put(RECORDS, anew.to_doc()), self._noted(record.table, record.id))
        drops = tuple(Drop(FOLLOWED, str(doc["_id"])) for doc in await store.all(FOLLOWED))
        others = await self.note_all(frozenset(record_id(record.table, record.id) for record in known))
        return others + Change(put=tuple(puts), drop=drops)

    # Side by side

    async def beside(self, table: str, id: str) -> tuple[Version, ...]:
        """Return the versions that stand beside the document in its table."""
        record = await self.record(table, id)
        return tuple(record.history.newest[one] for one in record.beside)

    async def keep(self, space: Space, table: str, id: str, version: str = "") -> None:
        """Go on with one of several versions, with the one in its table where none is named: it follows them all.

        Raises: UsageError if it is not among them, or its words have not come yet.
        """
        record, overlay = await self.record(table, id), Overlay(self._context.store)
        newest = record.history.newest
        if version and version != record.here:
            if version not in newest or newest[version].body is None or is_long(newest[version].body):
                raise UsageError("not one of the versions that can be read here")
            record = await self.show(record, newest[version], overlay)
        await self._follow_all(space, record, overlay)

    async def keep_both(self, space: Space, id: str) -> None:
        """Go on with all versions of a page, one below the other: it follows them all.

        Raises: UsageError if the page is gone, or words of one have not come yet.
        """
        record, overlay = await self.record(JOURNAL, id), Overlay(self._context.store)
        others = [record.history.newest[one].body for one in record.beside]
        doc = await overlay.get(JOURNAL, id)
        if doc is None or any(is_long(body) for body in others):
            raise UsageError("not all of the versions can be read here")
        here, files = await self.files.body_out(JOURNAL, doc, shared_fields(JOURNAL, doc), overlay)
        overlay.take(files)
        with refused("a page of my other device"):
            page = joined([here, *(body for body in others if body is not None)])
        fresh, hung = await self.files.doc_in(JOURNAL, read_shared(JOURNAL, id, page), doc)
        under = {UNDER: doc[UNDER]} if UNDER in doc else {}
        overlay.take(hung + Change(put=(Put(JOURNAL, {**fresh, **under}),)))
        await self._follow_all(space, record, overlay)

    async def _follow_all(self, space: Space, record: Record, overlay: Overlay) -> None:
        """Commit it, with a version of the document in its table that follows all newest ones."""
        table, id = record.table, record.id
        doc = await overlay.get(table, id)
        if doc is None:
            raise UsageError("nothing stands there")
        overlay.take(Change(put=(Put(table, {**doc, FOLLOWS: sorted(record.history.newest)}),)))
        overlay.take(Change(put=(Put(RECORDS, replace(record, digest="").to_doc()),)))
        overlay.take(await self._told(space, self._noted(table, id).doc, overlay))
        await self._context.commit(overlay.change)


def with_body(record: Record, version: str, body: Mapping[str, object]) -> Record:
    newest = {**record.history.newest, version: replace(record.history.newest[version], body=body)}
    return replace(record, history=replace(record.history, newest=newest))


def _wanted(table: str, id: str, version: str) -> Put:
    return Put(WANTED, {"_id": version, "_v": 1, "table": table, "id": id, "version": version})


def _followed(before: Record, after: Record) -> Change:
    """Return what notes the places of versions that are followed now: the service need not keep their words."""
    gone = [places for version, places in before.places.items() if version not in after.history.newest]
    return Change(put=tuple(_followed_at((seq, cid)) for places in gone for cid, seq in places.items()))


def _followed_at(place: Place) -> Put:
    return Put(FOLLOWED, {"_id": place[1], "_v": 1, "place": list(place)})
