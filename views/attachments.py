"""Pictures and voice notes on screen, wherever they hang. Their content is read when they are shown, and never kept."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import flet as ft

from companion.attachments import Attachment
from companion.errors import StoreError
from views import theme
from views.hearing import clock
from views.mirror.context import use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import Action, button, icon_button
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import notice
from views.parts.text import soft
from views.parts.voice import play_row
from views.playing import BARS, Sound, overview, use_player
from views.words.texts import Texts

log = logging.getLogger(__name__)

Read = Callable[[Attachment, int, int | None], Awaitable[bytes]]
"""Returns content from a byte offset; all that follows without a length. Raises StoreError."""
SPEEDS = (1.0, 1.25, 1.5, 2.0, 0.75)
PICTURE_HEIGHT = 220


def picture_name(texts: Texts, attachment: Attachment) -> str:
    """Return what a screen reader calls a picture."""
    if attachment.caption:
        return attachment.caption
    return texts("common.picture_of", day=texts.day_of(attachment.at_ms), time=texts.time(attachment.at_ms))


@safe
def PictureView(attachment: Attachment, read: Read, height: int = PICTURE_HEIGHT) -> ft.Control:
    """A picture, no taller than `height` logical pixels, with its name for screen readers."""
    texts = use_quiet_window().texts
    content, set_content = ft.use_state(b"")
    is_lost, set_lost = ft.use_state(False)

    async def load() -> None:
        try:
            set_content(await read(attachment, 0, None))
        except StoreError:
            set_lost(True)
            raise

    use_task(load, [attachment.id])
    name = picture_name(texts, attachment)
    if is_lost:
        return notice(ft.Icons.BROKEN_IMAGE_OUTLINED, texts("common.picture_lost"), kind="stone")
    if not content:
        return ft.Semantics(label=name, container=True, content=ft.Container(height=height))
    width = round(height * attachment.width / attachment.height) if attachment.height else height
    shown = ft.Image(
        content,
        semantics_label=name,
        width=width,
        height=height,
        fit=ft.BoxFit.CONTAIN,
        border_radius=theme.RADIUS,
        gapless_playback=True,
    )
    # A wide picture becomes narrower where there is less room.
    return ft.Semantics(container=True, content=ft.Container(shown, alignment=ft.Alignment.CENTER_LEFT))


def sound_of(attachment: Attachment, read: Read) -> Sound:
    """Return a voice note as something that can be played."""
    return Sound(
        id=attachment.id,
        length_bytes=attachment.size_bytes,
        sample_rate_hz=attachment.sample_rate_hz,
        channels=attachment.channels,
        read=partial(read, attachment),
    )


@safe
def VoiceNote(attachment: Attachment, read: Read) -> ft.Control:
    """A voice note: play and pause, its wave, its length, and how fast it plays."""
    return SoundRow(sound_of(attachment, read), has_speed=True, key=f"sound-{attachment.id}-{attachment.size_bytes}")


@safe
def SoundRow(sound: Sound, has_speed: bool = False) -> ft.Control:
    texts, player = use_quiet_window().texts, use_player(sound)
    levels, set_levels = ft.use_state(tuple[float, ...]())

    async def look() -> None:
        set_levels(await overview(sound))

    use_task(look, [sound.length_bytes])

    async def toggle() -> None:
        try:
            await player.toggle()
        except TimeoutError:
            await player.close()
            say(texts("stories.no_sound_out"))

    def faster() -> None:
        player.set_speed(SPEEDS[(SPEEDS.index(player.speed) + 1) % len(SPEEDS)])

    told = texts("stories.listened", at=texts.length(player.at_ms), length=texts.length(sound.length_ms))
    row = play_row(
        levels,
        f"{clock(player.at_ms)} / {clock(sound.length_ms)}" if player.at_ms else clock(sound.length_ms),
        guarded(toggle, texts.error),
        press_name=texts("stories.pause_playing" if player.is_playing else "stories.play"),
        wave_name=told,
        playing=player.is_playing,
        played=player.at_ms / sound.length_ms if sound.length_ms else 0.0,
        width=BARS * 5,
    )
    if not has_speed:
        return row
    speed = button(texts("common.speed", speed=f"{player.speed:g}"), faster, kind="quiet", size="slim")
    return ft.Row([row, speed], spacing=theme.TIGHT, run_spacing=theme.TIGHT, wrap=True)


@safe
def Attachments(these: tuple[Attachment, ...], read: Read, remove: Callable[[str], Action] | None = None) -> ft.Control:
    """All that hangs on something, in its order. `remove` gives the action that takes the one with this id away."""
    rows: list[ft.Control] = []
    for one in these:
        shown = PictureView(one, read, key=one.id) if one.kind == "picture" else VoiceNote(one, read, key=one.id)
        parts: list[ft.Control] = [ft.Container(shown, expand=True)]
        if remove is not None:
            action = remove(one.id)
            parts.append(icon_button(ft.Icons.DELETE_OUTLINE_ROUNDED, action.label, action.on_press))
        row = ft.Row(parts, spacing=theme.TIGHT, vertical_alignment=ft.CrossAxisAlignment.START)
        rows.append(ft.Column([row, *([soft(one.caption)] if one.caption else [])], spacing=theme.HAIR, tight=True))
    return ft.Column(rows, spacing=theme.SMALL, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH)
