"""Which own secret counts on a device that has heard of several."""

from types import SimpleNamespace

import pytest

from companion.app.own.secrets import NUMBER_LIMIT, OwnSecret, OwnSecrets, read_own_secret
from companion.app.spaces.desk import stand
from companion.errors import MessageRejected
from companion.ports import Change
from companion.space.place import OWN, Space
from tests.fake_store import FakeStore

MINE = Space(id="11" * 16, kind=OWN, service="local", keys=(b"k" * 32,))
LOW, HIGH = b"a" * 32, b"b" * 32


async def secrets(*known, has_space=True):
    store = FakeStore([])
    for one in known:
        await store.commit(Change(put=(one.put(),)))
    if has_space:
        await store.commit(Change(put=(stand(MINE),)))
    return OwnSecrets(SimpleNamespace(store=store, commit=store.commit))


def secret(value, number=1, space=""):
    return OwnSecret(space=space, number=number, secret=value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (secret(LOW, 1, MINE.id), secret(HIGH, 9)),
        (secret(LOW, 1, MINE.id), secret(HIGH, 9, "22" * 16)),
        (secret(LOW, 2), secret(HIGH, 1)),
        (secret(HIGH, 1), secret(LOW, 1)),
        (secret(LOW, 2, MINE.id), secret(HIGH, 1, MINE.id)),
    ],
)
async def test_that_of_my_space_counts_then_the_higher_number_then_the_larger_one(first, second):
    assert await (await secrets(first, second)).all() == (first.secret, second.secret)
    assert await (await secrets(second, first)).all() == (first.secret, second.secret)


async def test_there_always_is_one_and_it_stays():
    mine = await secrets(has_space=False)
    (one,) = await mine.all()
    assert (await mine.all(), (await mine.known())[0].number, len(one)) == ((one,), 1, 32)


async def test_the_first_that_my_devices_are_given_is_the_one_that_this_device_has_had():
    assert await (await secrets(secret(LOW))).next_of(MINE) == (1, LOW)


@pytest.mark.parametrize("generation", [2, 3])
async def test_in_a_space_that_was_begun_anew_to_shut_somebody_out_it_is_another(generation):
    mine = await secrets(secret(LOW))
    space = Space(id=MINE.id, kind=OWN, service="local", keys=(b"k" * 32,), generation=generation)
    number, given = await mine.next_of(space)
    assert (number, given != LOW) == (1, True)


async def test_the_next_one_is_always_another_under_the_next_number_of_that_space():
    mine = await secrets(secret(LOW), secret(HIGH, 4, MINE.id), secret(HIGH, 9, "22" * 16))
    number, given = await mine.next_of(MINE)
    assert (number, given in (LOW, HIGH)) == (5, False)


@pytest.mark.parametrize("wrong", [{"secret": "ab" * 31}, {"secret": "ab" * 33}, {"number": NUMBER_LIMIT}])
def test_what_is_no_secret_is_refused(wrong):
    doc = {"space": "", "number": NUMBER_LIMIT - 1, "secret": "ab" * 32}
    assert read_own_secret(doc).number == NUMBER_LIMIT - 1
    with pytest.raises(MessageRejected):
        read_own_secret(doc | wrong)
