"""The foot of a conversation: the field, and above it what it answers, what waits, and what may need a second look."""

from dataclasses import replace
from typing import Any, cast

import flet as ft

from companion.chat.message import Message
from companion.groups import Group
from views import theme
from views.attachments import Attachments
from views.caring import DistressCard, guard_card
from views.client import focus
from views.groups.acting import MessagePanel
from views.groups.adding import AddPanel, LaterPanel, PollPanel, TopicPanel
from views.groups.asking_help import ReportPanel, WorryPanel
from views.groups.drafting import Draft, composing_of, take_back_message, use_draft
from views.groups.lines import due_words, gist
from views.groups.membership import AsideNotice, NewKeyNotice, OutNotice
from views.groups.naming import look_of_group, mark_of, name_of, who_is_in, who_sees
from views.groups.pairing import ready_words, use_buddy
from views.groups.shelf.pinning import PinnedNotice
from views.groups.speaking import VoiceStrip
from views.mirror.chat_state import Composing, Conversation
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.mirror.typed import use_field
from views.parts.buttons import Action, button, filter_chip, icon_button
from views.parts.messages import composer
from views.parts.safe import guarded, safe
from views.parts.surfaces import column, notice, wrapping
from views.parts.text import soft, text
from views.words.names import first_name

PANELS: dict[str, Any] = {
    "message": MessagePanel,
    "add": AddPanel,
    "poll": PollPanel,
    "topic": TopicPanel,
    "later": LaterPanel,
    "report": ReportPanel,
    "worry": WorryPanel,
}


@safe
def Foot(group: Group) -> ft.Control:
    mode, about = use_part(lambda s: _panel_of(composing_of(s.composing, group)))
    is_aside = use_part(lambda s: any(one.is_aside for one in s.groups if one.group.id == group.id))
    if is_aside:
        return AsideNotice(group)
    if group.state != "member" and not group.awaits_peer:
        return OutNotice(group)
    if any(not seat.accepted for seat in group.seats):
        return NewKeyNotice(group)
    panel = PANELS.get(mode)
    if panel is not None:
        return ft.Container(
            panel(group, key=f"{mode}-{about}"),
            padding=theme.GAP,
            bgcolor=ft.Colors.SURFACE_CONTAINER_LOWEST,
            border=ft.Border.only(top=ft.BorderSide(1, ft.Colors.OUTLINE_VARIANT)),
        )
    pinned, field = PinnedNotice(group, key="pinned"), Composer(group, key=f"composer-{group.id}")
    return ft.Column([pinned, Held(group), field], spacing=0, tight=True)


def _panel_of(composing: Composing) -> tuple[str, str]:
    return composing.mode, composing.about


def held_here(shown: Conversation, group: Group) -> tuple[Message, ...]:
    return tuple(m for m in shown.messages if m.state == "held") if shown.group == group.id else ()


@safe
def Held(group: Group) -> ft.Control:
    """What waits on this device and can still be taken back."""
    window, opened = use_quiet_window(), use_opened()
    texts = window.texts
    held = use_part(lambda s: held_here(s.chat, group))

    def undo(message: Message) -> Any:
        async def take_back() -> None:
            await take_back_message(window, opened, group, message)

        return guarded(take_back, texts.error)

    rows: list[ft.Control] = []
    for one in held[-3:]:
        words = _goes(texts, group, one)
        action = button(texts("groups.undo"), undo(one), icon=ft.Icons.UNDO_ROUNDED, kind="outlined", size="slim")
        rows.append(notice(ft.Icons.SCHEDULE_ROUNDED, words, kind="stone", action=action))
    pad = ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT) if rows else 0
    return ft.Container(ft.Column(rows, spacing=theme.TIGHT, tight=True), padding=pad)


def _goes(texts: Any, group: Group, one: Message) -> str:
    """Return when something that is held goes."""
    if group.peer is not None and group.awaits_peer:
        return str(texts("lines.goes_open" if group.state == "joining" else "lines.goes", name=first_name(group.name)))
    is_soon = one.due_ms - one.at_ms <= 60_000
    return str(texts("groups.going") if is_soon else texts("groups.goes", when=due_words(texts, one.due_ms)))


@safe
def Composer(group: Group, key: str = "") -> ft.Control:
    """The field, in the group's colour, with its name, its topic and who can see what is sent."""
    window, opened, frame = use_quiet_window(), use_opened(), use_frame()
    texts, state = window.texts, window.state
    composing = use_part(lambda s: composing_of(s.composing, group))
    topic = use_part(lambda s: s.chat.topic if s.chat.group == group.id else "")
    held = use_part(lambda s: held_here(s.chat, group))  # what is taken back stands in the field again
    is_hard, set_hard = ft.use_state(False)
    is_speaking, set_speaking = ft.use_state(opened.attaching.is_recording and opened.attaching.owner == group.id)
    draft, buddy = use_draft(group, composing, lambda: set_hard(True)), use_buddy(but=group.id)

    def change(**parts: Any) -> None:
        state.composing = replace(composing_of(state.composing, group), **parts)

    if composing.editing:
        return Editor(group, composing.editing, key=f"edit-{composing.editing}")
    over: list[ft.Control] = []
    if is_hard:
        over.append(DistressCard(lambda: frame.go("/help"), lambda: set_hard(False), buddy, key="distress"))
    if draft.found:
        over.append(guard_card(texts, draft.found, draft.send_anyway, draft.mend))
    if is_speaking:
        over.append(
            VoiceStrip(
                group,
                lambda one: change(files=(*composing.files, one)),
                lambda: set_speaking(False),
                key="speaking",
            )
        )
    field = composer(
        group.name,
        look_of_group(group),
        value=draft.value,
        on_change=draft.typed,
        on_send=guarded(draft.send, texts.error),
        name=texts("groups.message_name", group=group.name),
        hint=texts("lines.hint", name=first_name(group.name)) if group.is_pair else texts("groups.message_hint"),
        send_name=texts("groups.send"),
        who_label=who_is_in(texts, group),
        who_name=who_sees(texts, group),
        topic=composing.topic or topic or None,
        mark=mark_of(group, 24),
        before=[
            icon_button(
                ft.Icons.ADD_ROUNDED, texts("groups.add"), lambda: change(mode="add"), target=theme.TARGET_FLOOR
            )
        ],
        after=[
            icon_button(
                ft.Icons.MIC_NONE_ROUNDED,
                texts("groups.speak"),
                lambda: set_speaking(True),
                target=theme.TARGET_FLOOR,
                disabled=is_speaking,
            )
        ],
        above=_above(texts, group, composing, draft, opened, change),
        enter_sends=not frame.is_phone,
        autofocus=composing.is_catching_up,
        ref=draft.box,
        key=f"composer-{group.id}",
    )
    pad = ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT) if over else 0
    is_free = draft.is_empty and not composing.files and not composing.reply_to and not (held and group.awaits_peer)
    # Something always stands there: the field must stay where it is in the tree while somebody types into it.
    ready = ready_words(texts, draft.put) if group.is_pair and is_free else ft.Container(height=0)
    return ft.Column([ft.Container(column(*over), padding=pad), ready, field], spacing=0, tight=True)


def _above(texts: Any, group: Group, composing: Composing, draft: Draft, opened: Any, change: Any) -> list[ft.Control]:
    """Return what stands between the strip and the field: names that fit, what is answered, how it goes."""
    rows: list[ft.Control] = []
    if composing.reply_to:
        rows.append(ReplyStrip(group, composing.reply_to, lambda: change(reply_to="", is_catching_up=False)))
    if composing.files:

        def remove(id: str) -> Action:
            left = tuple(one for one in composing.files if one.id != id)

            async def take_off() -> None:
                change(files=left)
                await opened.attaching.discard(next(one for one in composing.files if one.id == id))

            return Action(label=texts("groups.take_off"), on_press=guarded(take_off, texts.error))

        rows.append(Attachments(composing.files, opened.attaching.read, remove, key="files"))
    ways = []
    if composing.due_ms:
        label = texts("groups.goes_chip", when=due_words(texts, composing.due_ms))
        ways.append(filter_chip(label, lambda: change(due_ms=0), selected=True))
    if composing.is_silent:
        ways.append(filter_chip(texts("groups.silent_chip"), lambda: change(is_silent=False), selected=True))
    ways += [
        filter_chip(
            member.name,
            lambda member=member: draft.mention(member),
            icon=ft.Icons.ALTERNATE_EMAIL_ROUNDED,
            key=f"mention-{member.person}",
        )
        for member in draft.suggested
    ]
    if ways:
        rows.append(wrapping(*ways, spacing=theme.TIGHT))
    if not rows:
        return []
    return [ft.Container(column(*rows), padding=ft.Padding.only(left=theme.GAP, right=theme.GAP, top=theme.SMALL))]


@safe
def ReplyStrip(group: Group, message_id: str, cancel: Any) -> ft.Control:
    """What is answered, with a way out."""
    opened, texts = use_opened(), use_quiet_window().texts
    answered, set_answered = ft.use_state(cast("Message | None", None))

    async def find() -> None:
        set_answered(await opened.chat.message(group.id, message_id))

    use_task(find, [message_id, use_part(lambda s: s.chat.messages)])  # it may be changed or deleted meanwhile
    by = texts("groups.reply_to", name=name_of(texts, answered, opened.me.person)) if answered else ""
    said = gist(texts, answered) if answered else ""
    words = column(text(by, ft.TextThemeStyle.LABEL_MEDIUM), soft(said, max_lines=1), spacing=0, expand=True)
    leave = icon_button(ft.Icons.CLOSE_ROUNDED, texts("groups.reply_cancel"), cancel, target=theme.TARGET_FLOOR)
    bar = ft.Container(width=3, height=36, bgcolor=ft.Colors.PRIMARY)
    return ft.Semantics(container=True, content=ft.Row([bar, words, leave], spacing=theme.SMALL))


@safe
def Editor(group: Group, message_id: str, key: str = "") -> ft.Control:
    """The words of a message of mine, to be changed."""
    window, opened = use_quiet_window(), use_opened()
    texts, state = window.texts, window.state
    words = use_field(lambda said: bool(said.strip()))
    version, set_version = ft.use_state(0)

    async def load() -> None:
        found = await opened.chat.message(group.id, message_id)
        if found is not None:
            words.put(found.text)
            set_version(1)

    async def begin() -> None:
        if version:
            await focus(words.box)

    use_task(load, [message_id])
    use_task(begin, [version])

    def leave() -> None:
        state.composing = replace(composing_of(state.composing, group), editing="")

    async def save() -> None:
        await opened.chat.edit(group.id, message_id, words.text)
        leave()

    cancel = button(texts("groups.edit_cancel"), leave, kind="outlined", size="slim")
    head = ft.Row([text(texts("groups.editing"), ft.TextThemeStyle.LABEL_MEDIUM, expand=True), cancel])
    return composer(
        group.name,
        look_of_group(group),
        value=words.value(),
        on_change=words.typed,
        on_send=guarded(save, texts.error),
        name=texts("groups.edit_name"),
        hint=texts("groups.message_hint"),
        send_name=texts("groups.edit_save"),
        who_label=who_is_in(texts, group),
        who_name=who_sees(texts, group),
        mark=mark_of(group, 24),
        above=[ft.Container(head, padding=ft.Padding.only(left=theme.GAP, right=theme.GAP, top=theme.SMALL))],
        disabled=not words.text.strip(),
        enter_sends=False,
        ref=words.box,
        key=f"edit-{message_id}-{version}",
    )
