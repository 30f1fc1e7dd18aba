"""What holds in a group, and how you would like to stay connected with it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import flet as ft

from companion.chat.agreement import KEEP_DAYS, PURPOSE_LIMIT, RULES_LIMIT, Agreement
from companion.chat.attention import RHYTHMS, Wishes
from companion.groups import Group
from companion.times import HOUR_MS
from views import theme
from views.groups.naming import inviter, look_of_group, mark_of, people
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.mirror.typed import use_field
from views.pages import content_page
from views.parts.buttons import button, filter_chip
from views.parts.choices import choice_row, consent_row
from views.parts.fields import field
from views.parts.frame import foot
from views.parts.people import group_mark
from views.parts.rows import section
from views.parts.safe import Handler, guarded, safe, say
from views.parts.surfaces import card, column, notice, wrapping
from views.parts.text import reading_column, soft, text, words
from views.words.texts import Texts

MUTE_HOURS = (1, 8, 168)
RHYTHM_ICONS = {
    "as_it_comes": ft.Icons.NOTIFICATIONS_NONE_ROUNDED,
    "daily": ft.Icons.TODAY_ROUNDED,
    "weekly": ft.Icons.DATE_RANGE_ROUNDED,
    "calls_only": ft.Icons.CALL_ROUNDED,
}


@safe
def WelcomePage(group: Group, wishes: Wishes) -> ft.Control:
    """On joining: what the group is for, its ground rules, and how you would like to stay connected."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    rhythm, set_rhythm = ft.use_state(wishes.rhythm)
    agreement = use_agreement(group)

    async def enter() -> None:
        await opened.attention.set_wishes(replace(wishes, group=group.id, rhythm=rhythm, is_welcomed=True))
        if agreement.version:
            await opened.agreements.agree(group.id)

    who = inviter(group)
    said: list[ft.Control] = [
        words(texts("groups.welcome", group=group.name), ft.TextThemeStyle.DISPLAY_MEDIUM),
        soft(texts("groups.welcome_by", name=who.name if who else texts("groups.the_inviter"))),
        *([_rules_card(texts, agreement)] if agreement.has_words else []),
        section(texts("groups.stay"), *_rhythms(texts, rhythm, set_rhythm)),
        soft(texts("groups.stay_change")),
    ]
    enters = texts("groups.welcome_agree" if agreement.has_words else "groups.welcome_enter")
    go = button(enters, guarded(enter, texts.error), icon=ft.Icons.ARROW_FORWARD_ROUNDED)
    return content_page(
        frame,
        group.name,
        [reading_column(*said, spacing=theme.PAD)],
        subtitle=people(texts, len(group.seats)),
        lead=group_mark(look_of_group(group), 40),
        foot=foot(go),
    )


def use_agreement(group: Group) -> Agreement:
    """A hook: what holds in this group, read anew when the groups change."""
    opened = use_opened()
    lines = use_part(lambda s: (s.chat, s.groups))
    agreement, set_agreement = ft.use_state(Agreement(group=group.id))

    async def read() -> None:
        set_agreement(await opened.agreements.agreement(group.id))

    use_task(read, [group.id, lines])
    return agreement


def _rhythms(texts: Texts, chosen: str, choose: Any) -> list[ft.Control]:
    return [
        choice_row(
            ft.Icon(RHYTHM_ICONS[one], size=24, color=ft.Colors.PRIMARY),
            texts(f"groups.rhythm_{one}"),
            lambda one=one: choose(one),  # type: ignore[misc]  # binds the loop's rhythm
            chosen=one == chosen,
            key=f"rhythm-{one}",
        )
        for one in RHYTHMS
    ]


def _rules_card(texts: Texts, agreement: Agreement) -> ft.Control:
    parts: list[ft.Control] = []
    if agreement.purpose:
        parts += [text(texts("groups.purpose"), ft.TextThemeStyle.TITLE_SMALL), words(agreement.purpose)]
    if agreement.rules:
        parts.append(text(texts("groups.rules"), ft.TextThemeStyle.TITLE_SMALL))
        parts += [
            ft.Row(
                [ft.Icon(ft.Icons.CHECK_ROUNDED, size=18, color=ft.Colors.PRIMARY), text(rule, expand=True)],
                vertical_alignment=ft.CrossAxisAlignment.START,
            )
            for rule in agreement.rules
        ]
    return card(*parts)


@safe
def WaysPage(group: Group, wishes: Wishes, key: str = "") -> ft.Control:
    """How this group may reach me: my own choice, that nobody else sees."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    attention = opened.attention
    wishes = replace(wishes, group=group.id)

    def keep(**parts: Any) -> Any:
        return guarded(partial(attention.set_wishes, replace(wishes, **parts)), texts.error)(None)

    def mute(hours: int) -> Handler:
        return guarded(partial(attention.mute, group.id, hours * HOUR_MS), texts.error)

    only = consent_row(
        texts("groups.only"),
        texts("groups.only_about"),
        lambda on: keep(is_mentions_only=on),
        on=wishes.is_mentions_only,
        key="mentions-only",
    )
    muting = _muted(texts, wishes, mute(0)) if attention.is_muted(wishes) else _mute_offers(texts, mute)
    tells = consent_row(
        texts("groups.tell_read"),
        texts("groups.tell_read_about"),
        lambda on: keep(tells_seen=on),
        on=wishes.tells_seen,
        key="tells-seen",
    )
    body = reading_column(
        section(texts("groups.stay"), *_rhythms(texts, wishes.rhythm, lambda rhythm: keep(rhythm=rhythm))),
        *([] if group.is_pair else [only]),
        *([tells] if use_agreement(group).is_read_shared else []),
        section(texts("groups.mute"), muting),
        soft(texts("groups.ways_private")),
        button(
            texts("groups.quiet_title"),
            lambda: frame.go("/groups/quiet"),
            icon=ft.Icons.BEDTIME_OUTLINED,
            kind="outlined",
        ),
        spacing=theme.ROOMY,
    )
    title = texts("lines.ways" if group.is_pair else "groups.ways")
    return content_page(frame, title, [body], subtitle=group.name, lead=mark_of(group, 40))


def _muted(texts: Texts, wishes: Wishes, end: Handler) -> ft.Control:
    until = texts("groups.until", day=texts.day_of(wishes.muted_until_ms), time=texts.time(wishes.muted_until_ms))
    action = button(texts("groups.unmute"), end, kind="outlined", size="slim")
    words = texts("groups.muted", until=until)
    return notice(ft.Icons.NOTIFICATIONS_OFF_OUTLINED, words, kind="stone", action=action)


def _mute_offers(texts: Texts, mute: Callable[[int], Handler]) -> ft.Control:
    return wrapping(
        *(button(texts(f"groups.mute_{one}"), mute(one), kind="outlined", size="slim") for one in MUTE_HOURS)
    )


@safe
def RulesPage(group: Group, key: str = "") -> ft.Control:
    """Purpose and ground rules, how long messages are kept; a facilitator can put a new version forward."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    agreement = use_agreement(group)
    is_editing, set_editing = ft.use_state(False)
    me = opened.me.person
    is_facilitator = me in group.facilitators
    mark = group_mark(look_of_group(group), 40)
    title = texts("groups.rules_title")
    if is_editing:
        return RulesEditor(group, agreement, lambda: set_editing(False), key=f"edit-{agreement.version}")

    async def agree() -> None:
        await opened.agreements.agree(group.id)
        say(texts("groups.agreed_now"))

    async def put_forward(**parts: Any) -> None:
        await opened.agreements.put_forward(replace(agreement, **parts))

    body: list[ft.Control] = []
    if agreement.has_words:
        told = texts("groups.agreed_count", count=len(agreement.agreed), all=len(group.seats))
        body += [_rules_card(texts, agreement), soft(told)]
        if me not in agreement.agreed:
            body.append(button(texts("groups.agree"), guarded(agree, texts.error), icon=ft.Icons.HANDSHAKE_OUTLINED))
    else:
        body.append(words(texts("groups.rules_none"), ft.TextThemeStyle.DISPLAY_MEDIUM))
    if is_facilitator:
        edit = texts("groups.rules_edit" if agreement.has_words else "groups.rules_write")
        body.append(button(edit, lambda: set_editing(True), icon=ft.Icons.EDIT_ROUNDED, kind="outlined"))
        body += _choices(texts, agreement, put_forward)
    else:
        told = texts("groups.kept_fact", words=keep_words(texts, agreement.keep_days))
        body.append(section(texts("groups.keep_for"), soft(told)))
    body.append(soft(texts("groups.record")))
    return content_page(frame, title, [reading_column(*body, spacing=theme.PAD)], subtitle=group.name, lead=mark)


def _choices(
    texts: Texts, agreement: Agreement, put_forward: Callable[..., Awaitable[None]]
) -> tuple[ft.Control, ft.Control]:
    """Return what a facilitator chooses beside the words: how long messages are kept, and whether reading is shared."""
    days = wrapping(
        *(
            filter_chip(
                keep_words(texts, one),
                guarded(partial(put_forward, keep_days=one), texts.error),
                selected=agreement.keep_days == one,
                key=f"keep-{one}",
            )
            for one in KEEP_DAYS
        )
    )
    share = consent_row(
        texts("groups.share_read"),
        texts("groups.share_read_about"),
        lambda on: put_forward(is_read_shared=on),
        on=agreement.is_read_shared,
        key="share-read",
    )
    return section(texts("groups.keep_for"), soft(texts("groups.keep_about")), days), share


def keep_words(texts: Texts, days: int) -> str:
    return texts("groups.keep_days", days=days) if days else texts("groups.keep_all")


@safe
def RulesEditor(group: Group, agreement: Agreement, leave: Any, key: str = "") -> ft.Control:
    """Purpose in one field, one rule on each line of the other."""
    frame, opened, texts = use_frame(), use_opened(), use_quiet_window().texts
    purpose = use_field(lambda typed: None, agreement.purpose)
    lines = use_field(lambda typed: None, "\n".join(agreement.rules) or texts("groups.rules_ready"))

    async def put_forward() -> None:
        rules = tuple(line for line in (" ".join(one.split()) for one in lines.text.splitlines()) if line)[:RULES_LIMIT]
        await opened.agreements.put_forward(replace(agreement, purpose=" ".join(purpose.text.split()), rules=rules))
        leave()

    body = column(
        soft(texts("groups.rules_about"), ft.TextThemeStyle.BODY_MEDIUM),
        field(
            texts("groups.purpose"),
            purpose.typed,
            value=purpose.value(),
            lines=(2, 4),
            max_length=PURPOSE_LIMIT,
            ref=purpose.box,
            key="purpose",
        ),
        field(
            texts("groups.rules"),
            lines.typed,
            value=lines.value(),
            lines=(5, 12),
            helper=texts("groups.rules_help"),
            ref=lines.box,
            key="rules",
        ),
        spacing=theme.PAD,
    )
    answers = foot(
        button(texts("groups.rules_put"), guarded(put_forward, texts.error), icon=ft.Icons.CHECK_ROUNDED),
        button(texts("groups.not_now"), leave, kind="outlined"),
    )
    return content_page(frame, texts("groups.rules_title"), [reading_column(body)], subtitle=group.name, foot=answers)
