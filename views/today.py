"""Today: the weekly check-in, one nudge with its reason, one question, and three ways to begin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import flet as ft

from companion.checkins import is_low
from companion.nudges import Contact, Nudge
from views import theme
from views.groups.pairing import writing_to
from views.journal.past import PastDays
from views.mirror.context import Frame, use_frame, use_part, use_quiet_window
from views.mirror.effects import Box, use_kept
from views.mirror.state import Window
from views.mirror.typed import live
from views.pages import list_page, narrow
from views.parts.buttons import Action, button, who_chip
from views.parts.choices import check_in_row, nudge_card, prompt_card
from views.parts.fields import field
from views.parts.frame import pane, tray
from views.parts.safe import safe
from views.parts.surfaces import card, column, equal
from views.parts.text import heading, soft, text, words
from views.theme import Layout
from views.words.names import first_name, initials, look_of
from views.words.prompts import prompt_of_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What to say after an answer: it may offer one person, or nothing."""

    is_low: bool
    person: Contact | None


@safe
def TodayPane() -> ft.Control:
    """The first screen."""
    frame, window = use_frame(), use_quiet_window()
    me, is_due, nudge = use_part(lambda state: (state.me, state.is_check_in_due, state.nudge))
    done, set_done = ft.use_state(cast(Done | None, None))
    texts = window.texts
    greeting = texts.greeting(texts.minute_now())
    hello = texts("today.greeting", greeting=greeting, name=first_name(me.name)) if me else greeting
    head = column(
        heading(hello, 2 if frame.is_phone else 1, ft.TextThemeStyle.DISPLAY_LARGE),
        soft(texts.date(texts.today()), ft.TextThemeStyle.BODY_MEDIUM),
        spacing=theme.HAIR,
    )
    mine: list[ft.Control] = []
    if done is not None:
        mine.append(_done_card(window, frame, done, lambda: set_done(None)))
    elif is_due:
        mine.append(CheckInCard(set_done, key="check-in"))
    if nudge is not None and (done is None or not done.is_low):  # after a low answer one idea is enough
        mine.append(_nudge_card(window, frame, nudge))
    prompt, past, ways = PromptCard(key="prompt"), PastDays(key="past"), _ways(window, frame)
    if frame.is_phone:
        return list_page(
            frame, texts("today.title"), [head, *mine, prompt, past], foot=tray(*ways, stacked=frame.is_large_text)
        )
    return pane(_wide(frame, head, mine, [prompt, equal(*ways), past]), pad=theme.ROOMY)


def _wide(frame: Frame, head: ft.Control, mine: list[ft.Control], begin: list[ft.Control]) -> ft.Control:
    """Return what is for me and what to begin with: below one another, or side by side where there is room."""
    if frame.layout < Layout.THREE_PANES or not mine:
        return narrow(column(head, *mine, *begin, spacing=theme.PAD))
    two = ft.Row(
        [column(*side, spacing=theme.GAP, expand=True) for side in (mine, begin)],
        spacing=theme.PAD,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    return narrow(column(head, two, spacing=theme.PAD), 1040)


def _ways(window: Window, frame: Frame) -> list[ft.Control]:
    """Write, record, ask: three quick ways in."""
    ways = (
        ("write", ft.Icons.EDIT_ROUNDED, lambda: frame.begin("/journal")),
        ("record", ft.Icons.MIC_ROUNDED, lambda: frame.go("/stories/new")),
        ("ask", ft.Icons.WAVING_HAND_OUTLINED, lambda: frame.go("/groups/reach")),
    )
    return [button(window.texts(f"today.{key}"), go, icon=icon, kind="outlined", size="tray") for key, icon, go in ways]


# The weekly check-in -----------------------------------------------------------------------------------


@safe
def CheckInCard(on_done: Callable[[Done | None], None]) -> ft.Control:
    """One question, two taps; skipping is as wide as saving."""
    window = use_quiet_window()
    texts, question = window.texts, window.library.question
    only_me = use_part(lambda state: "common.only_me_all_spoken" if state.own.is_on else "common.only_me_spoken")
    level, set_level = ft.use_state(cast(int | None, None))
    word = use_kept(lambda: Box(""))
    entry = use_kept(lambda: ft.Ref[ft.TextField]())

    def type_word(value: str) -> None:
        word.value = value

    async def save() -> None:
        answer = await window.opened.today.check_in(level, word.value)
        on_done(Done(is_low=is_low((answer,)), person=await _nearest(window)))

    async def skip() -> None:
        await window.opened.today.check_in(None)

    title = text(texts("today.check_in"), ft.TextThemeStyle.LABEL_MEDIUM, ft.Colors.PRIMARY, expand=True)
    who = who_chip("me", texts("today.check_in_who"), texts(only_me))
    parts: list[ft.Control] = [
        ft.Row([title, who], spacing=theme.SMALL),
        words(question.text, ft.TextThemeStyle.DISPLAY_MEDIUM),
        check_in_row(question.answers, set_level, chosen=level),
    ]
    if level is None:
        parts.append(button(texts("today.check_in_skip"), skip, kind="outlined"))
    else:
        parts += [
            field(texts("today.check_in_word"), type_word, value=live(entry, ""), ref=entry, key="word"),
            equal(button(texts("common.skip"), skip, kind="outlined"), button(texts("common.save"), save)),
        ]
    return card(*parts, spacing=theme.GAP)


async def _nearest(window: Window) -> Contact | None:
    """Return the person there was a word with most recently."""
    contacts = await window.opened.groups.contacts()
    return max(contacts, key=lambda contact: (contact.last_ms, contact.device), default=None)


def _done_card(window: Window, frame: Frame, done: Done, close: Callable[[], None]) -> ft.Control:
    texts, person = window.texts, done.person
    name = first_name(person.name) if person else ""
    said = "today.done_low" if done.is_low else "today.done_person" if person else "today.done"
    actions = [button(texts("today.done_nothing"), close, kind="outlined")]
    if done.is_low:
        actions.append(button(texts("today.done_listen"), frame.help.on_press, kind="outlined"))
    parts: list[ft.Control] = [
        heading(texts("today.done_title"), 2, ft.TextThemeStyle.DISPLAY_MEDIUM),
        text(texts(said, name=name) if person else texts(said)),
    ]
    if person:
        write = _write_to(window, frame, person.device, "no_contact", name)
        parts.append(button(texts("today.done_write", name=name), write, icon=ft.Icons.SEND_ROUNDED, kind="ember"))
    return ft.Semantics(live_region=True, container=True, content=card(*parts, equal(*actions), spacing=theme.GAP))


# The nudge ---------------------------------------------------------------------------------------------


def _nudge_card(window: Window, frame: Frame, nudge: Nudge) -> ft.Control:
    texts, line, name = window.texts, window.library.nudge_line(nudge.rule), first_name(nudge.name)
    write = _write_to(window, frame, nudge.person, nudge.rule, name)

    async def do() -> None:
        await window.opened.today.answer_nudge(nudge, "done")
        await write()

    def answer(value: str) -> Callable[[], Any]:
        return lambda: window.opened.today.answer_nudge(nudge, value)

    return nudge_card(
        line.text.format(name=name),
        line.why.format(name=name, days=nudge.days),
        Action(label=texts(f"today.nudge_do_{nudge.rule}", name=name), on_press=do, icon=ft.Icons.SEND_ROUNDED),
        Action(label=texts("today.nudge_not_now"), on_press=answer("not_now")),
        Action(label=texts("today.nudge_fewer"), on_press=answer("fewer")),
        initials=initials(nudge.name),
        look=look_of(nudge.person),
    )


def _write_to(window: Window, frame: Frame, who: str, rule: str, name: str) -> Callable[[], Any]:
    """Return the handler that opens the line with somebody, with ready words in it."""
    return writing_to(window, frame, who, window.library.nudge_line(rule).ready.format(name=name))


# The question of the day -------------------------------------------------------------------------------


@safe
def PromptCard() -> ft.Control:
    """One question a day to write about, or another one."""
    frame, window = use_frame(), use_quiet_window()
    texts = window.texts
    swaps, set_swaps = ft.use_state(0)
    is_asking = use_part(lambda state: state.is_asking)
    prompt = prompt_of_day(window.prompts, texts.today(), swaps)
    if prompt is None or not is_asking:
        return ft.Container()

    def write() -> None:
        window.state.journal_prompt = prompt.text
        frame.begin("/journal")

    return prompt_card(
        prompt.text,
        texts("today.prompt"),
        Action(label=texts("today.prompt_write"), on_press=write),
        Action(label=texts("today.prompt_another"), on_press=lambda: set_swaps(swaps + 1)),
    )
