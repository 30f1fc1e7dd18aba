"""What was changed a moment ago goes to the other device although the app locks; what cannot go waits."""

from companion.app.own.files import AWAY
from tests.fakes import PASSPHRASE
from tests.unit.app.own.conftest import core, meet, texts, write
from tests.unit.app.own.test_files import PICTURE


async def test_what_was_written_a_moment_ago_is_there_on_the_other_device_while_this_one_is_locked(phone, tablet):
    await meet(phone, tablet)
    await write(phone, "Just now")
    await phone.companion.lock()
    await meet(tablet)
    assert await texts(tablet) == ["Just now"]


async def test_so_is_a_page_with_a_picture(phone, tablet):
    await meet(phone, tablet)
    page = await write(phone, "Just now")
    await core(phone).journal.attach(page, PICTURE)
    await phone.companion.lock()
    await meet(tablet)
    assert len((await core(tablet).journal.entry(page)).others[AWAY]) == 1


async def test_without_a_connection_it_goes_after_the_next_unlock(phone, tablet, relay):
    await meet(phone, tablet)
    relay.is_online = False
    await phone.network.exchange()
    await write(phone, "Just now")
    await phone.companion.lock()
    relay.is_online = True
    await meet(tablet)
    assert await texts(tablet) == []
    await phone.companion.unlock(passphrase=PASSPHRASE)
    await meet(phone, tablet)
    assert await texts(tablet) == ["Just now"]


async def test_who_does_not_share_hands_nothing_over(phone, tablet, relay):
    await core(phone).own.turn_off()
    await write(phone, "Mine alone")
    await phone.companion.lock()
    await meet(tablet)
    assert await texts(tablet) == []
