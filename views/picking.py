"""Taking a file from the person's device and giving one to it, in memory: the app writes no file of its own."""

import flet as ft

from views.mirror.state import Window


async def pick_picture(window: Window) -> bytes | None:
    """Return what the person chose, None if nothing. The app stays open while the system's own screen is in front."""
    window.is_picking = True
    try:
        files = await ft.FilePicker().pick_files(
            file_type=ft.FilePickerFileType.IMAGE, with_data=True, cancel_upload_on_window_blur=False
        )
    finally:
        window.is_picking = False
    return files[0].bytes if files else None


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
