"""A look at the figures, and the forgetting, by command and by itself."""

import asyncio
import time

import httpx
import pytest

from companion.errors import RelayRefused
from tests.integration.relay_operator import (
    age_blobs,
    gets,
    lines,
    make_old,
    operate,
    operate_alone,
    reader,
    with_blobs,
)


async def test_status_counts_and_names_nobody(relay, filled):
    client, group, _ = filled
    shown = operate_alone("status", "--data", relay.data)
    figures = dict(line.split(": ") for line in shown.stdout.splitlines())
    assert (figures["groups"], figures["events"], figures["devices"]) == ("1", "20", "1")
    assert figures["incarnation"] == (await client.about()).incarnation
    assert group not in shown.stdout


async def test_sweep_forgets_what_is_old_and_what_nobody_needs(relay, filled, make_relay, new_id):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    refused = operate("sweep", "--data", relay.data)
    assert "stop it first" in refused.stderr
    relay.stop()
    assert lines(operate("sweep", "--data", relay.data)) == {"envelopes emptied": "0", "blobs dropped": "0"}
    make_old(relay.data / "relay.db", days=91)
    assert lines(operate("sweep", "--data", relay.data, "--keep-days", "92"))["envelopes emptied"] == "0"
    assert lines(operate("status", "--data", relay.data))["blobs"] == "2"
    assert lines(operate("sweep", "--data", relay.data)) == {"envelopes emptied": "21", "blobs dropped": "2"}
    figures = lines(operate("status", "--data", relay.data))
    assert (figures["events"], figures["event bytes"], figures["oldest event"]) == ("21", "0", "none")
    assert not [file for file in (relay.data / "blobs").rglob("*") if file.is_file()]
    relay.start()
    assert [(e.seq, e.body) for e in await client.events(group, capability, 0)] == [(n + 1, b"") for n in range(21)]
    assert await gets(client, blobs) == set()
    assert (await client.append(group, capability, new_id(), b"goes on")).seq == 22


async def test_running_relay_sweeps_by_itself(relay, filled, new_id):
    client, group, capability = filled
    await with_blobs(client, group, capability, new_id)
    relay.stop()
    make_old(relay.data / "relay.db", days=91)
    relay.start()
    deadline = asyncio.get_running_loop().time() + 30
    while [e.body for e in await client.events(group, capability, 0)] != [b""] * 21:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    figures = await scraped(relay, until='relay_swept_total{kind="blob"} 3.0')
    assert 'relay_swept_total{kind="event"} 21.0' in figures


async def scraped(relay, until):
    """Return the figures once they hold this text."""
    deadline = asyncio.get_running_loop().time() + 30
    async with httpx.AsyncClient(base_url=relay.url, trust_env=False) as http:
        while until not in (text := (await http.get("/metrics")).text):
            assert asyncio.get_running_loop().time() < deadline, text
            await asyncio.sleep(0.05)
    return text


async def test_figures_are_for_this_machine_and_about_nobody(relay, filled, new_id):
    client, group, capability = filled
    blobs = await with_blobs(client, group, capability, new_id)
    with pytest.raises(RelayRefused):
        await client.append(group, "00" * 32, new_id(), b"x")
    async with httpx.AsyncClient(base_url=relay.url, trust_env=False) as http:
        shown = await http.get("/metrics")
        assert shown.status_code == 200
        assert 'relay_requests_total{call="append",status="201"} 21.0' in shown.text
        assert 'relay_requests_total{call="append",status="404"} 1.0' in shown.text
        assert "relay_readers 0.0" in shown.text
        assert "process_resident_memory_bytes" in shown.text
        for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"):
            assert (await http.get("/metrics", headers={name: "127.0.0.1"})).status_code == 404
    for secret in (group, capability, *blobs, "127.0.0.1", client._device):
        assert secret not in shown.text


async def test_group_is_made_with_its_time_or_told_it_later(relay, filled, new_id, new_capability):
    client, group, capability = filled
    token = await client._session()
    asked = [(0, 200), (3_650, 200), (3_651, 400), (-1, 400), ("7", 400), (None, 400)]
    async with httpx.AsyncClient(
        base_url=relay.url, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        for days, status in asked:
            answer = await http.put(
                f"/v1/groups/{group}/keeping", headers={"companion-capability": capability}, json={"keep_days": days}
            )
            assert answer.status_code == status, days
        wrong = await http.put(
            f"/v1/groups/{group}/keeping", headers={"companion-capability": "00" * 32}, json={"keep_days": 1}
        )
        assert wrong.status_code == 404
        short = {"group": new_id(), "capability": new_capability(), "keep_days": 7}
        assert (await http.post("/v1/groups", json=short)).status_code == 201
        assert (await http.post("/v1/groups", json={**short, "keep_days": "x"})).status_code == 400
    await client.append(short["group"], short["capability"], new_id(), b"x")
    relay.stop()
    make_old(relay.data / "relay.db", days=8)
    assert lines(operate("sweep", "--data", relay.data))["envelopes emptied"] == "1"
    make_old(relay.data / "relay.db", days=5_000)
    assert lines(operate("sweep", "--data", relay.data))["envelopes emptied"] == "20"


async def test_sweep_that_is_killed_in_the_middle_is_finished_by_the_next(relay, filled, new_id):
    client, group, capability = filled
    kept = await with_blobs(client, group, capability, new_id)
    del kept[list(kept)[2]]
    for _ in range(400):
        await client.put_blob(new_id(), 100, reader(bytes(100)))
    relay.stop()
    age_blobs(relay.data / "relay.db")
    folder = relay.data / "blobs" / "whole"
    for left in (395, 300):  # so many are still to go that a slow machine is in time
        relay.start()
        deadline = time.monotonic() + 30
        while len(list(folder.iterdir())) > left:
            assert time.monotonic() < deadline
        await asyncio.to_thread(relay.kill)
        assert len(list(folder.iterdir())) > len(kept), "the sweep was over before it could be killed"
    relay.start()
    await scraped(relay, until='relay_held{kind="blobs"} 2.0')
    assert {file.name for file in folder.iterdir()} == set(kept)
    assert await gets(client, kept) == set(kept)
    relay.stop()
    assert lines(operate("status", "--data", relay.data))["blobs"] == "2"
