"""What the letter of a new device may say of it, and which letters link and hand over."""

import pytest

from companion.app.groups.linking import OFFER_MS, TABLE, _proof, read_device
from companion.errors import MessageRejected
from companion.letters import Letter
from companion.people import create_me
from companion.ports import Change, InboxItem, Put
from tests.clocks import OwnDesk
from tests.unit.app.groups.conftest import core

KEY = bytes(32)


def letter(**change: object) -> Letter:
    content = {"kind": "hello", "name": "Tablet", "seal_key": KEY.hex(), "since_ms": 5} | change
    return Letter(content=content, sign_key=KEY)


@pytest.mark.parametrize("name", ["", "Tablet", "x" * 60, "é" * 30])
def test_a_new_device_may_have_a_name_of_60_bytes(name: str) -> None:
    assert read_device(letter(name=name)).name == name


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 61},
        {"name": "é" * 31},
        {"name": "Tab\u202elet"},
        {"name": None},
        {"seal_key": bytes(31).hex()},
        {"seal_key": "no hex"},
        {"since_ms": -1},
    ],
)
def test_a_new_device_with_a_strange_name_key_or_time_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        read_device(letter(**change))


@pytest.fixture
async def alice(relay):
    return await OwnDesk("Alice Fern", relay).set_up()


async def hear(desk, kind, code, *, after_ms=0, **change):
    """A device that is nobody's yet writes that it holds the code; return its letter's outcome."""
    device = create_me("New device", "other").member.devices.active[0]
    content = {"kind": kind, "offer": code.id, "seal_key": device.seal_key.hex(), "name": "Tablet", "since_ms": 5}
    letter = Letter(sign_key=device.sign_key, content=content | {"proof": _proof(code, device)} | change)
    item = InboxItem(cid="c3" * 16, body=b"", seq=1, at_ms=desk.clock.ms + after_ms)
    return await core(desk).devices.handlers()[kind](code.service, letter, item)


async def keep(desk, code, **doc):
    kept = {"_id": code.id, "_v": 1, "code": code.code, "expires_ms": desk.clock.ms + OFFER_MS} | doc
    await core(desk).devices._context.commit(Change(put=(Put(TABLE, kept),)))


async def test_a_device_that_holds_the_code_is_linked(alice):
    assert (await hear(alice, "hello", await core(alice).devices.offer())).change.put


@pytest.mark.parametrize("proof", ["", "00" * 32, None])
async def test_a_device_that_does_not_hold_the_code_is_not_linked(alice, proof):
    code = await core(alice).devices.offer()
    with pytest.raises(MessageRejected, match="without proof"):
        await hear(alice, "hello", code, proof=proof)


async def test_a_device_is_linked_by_an_offer_of_mine_only(alice):
    code = await core(alice).devices.offer()
    with pytest.raises(MessageRejected, match="without an offer"):
        await hear(alice, "hello", code, offer="ab" * 16)
    await keep(alice, code, state="asked", device="d")
    with pytest.raises(MessageRejected, match="without an offer"):
        await hear(alice, "hello", code)


async def test_a_device_that_asked_too_late_by_the_services_stamp_is_not_linked(alice):
    code = await core(alice).devices.offer()
    assert (await hear(alice, "hello", code, after_ms=OFFER_MS - 1)).change.put
    with pytest.raises(MessageRejected, match="run out"):
        await hear(alice, "hello", code, after_ms=OFFER_MS)


async def test_a_handover_is_taken_only_from_the_device_that_was_asked(alice):
    code = await core(alice).devices.offer()
    for doc in ({"state": "offered"}, {"state": "asked", "device": "another"}):
        await keep(alice, code, **doc)
        with pytest.raises(MessageRejected, match="not asked for"):
            await hear(alice, "handover", code)
    with pytest.raises(MessageRejected, match="not asked for"):
        await hear(alice, "handover", code, offer="ab" * 16)
