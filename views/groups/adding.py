"""What can be added to a conversation besides words, and how a message goes: each choice is one press."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import flet as ft

from companion.app.chat.chatting import UNDO_MS, Ways
from companion.attachments import Picture
from companion.chat.message import TOPIC_LIMIT
from companion.chat.polls import OPTION_LIMIT, OPTIONS_LIMIT, QUESTION_LIMIT
from companion.groups import Group
from companion.likeness import each_once
from companion.times import HOUR_MS
from views import theme
from views.groups.drafting import composing_of
from views.groups.lines import due_words
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_kept
from views.mirror.typed import Typed, use_field
from views.parts.buttons import button, filter_chip, icon_button
from views.parts.fields import field
from views.parts.safe import guarded, safe, say
from views.parts.surfaces import column, equal, gap, wrapping
from views.parts.text import heading, soft
from views.picking import use_taking
from views.words.texts import Texts

CLOSES_HOURS = (24, 72, 168)


def use_change(group: Group) -> Callable[..., None]:
    """A hook: the function that changes what the foot does."""
    state = use_quiet_window().state

    def change(**parts: Any) -> None:
        state.composing = replace(composing_of(state.composing, group), **parts)

    return change


def head(texts: Texts, title: str, leave: Callable[[], Any]) -> ft.Control:
    close = icon_button(ft.Icons.CLOSE_ROUNDED, texts("groups.close"), leave, target=theme.TARGET_FLOOR)
    return ft.Row([ft.Container(heading(title, 2, ft.TextThemeStyle.TITLE_MEDIUM), expand=True), close])


@safe
def AddPanel(group: Group, key: str = "") -> ft.Control:
    window, opened, change = use_quiet_window(), use_opened(), use_change(group)
    texts = window.texts

    async def take(picture: Picture) -> None:
        sealed = await opened.sharing.seal(group.id, picture)
        now = composing_of(window.state.composing, group)  # more may have been added meanwhile
        change(files=(*now.files, sealed), mode="")

    taking = use_taking(texts("groups.add_picture"), take)

    def one(key: str, on_press: Any, icon: ft.IconData) -> ft.Control:
        return button(texts(key), on_press, icon=icon, kind="outlined", size="slim")

    choices = wrapping(
        button(
            taking.label,
            guarded(taking.start, texts.error),
            icon=ft.Icons.IMAGE_OUTLINED,
            kind="outlined",
            size="slim",
            disabled=taking.is_busy,
        ),
        one("groups.add_poll", lambda: change(mode="poll"), ft.Icons.BALLOT_OUTLINED),
        one("groups.add_topic", lambda: change(mode="topic"), ft.Icons.TAG_ROUNDED),
        one("groups.add_later", lambda: change(mode="later"), ft.Icons.SCHEDULE_SEND_ROUNDED),
        one("groups.add_silent", lambda: change(mode="", is_silent=True), ft.Icons.NOTIFICATIONS_OFF_OUTLINED),
    )
    return column(head(texts, texts("groups.add"), lambda: change(mode="")), choices, spacing=theme.GAP)


class _Asked:
    """What is typed of a poll that is not asked yet: a key renders nothing."""

    def __init__(self, options: tuple[str, ...]) -> None:
        self.question = Typed()
        self.options = [Typed(option) for option in options]

    @property
    def answers(self) -> tuple[str, ...]:
        """What can be answered: tidy, without the fields that were left empty."""
        return tuple(one for one in (" ".join(o.text.split())[:OPTION_LIMIT] for o in self.options) if one)

    @property
    def is_whole(self) -> bool:
        """Whether there is a question, and at least two answers that differ."""
        return bool(self.question.text.strip()) and 2 <= len(each_once(self.answers)) == len(self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poll:
    """How a poll that is not asked yet is shown: how many answers have a field, and what was chosen."""

    options: int
    is_secret: bool = False
    hours: int = 72


@safe
def PollPanel(group: Group, key: str = "") -> ft.Control:
    """A question with answers that stand there already: type the question, press Ask."""
    texts, opened, frame, change = use_quiet_window().texts, use_opened(), use_frame(), use_change(group)
    asked = use_kept(lambda: _Asked((texts("groups.poll_yes"), texts("groups.poll_no"))))
    poll, set_poll = ft.use_state(_Poll(options=len(asked.options)))
    topic = use_part(lambda s: composing_of(s.composing, group).topic or s.chat.topic)

    async def ask() -> None:
        if not asked.is_whole:
            say(texts("groups.poll_problem"))
            return
        await opened.polls.ask(
            group.id,
            asked.question.text[:QUESTION_LIMIT],
            asked.answers,
            is_secret=poll.is_secret,
            closes_ms=opened.chat.now_ms() + poll.hours * HOUR_MS,
            ways=Ways(hold_ms=UNDO_MS, topic=topic),
        )
        change(mode="")

    def put(**parts: Any) -> None:
        set_poll(lambda now: replace(now, **parts))

    def more() -> None:
        if len(asked.options) < OPTIONS_LIMIT:
            asked.options.append(Typed())
            put(options=len(asked.options))

    return column(
        head(texts, texts("groups.add_poll"), lambda: change(mode="")),
        ft.Column(
            [_poll_form(texts, asked, poll, more, put)],
            scroll=ft.ScrollMode.AUTO,
            height=None if frame.is_large_text else 330,
        ),
        equal(
            button(texts("groups.not_now"), lambda: change(mode=""), kind="outlined"),
            button(texts("groups.poll_ask"), guarded(ask, texts.error), icon=ft.Icons.BALLOT_OUTLINED),
            stacked=frame.is_large_text,
        ),
        spacing=theme.GAP,
    )


def _poll_form(
    texts: Texts, asked: _Asked, poll: _Poll, more: Callable[[], None], put: Callable[..., None]
) -> ft.Control:
    """Return the fields and chips of a poll."""

    def entry(label: str, words: Typed, key: str, *, autofocus: bool = False) -> ft.Control:
        return field(label, words.heard, value=words.value(), autofocus=autofocus, ref=words.box, key=key)

    return column(
        gap(theme.TIGHT),
        entry(texts("groups.poll_question"), asked.question, "poll-question", autofocus=True),
        *(
            entry(texts("groups.poll_option", number=number + 1), asked.options[number], f"option-{number}")
            for number in range(poll.options)
        ),
        button(
            texts("groups.poll_more"),
            more,
            icon=ft.Icons.ADD_ROUNDED,
            kind="outlined",
            size="slim",
            disabled=poll.options >= OPTIONS_LIMIT,
        ),
        _poll_kinds(texts, poll, put),
        soft(texts("groups.poll_secret_about" if poll.is_secret else "groups.poll_open_about")),
        spacing=theme.SMALL,
    )


def _poll_kinds(texts: Texts, poll: _Poll, put: Callable[..., None]) -> ft.Control:
    """Return the chips for who sees the answers, and how long it is open."""
    return wrapping(
        filter_chip(texts("groups.poll_open"), lambda: put(is_secret=False), selected=not poll.is_secret),
        filter_chip(texts("groups.poll_secret"), lambda: put(is_secret=True), selected=poll.is_secret),
        *(
            filter_chip(texts(f"groups.closes_{one}"), lambda one=one: put(hours=one), selected=one == poll.hours)
            for one in CLOSES_HOURS
        ),
        spacing=theme.TIGHT,
    )


@safe
def TopicPanel(group: Group, key: str = "") -> ft.Control:
    """Under which topic the next messages stand."""
    texts, change = use_quiet_window().texts, use_change(group)
    topics = use_part(lambda s: s.chat.topics)
    name = use_field(lambda typed: bool(typed.strip()))

    def choose(topic: str) -> None:
        change(topic=" ".join(topic.split())[:TOPIC_LIMIT], mode="")

    known = wrapping(
        filter_chip(texts("groups.no_topic"), lambda: choose("")),
        *(filter_chip(one, lambda one=one: choose(one)) for one in topics),
        spacing=theme.TIGHT,
    )
    entry = field(
        texts("groups.topic_name"),
        name.typed,
        value=name.value(),
        on_submit=lambda: choose(name.text),
        max_length=TOPIC_LIMIT,
        ref=name.box,
        key="topic-name",
    )
    done = button(texts("groups.topic_use"), lambda: choose(name.text), disabled=not name.text.strip(), size="slim")
    return column(
        head(texts, texts("groups.add_topic"), lambda: change(mode="")), known, entry, done, spacing=theme.GAP
    )


@safe
def LaterPanel(group: Group, key: str = "") -> ft.Control:
    """When the next message goes."""
    texts, opened, change = use_quiet_window().texts, use_opened(), use_change(group)
    chips = [
        button(
            texts(f"groups.later_{one.name}", when=due_words(texts, one.at_ms)),
            lambda one=one: change(due_ms=one.at_ms, mode=""),
            kind="outlined",
            size="slim",
        )
        for one in opened.chat.later_offers()
    ]
    return column(
        head(texts, texts("groups.add_later"), lambda: change(mode="")),
        soft(texts("groups.later_about")),
        column(*chips),
        spacing=theme.GAP,
    )
