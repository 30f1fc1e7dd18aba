"""What the client says of keepers and erasing, as it leaves the device; and what an outbox item hands on."""

import hashlib

import httpx
import pytest

from companion.ports import Appended, Limits, OutboxItem
from tests.unit.sync.test_sync_client import ABOUT, CAPABILITY, CID, GROUP, client_of
from tests.unit.sync.test_sync_loop_waits import PlayedRelay, begin, side  # noqa: F401

LIMITS = Limits(events=1, bytes=2, first=3)


async def test_keeper_and_capability_to_come_travel_as_hashes():
    seen = []

    def answer(request):
        seen.append(request.headers)
        return httpx.Response(200, json={"seq": 1, "at_ms": 1})

    client = client_of(answer)
    following = {"next_keeper": "22" * 32, "next_capability": "33" * 32}
    await client.append(GROUP, CAPABILITY, CID, b"x", 0, keeper="11" * 32, **following)
    await client.close()
    (headers,) = seen
    assert headers["companion-keeper"] == "11" * 32
    assert headers["companion-next-keeper"] == hashlib.sha256(b"\x22" * 32).hexdigest()
    assert headers["companion-next-capability"] == hashlib.sha256(b"\x33" * 32).hexdigest()
    assert "companion-erase" not in headers


@pytest.mark.parametrize(("about", "has_spaces"), [(ABOUT, False), ({**ABOUT, "spaces": True}, True)])
async def test_service_that_knows_no_keepers_can_be_told(about, has_spaces):
    client = client_of(httpx.Response(200), about)
    assert (await client.about()).has_spaces is has_spaces
    await client.close()


class Noting(PlayedRelay):
    """Keeps what it is given beside the places of a call."""

    def __init__(self):
        super().__init__()
        self.given = []

    async def create_group(self, group, capability, **more):
        self.given.append(more)

    async def append(self, group, capability, cid, body, epoch=None, **more):
        self.given.append({"epoch": epoch, **more})
        return Appended(seq=1, at_ms=1)


async def test_outbox_item_hands_on_what_it_says_of_its_log(side, begin):  # noqa: F811
    relay, where = Noting(), {"group": GROUP, "capability": CAPABILITY}
    side.waiting += [
        OutboxItem(cid="1" * 32, body=b"", keeper="k", keep_days=0, limits=LIMITS, **where),
        OutboxItem(cid="2" * 32, body=b"x", epoch=0, keeper="k", next_keeper="n", erase="e", **where),
    ]
    begin(side, relay)
    await side.until(lambda: not side.waiting)
    assert relay.given == [
        {"keeper": "k", "keep_days": 0, "limits": LIMITS},
        {"epoch": 0, "next_capability": None, "blobs": (), "keeper": "k", "next_keeper": "n", "erase": "e"},
    ]
