"""A page that was written on two devices: both versions whole, one below the other, and what goes on from them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import flet as ft

from companion.app.own.files import is_long
from companion.fields import objects
from companion.space.versions import Version
from views import theme
from views.gate.forms import Form, use_form
from views.journal.editing import Editing
from views.journal.parts import cut
from views.mirror.context import use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.parts.buttons import button
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, gap, notice, wrapping
from views.parts.text import heading, soft, text, words
from views.words.names import device_name
from views.words.texts import Texts

HERE = "here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The version that the page shows, if it is one of them, and those beside it, the latest first."""

    here: Version | None = None
    others: tuple[Version, ...] = ()


@safe
def PartedNotice(page_id: str, key: str = "") -> ft.Control:
    """A quiet line at the top of the page. Nothing has to be decided."""
    texts = use_quiet_window().texts
    names = use_part(lambda state: state.parted.get(page_id, ()))
    said = texts("journal.parted_many" if len(names) > 2 else "journal.parted")
    return notice(ft.Icons.DIFFERENCE_OUTLINED, said, kind="stone", live=False)


@safe
def Beside(editing: Editing, key: str = "") -> ft.Control:
    """Under the field: what it holds, every other version, and an answer for each of them."""
    window, opened = use_quiet_window(), use_opened()
    names, form = use_part(lambda state: state.parted.get(editing.id, ())), use_form(window)
    sides, show = ft.use_state(Sides())

    async def look() -> None:
        show(Sides(here=await opened.own.shown(editing.id), others=await opened.own.beside(editing.id)))

    use_task(look, [names])
    if not sides.others:
        return gap(0)

    async def go_on(act: Callable[[], Awaitable[None]]) -> None:
        if await form.send(act, ""):
            form.change(values={})
            editing.look()

    keep = Keep(form=form, go_on=go_on, act=partial(opened.own.keep, editing.id))
    texts, can_join = window.texts, not any(is_long(one.body) for one in sides.others)
    said = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []
    both = button(
        texts("journal.version_keep_both" if len(sides.others) == 1 else "journal.version_keep_all"),
        lambda: go_on(lambda: opened.own.keep_both(editing.id)),
        kind="outlined",
        disabled=form.filled.is_busy or not can_join,
    )
    name = partial(_name, texts, lambda id: device_name(texts, opened.me, opened.device, id))
    above = texts("journal.version_here", version=name(_of_field(editing, sides.here, opened.device)))
    return column(
        card(soft(above, ft.TextThemeStyle.BODY_MEDIUM), keep.ask(texts, "")),
        *(_other(texts, one, name((one.device, one.at_ms)), keep, key=one.id) for one in sides.others),
        *said,
        both,
        spacing=theme.GAP,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Asks before what stands beside a version goes. `act` keeps the version of a name, empty for the field's."""

    form: Form
    go_on: Callable[[Callable[[], Awaitable[None]]], Any]
    act: Callable[[str], Awaitable[None]]

    def ask(self, texts: Texts, version: str) -> ft.Control:
        asked, busy = self.form["asked"], self.form.filled.is_busy
        if asked != (version or HERE):
            press = partial(self._choose, version or HERE)
            one = button(texts("journal.version_keep"), press, kind="outlined", size="slim", disabled=busy)
            return wrapping(one)
        leave = button(texts("journal.version_leave"), partial(self._choose, ""), kind="outlined")
        sure = button(
            texts("journal.version_keep"),
            lambda: self.go_on(partial(self.act, version)),
            kind="outlined",
            disabled=busy,
        )
        question = column(text(texts("journal.version_question")), equal(leave, sure))
        return ft.Semantics(live_region=True, container=True, content=question)

    def _choose(self, version: str) -> None:
        self.form.change(values={"asked": version}, said="")


def _other(texts: Texts, version: Version, name: str, keep: Keep, key: str) -> ft.Control:
    """Return one version whole; a long text in pieces, as the field has it."""
    title = heading(texts("journal.version_other", version=name), 2, ft.TextThemeStyle.TITLE_SMALL)
    body = version.body or {}
    if is_long(body):
        coming = notice(ft.Icons.SCHEDULE_ROUNDED, texts("journal.version_coming"), kind="stone", live=False)
        return ft.Container(card(title, coming), key=key)
    said = [words(piece.text) for piece in cut(str(body.get("text", ""))) if piece.text]
    more = [soft(line) for line in _more(texts, body)]
    return ft.Container(card(title, *said, *more, keep.ask(texts, version.id), spacing=theme.GAP), key=key)


def _more(texts: Texts, body: Any) -> list[str]:
    """Return what stands on a version besides its words."""
    tags = body.get("tags")
    lines = [" ".join(f"#{tag}" for tag in tags)] if isinstance(tags, list) and tags else []
    count = len(objects(body.get("attachments")))
    if count:
        one = texts("journal.version_hung_one")
        lines.append(one if count == 1 else texts("journal.version_hung", count=count))
    return lines


def _of_field(editing: Editing, here: Version | None, this: str) -> tuple[str, int]:
    """Return where and when the words in the field were written: a version's, unless they were changed here since."""
    changed_ms = editing.entry.changed_ms
    return (here.device, here.at_ms) if here is not None and changed_ms <= here.at_ms else (this, changed_ms)


def _name(texts: Texts, of: Callable[[str], str], written: tuple[str, int]) -> str:
    device, at_ms = written
    return texts("journal.version_of", device=of(device), day=texts.day_of(at_ms), time=texts.time(at_ms))
