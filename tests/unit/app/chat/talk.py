"""What the tests of a conversation do again and again: say, pass on, forge, and read what was said."""

from typing import Any

from companion.app import Opened
from companion.app.chat.chatting import Ways
from companion.app.chat.receiving import Receiving
from companion.chat.message import Message
from tests.fakes import Desk, deliver, make_pair

HOUR_MS = 3_600_000


def core(desk: Desk) -> Opened:
    assert desk.companion.opened is not None
    return desk.companion.opened


async def said(desk: Desk, group: str) -> list[Message]:
    return [one for one in await core(desk).chat.messages(group) if one.kind in ("message", "poll", "decision")]


async def only(desk: Desk, group: str) -> Message:
    [one] = await said(desk, group)
    return one


async def pass_on(hazel: Desk, jay: Desk, group: str, text: str, ways: Ways | None = None) -> Message:
    """Hazel says something and Jay has it; return Jay's copy."""
    await core(hazel).chat.post(group, text, ways)
    await deliver(hazel, jay)
    return (await said(jay, group))[-1]


async def forge(sender: Desk, reader: Desk, group: str, content: dict[str, Any]) -> None:
    """Content as a changed app of a member could send it, at the relay's time now."""
    known = await core(reader).groups.group(group)
    assert known is not None
    seat = known.seat(core(sender).me.person)
    assert seat is not None
    context = core(reader)._context
    at_ms = reader.clock.now_ms()
    change = await Receiving(context).take_in(
        known, seat, content, seq=known.cursor + 1, at_ms=at_ms, documents=context.store
    )
    await context.commit(change)


async def make_six(hazel: Desk, jay: Desk) -> tuple[str, list[Desk]]:
    group = await make_pair(hazel, jay, "Six")
    desks = [hazel, jay]
    for name in ("Wren", "Sorrel", "Ivy", "Rowan"):
        desk = await Desk(name, hazel.relay).set_up()
        invite = await core(hazel).groups.invite(group)
        await core(desk).groups.join(await core(desk).groups.look_at(invite.code.code))
        desks.append(desk)
        await deliver(*desks)
    return group, desks
