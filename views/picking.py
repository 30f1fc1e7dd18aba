"""Taking a file from the person's device and giving one to it, in memory: the app writes no file of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import flet as ft

from companion.attachments import PICTURE_FILE_BYTES, Picture
from companion.errors import PictureUnreadable
from companion.ports import Uploads
from views.mirror.context import use_quiet_window
from views.mirror.state import Window

UPLOAD_S = 120.0
"""How long a file may take from the browser to this process, on one computer."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What the button says, and whether it waits for the last picture; `start` chooses one and takes it."""

    label: str
    is_busy: bool
    start: Callable[[], Awaitable[None]]


def use_taking(label: str, take: Callable[[Picture], Awaitable[None]]) -> Taking:
    """A hook: choosing a picture, how far it has come, and what is done with it once it was made anew.

    `label` is what the button says before. Raises from `start`: PictureUnreadable, and what `take` raises.
    """
    window = use_quiet_window()
    texts = window.texts
    progress, set_progress = ft.use_state("")

    async def start() -> None:
        try:
            data = await pick_picture(window, lambda part: set_progress(texts("common.picture_comes", percent=part)))
            if data is not None:
                set_progress(texts("common.picture_is_made"))
                await take(await window.pictures.clean(data))
        finally:
            set_progress("")

    return Taking(label=progress or label, is_busy=bool(progress), start=start)


async def pick_picture(window: Window, tell: Callable[[int], None]) -> bytes | None:
    """Return what the person chose, None if nothing. The app stays open while the system's own screen is in front.

    `tell` hears how many hundredths of it have come. Raises: PictureUnreadable if it is too large, or does not come.
    """
    broken = asyncio.Event()

    def hear(event: ft.FilePickerUploadEvent) -> None:
        if event.error:
            broken.set()
        elif event.progress is not None:
            tell(round(event.progress * 100))

    picker = ft.FilePicker(on_upload=hear)
    window.is_picking = True
    try:
        files = await picker.pick_files(
            file_type=ft.FilePickerFileType.IMAGE,
            with_data=window.uploads is None,
            cancel_upload_on_window_blur=False,
        )
    finally:
        window.is_picking = False
    if not files:
        return None
    if files[0].size > PICTURE_FILE_BYTES:
        raise PictureUnreadable(f"{files[0].size} bytes")
    if window.uploads is None or files[0].bytes is not None:
        return files[0].bytes
    tell(0)
    return await _uploaded(window.uploads, picker, files[0], broken)


async def _uploaded(uploads: Uploads, picker: ft.FilePicker, file: ft.FilePickerFile, broken: asyncio.Event) -> bytes:
    upload = uploads.expect()
    content, failing = asyncio.ensure_future(upload.content), asyncio.ensure_future(broken.wait())
    try:
        sent = ft.FilePickerUploadFile(id=file.id, name=file.name, upload_url=upload.address, method="PUT")
        await picker.upload([sent])
        await asyncio.wait({content, failing}, timeout=UPLOAD_S, return_when=asyncio.FIRST_COMPLETED)
        if not content.done():
            raise PictureUnreadable("the file did not come")
        return content.result()
    finally:
        failing.cancel()
        content.cancel()
        uploads.forget(upload)


async def save_text(window: Window, name: str, content: str) -> bool:
    """Offer a text file to the client's save dialog; return whether it was taken."""
    page, data = ft.context.page, content.encode()
    window.is_picking = True
    try:
        path = await ft.FilePicker().save_file(
            file_name=name, file_type=ft.FilePickerFileType.CUSTOM, allowed_extensions=["txt"], src_bytes=data
        )
    finally:
        window.is_picking = False
    return bool(path) or page.web
