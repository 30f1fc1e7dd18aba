"""First start: who you are, a passphrase, 24 recovery words written down, two of them typed back.

On one more device of somebody who is there already: the other device's code, and a passphrase; the rest comes from
there.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import flet as ft

from companion.app.farewells import Remains
from companion.devices import NAME_BYTES
from companion.errors import CompanionError, InviteError
from companion.people import NAME_LIMIT, PROFESSIONS
from companion.strings import clean_line
from companion.wire import parse_invite
from views import theme
from views.gate.owed import Owed
from views.gate.strength import strength, strength_bars
from views.gate.unlock import eye, takes_focus
from views.mirror.context import use_part, use_quiet_window
from views.mirror.effects import Box, use_kept
from views.mirror.state import Window
from views.mirror.typed import live
from views.pages import narrow
from views.parts.buttons import Action, button, filter_chip
from views.parts.fields import field
from views.parts.frame import back_bar, foot, phone_page, top_bar
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal, notice, wrapping
from views.parts.text import heading, soft, text, words
from views.routes import ACCOUNT, LINKING

STEPS: Final = 4
LINK_STEPS: Final = 2
WORDS: Final = 24
UNTIL_LINKED: Final = "other"
"""The profession of a new device; the real one comes from the other device with the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was given so far; it lives in this component only and goes when the store is made.

    `is_linking`: this is to be one more device of somebody who is there already, by the `code` that the other one
    shows; `device` is its name.
    `asked` are the two positions to type back, counted from 1. `fault` is a sentence about the step shown.
    """

    step: int = 1
    is_linking: bool = False
    code: str = ""
    device: str = ""
    name: str = ""
    profession: str = ""
    passphrase: str = ""
    again: str = ""
    recovery: bytes = b""
    words: tuple[str, ...] = ()
    is_hidden: bool = False
    asked: tuple[int, int] = (1, 2)
    first: str = ""
    second: str = ""
    is_busy: bool = False
    is_shown: bool = False
    fault: str = ""


Refs = Box[dict[str, ft.Ref[ft.TextField]]]
Change = Callable[..., None]


def differing(draft: Draft) -> int | None:
    """Return the position of the first word that was not typed back as it is on the sheet."""
    for position, typed in zip(draft.asked, (draft.first, draft.second), strict=True):
        if typed.strip().lower() != draft.words[position - 1]:
            return position
    return None


def draw_positions() -> tuple[int, int]:
    """Return two different positions of the sheet, in order."""
    first, second = sorted(secrets.SystemRandom().sample(range(1, WORDS + 1), 2))
    return first, second


@safe
def FirstStart(is_phone: bool, show_help: Callable[[], None]) -> ft.Control:
    """Four steps, each with its main action at the foot."""
    window = use_quiet_window()
    remains = use_part(lambda state: state.remains)
    draft, set_draft = ft.use_state(Draft())
    newest = use_kept(lambda: Box(draft))  # a key and a press may come before the next rendering
    refs: Refs = use_kept(lambda: Box(make_refs()))

    def change(**values: Any) -> None:
        if "step" in values:
            refs.value = make_refs()
        newest.value = replace(newest.value, **{"fault": "", **values})
        set_draft(newest.value)

    steps = {1: _link if draft.is_linking else _who, 2: _passphrase, 3: _words, 4: _check}
    body, actions = steps[draft.step](Step(window=window, newest=newest, refs=refs, change=change))
    bar = _bar(window, draft, change, show_help)
    faults = [notice(ft.Icons.INFO_OUTLINE_ROUNDED, draft.fault)] if draft.fault else []
    if window.shared_by and draft.step == 1:
        body = [notice(ft.Icons.FOLDER_SHARED_OUTLINED, _shared(window), kind="alert"), *body]
    if remains != Remains() and draft.step == 1:
        body = [Owed(remains, key="owed"), *body]
    bottom = foot(narrow(column(*faults, equal(*actions, stacked=is_phone))))  # a low window has no room for two rows
    return phone_page(bar, [narrow(column(*body, spacing=theme.PAD))], foot=bottom)


def _shared(window: Window) -> str:
    """Return why this folder is a bad place for the data."""
    texts, name = window.texts, window.shared_by
    if name == "network":
        return texts("unlock.shared_network")
    return texts("unlock.shared_cloud", name=texts("unlock.shared_other") if name == "cloud" else name)


def _bar(window: Window, draft: Draft, change: Change, show_help: Callable[[], None]) -> ft.Control:
    texts = window.texts
    help_action = Action(label=texts("common.get_help"), on_press=show_help)
    title = texts(
        ("unlock.welcome_title", "unlock.passphrase_title", "unlock.words_title", "unlock.check_title")[draft.step - 1]
    )
    steps = LINK_STEPS if draft.is_linking else STEPS
    step = texts("unlock.step", step=draft.step, steps=steps)
    if draft.step == 1:
        bar = top_bar(title, help=help_action)
    else:
        back = Action(label=texts("common.back"), on_press=lambda: change(step=draft.step - 1))
        bar = back_bar(title, back, help=help_action, subtitle=step)
    cells: list[ft.Control] = [
        ft.Container(
            height=6,
            expand=True,
            border_radius=theme.ROUND,
            bgcolor=ft.Colors.PRIMARY if number < draft.step else ft.Colors.SURFACE_CONTAINER_HIGHEST,
        )
        for number in range(steps)
    ]
    progress = ft.Semantics(
        label=step,
        container=True,
        exclude_semantics=True,
        content=ft.Container(
            ft.Row(cells, spacing=6), padding=ft.Padding.only(left=theme.PAD, right=theme.PAD, bottom=theme.PAD)
        ),
    )
    return column(bar, progress, spacing=0)


# The four steps: what is shown, and the actions at the foot ---------------------------------------------

Shown = tuple[list[ft.Control], list[ft.Control]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step works with. `newest` is ahead of what is rendered; `refs` tell what is in the fields now."""

    window: Window
    newest: Box[Draft]
    refs: Refs
    change: Change

    def entry(self, name: str, label: str, **more: Any) -> ft.TextField:
        """Return the field for one text of the draft."""
        ref = self.refs.value[name]
        return field(
            label,
            lambda typed: self.change(**{name: typed}),
            value=live(ref, getattr(self.newest.value, name)),
            ref=ref,
            key=name,
            **more,
        )

    def secret(self, name: str, label: str, **more: Any) -> ft.TextField:
        """Return a field whose text is hidden until the eye is pressed."""
        is_shown = self.newest.value.is_shown
        tail = eye(self.window.texts, is_shown, lambda shown: self.change(is_shown=shown))
        return self.entry(name, label, secret=not is_shown, tail=tail, **more)


def make_refs() -> dict[str, ft.Ref[ft.TextField]]:
    return {name: ft.Ref() for name in ("code", "device", "name", "passphrase", "again", "first", "second")}


def _who(step: Step) -> Shown:
    texts, draft, newest, change = step.window.texts, step.newest.value, step.newest, step.change

    def go_on() -> None:
        name = " ".join(newest.value.name.split())
        if not name:
            change(fault=texts("unlock.name_missing"))
        elif len(name) > NAME_LIMIT:
            change(fault=texts("unlock.name_long", limit=NAME_LIMIT))
        elif not newest.value.profession:
            change(fault=texts("unlock.profession_missing"))
        else:
            change(step=2)

    def choose(profession: str) -> Callable[[], None]:
        return lambda: change(profession=profession)

    chips = [
        filter_chip(texts(f"common.profession_{key}"), choose(key), selected=key == draft.profession, key=key)
        for key in PROFESSIONS
    ]
    body: list[ft.Control] = [
        words(texts("unlock.welcome"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("unlock.welcome_about"), ft.TextThemeStyle.BODY_LARGE),
        button(texts("unlock.link"), lambda: change(is_linking=True), kind="outlined", icon=ft.Icons.DEVICES_ROUNDED),
        step.entry("name", texts("unlock.name"), helper=texts("unlock.name_help"), autofocus=takes_focus()),
        heading(texts("unlock.profession"), 2, ft.TextThemeStyle.TITLE_MEDIUM),
        wrapping(*chips),
    ]
    return body, [button(texts("common.continue"), go_on, size="tall")]


def _link(step: Step) -> Shown:
    """The first step on one more device of mine: who I am comes over from the other one."""
    texts, newest, change = step.window.texts, step.newest, step.change

    def go_on() -> None:
        name = clean_line(newest.value.device)
        if not is_code(newest.value.code):
            change(fault=texts("account.link_garbled"))
        elif not name:
            change(fault=texts("unlock.device_missing"))
        elif len(name.encode()) > NAME_BYTES:
            change(fault=texts("unlock.device_long"))
        else:
            change(step=2)

    body: list[ft.Control] = [
        words(texts("account.link_ask"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("unlock.device_about"), ft.TextThemeStyle.BODY_LARGE),
        step.entry("code", texts("account.devices_code_field"), autofocus=takes_focus()),
        step.entry("device", texts("unlock.device"), helper=texts("unlock.device_help"), on_submit=go_on),
    ]
    other = button(texts("unlock.link_not"), lambda: change(is_linking=False), kind="outlined", size="tall")
    return body, [other, button(texts("common.continue"), go_on, kind="outlined", size="tall")]


def is_code(typed: str) -> bool:
    """Whether it is a whole code, or holds the link of one."""
    try:
        parse_invite(typed)
    except InviteError:
        return False
    return True


def _passphrase(step: Step) -> Shown:
    texts, draft, newest, change = step.window.texts, step.newest.value, step.newest, step.change

    async def go_on() -> None:
        draft = newest.value
        if strength(draft.passphrase) == "short":
            change(fault=texts("unlock.passphrase_short"))
        elif draft.passphrase != draft.again:
            change(fault=texts("unlock.passphrase_differs"))
        elif draft.is_linking:
            await _create_linked(step)
        else:
            recovery, drawn = (draft.recovery, draft.words) if draft.words else step.window.companion.recovery_words()
            change(step=3, recovery=recovery, words=drawn)

    body: list[ft.Control] = [
        words(texts("unlock.passphrase_ask"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("unlock.passphrase_about"), ft.TextThemeStyle.BODY_LARGE),
        step.secret("passphrase", texts("unlock.passphrase"), autofocus=True, read_only=draft.is_busy),
        strength_bars(texts, draft.passphrase),
        step.secret("again", texts("unlock.passphrase_again"), on_submit=go_on, read_only=draft.is_busy),
    ]
    label = texts("common.continue")
    if draft.is_linking:
        body.append(notice(ft.Icons.INFO_OUTLINE_ROUNDED, texts("unlock.link_words"), kind="stone", live=False))
        label = texts("unlock.creating" if draft.is_busy else "account.devices_link")
    return body, [button(label, go_on, size="tall", disabled=draft.is_busy)]


async def _create_linked(step: Step) -> None:
    """Make the store. The words that open it too are those of the other device, which tells it of them."""
    if await _create(step, step.newest.value.device, UNTIL_LINKED, None):
        step.window.link_code = step.newest.value.code
        step.window.go(f"/{ACCOUNT}/{LINKING}")


async def _create(step: Step, name: str, profession: str, recovery: bytes | None) -> bool:
    """Return whether the store is made; a press while it is being made does nothing."""
    draft = step.newest.value
    if draft.is_busy:
        return False
    step.change(is_busy=True)
    try:
        await step.window.companion.create(name, profession, draft.passphrase, recovery)
    except CompanionError as error:
        step.change(is_busy=False, fault=step.window.texts.error(error))
        return False
    return True


def _words(step: Step) -> Shown:
    texts, draft, change = step.window.texts, step.newest.value, step.change
    body: list[ft.Control] = [
        words(texts("unlock.words_ask"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("unlock.words_about"), ft.TextThemeStyle.BODY_LARGE),
        card(words(texts("unlock.words_hidden"))) if draft.is_hidden else sheet(draft.words),
        soft(texts("unlock.words_next"), align=ft.TextAlign.CENTER),
    ]
    actions: list[ft.Control] = [
        button(
            texts("unlock.words_show" if draft.is_hidden else "unlock.words_hide"),
            lambda: change(is_hidden=not draft.is_hidden),
            icon=ft.Icons.VISIBILITY_OUTLINED if draft.is_hidden else ft.Icons.VISIBILITY_OFF_OUTLINED,
            kind="outlined",
        ),
        button(
            texts("unlock.words_done"),
            lambda: change(step=4, asked=draw_positions(), first="", second=""),
            size="tall",
        ),
    ]
    return body, actions


def sheet(drawn: tuple[str, ...]) -> ft.Container:
    """Return the words in two numbered columns, in the order in which they are read."""

    def line(number: int) -> ft.Control:
        count = ft.Container(soft(str(number), ft.TextThemeStyle.BODY_MEDIUM, align=ft.TextAlign.END), width=30)
        row = ft.Row([count, text(drawn[number - 1], ft.TextThemeStyle.TITLE_MEDIUM, expand=True)], spacing=theme.GAP)
        return ft.MergeSemantics(row)

    half = len(drawn) // 2
    left = column(*(line(number) for number in range(1, half + 1)), expand=True)
    right = column(*(line(number) for number in range(half + 1, len(drawn) + 1)), expand=True)
    parting = ft.Container(width=1, bgcolor=ft.Colors.OUTLINE_VARIANT)
    row = ft.Row(
        [left, parting, right],
        spacing=theme.SMALL,
        intrinsic_height=True,
        vertical_alignment=ft.CrossAxisAlignment.STRETCH,
    )
    return card(row)


def _check(step: Step) -> Shown:
    texts, draft, newest, change = step.window.texts, step.newest.value, step.newest, step.change

    async def create() -> None:
        draft = newest.value
        wrong = differing(draft)
        if wrong is not None:
            change(fault=texts("unlock.check_wrong", number=wrong))
        else:
            await _create(step, draft.name, draft.profession, draft.recovery)

    first, second = (texts("unlock.check_word", number=number) for number in draft.asked)
    body: list[ft.Control] = [
        words(texts("unlock.check_ask"), ft.TextThemeStyle.DISPLAY_MEDIUM),
        step.entry("first", first, autofocus=True, read_only=draft.is_busy),
        step.entry("second", second, on_submit=create, read_only=draft.is_busy),
    ]
    label = texts("unlock.creating" if draft.is_busy else "unlock.create")
    see = button(texts("unlock.check_look"), lambda: change(step=3), kind="outlined", disabled=draft.is_busy)
    return body, [see, button(label, create, size="tall", disabled=draft.is_busy)]
