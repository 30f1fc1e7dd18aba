"""A person's device list: it only grows, and only its person can make it grow."""

from dataclasses import replace

import pytest

from companion.crypto.primitives import signing_keypair
from companion.devices import ACTIVE_LIMIT, DeviceList, begin, device_id
from companion.errors import MessageRejected
from companion.people import new_device

PRIVATE, IDENTITY = signing_keypair()


def device(name="Phone"):
    return new_device(name, 1_000)[0]


@pytest.fixture
def phone():
    return device()


@pytest.fixture
def devices(phone):
    return begin(PRIVATE, IDENTITY, phone)


def test_list_reads_back_with_its_signatures(devices):
    longer = devices.with_device(PRIVATE, device("Tablet, Küche"))
    longer = longer.without_device(PRIVATE, longer.active[0].id, 2_000)
    read = DeviceList.decode(longer.encode())
    read.check()
    assert read == longer
    assert [one.name for one in read.active] == ["Tablet, Küche"]


def test_revoked_device_is_known_but_not_in_use_and_never_comes_back(devices, phone):
    gone = devices.with_device(PRIVATE, device()).without_device(PRIVATE, phone.id, 2_000)
    assert gone.device(phone.id) is None
    assert gone.was_listed(phone.sign_key)
    with pytest.raises(ValueError, match="again"):
        gone.with_device(PRIVATE, phone)


def test_longer_list_wins_and_a_shorter_one_changes_nothing(devices):
    longer = devices.with_device(PRIVATE, device())
    assert devices.newer(longer) == longer
    assert longer.newer(devices) == longer


def test_fork_is_refused(devices):
    one, other = devices.with_device(PRIVATE, device()), devices.with_device(PRIVATE, device())
    with pytest.raises(MessageRejected, match="forks"):
        one.newer(other)
    with pytest.raises(MessageRejected, match="forks"):
        one.newer(other.with_device(PRIVATE, device()))


def test_list_of_another_person_is_refused(devices, phone):
    private, identity = signing_keypair()
    with pytest.raises(MessageRejected, match="forks"):
        devices.newer(begin(private, identity, phone))


def test_entry_that_somebody_else_signed_is_refused(devices):
    private, _ = signing_keypair()
    forged = devices.with_device(private, device())
    with pytest.raises(MessageRejected, match="did not sign"):
        forged.check()
    with pytest.raises(MessageRejected, match="did not sign"):
        devices.newer(forged)


def test_entries_cannot_change_places_or_be_left_out(devices):
    longer = devices.with_device(PRIVATE, device()).with_device(PRIVATE, device())
    one, two, three = longer.entries
    for entries in ((one, three), (one, three, two), (two, three)):
        with pytest.raises(MessageRejected, match="did not sign"):
            replace(longer, entries=entries).check()


def test_every_field_is_signed(devices, phone):
    for changed in ({"name": "Other"}, {"since_ms": 5}, {"seal_key": bytes(32)}):
        entry = replace(devices.entries[0], device=replace(phone, **changed))
        with pytest.raises(MessageRejected, match="did not sign"):
            replace(devices, entries=(entry,)).check()


def test_number_of_devices_has_a_limit(devices):
    for _ in range(ACTIVE_LIMIT - 1):
        devices = devices.with_device(PRIVATE, device())
    with pytest.raises(ValueError, match="too many"):
        devices.with_device(PRIVATE, device())


@pytest.mark.parametrize("cut", [1, 31, 40, 100, -1])
def test_cut_lists_are_malformed(devices, cut):
    import base64

    data = base64.b64decode(devices.encode())
    with pytest.raises(MessageRejected, match="device list"):
        DeviceList.decode(base64.b64encode(data[:cut]).decode())


def test_device_id_is_the_start_of_the_hash_of_the_key(phone):
    assert device_id(bytes(32)) == "66687aadf862bd776c8fc18b8e9f8e20"
    assert phone.id == device_id(phone.sign_key)
