"""Pictures in a conversation over a real service: sealed there, made anew here, and waiting while there is none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from companion.app.chat.chatting import Ways
from companion.app.chat.letting_go import local_of
from companion.chat.message import Message
from companion.errors import SyncError
from services.pictures import PillowPictures
from tests.integration.people import Person, until


def photo() -> bytes:
    """A real picture that cannot be packed small."""
    out = BytesIO()
    Image.effect_noise((900, 700), 90).convert("RGB").save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.fixture
async def pair(tmp_path: Path, relay) -> AsyncIterator[tuple[Person, Person, str]]:
    alice = await Person(tmp_path / "alice", relay.url).begin("Alice")
    bob = await Person(tmp_path / "bob", relay.url).begin("Bob", "practice_manager")
    group = (await alice.opened.groups.create("First-year leads", "pine")).id
    link = ""

    async def is_invited() -> bool:
        nonlocal link
        with contextlib.suppress(SyncError):
            link = (await alice.opened.groups.invite(group)).code.link
        return bool(link)

    await until(is_invited)
    await bob.opened.groups.join(await bob.opened.groups.look_at(link))

    async def is_member() -> bool:
        known = await bob.opened.groups.group(group)
        return known is not None and known.state == "member"

    await until(is_member)
    yield alice, bob, group
    for person in (alice, bob):
        await person.companion.lock()


async def newest(person: Person, group: str) -> Message | None:
    said = [m for m in await person.opened.chat.messages(group) if m.text == "Our wall"]
    return said[-1] if said else None


async def test_a_picture_goes_through_the_service_and_opens_on_the_other_device(pair, relay, tmp_path) -> None:
    alice, bob, group = pair
    picture = await PillowPictures().clean(photo())
    relay.stop()
    attachment = await alice.opened.sharing.seal(group, picture)
    await alice.opened.sharing.post(group, "Our wall", (attachment,), Ways())
    await alice.opened.due.run()
    assert [m.state for m in await alice.opened.chat.waiting(group)] == ["uploading"]
    relay.start()

    async def is_sent() -> bool:
        await alice.opened.sharing.send_waiting()
        return not await alice.opened.chat.waiting(group)

    await until(is_sent)

    async def has_come() -> bool:
        return await newest(bob, group) is not None

    await until(has_come)
    message = await newest(bob, group)
    assert message is not None
    await bob.opened.sharing.fetch(message, str(message.attachments[0]["blob"]), PillowPictures())
    shown = await newest(bob, group)
    assert shown is not None
    local = local_of(shown.attachments[0])
    assert local is not None
    seen = await bob.opened.attaching.read(local)
    size = await asyncio.to_thread(lambda: Image.open(BytesIO(seen)).size)
    assert size == (picture.width, picture.height)
    for file in (tmp_path / "relay").rglob("*"):
        if file.is_file():
            assert picture.content[200:264] not in file.read_bytes(), file
