"""Pictures and voice notes in a message: brought to this device when they are shown."""

from collections.abc import Mapping

import flet as ft

from companion.app.chat.letting_go import local_of
from companion.chat.message import Message
from companion.errors import CompanionError
from views.attachments import PictureView, VoiceNote
from views.mirror.context import use_opened, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import button
from views.parts.safe import safe
from views.parts.surfaces import column, notice
from views.parts.text import soft


@safe
def SharedFiles(message: Message, key: str = "") -> ft.Control:
    """All that hangs on a message, in its order."""
    return column(*(SharedFile(message, one, key=str(one["blob"])) for one in message.attachments))


@safe
def SharedFile(message: Message, file: Mapping[str, object], key: str = "") -> ft.Control:
    window, opened = use_quiet_window(), use_opened()
    texts, blob = window.texts, str(file["blob"])
    problem, set_problem = ft.use_state("")
    tries, set_tries = ft.use_state(0)
    local = local_of(file)

    async def bring() -> None:
        if local is not None or not message.seq:
            return
        try:
            await opened.sharing.fetch(message, blob, window.pictures)
        except CompanionError as error:
            set_problem(texts.error(error))

    use_task(bring, [blob, tries])
    if local is not None:
        read = opened.attaching.read
        return PictureView(local, read) if local.kind == "picture" else VoiceNote(local, read)
    if problem:

        def again() -> None:
            set_problem("")
            set_tries(lambda count: count + 1)

        action = button(texts("groups.try_again"), again, kind="outlined", size="slim")
        return column(notice(ft.Icons.CLOUD_OFF_ROUNDED, problem, kind="stone"), action)
    return soft(texts("groups.coming_picture" if file["kind"] == "picture" else "groups.coming_voice"))
