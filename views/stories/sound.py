"""Listening to a story."""

from functools import partial

import flet as ft

from companion.app import Opened
from companion.stories import Story
from views.attachments import SoundRow
from views.mirror.context import use_opened
from views.parts.safe import safe
from views.playing import Sound


def sound_of(opened: Opened, story: Story) -> Sound:
    return Sound(
        id=story.id,
        length_bytes=story.length_bytes,
        sample_rate_hz=story.sample_rate_hz,
        channels=story.channels,
        read=partial(opened.stories.sound, story),
    )


@safe
def Listen(story: Story) -> ft.Control:
    """Play and pause, a picture of the sound that fills as it plays, and the time in words."""
    return SoundRow(sound_of(use_opened(), story), key=f"listen-{story.length_bytes}")
