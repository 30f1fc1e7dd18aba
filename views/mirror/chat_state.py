"""The part of the mirror that shows groups: their list, and a bounded window of one conversation.

A window grows at its far end only, and is exchanged for another when it is full, so that nothing ever moves under the
eyes of the person who reads. `page` counts the windows; `is_from_top` says at which end the list opens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from companion.app import Opened
from companion.app.chat.attending import Alert, Since
from companion.app.chat.chatting import Stretch
from companion.app.groups.pairing import Wanted
from companion.attachments import Attachment
from companion.chat.agreement import Agreement
from companion.chat.attention import Quiet, Wishes
from companion.chat.message import Message, in_order
from companion.chat.reports import Report
from companion.chat.standing import News
from companion.errors import SyncError
from companion.groups import Group
from companion.pairs import REQUESTS

FIRST = 24
"""Messages that are read when a conversation is opened: two screens, so that it stands there at once."""
PAGE = 40
"""Messages that are read at a time from then on."""
WINDOW = 160
"""Messages that are in the tree at most."""
OVERLAP = 4
"""Messages that stand in both windows when one follows the other."""
CHAT_TABLES = frozenset(
    {"groups", "sync", "waiting", "standings", "seen", "wishes", "quiet", "agreements", "reports", REQUESTS, "invites"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """A group in the list: its newest message, what is new, and whether its service can be reached.

    `trouble` says why it cannot, or why something waits; messages are looked for every `every_s` seconds, 0: they come.
    With `is_aside` something of it is damaged, and it waits. `asked_ms` is when the other one of a pair was asked last
    from this device, 0 if that is not known.
    """

    group: Group
    newest: Message | None
    sync: str
    trouble: SyncError | None = None
    every_s: int = 0
    news: News = field(default_factory=News)
    wishes: Wishes = field(default_factory=lambda: Wishes(group=""))
    is_aside: bool = False
    asked_ms: int = 0
    may_ask_again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What of one group is on the screen. `seen_seq` is how far it had been seen when it was opened.

    `quotes` are the messages that others answer, by id. `target` is the message that was asked for.
    """

    group: str = ""
    topic: str = ""
    messages: tuple[Message, ...] = ()
    has_older: bool = False
    has_newer: bool = False
    is_loaded: bool = False
    is_from_top: bool = False
    page: int = 0
    seen_seq: int = 0
    delivered: int = 0
    readers: Mapping[str, int] = field(default_factory=dict)
    target: str = ""
    topics: tuple[str, ...] = ()
    quotes: Mapping[str, Message] = field(default_factory=dict)
    agreement: Agreement = field(default_factory=lambda: Agreement(group=""))
    wishes: Wishes = field(default_factory=lambda: Wishes(group=""))

    @property
    def page_is_first(self) -> bool:
        """Nobody has scrolled out of what was shown at first."""
        return not self.target and len(self.messages) <= FIRST + OVERLAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Composing:
    """What the foot of a conversation is doing. `mode`: "" (writing), "message" (what can be done with `about`), "add",
    "poll", "topic", "later", "report", "worry". `is_catching_up`: an answer marks everything else seen. `files` are
    pictures and voice notes that go with the next message. `pinned` is the note that a message became just now.
    """

    group: str = ""
    mode: str = ""
    about: str = ""
    reply_to: str = ""
    editing: str = ""
    topic: str = ""
    due_ms: int = 0
    is_silent: bool = False
    is_catching_up: bool = False
    files: tuple[Attachment, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What is new in all groups, and whether this person wants to be left in peace."""

    since: tuple[Since, ...] = ()
    quiet: Quiet = field(default_factory=Quiet)
    is_in_clinic: bool = False
    reports: tuple[Report, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    """Who asks for a direct line."""


class ChatWindow:
    """Reads what one window shows of the groups; every method returns new immutable values."""

    def __init__(self) -> None:
        self._shown = Conversation()

    def watch(self, group: str, target: str = "", topic: str = "") -> Conversation:
        """Begin anew with a group, at the message `target` or at its newest."""
        self._shown = Conversation(group=group, target=target, topic=topic, page=self._shown.page + 1)
        return self._shown

    async def lines(self, opened: Opened) -> tuple[GroupLine, ...]:
        """Every group with its newest message, the newest first."""
        lines = []
        for group in await opened.groups.groups():
            newest = await opened.chat.messages(group.id, 1)
            asked_ms = await opened.pairs.asked_ms(group) if group.awaits_peer else 0
            lines.append(
                GroupLine(
                    group=group,
                    newest=newest[-1] if newest else None,
                    sync=opened.groups.sync_state(group.service),
                    trouble=opened.groups.sync_trouble(group.service),
                    every_s=opened.groups.sync_every_s(group.service),
                    news=await opened.attention.news(group.id),
                    wishes=await opened.attention.wishes(group.id),
                    is_aside=opened.mending.damage(group.id) is not None,
                    asked_ms=asked_ms,
                    may_ask_again=opened.pairs.may_ask_again(asked_ms),
                )
            )
        lines.sort(key=lambda line: line.newest.at_ms if line.newest else line.group.created_ms, reverse=True)
        return tuple(lines)

    async def attention(self, opened: Opened) -> Attention:
        return Attention(
            since=await opened.attention.since(),
            quiet=await opened.attention.quiet(),
            is_in_clinic=await opened.attention.is_in_clinic(),
            reports=await opened.agreements.reports(),
            wanted=await opened.pairs.wanted(),
        )

    async def refresh(self, opened: Opened) -> Conversation:
        """Read the window again: what came, what changed, what waits."""
        shown = self._shown
        if not shown.group:
            return shown
        seen_seq = shown.seen_seq if shown.is_loaded else (await opened.attention.seen(shown.group)).seq
        stretch, is_from_top = await self._stretch(opened, shown)
        standing = await opened.attention.standing(shown.group)
        agreement = await opened.agreements.agreement(shown.group)
        fresh = replace(
            shown,
            messages=stretch.messages,
            has_older=stretch.has_older,
            has_newer=stretch.has_newer,
            is_from_top=is_from_top,
            is_loaded=True,
            seen_seq=seen_seq,
            delivered=standing.delivered,
            readers=standing.readers if agreement.is_read_shared else {},
            topics=await opened.attention.topics(shown.group),
            quotes=await self._quotes(opened, shown, stretch.messages),
            agreement=agreement,
            wishes=await opened.attention.wishes(shown.group),
        )
        if self._shown is shown:  # otherwise something else was asked for meanwhile
            self._shown = fresh
        return self._shown

    async def _stretch(self, opened: Opened, shown: Conversation) -> tuple[Stretch, bool]:
        chat, group, topic = opened.chat, shown.group, shown.topic
        if not shown.is_loaded:
            if not shown.target:
                return await chat.newest(group, FIRST, topic), False
            around = await chat.around(group, FIRST, shown.target)
            return around, any(one.id == shown.target for one in around.messages[:-1])
        numbered = _numbered(shown.messages)
        if not numbered:
            return await chat.newest(group, PAGE, topic), shown.is_from_top
        first = await chat.message(group, numbered[0].id)
        limit = WINDOW if not shown.has_newer else len(numbered) - 1
        after = await chat.newer(group, limit, numbered[0].id, topic) if limit else Stretch(has_newer=True)
        if first is None or (after.has_newer and not shown.has_newer):  # expired, or more came than fits
            return await chat.newest(group, PAGE, topic), False
        return replace(after, messages=(first, *after.messages), has_older=shown.has_older), shown.is_from_top

    async def earlier(self, opened: Opened) -> Conversation:
        """Show what was said before: in this window, or in the next one if it is full."""
        shown = self._shown
        numbered = _numbered(shown.messages)
        if not numbered or not shown.has_older:
            return shown
        older = await opened.chat.older(shown.group, PAGE, numbered[0].id, shown.topic)
        is_full = shown.is_from_top or len(shown.messages) + len(older.messages) > WINDOW
        if is_full:
            messages = in_order((*older.messages, *numbered[:OVERLAP]))
            fresh = replace(shown, has_newer=True, is_from_top=False, page=shown.page + 1)
        else:
            messages, fresh = in_order((*older.messages, *shown.messages)), shown
        return await self._moved(opened, shown, replace(fresh, messages=messages, has_older=older.has_older))

    async def later(self, opened: Opened) -> Conversation:
        """Show what was said after: in this window, or in the next one if it is full."""
        shown = self._shown
        numbered = _numbered(shown.messages)
        if not numbered or not shown.has_newer:
            return shown
        newer = await opened.chat.newer(shown.group, PAGE, numbered[-1].id, shown.topic)
        is_full = not shown.is_from_top or len(shown.messages) + len(newer.messages) > WINDOW
        if is_full:
            messages = in_order((*numbered[-OVERLAP:], *newer.messages))
            fresh = replace(shown, has_older=True, is_from_top=True, page=shown.page + 1)
        else:
            messages, fresh = in_order((*shown.messages, *newer.messages)), shown
        return await self._moved(opened, shown, replace(fresh, messages=messages, has_newer=newer.has_newer))

    async def _moved(self, opened: Opened, shown: Conversation, fresh: Conversation) -> Conversation:
        fresh = replace(fresh, quotes=await self._quotes(opened, fresh, fresh.messages))
        if self._shown is shown:
            self._shown = fresh
        return self._shown

    async def _quotes(
        self, opened: Opened, shown: Conversation, messages: tuple[Message, ...]
    ) -> Mapping[str, Message]:
        here = {one.id: one for one in messages}
        quotes = {}
        for id in {one.reply_to for one in messages if one.reply_to}:
            answered = here.get(id) or await opened.chat.message(shown.group, id)
            if answered is not None:
                quotes[id] = answered
        return quotes


def alert_words(texts: Callable[..., str], alert: Alert) -> str:
    """Return what may stand on a lock screen: that there is something, and at most in which group."""
    if alert.level == "group":
        named = (*alert.names, *([texts("lines.alert")] if alert.has_line else []))
        return texts("groups.alert_group", names=", ".join(named))
    return texts("groups.alert_new")


def _numbered(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages that the service has numbered: what waits is added anew each time."""
    return tuple(one for one in messages if one.seq)
