"""Wires every layer and starts; the only file that knows them all.

    companion [--profile NAME] [--data DIR] [--service URL] [--web] [--no-browser] [--port N]
    companion doctor [the same]
"""

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
import webbrowser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import flet as ft
from flet.utils import is_embedded

from companion.app import Companion
from companion.consent import Use, Wording
from companion.errors import CompanionError
from companion.nudges import Nudge
from companion.wire import LOCAL_SERVICE
from services.clock import SystemClock
from services.notifier import PlyerNotifier
from services.profile import Appearance, FileTries, FolderVault, data_folder, profile_folder
from services.recorder import FletRecorder
from services.sync.embedded import EmbeddedRelay
from services.sync.network import RelayNetwork
from views import theme
from views.app import App
from views.state import Mirror, ViewState, Window
from views.texts import Texts, load_texts

log = logging.getLogger("companion")
HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
IS_BUNDLE = is_embedded()
"""Built with `flet build`: no command line, no browser, no sync service of its own."""
CLIENT_WAIT_S = 20.0

PageMain = Callable[[ft.Page], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePorts:
    """The adapters of one profile."""

    vault: FolderVault
    network: RelayNetwork
    clock: SystemClock
    tries: FileTries
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One person's app in this process; any number of windows may show it."""

    companion: Companion
    appearance: Appearance
    embedded: EmbeddedRelay | None
    clock: SystemClock
    folder: Path
    service: str


def build_profile(data: Path, name: str, service: str) -> Profile:
    """Put the adapters together. `service` is a base address or empty."""
    folder = profile_folder(data, name)
    embedded = None if IS_BUNDLE else EmbeddedRelay(data / "relay")
    default = service or ("" if embedded is None else LOCAL_SERVICE)
    clock = SystemClock()
    ports = ProfilePorts(
        vault=FolderVault(folder),
        network=RelayNetwork(default, embedded),
        clock=clock,
        tries=FileTries(folder),
        wording=load_wording(ASSETS / "consent.json"),
    )
    return Profile(
        companion=Companion(ports),
        appearance=Appearance(folder),
        embedded=embedded,
        clock=clock,
        folder=folder,
        service=default,
    )


def load_wording(file: Path) -> Wording:
    doc = json.loads(file.read_text("utf-8"))
    uses = tuple(Use(id=u["id"], title=u["title"], detail=u["detail"]) for u in doc["uses"])
    return Wording(version=doc["version"], uses=uses)


def page_main(profile: Profile, texts: Texts) -> PageMain:
    """Return what Flet calls for each window."""
    notifier = PlyerNotifier()

    async def show(page: ft.Page) -> None:
        companion = profile.companion
        state = ViewState(theme=profile.appearance.load())
        page.title = texts("start.app_name")
        theme.apply(page, state.theme)

        def save_theme(mode: str) -> None:
            profile.appearance.save(mode)
            state.theme = mode
            theme.apply(page, mode)
            page.update()

        def announce(nudge: Nudge) -> None:
            page.run_task(notifier.notify, texts("start.app_name"), texts("start.quiet_note"))

        window = Window(
            companion=companion,
            state=state,
            texts=texts,
            notifier=notifier,
            make_recorder=lambda: FletRecorder(page),
            save_theme=save_theme,
            data_folder=str(profile.folder),
        )
        mirror = Mirror(page, window, announce)

        async def lifecycle(event: ft.AppLifecycleStateChangeEvent) -> None:
            if event.state == ft.AppLifecycleState.HIDE:
                await companion.lock()
            elif event.state in (ft.AppLifecycleState.SHOW, ft.AppLifecycleState.RESUME):
                await mirror.refresh_all()

        page.on_app_lifecycle_state_change = lifecycle
        page.on_close = lambda event: mirror.close()
        page.render_views(App, window)
        page.run_task(mirror.refresh_all)
        page.run_task(auto_lock, profile, page)

    return show


async def auto_lock(profile: Profile, page: ft.Page) -> None:
    """Lock after the chosen minutes without use; sleeps until then, and ends with its window's session."""
    while True:
        opened = profile.companion.opened
        wait_ms = 30_000
        if opened is not None:
            used_ms = profile.clock.now_ms() - profile.companion.last_used_ms
            wait_ms = opened.auto_lock_minutes * 60_000 - used_ms
            if wait_ms <= 0:
                await profile.companion.lock()
                wait_ms = 30_000
        await asyncio.sleep(min(wait_ms, 30_000) / 1000)


async def serve(profile: Profile, texts: Texts, port: int, open_browser: bool) -> None:
    """Serve the app on loopback behind a one-time address until the process is asked to end."""
    import uvicorn
    from flet_web.fastapi import app as flet_app

    from services.web import Gate

    gate = Gate(flet_app(page_main(profile, texts), assets_dir=str(ASSETS), no_cdn=True), texts("start.not_this_window"))
    listener = socket.create_server(("127.0.0.1", port))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}{gate.path}"
    config = uvicorn.Config(
        gate, log_level="warning", access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=2
    )
    print(texts("start.open_here", address=address), flush=True)
    if open_browser:
        webbrowser.open(address)
    try:
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        await close(profile)


async def open_window(profile: Profile, texts: Texts) -> None:
    """Show the app in a window of its own until it is closed."""
    try:
        await ft.run_async(page_main(profile, texts), assets_dir=str(ASSETS), view=ft.AppView.FLET_APP)
    finally:
        await close(profile)


async def close(profile: Profile) -> None:
    """Save what was typed, drop the keys, end the embedded service if this process hosts it."""
    await profile.companion.lock()
    if profile.embedded is not None:
        await profile.embedded.close()


def has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def has_desktop_client() -> bool:
    """Return whether Flet's desktop client is here or can be fetched now."""
    if os.environ.get("FLET_VIEW_PATH"):
        return True
    os.environ.setdefault("FLET_DESKTOP_FLAVOR", "full")  # the light one cannot record
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CLIENT_WAIT_S)
    try:
        import flet_desktop

        flet_desktop.ensure_client_cached()
    except (ImportError, URLError, OSError):
        return False
    finally:
        socket.setdefaulttimeout(before)
    return True


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="companion", description="A private journal, peer groups and stories.")
    parser.add_argument("task", nargs="?", choices=["open", "doctor"], default="open")
    parser.add_argument("--profile", default="me", help="whose data to open, on a computer that several people use")
    parser.add_argument("--data", help="the folder for all data")
    parser.add_argument("--service", default=os.environ.get("COMPANION_SERVICE", ""), help="the sync service's address")
    parser.add_argument("--web", action="store_true", help="use the browser even where a window could be opened")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, default=0, help="the port on this computer; any free one by default")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    texts = load_texts(ASSETS / "words")
    if IS_BUNDLE:
        ft.run(page_main(build_profile(data_folder(None), "me", ""), texts), assets_dir=str(ASSETS))
        return
    chosen = parse_arguments(arguments)
    try:
        data = data_folder(chosen.data)
        profile = build_profile(data, chosen.profile, chosen.service)
    except CompanionError as error:
        sys.exit(f"companion: {error}")
    if chosen.task == "doctor":
        from services.doctor import report

        sys.exit(asyncio.run(report(profile.folder, data, profile.service, texts, print)))
    if not chosen.web and has_screen() and has_desktop_client():
        asyncio.run(open_window(profile, texts))
        return
    asyncio.run(serve(profile, texts, chosen.port, has_screen() and not chosen.no_browser))


if __name__ == "__main__":
    main()
