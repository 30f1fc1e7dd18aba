"""What is typed to a group and not sent yet."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import flet as ft

from companion.groups import TEXT_LIMIT, Group
from views.autosave import Autosave
from views.client import ask
from views.context import use_opened, use_quiet_window
from views.effects import use_kept, use_leave, use_task
from views.parts.safe import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands in the field, and what typing and sending do."""

    box: ft.Ref[ft.TextField]
    value: str
    typed: Callable[[str], None]
    send: Callable[[], Awaitable[None]]


def use_draft(group: Group) -> Draft:
    """A hook: what is in the field is kept as a draft, and only what was sent leaves it."""
    texts, groups, page = use_quiet_window().texts, use_opened().groups, ft.context.page
    _, renew = ft.use_state(0)
    sent, set_sent = ft.use_state(0)
    box = use_kept(ft.Ref[ft.TextField])
    saver = use_kept(lambda: Autosave(groups.save_drafts, lambda saving: None, page.run_task))
    use_leave(saver.flush)

    async def load() -> None:
        if await groups.draft_of(group.id):
            renew(lambda count: count + 1)

    async def go_on_typing() -> None:
        if sent and box.current is not None:
            await ask(box.current.focus())  # type: ignore[no-untyped-call]  # Flet says nothing about it

    use_task(load, [group.id])
    use_task(go_on_typing, [sent])

    def typed(value: str) -> None:
        groups.draft(group.id, value)
        saver.typed()

    async def send() -> None:
        said = groups.draft_now(group.id).strip()
        if len(said) > TEXT_LIMIT:
            say(texts("groups.too_long", limit=f"{TEXT_LIMIT:,}"))
        elif said:
            await groups.post(group.id, said)
            set_sent(lambda count: count + 1)

    return Draft(box=box, value=groups.draft_now(group.id), typed=typed, send=send)
