"""The privacy centre: each kind of data, where it lies, who can open it, and the way to change it; counted here."""

from dataclasses import dataclass

import flet as ft

from companion.app.farewells import Remains
from companion.app.opened import Facts
from views import theme
from views.account.reading import ReadAllCard
from views.account.subpage import subpage
from views.gate.owed import Owed, plain
from views.mirror.context import Frame, use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.rows import fact_row
from views.parts.safe import safe
from views.parts.surfaces import card, column, notice
from views.parts.text import heading, soft, text
from views.words.texts import Texts

LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of data: its words begin with `privacy_<name>`, and `route` is where it can be changed."""

    name: str
    icon: ft.IconData
    route: str
    counted: tuple[str, ...] = ()


KINDS = (
    Kind(name="journal", icon=ft.Icons.BOOK_OUTLINED, route="/journal", counted=("journal",)),
    Kind(name="blobs", icon=ft.Icons.IMAGE_OUTLINED, route="/journal"),
    Kind(name="groups", icon=ft.Icons.FORUM_OUTLINED, route="/groups", counted=("groups",)),
    Kind(name="messages", icon=ft.Icons.CHAT_BUBBLE_OUTLINE_ROUNDED, route="/groups", counted=("msg",)),
    Kind(name="shelves", icon=ft.Icons.SHELVES, route="/groups", counted=("shelf_items", "pins")),
    Kind(name="stories", icon=ft.Icons.MIC_NONE_ROUNDED, route="/stories", counted=("stories",)),
    Kind(name="receipts", icon=ft.Icons.FACT_CHECK_OUTLINED, route="/stories", counted=("receipts",)),
    Kind(name="checkins", icon=ft.Icons.WB_TWILIGHT_OUTLINED, route="/today", counted=("checkins", "nudges")),
    Kind(name="settings", icon=ft.Icons.TUNE_ROUNDED, route="/account", counted=("settings",)),
    Kind(name="outbox", icon=ft.Icons.SCHEDULE_ROUNDED, route="/groups", counted=("outbox",)),
)


SHARED = ("journal", "blobs", "checkins")
"""What goes to all of one's devices, too, while the journal is shared among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was found out when the page was opened."""

    facts: Facts
    has_keystore: bool
    opens_with_device: bool


@safe
def PrivacyPane() -> ft.Control:
    """One page for all of it."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, remains = window.texts, use_part(lambda state: state.remains)
    nothing: tuple[Known, ...] = ()
    found, show = ft.use_state(nothing)

    async def look() -> None:
        security = opened.security
        known = Known(
            facts=await opened.facts(),
            has_keystore=await security.has_keystore(),
            opens_with_device=await security.opens_with_device(),
        )
        show((known,))

    use_task(look, [])
    title = texts("account.privacy_title")
    if not found:
        return subpage(frame, window, title, [soft(texts("account.privacy_counting"))])
    known = found[0]
    body: list[ft.Control] = [
        soft(texts("account.privacy_about"), ft.TextThemeStyle.BODY_LARGE),
        *([Owed(remains, key="owed")] if remains != Remains() else []),
        *(_kind(frame, texts, kind, _amount(texts, kind, known.facts), opened.own.is_on) for kind in KINDS),
        _service(frame, texts, known.facts),
        _keys(frame, texts, known),
        _folder(window),
        ReadAllCard(key="read-all"),
    ]
    return subpage(frame, window, title, body)


def _amount(texts: Texts, kind: Kind, facts: Facts) -> str:
    """Return how much there is, in words."""
    if kind.name == "blobs" and facts.blobs:
        size = texts.size(facts.blob_bytes)
        one = texts("account.amount_blob_one", size=size)
        return one if facts.blobs == 1 else texts("account.amount_blobs", count=f"{facts.blobs:,}", size=size)
    count = sum(facts.counts.get(table, 0) for table in kind.counted)
    return texts("account.amount_none") if count == 0 else texts("account.amount", count=f"{count:,}")


def _kind(frame: Frame, texts: Texts, kind: Kind, amount: str, is_shared: bool) -> ft.Control:
    all_mine = "_shared" if is_shared and kind.name in SHARED else ""
    said = [
        fact_row(ft.Icons.PLACE_OUTLINED, texts(f"account.privacy_{kind.name}_where{all_mine}")),
        fact_row(ft.Icons.LOCK_OUTLINE_ROUNDED, texts(f"account.privacy_{kind.name}_who")),
    ]
    return _card(frame, texts, texts(f"account.privacy_{kind.name}"), amount, kind.icon, said, kind.route)


def _card(
    frame: Frame, texts: Texts, title: str, amount: str, icon: ft.IconData, said: list[ft.Row], route: str
) -> ft.Control:
    names = column(heading(title, 2, ft.TextThemeStyle.TITLE_MEDIUM), soft(amount), spacing=theme.HAIR, expand=True)
    head = ft.Row([ft.Icon(icon, size=24, color=ft.Colors.PRIMARY), names], spacing=theme.GAP)
    change = ft.Semantics(
        label=texts("account.change_spoken", what=title),
        container=True,
        content=button(texts("account.change_here"), lambda: frame.go(route), kind="outlined", size="slim"),
    )
    return card(head, *said, ft.MergeSemantics(change), spacing=theme.GAP)


def _service(frame: Frame, texts: Texts, facts: Facts) -> ft.Control:
    """Say what the sync services keep, by the addresses that are really in use."""
    names = sorted(texts("account.service_here") if one == LOCAL else plain(one) for one in facts.services)
    amount = texts("account.service_none") if not names else ", ".join(names)
    said = [
        fact_row(ft.Icons.PLACE_OUTLINED, texts("account.privacy_service_where")),
        fact_row(ft.Icons.LOCK_OUTLINE_ROUNDED, texts("account.privacy_service_who")),
        fact_row(ft.Icons.DELETE_OUTLINE_ROUNDED, texts("account.privacy_service_delete")),
    ]
    return _card(
        frame, texts, texts("account.privacy_service"), amount, ft.Icons.CLOUD_OUTLINED, said, "/account/erase"
    )


def _keys(frame: Frame, texts: Texts, known: Known) -> ft.Control:
    kinds = [texts(f"account.slot_{kind}") for kind in ("passphrase", "recovery") if kind in known.facts.slots]
    if known.opens_with_device:
        kinds.append(texts("account.slot_keystore"))
    anchor = texts("account.anchor_kept" if known.has_keystore else "account.anchor_none")
    said = [
        fact_row(ft.Icons.LOCK_OUTLINE_ROUNDED, texts("account.privacy_keys_who")),
        fact_row(ft.Icons.PHONELINK_LOCK_ROUNDED, anchor),
    ]
    if "recovery" not in known.facts.slots:
        said.append(fact_row(ft.Icons.EDIT_NOTE_ROUNDED, texts("account.slot_none")))
    amount = texts("account.slots", kinds=", ".join(kinds))
    return _card(frame, texts, texts("account.privacy_keys"), amount, ft.Icons.KEY_OUTLINED, said, "/account")


def _folder(window: Window) -> ft.Control:
    texts = window.texts
    return card(
        text(texts("account.where_folder"), ft.TextThemeStyle.TITLE_SMALL),
        text(window.data_folder, ft.TextThemeStyle.BODY_SMALL, selectable=True),
        notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("account.in_the_clear"), kind="stone", live=False),
        spacing=theme.GAP,
    )
