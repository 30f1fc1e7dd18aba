"""One conversation: its head, its messages, and the foot where somebody writes or decides."""

import flet as ft

from companion.errors import Offline, ServiceFull, SyncError
from companion.groups import Group
from views import theme
from views.groups.composing import Foot
from views.groups.naming import INVITE, mark_of, profession, who_is_in
from views.groups.pairing import AskedNotice
from views.groups.shelf.ways import use_shelf_chip
from views.groups.timeline import Timeline, use_acts
from views.groups.topics import use_topic_chips
from views.mirror.context import use_frame, use_part, use_quiet_window
from views.mirror.effects import use_leave, use_task
from views.pages import content_page
from views.parts.buttons import icon_button
from views.parts.safe import safe
from views.parts.surfaces import notice
from views.words.texts import Texts

ALL_WELL: tuple[str, SyncError | None, int] = ("", None, 0)


@safe
def Chat(group: Group) -> ft.Control:
    window, frame = use_quiet_window(), use_frame()
    texts, state = window.texts, window.state
    target, acts = frame.at, use_acts(group)
    has_words = use_part(lambda s: s.chat.group == group.id and s.chat.agreement.has_words)
    is_panel = use_part(lambda s: s.composing.group == group.id and s.composing.mode != "")

    async def watch() -> None:
        if state.chat.group != group.id or (target and state.chat.target != target):
            window.watch_chat(group.id, target, "")

    async def leave() -> None:
        if state.chat.group == group.id:
            window.watch_chat("", "", "")

    use_task(watch, [group.id, target])
    use_leave(leave)
    invite = icon_button(
        ft.Icons.PERSON_ADD_ALT_ROUNDED, texts("groups.invite"), lambda: frame.go(f"/groups/{INVITE}{group.id}")
    )
    count = profession(texts, group.peer.profession) if group.peer else who_is_in(texts, group)
    # With large text the foot's choices need the whole page.
    alone = is_panel and frame.is_large_text
    body: list[ft.Control] = [] if alone else [Topics(group), Timeline(group, acts)]
    foot = ft.Column([Waiting(group), AskedNotice(group), Foot(group)], spacing=0, tight=True)
    return content_page(
        frame,
        group.name,
        [ft.Column([foot], scroll=ft.ScrollMode.AUTO, expand=True)] if alone else body,
        subtitle=texts("groups.with_rules", count=count) if has_words and not frame.is_phone else count,
        lead=mark_of(group, 40),
        tools=[] if frame.is_phone or group.is_pair else [invite],
        foot=None if alone else foot,
        scroll=False,
    )


@safe
def Topics(group: Group) -> ft.Control:
    """The topics in one row above the conversation, after what stands on the shelf."""
    chips = [*use_shelf_chip(group), *use_topic_chips(group, "topic")]
    if not chips:
        return ft.Container(height=0)
    row = ft.Row(chips, spacing=theme.SMALL, scroll=ft.ScrollMode.AUTO)
    return ft.Container(ft.Semantics(container=True, content=row), padding=ft.Padding.only(bottom=theme.TIGHT))


def way_words(texts: Texts, sync: str, trouble: SyncError | None, every_s: int, *, waits: bool) -> str:
    """Say what is wrong with the way to the service, as exactly as it is known; nothing where all is well."""
    is_waiting, is_named = sync == "waiting", type(trouble) not in (Offline, type(None))
    if trouble is not None and (isinstance(trouble, ServiceFull) or (is_waiting and is_named)):
        return texts.error(trouble)
    if is_waiting:
        return texts("groups.waiting") if waits else texts("groups.offline")
    return texts("groups.looked_for", seconds=every_s) if every_s else ""


@safe
def Waiting(group: Group) -> ft.Control:
    """What a missing or hampered connection means for this conversation; nothing while all is well."""
    texts = use_quiet_window().texts
    way = use_part(
        lambda s: next(((one.sync, one.trouble, one.every_s) for one in s.groups if one.group.id == group.id), ALL_WELL)
    )
    waits = use_part(
        lambda s: s.chat.group == group.id and any(m.state in ("waiting", "uploading") for m in s.chat.messages)
    )
    refused = use_part(lambda s: s.chat.group == group.id and any(m.state == "refused" for m in s.chat.messages))
    parts: list[ft.Control] = []
    if refused:
        parts.append(notice(ft.Icons.ERROR_OUTLINE_ROUNDED, texts("groups.refused"), kind="alert"))
    if words := way_words(texts, *way, waits=waits):
        icon = ft.Icons.CLOUD_OFF_ROUNDED if way[0] == "waiting" else ft.Icons.UPDATE_ROUNDED
        parts.append(notice(icon, words, kind="honey" if waits else "stone"))
    pad = ft.Padding.symmetric(horizontal=theme.GAP, vertical=theme.TIGHT) if parts else 0
    return ft.Container(ft.Column(parts, spacing=theme.SMALL, tight=True), padding=pad)
