"""Wires every layer and starts; the only file that knows them all.

companion [--profile NAME] [--data DIR] [--service URL] [--web] [--no-browser] [--port N] [--plain-address]
companion doctor [the same]
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.error import URLError

import flet as ft
from flet.utils import is_embedded

from companion.app import Companion, Ports
from companion.app.upgrades import STEPS
from companion.attachments import PICTURE_FILE_BYTES
from companion.consent import Use, Wording
from companion.errors import CompanionError
from companion.nudges import Nudge
from companion.wire import LOCAL_SERVICE
from services.autolock import AutoLock, OpenWindows
from services.clock import SystemClock
from services.clouds import shared_by
from services.crash import forbid_core_dumps
from services.due import DueTimer
from services.erasing import ProfileEraser
from services.extras import BROWSER, DESKTOP, install_command, missing
from services.farewells import FarewellTimer
from services.keystore import FletKeystore
from services.notifier import PlyerNotifier
from services.pictures import PillowPictures
from services.profile import Appearance, FileTries, close_folder, data_folder, profile_folder
from services.recorder import FletRecorder
from services.store.migrations import Migrations
from services.store.vault import SealedVault
from services.sync.embedded import EmbeddedRelay
from services.sync.network import RelayNetwork
from services.uploads import Uploads
from views import theme
from views.app import App
from views.border import guard_client
from views.gate.cover import cover_while_away, is_phone
from views.mirror.state import Mirror, ViewState, Window
from views.words.texts import Texts, load_texts

log = logging.getLogger("companion")
HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
IS_BUNDLE = bool(is_embedded())  # type: ignore[no-untyped-call]  # Flet leaves it unannotated
"""Built with `flet build`: no command line, no browser, no sync service of its own."""
CLIENT_WAIT_S = 20.0

PageMain = Callable[[ft.Page], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One person's app in this process; any number of windows may show it."""

    companion: Companion
    windows: OpenWindows
    auto_lock: AutoLock
    due: DueTimer
    farewells: FarewellTimer
    appearance: Appearance
    keystore: FletKeystore
    uploads: Uploads
    embedded: EmbeddedRelay | None
    folder: Path
    shared_by: str
    service: str


def build_profile(data: Path, name: str, service: str) -> Profile:
    """Put the adapters together. `service` is a base address or empty."""
    folder = profile_folder(data, name)
    close_folder(folder)
    embedded = None if IS_BUNDLE else EmbeddedRelay(data / "relay")
    default = service or ("" if embedded is None else LOCAL_SERVICE)
    clock, keystore = SystemClock(), FletKeystore(name)
    ports = Ports(
        vault=SealedVault(folder / "vault", migrations=Migrations(STEPS)),
        network=RelayNetwork(default, embedded),
        clock=clock,
        tries=FileTries(folder),
        wording=load_wording(ASSETS / "consent.json"),
        keystore=keystore,
        eraser=ProfileEraser(folder),
    )
    companion = Companion(ports)
    return Profile(
        companion=companion,
        windows=OpenWindows(companion),
        auto_lock=AutoLock(companion, clock),
        due=DueTimer(companion, clock),
        farewells=FarewellTimer(companion),
        appearance=Appearance(folder),
        keystore=keystore,
        uploads=Uploads(PICTURE_FILE_BYTES),
        embedded=embedded,
        folder=folder,
        shared_by="" if IS_BUNDLE else shared_by(folder),
        service=default,
    )


def load_wording(file: Path) -> Wording:
    doc = json.loads(file.read_text("utf-8"))
    uses = tuple(Use(id=u["id"], title=u["title"], detail=u["detail"]) for u in doc["uses"])
    return Wording(version=doc["version"], uses=uses)


def page_main(profile: Profile, texts: Texts, *, keeps_places: bool = True) -> PageMain:
    """Return what Flet calls for each window. See `Window.keeps_places`."""
    notifier, pictures = PlyerNotifier(), PillowPictures()

    async def show(page: ft.Page) -> None:
        companion = profile.companion
        profile.keystore.attach(page)
        state = ViewState(theme=profile.appearance.load())
        page.title = texts("start.app_name")
        theme.apply(page, theme_mode(state.theme))
        wishes = theme.Accessibility()

        def dress() -> None:
            theme.apply(
                page,
                theme_mode(state.theme),
                reduced_motion=wishes.reduced_motion,
                high_contrast=wishes.high_contrast,
            )
            page.update()

        def save_theme(mode: str) -> None:
            profile.appearance.save(mode)
            state.theme = mode
            dress()

        async def follow_device() -> None:
            """The client answers after the first paint, so nobody waits for it."""
            nonlocal wishes
            wishes = await theme.read_accessibility()
            if wishes != theme.Accessibility():
                dress()

        def announce(nudge: Nudge) -> None:
            page.run_task(notifier.notify, texts("start.app_name"), texts("start.quiet_note"))

        window = Window(
            companion=companion,
            state=state,
            texts=texts,
            notifier=notifier,
            make_recorder=lambda: FletRecorder(page),
            pictures=pictures,
            save_theme=save_theme,
            data_folder=str(profile.folder),
            shared_by=profile.shared_by,
            keeps_places=keeps_places,
            hides_itself=is_phone(page),
            uploads=profile.uploads if page.web else None,
        )
        mirror = Mirror(page, window, announce)

        async def lifecycle(event: ft.AppLifecycleStateChangeEvent) -> None:
            cover_while_away(page, event.state)
            if event.state == ft.AppLifecycleState.HIDE:
                is_spared, window.is_picking = window.is_picking, False  # once: the auto-lock goes on counting
                if not is_spared:
                    await profile.auto_lock.hidden(page, by_default=is_phone(page))
            elif event.state in (ft.AppLifecycleState.SHOW, ft.AppLifecycleState.RESUME):
                profile.auto_lock.shown(page)
                mirror.note()

        def here(_: object = None) -> None:
            profile.windows.come(page)
            profile.auto_lock.shown(page)
            mirror.note()

        async def gone(_: object) -> None:
            profile.auto_lock.gone(page)
            await profile.windows.go(page)

        page.on_app_lifecycle_state_change = lifecycle
        page.on_connect = here
        page.on_disconnect = gone
        page.on_close = lambda event: mirror.close()
        if companion.opened is None:  # the door at once, with nothing before it
            state.phase = await companion.phase()
        page.render_views(App, window)
        here()
        page.run_task(follow_device)
        profile.auto_lock.start()
        profile.due.start()
        profile.farewells.start()

    return show


def theme_mode(name: str) -> theme.Mode:
    """Return the theme of that name, the system's own for any other."""
    modes: dict[str, theme.Mode] = {mode: mode for mode in get_args(theme.Mode)}
    return modes.get(name, "system")


async def serve(
    profile: Profile, texts: Texts, show: PageMain, port: int, open_browser: bool, is_plain: bool = False
) -> None:
    """Serve the app on loopback behind one-time addresses until the process is asked to end."""
    import uvicorn
    from flet_web.fastapi import app as flet_app

    from services.heads import HEAD_BYTES, PromptHeads
    from services.web import Gate, OpenFile

    class Server(uvicorn.Server):
        """uvicorn would end the process by the signal it caught, before the keys are dropped."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(texts("start.open_here", address=gate.address, file=str(page.path)), flush=True)
            if open_browser:  # with the file, not the address: everybody sees what a program is started with
                await asyncio.to_thread(webbrowser.open, page.path.as_uri())

    listener, page = socket.create_server(("127.0.0.1", port)), OpenFile()
    host = f"{address_name(is_plain)}:{listener.getsockname()[1]}"
    app = profile.uploads.in_front_of(flet_app(show, assets_dir=str(ASSETS), no_cdn=True))
    gate = Gate(app, host, texts("start.not_this_window"), page.write)
    config = uvicorn.Config(
        gate,
        log_level="critical",
        access_log=False,
        http=PromptHeads,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    try:
        await server.serve(sockets=[listener])
    finally:
        page.remove()
        await close(profile)


def address_name(is_plain: bool) -> str:
    """Return the name in the browser's address: one of its own for each start, wherever browsers find it.

    Chromium and Firefox take every name under localhost for this computer by themselves; Safari asks the system.
    """
    from services.web import PLAIN_NAME, random_name, system_knows

    name = random_name()
    is_unknown = sys.platform == "darwin" and not system_knows(name)
    return PLAIN_NAME if is_plain or is_unknown else name


async def open_window(profile: Profile, texts: Texts) -> None:
    """Show the app in a window of its own until it is closed."""
    try:
        await ft.run_async(page_main(profile, texts), assets_dir=str(ASSETS), view=ft.AppView.FLET_APP)
    finally:
        await close(profile)


async def close(profile: Profile) -> None:
    """Save what was typed, drop the keys, end the embedded service if this process hosts it."""
    await profile.auto_lock.stop()
    await profile.due.stop()
    await profile.farewells.stop()
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
    parser.add_argument(
        "--plain-address", action="store_true", help="for a browser that does not find the address: use 127.0.0.1"
    )
    return parser.parse_args(arguments)


def mend_flet() -> None:
    """Make the Flet that was tested faster; another one is used as it is."""
    try:
        from views import flet_mend  # here, as it names what another Flet may not have

        flet_mend.apply()
    except (ImportError, CompanionError) as error:
        log.warning("Flet is used as it is, so screens answer later: %s", error)


def main(arguments: list[str] | None = None) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    mend_flet()
    forbid_core_dumps()
    guard_client()
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
    if lacks := missing(BROWSER):
        sys.exit(texts("start.no_browser", missing=lacks, command=install_command(DESKTOP)))
    open_browser = has_screen() and not chosen.no_browser
    show = page_main(profile, texts)
    asyncio.run(serve(profile, texts, show, chosen.port, open_browser, chosen.plain_address))


if __name__ == "__main__":
    main()
