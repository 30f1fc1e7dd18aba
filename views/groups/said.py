"""One message in a conversation: its bubble, what hangs on it, its reactions, its poll."""

from typing import Any

import flet as ft

from companion.chat.message import Message
from companion.chat.polls import Results
from views import theme
from views.groups.files import SharedFiles
from views.groups.lines import Said
from views.groups.naming import counted, profession
from views.mirror.context import use_quiet_window
from views.parts.buttons import button, pressable
from views.parts.messages import Quote, Reaction, bubble, going_on, message, own_message, their_message
from views.parts.rows import State
from views.parts.safe import guarded, remembered
from views.parts.surfaces import column
from views.parts.text import soft, text
from views.words.names import initials, look_of
from views.words.texts import Texts

STATES: dict[str, State] = {
    "held": "waiting",
    "uploading": "waiting",
    "waiting": "waiting",
    "sent": "sent",
    "delivered": "delivered",
    "refused": "needs-you",
}


@remembered
def SaidRow(said: Said, acts: Any, key: str = "") -> ft.Control:
    """`acts` is what pressing it does (`timeline.Acts`)."""
    texts, one = use_quiet_window().texts, said.message
    gap = ft.Padding.only(top=theme.GAP if said.is_first else theme.TIGHT)
    if said.is_folded:
        return ft.Container(_folded(texts, said, acts), padding=gap)
    box = _deleted(texts, said) if one.is_deleted else _bubble(texts, said, acts)
    if said.is_mine:
        return ft.Container(own_message(box), padding=gap)
    if said.is_of_two:
        return ft.Container(their_message(box), padding=gap)
    if not said.is_first:
        return ft.Container(going_on(box), padding=gap)
    who = message(one.name, profession(texts, one.profession), initials(one.name), look_of(one.sender), box)
    return ft.Container(who, padding=gap)


def _bubble(texts: Texts, said: Said, acts: Any) -> ft.Control:
    one = said.message
    by = texts("groups.you") if said.is_mine else one.name
    quote = Quote(by=said.quoted_by, said=said.quoted) if said.quoted else None
    time = texts.time(one.at_ms)
    if one.edited_ms:
        time = texts("groups.edited", time=time)
    if said.topic:
        time = texts("groups.in_topic", topic=said.topic, time=time)
    state = STATES.get(said.state)
    inner, spoken = _inside(texts, said, acts)
    is_whole = isinstance(inner, str)
    return bubble(
        inner,
        time,
        by=by,
        spoken=spoken,
        mine=said.is_mine,
        state=state,
        state_label=said.state_words,
        quote=quote,
        reactions=[_reaction(texts, one, reacted, acts) for reacted in said.reactions],
        on_press=(lambda: acts.open(one.id)) if is_whole else None,
        more=None if is_whole else (texts("groups.more", name=by), lambda: acts.open(one.id)),
        is_found=said.is_found,
        key=f"bubble-{one.id}",
    )


def _inside(texts: Texts, said: Said, acts: Any) -> tuple[str | ft.Control, str]:
    """Return what stands in the bubble, and what a screen reader says of it."""
    one = said.message
    if said.poll is not None:
        return _poll(texts, said, said.poll, acts), texts("groups.poll_named", question=one.text)
    if not one.attachments:
        return one.text, one.text
    parts: list[ft.Control] = [SharedFiles(one, key=f"files-{one.id}")]
    if one.text:
        parts.append(text(one.text))
    return column(*parts), one.text or texts("groups.with_attachment")


def _reaction(texts: Texts, one: Message, reacted: Any, acts: Any) -> Reaction:
    name = texts("groups.reacted", emoji=reacted.emoji, names=reacted.names)
    step = texts("groups.react_off" if reacted.is_mine else "groups.react_on")
    return Reaction(
        label=f"{reacted.emoji} {reacted.count}",
        name=f"{name}. {step}",
        on_press=guarded(lambda: acts.react(one.id, reacted.emoji, not reacted.is_mine), texts.error),
        is_mine=reacted.is_mine,
    )


def _deleted(texts: Texts, said: Said) -> ft.Control:
    by = texts("groups.you") if said.is_mine else said.message.name
    words = texts("groups.deleted")
    return bubble(words, texts.time(said.message.at_ms), by=by, mine=said.is_mine)


def _folded(texts: Texts, said: Said, acts: Any) -> ft.Control:
    words = texts("groups.folded", name=said.message.name)
    return ft.Row(
        [
            ft.Container(soft(words), expand=True),
            button(
                texts("groups.unfold"),
                guarded(lambda: acts.unfold(said.message.author), texts.error),
                kind="outlined",
                size="slim",
            ),
        ],
        spacing=theme.SMALL,
    )


# Polls -------------------------------------------------------------------------------------------------


def _poll(texts: Texts, said: Said, poll: Results, acts: Any) -> ft.Control:
    one = said.message
    kind = texts("groups.poll_secret" if poll.is_secret else "groups.poll_open")
    parts: list[ft.Control] = [
        ft.Row(
            [
                ft.Icon(
                    ft.Icons.LOCK_ROUNDED if poll.is_secret else ft.Icons.BALLOT_OUTLINED,
                    size=18,
                    color=ft.Colors.PRIMARY,
                ),
                text(kind, ft.TextThemeStyle.LABEL_MEDIUM, expand=True),
            ],
            spacing=6,
        ),
        text(one.text, ft.TextThemeStyle.TITLE_MEDIUM),
    ]
    can_vote = not poll.is_closed and one.seq > 0
    for number, option in enumerate(poll.options):
        parts.append(_option(texts, said, poll, number, option, acts, can_vote))
    parts.append(soft(_poll_words(texts, one, poll)))
    if said.is_mine and not poll.is_closed and one.seq > 0:
        parts.append(
            button(
                texts("groups.poll_close"),
                guarded(lambda: acts.close_poll(one.id), texts.error),
                kind="outlined",
                size="slim",
            )
        )
    return column(*parts, spacing=theme.SMALL)


def _option(texts: Texts, said: Said, poll: Results, number: int, option: str, acts: Any, can_vote: bool) -> ft.Control:
    is_mine = poll.mine == number
    count = None if poll.counts is None else poll.counts[number]
    told = "" if count is None else counted(texts, count, "groups.one_answer", "groups.answers")
    who = ", ".join(poll.names[number]) if poll.names and poll.names[number] else ""
    mark = ft.Icon(
        ft.Icons.CHECK_CIRCLE_ROUNDED if is_mine else ft.Icons.CIRCLE_OUTLINED,
        size=22,
        color=ft.Colors.PRIMARY if is_mine else ft.Colors.OUTLINE,
    )
    lines: list[ft.Control] = [text(option, ft.TextThemeStyle.BODY_MEDIUM)]
    if count is not None:
        share = count / max(1, poll.answers)
        bar = ft.Semantics(exclude_semantics=True, content=_bar(share))
        lines += [bar, soft(f"{told}: {who}" if who else told)]
    face = ft.Row([mark, column(*lines, spacing=theme.HAIR, expand=True)], spacing=theme.SMALL)
    name = ". ".join(part for part in (option, told, who) if part)
    if not can_vote:
        return ft.Semantics(label=name, container=True, exclude_semantics=True, content=face)
    vote = guarded(lambda: acts.vote(said.message.id, number), texts.error)
    return pressable(
        face,
        name,
        vote,
        fill=ft.Colors.SURFACE_CONTAINER_LOWEST,
        edge=ft.BorderSide(2 if is_mine else 1, ft.Colors.PRIMARY if is_mine else ft.Colors.OUTLINE),
        pad=ft.Padding.symmetric(horizontal=theme.GAP, vertical=10),
        selected=is_mine,
        key=f"option-{said.message.id}-{number}",
    )


def _bar(share: float) -> ft.Control:
    """Return how many of all chose this, 0.0 to 1.0; the number beside it says the same."""
    return ft.ProgressBar(value=share, bar_height=6, color=ft.Colors.PRIMARY, bgcolor=ft.Colors.OUTLINE_VARIANT)


def _poll_words(texts: Texts, one: Message, poll: Results) -> str:
    """Return what holds now: who sees what, and until when."""
    if poll.reason == "few":
        return texts("groups.poll_few")
    if poll.is_closed and poll.reason == "secret":
        return texts("groups.poll_counting", name=one.name)
    if poll.is_closed:
        return texts("groups.poll_closed")
    closes_ms = one.poll.get("closes_ms") if one.poll else 0
    until = ""
    if isinstance(closes_ms, int) and closes_ms:
        until = " " + texts("groups.poll_until", day=texts.day_of(closes_ms), time=texts.time(closes_ms))
    if poll.reason == "secret":
        return texts("groups.poll_secret_words") + until
    return texts("groups.poll_hidden" if poll.reason == "open" else "groups.poll_shown") + until
