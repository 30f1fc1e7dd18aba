"""The list of my stories, newest first."""

import flet as ft

from companion.stories import Story
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.pages import list_page
from views.parts.buttons import button
from views.parts.frame import tray
from views.parts.people import badge
from views.parts.rows import list_row
from views.parts.safe import safe
from views.parts.surfaces import card, empty_state, ruled
from views.stories.wording import title_of, work


@safe
def StoryList(key: str = "") -> ft.Control:
    frame, texts = use_frame(), use_quiet_window().texts
    stories = use_part(lambda state: state.stories)
    rows: list[ft.Control] = [StoryRow(one, one.id == frame.item, key=one.id) for one in stories]
    body = [card(*ruled(rows), pad=4, spacing=0)] if rows and frame.is_phone else rows
    if not rows:
        body = [empty_state(texts("stories.list_empty"), hint=texts("stories.list_empty_hint"))]
    record = button(
        texts("stories.record_mine"), lambda: frame.go("/stories/new"), icon=ft.Icons.MIC_ROUNDED, kind="ember"
    )
    return list_page(frame, texts("stories.title"), body, foot=tray(record))


@safe
def StoryRow(story: Story, is_chosen: bool, key: str = "") -> ft.Control:
    frame, stories, texts = use_frame(), use_opened().stories, use_quiet_window().texts
    is_recording = use_part(lambda state: state.is_recording) and stories.recording_id == story.id
    line = work(texts, story) if not story.length_ms else texts("stories.row", length=texts.length(story.length_ms))
    state = texts("stories.in_progress") if is_recording else ""
    title, when = title_of(texts, story), texts.when(story.created_ms)
    return list_row(
        ft.Icon(ft.Icons.MIC_NONE_ROUNDED, size=26, color=ft.Colors.SECONDARY),
        title,
        lambda: frame.go(f"/stories/{story.id}"),
        line=line,
        time=when,
        mark=badge(state, "ember", ft.Icons.MIC_ROUNDED) if state else None,
        name=". ".join(part for part in (title, line, state, when) if part),
        selected=is_chosen,
        key=f"story-{story.id}",
    )
