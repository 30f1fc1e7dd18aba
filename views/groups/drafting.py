"""What is typed to a group and not sent yet, and how it is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import flet as ft

from companion.app import Opened
from companion.app.chat.chatting import UNDO_MS, Ways
from companion.care import patient_details
from companion.chat.message import TEXT_LIMIT, Message
from companion.groups import Group
from companion.people import Member
from views.client import focus
from views.groups.naming import mentioned, suggested, with_mention
from views.mirror.autosave import Autosave
from views.mirror.chat_state import Composing
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import use_kept, use_leave, use_task
from views.mirror.state import Window
from views.mirror.typed import Typed
from views.parts.safe import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands in the field, and what typing and sending do. `put` puts words into it.

    `found` is what looks like patient details, `suggested` are members whose name is being typed. A key renders
    nothing else.
    """

    box: ft.Ref[ft.TextField]
    value: str
    found: tuple[str, ...]
    suggested: tuple[Member, ...]
    is_empty: bool
    typed: Callable[[str], None]
    mention: Callable[[Member], None]
    put: Callable[[str], None]
    send: Callable[[], Awaitable[None]]
    send_anyway: Callable[[], Awaitable[None]]
    mend: Callable[[], None]


def composing_of(composing: Composing, group: Group) -> Composing:
    """Return what the foot of this group does: nothing special unless it was asked to."""
    return composing if composing.group == group.id else Composing(group=group.id)


async def send_words(window: Window, opened: Opened, group: Group, composing: Composing) -> bool:
    """Send what stands in the field, and set the foot back; return whether its words are reason for the kind card.

    Both are empty before anything is awaited: a second press finds nothing to send.
    """
    state, chat = window.state, opened.chat
    said, is_here = chat.draft_now(group.id).strip(), state.chat.group == group.id
    if not said and not composing.files:
        return False
    ways = Ways(
        hold_ms=UNDO_MS,
        due_ms=composing.due_ms,
        reply_to=composing.reply_to,
        topic=composing.topic or (state.chat.topic if is_here else ""),
        mentions=mentioned(group, said, opened.me.person),
        is_silent=composing.is_silent,
    )
    emptied = state.composing = Composing(group=group.id, topic=composing.topic)
    try:
        if composing.files:
            await opened.sharing.post(group.id, said, composing.files, ways)
        else:
            await chat.post(group.id, said, ways)
    except BaseException:
        back = tuple(one for one in composing.files if opened.attaching.are_free(one))
        now = state.composing
        state.composing = replace(composing if now is emptied else now, files=(*back, *now.files))
        raise
    if is_here and (state.chat.has_newer or state.chat.is_from_top):
        window.watch_chat(group.id, "", state.chat.topic)
    if composing.is_catching_up:
        await opened.attention.mark_all_seen()
        say(window.texts("groups.answered"))
    return await opened.care.offers_help(said, window.library.distress)


async def take_back_message(window: Window, opened: Opened, group: Group, message: Message) -> None:
    """Take back a message that is still held: its words and what hung on it stand in the foot again."""
    files = await opened.sharing.undo(message)
    if files:
        now = composing_of(window.state.composing, group)
        window.state.composing = replace(now, files=(*now.files, *files))


def use_draft(group: Group, composing: Composing, on_hard_words: Callable[[], None]) -> Draft:
    """A hook: what is in the field is kept as a draft, and only what was sent leaves it."""
    window, opened, page = use_quiet_window(), use_opened(), ft.context.page
    texts, chat = window.texts, opened.chat
    _, renew = ft.use_state(0)
    sent, set_sent = ft.use_state(0)
    found, set_found = ft.use_state(tuple[str, ...]())
    words = use_kept(lambda: Typed(chat.draft_now(group.id)))
    if words.text != chat.draft_now(group.id):  # it was loaded, sent, or taken back
        words.put(chat.draft_now(group.id))
    members = _suggested(group, words.text, opened.me.person)
    saver = use_kept(lambda: Autosave(chat.save_drafts, lambda saving: None, page.run_task))
    use_leave(saver.flush)

    # A field takes the focus only once the client has built it: by the time the messages are there it has.
    is_there = use_part(lambda s: s.chat.group == group.id and s.chat.is_loaded)

    async def load() -> None:
        if await chat.draft_of(group.id):
            renew(lambda count: count + 1)

    async def go_on_typing() -> None:
        if is_there and (sent or composing.reply_to):
            await focus(words.box)

    use_task(load, [group.id])
    use_task(go_on_typing, [sent, composing.reply_to, is_there])

    def typed(value: str) -> None:
        turn, before = words.turn, _shown_beside(group, words.text, opened.me.person)
        words.heard(value)
        chat.draft(group.id, words.text)
        saver.typed()
        if found:
            set_found(())
        if words.turn != turn or _shown_beside(group, words.text, opened.me.person) != before:
            renew(lambda count: count + 1)

    def put(text: str) -> None:
        chat.draft(group.id, text)
        saver.typed()
        set_sent(lambda count: count + 1)

    def mention(member: Member) -> None:
        put(with_mention(chat.draft_now(group.id), member))

    async def send() -> None:
        said, composing = chat.draft_now(group.id).strip(), composing_of(window.state.composing, group)
        if len(said) > TEXT_LIMIT:
            say(texts("groups.too_long", limit=f"{TEXT_LIMIT:,}"))
        elif said or composing.files:
            details = patient_details(said)
            if details:
                set_found(details)
            else:
                await send_anyway()

    async def send_anyway() -> None:
        set_found(())
        try:
            is_hard = await send_words(window, opened, group, composing_of(window.state.composing, group))
        finally:
            set_sent(lambda count: count + 1)
        if is_hard:
            on_hard_words()

    return Draft(
        box=words.box,
        value=words.value(),
        found=found,
        suggested=members,
        is_empty=not words.text.strip(),
        typed=typed,
        mention=mention,
        put=put,
        send=send,
        send_anyway=send_anyway,
        mend=lambda: set_found(()),
    )


def _shown_beside(group: Group, text: str, me: str) -> tuple[bool, tuple[Member, ...]]:
    """Return what the foot shows because of what is in the field: a line's ready words while it is empty, and names."""
    return group.is_pair and not text.strip(), _suggested(group, text, me)


def _suggested(group: Group, text: str, me: str) -> tuple[Member, ...]:
    return suggested(group, text, me) if "@" in text else ()
