"""The operator looks at what is held of a device or a group, hands it over, blocks and deletes; on both databases."""

import asyncio
import json
import secrets

import pytest

from companion.errors import RelayRefused
from tests.integration.devices import device_of
from tests.integration.relay_operator import lines, operate, with_blobs


@pytest.fixture
def relay(either_relay):
    return either_relay


@pytest.fixture
def at(relay):
    """Where the operator finds the service."""
    return ("--data", relay.data, *(relay.options[:2] if "--database" in relay.options else ()))


@pytest.fixture
async def world(device, new_id, new_capability):
    """Two devices in one group."""
    alice, bob = device(), device()
    group, capability = new_id(), new_capability()
    await alice.create_group(group, capability)
    await alice.append(group, capability, new_id(), b"from alice")
    await bob.append(group, capability, new_id(), b"from bob")
    await bob.publish_key_packages((b"package",), None)
    await alice.post_to_inbox(device_of(bob), new_id(), b"for bob")
    return alice, bob, group, capability


async def stopped(relay, *words):
    """Do what needs a stopped service, and start it again."""
    await asyncio.to_thread(relay.stop)
    done = operate(*words)
    await asyncio.to_thread(relay.start)
    return done


async def test_lists_name_devices_and_groups_and_what_they_hold(world, at):
    alice, bob, group, _ = world
    people = operate("people", *at, "list").stdout.splitlines()
    assert {line.split()[0] for line in people} == {device_of(alice), device_of(bob)}
    (line,) = operate("groups", *at, "list").stdout.splitlines()
    assert line.startswith(f"{group}  2 envelopes  18 bytes  2 devices")
    shown = lines(operate("people", *at, "show", device_of(bob)))
    assert (shown["inbox"], shown["key packages"], shown["envelopes"]) == ("1", "1", "1")
    missing = operate("people", *at, "show", secrets.token_hex(16))
    assert (missing.returncode, missing.stderr) == (1, "Nothing was changed: there is no such device.\n")


async def test_export_holds_everything_of_one_device_and_nothing_of_others(world, at, tmp_path):
    _, bob, group, _ = world
    assert operate("people", *at, "export", device_of(bob), tmp_path / "bob.json").returncode == 0
    held = json.loads((tmp_path / "bob.json").read_text())
    assert held["envelopes"][0]["group"] == group
    assert [row[2] for row in held["envelopes"][0]["sent"]] == [b"from bob".hex()]
    assert [row[2] for row in held["inbox"]] == [b"for bob".hex()]
    assert b"from alice".hex() not in (tmp_path / "bob.json").read_text()
    assert operate("people", *at, "export", device_of(bob), tmp_path / "bob.json").returncode == 1
    assert operate("groups", *at, "export", group, tmp_path / "group.json").returncode == 0
    assert len(json.loads((tmp_path / "group.json").read_text())["events"]) == 2


async def test_blocked_device_is_out_until_it_is_let_in_again(world, relay, at):
    alice, bob, group, capability = world
    assert (await stopped(relay, "people", *at, "block", device_of(bob))).returncode == 0
    with pytest.raises(RelayRefused, match="403 blocked"):
        await bob.events(group, capability, 0)
    assert len(await alice.events(group, capability, 0)) == 2
    assert "blocked" in operate("people", *at, "list").stdout
    await stopped(relay, "people", *at, "unblock", device_of(bob))
    assert len(await bob.events(group, capability, 0)) == 2


async def test_blocked_group_opens_for_nobody_until_it_is_let_go_on(world, relay, at, new_id, new_capability):
    alice, bob, group, capability = world
    later = new_capability()
    await alice.append(group, capability, new_id(), b"commit", 0, next_capability=later)
    for _ in range(2):  # the same again changes nothing
        await stopped(relay, "groups", *at, "block", group)
    for known in (capability, later):
        with pytest.raises(RelayRefused, match="404"):
            await bob.events(group, known, 0)
        with pytest.raises(RelayRefused, match="404"):
            await bob.append(group, known, new_id(), b"x")
    with pytest.raises(RelayRefused, match="409 exists"):
        await bob.create_group(group, later)
    await stopped(relay, "groups", *at, "unblock", group)
    assert len(await bob.events(group, later, 0)) == 3
    with pytest.raises(RelayRefused, match="403 rotated"):
        await bob.append(group, capability, new_id(), b"x")


async def test_deleted_device_and_group_are_gone(world, relay, at, new_id):
    alice, bob, group, capability = world
    await with_blobs(alice, group, capability, new_id)
    await stopped(relay, "people", *at, "delete", device_of(bob))
    assert [e.body for e in await alice.events(group, capability, 0)][:2] == [b"from alice", b""]
    with pytest.raises(RelayRefused, match="403 revoked"):
        await bob.events(group, capability, 0)
    await stopped(relay, "groups", *at, "delete", group)
    with pytest.raises(RelayRefused, match="404"):
        await alice.events(group, capability, 0)
    assert operate("groups", *at, "list").stdout == ""
    await alice.create_group(group, capability)


async def test_changes_to_a_folder_need_a_stopped_service(relay, world, at):
    refused = operate("people", *at, "block", device_of(world[1]))
    if "--database" not in relay.options:
        assert "stop it first" in refused.stderr
    else:
        assert refused.returncode == 0
