"""Changing the keys: another passphrase, other recovery words, and whether the device itself may open the app."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import flet as ft

from views import theme
from views.account.subpage import ABOVE, subpage
from views.gate.first_start import draw_positions, sheet
from views.gate.forms import Form, use_form
from views.gate.strength import strength, strength_bars
from views.mirror.context import Frame, use_frame, use_opened, use_quiet_window
from views.mirror.effects import Box, use_kept, use_task
from views.mirror.state import Window
from views.parts.buttons import button
from views.parts.safe import Handler, safe, say
from views.parts.surfaces import card, column, equal, gap, notice
from views.parts.text import soft, text
from views.words.texts import Texts


def _notices(form: Form) -> list[ft.Control]:
    return [notice(ft.Icons.INFO_OUTLINE_ROUNDED, form.filled.said)] if form.filled.said else []


def _proof(form: Form, window: Window) -> ft.TextField:
    return form.entry("proof", window.texts("account.proof"), secret=True, helper=window.texts("account.proof_help"))


def _done(frame: Frame, form: Form, sentence: str) -> None:
    form.clear()
    say(sentence)
    frame.go(ABOVE)


@safe
def PassphrasePane() -> ft.Control:
    """The old passphrase or the words, then the new passphrase twice."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)

    async def change() -> None:
        if strength(form["new"]) == "short":
            form.change(said=texts("unlock.passphrase_short"))
        elif form["new"] != form["again"]:
            form.change(said=texts("unlock.passphrase_differs"))
        elif await form.send(
            lambda: opened.security.change_passphrase(form["proof"], form["new"]), texts("account.proof_wrong")
        ):
            _done(frame, form, texts("account.passphrase_changed"))

    busy = form.filled.is_busy
    body = [
        soft(texts("account.passphrase_about"), ft.TextThemeStyle.BODY_LARGE),
        _proof(form, window),
        form.entry("new", texts("account.passphrase_new"), secret=True),
        strength_bars(texts, form["new"]),
        form.entry("again", texts("unlock.passphrase_again"), secret=True, on_submit=change),
        *_notices(form),
        button(texts("account.working" if busy else "account.passphrase_change"), change, size="tall", disabled=busy),
    ]
    return subpage(frame, window, texts("account.passphrase_title"), body)


@dataclass(slots=True)
class Drawn:
    """New recovery words on their way to paper; `asked` are the positions to type back."""

    key: bytes = b""
    words: tuple[str, ...] = ()
    asked: tuple[int, int] = (1, 2)


@safe
def WordsPane() -> ft.Control:
    """Three steps: who you are, the new words, two of them typed back. Only then do they replace the old ones."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)
    drawn = use_kept(lambda: Box(Drawn())).value

    async def draw() -> None:
        if await form.send(lambda: opened.security.check(form["proof"]), texts("account.proof_wrong")):
            drawn.key, drawn.words = window.companion.recovery_words()
            drawn.asked = draw_positions()
            form.change(step=2)

    async def replace_words() -> None:
        for position in drawn.asked:
            if not secrets.compare_digest(form[f"word-{position}"].strip().lower(), drawn.words[position - 1]):
                form.change(said=texts("unlock.check_wrong", number=position))
                return
        if await form.send(lambda: opened.recovery.renew(form["proof"], drawn.key), texts("account.proof_wrong")):
            drawn.key, drawn.words = b"", ()
            _done(frame, form, texts("account.words_changed"))

    steps: dict[int, Callable[[], list[ft.Control]]] = {
        1: lambda: _prove(form, window, draw, has_others=len(opened.devices.devices()) > 1),
        2: lambda: _write_down(form, texts, drawn),
        3: lambda: _type_back(form, texts, drawn, replace_words),
    }
    return subpage(frame, window, texts("account.words_title"), steps[form.filled.step]())


def _prove(form: Form, window: Window, draw: Handler, *, has_others: bool) -> list[ft.Control]:
    texts = window.texts
    return [
        soft(texts("account.words_about"), ft.TextThemeStyle.BODY_LARGE),
        *([soft(texts("account.words_others"), ft.TextThemeStyle.BODY_LARGE)] if has_others else []),
        _proof(form, window),
        *_notices(form),
        button(texts("account.words_make"), draw, size="tall", disabled=form.filled.is_busy),
    ]


def _write_down(form: Form, texts: Texts, drawn: Drawn) -> list[ft.Control]:
    return [
        soft(texts("account.words_write"), ft.TextThemeStyle.BODY_LARGE),
        sheet(drawn.words),
        button(texts("unlock.words_done"), lambda: form.change(step=3), size="tall"),
    ]


def _type_back(form: Form, texts: Texts, drawn: Drawn, replace_words: Handler) -> list[ft.Control]:
    return [
        soft(texts("unlock.check_ask"), ft.TextThemeStyle.BODY_LARGE),
        *(form.entry(f"word-{n}", texts("unlock.check_word", number=n)) for n in drawn.asked),
        *_notices(form),
        equal(
            button(texts("unlock.check_look"), lambda: form.change(step=2, said=""), kind="outlined"),
            button(texts("account.words_change"), replace_words, disabled=form.filled.is_busy),
        ),
    ]


@safe
def DevicePane() -> ft.Control:
    """Whether the device's own keystore may open the app, where there is one."""
    frame, window, opened = use_frame(), use_quiet_window(), use_opened()
    texts, form = window.texts, use_form(window)
    known, set_known = ft.use_state((False, False))
    has_keystore, is_on = known

    async def look() -> None:
        set_known((await opened.security.has_keystore(), await opened.security.opens_with_device()))

    use_task(look, [])

    async def use() -> None:
        if await form.send(lambda: opened.security.use_device(form["proof"]), texts("account.proof_wrong")):
            form.clear()
            await look()

    async def stop() -> None:
        if await form.send(opened.security.stop_device, texts("account.proof_wrong")):
            await look()

    about = soft(texts("account.device_about"), ft.TextThemeStyle.BODY_LARGE)
    if not has_keystore:
        body: list[ft.Control] = [
            about,
            notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("account.device_none"), kind="stone"),
        ]
    elif is_on:
        on = card(text(texts("account.device_on"), ft.TextThemeStyle.TITLE_SMALL), soft(texts("account.device_stays")))
        body = [about, on, *_notices(form), button(texts("account.device_stop"), stop, kind="outlined")]
    else:
        use_it = button(texts("account.device_use"), use, size="tall", disabled=form.filled.is_busy)
        body = [about, soft(texts("account.device_stays")), _proof(form, window), *_notices(form), use_it]
    return subpage(frame, window, texts("account.device_title"), [column(*body, gap(theme.GAP), spacing=theme.PAD)])
