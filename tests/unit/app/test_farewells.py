"""Erasing asks the services to delete, now or later, and says what came of it."""

import pytest

from companion.app.farewells import Remains
from companion.errors import RelayRefused, ServiceFull, StoreError, Tampered
from companion.farewells import ACCOUNT, DEVICE
from tests.fakes import Desk

HERE = ("local",)


@pytest.fixture
async def hazel() -> Desk:
    return await Desk().set_up_with_a_group()


async def erased(desk: Desk, scope: str = DEVICE) -> Desk:
    await desk.companion.erase(scope)
    assert await desk.companion.phase() == "first_start"
    return desk


async def test_services_are_asked_with_what_was_signed_while_the_keys_were_here(hazel: Desk) -> None:
    assert hazel.companion.opened is not None
    device = hazel.companion.opened.device
    await erased(hazel, ACCOUNT)
    assert await hazel.companion.farewells.remains() == Remains(asking=HERE)
    assert not await hazel.companion.farewells.deliver()
    assert [(one.device, one.scope) for one in hazel.relay.farewells] == [(device, ACCOUNT)]
    assert await hazel.companion.farewells.remains() == Remains(gone=HERE)
    await hazel.companion.farewells.seen()
    assert await hazel.companion.farewells.remains() == Remains()


async def test_nothing_is_asked_before_the_profile_is_gone(hazel: Desk) -> None:
    await erased(hazel)
    assert hazel.relay.farewells == []  # the erasure itself waits for nobody


async def test_who_does_not_want_it_is_not_asked_for(hazel: Desk) -> None:
    await hazel.companion.erase()
    assert await hazel.companion.farewells.remains() == Remains()


async def test_nobody_can_ask_without_keys(hazel: Desk) -> None:
    await hazel.companion.lock()
    await erased(hazel)
    assert await hazel.companion.farewells.remains() == Remains()


async def test_without_an_answer_it_stays_owed_and_is_asked_again(hazel: Desk) -> None:
    hazel.relay.is_online = False
    await erased(hazel)
    for _ in range(2):
        assert await hazel.companion.farewells.deliver()
        assert await hazel.companion.farewells.remains() == Remains(unanswered=HERE)
    hazel.relay.is_online = True
    assert not await hazel.companion.farewells.deliver()
    assert len(hazel.relay.farewells) == 1


@pytest.mark.parametrize("refusal", [RelayRefused(404, "unknown"), RelayRefused(429, "slow-down"), ServiceFull(507)])
async def test_a_service_that_cannot_now_is_asked_again(hazel: Desk, refusal: RelayRefused) -> None:
    hazel.relay.refuses_farewells = refusal
    await erased(hazel)
    assert await hazel.companion.farewells.deliver()
    assert await hazel.companion.farewells.remains() == Remains(unanswered=HERE)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_service_that_says_no_is_asked_no_more_and_that_is_said_until_it_was_seen(
    hazel: Desk, status: int
) -> None:
    hazel.relay.refuses_farewells = RelayRefused(status, "no-session")
    await erased(hazel)
    assert not await hazel.companion.farewells.deliver()
    assert await hazel.companion.farewells.remains() == Remains(refused=HERE)
    hazel.relay.refuses_farewells = None
    await hazel.companion.farewells.deliver()
    assert hazel.relay.farewells == []
    await hazel.companion.farewells.seen()
    assert await hazel.companion.farewells.remains() == Remains()


async def test_it_can_be_left_there(hazel: Desk) -> None:
    hazel.relay.is_online = False
    await erased(hazel)
    await hazel.companion.farewells.let_be()
    hazel.relay.is_online = True
    assert not await hazel.companion.farewells.deliver()
    assert hazel.relay.farewells == []


async def test_what_is_seen_is_what_is_settled_and_nothing_else(hazel: Desk) -> None:
    hazel.relay.is_online = False
    await erased(hazel)
    await hazel.companion.farewells.seen()
    assert await hazel.companion.farewells.deliver()


async def test_every_service_with_letters_for_me_is_asked_too(hazel: Desk) -> None:
    hazel.vault.store.tables["services"] = {"https://a.example": {"_id": "https://a.example"}}
    await erased(hazel)
    assert {one.service for one in hazel.eraser.kept} == {"local", "https://a.example"}


async def test_damage_keeps_no_service_from_being_asked_and_nothing_from_being_erased(
    hazel: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hazel.companion.opened is not None

    async def damaged() -> list[str]:
        raise Tampered("damaged", "missing", "services")

    monkeypatch.setattr(hazel.companion.opened.groups, "services", damaged)
    await erased(hazel)
    assert [one.service for one in hazel.eraser.kept] == ["local"]


async def test_what_cannot_be_signed_does_not_stand_in_the_way(hazel: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("the disk refuses")

    monkeypatch.setattr(hazel.network, "farewells", fail)
    await erased(hazel)
    assert await hazel.companion.farewells.remains() == Remains()


async def test_an_erasure_that_a_crash_cut_short_is_completed_and_told(hazel: Desk) -> None:
    told = list[frozenset[str]]()
    hazel.companion.subscribe(told.append)
    await hazel.companion.lock()
    hazel.eraser.cut_short = True
    await hazel.companion.phase()
    assert frozenset({"erased"}) in told


async def test_profile_that_was_made_since_is_not_what_is_deleted(hazel: Desk) -> None:
    assert hazel.companion.opened is not None
    old = hazel.companion.opened.device
    hazel.relay.is_online = False
    await erased(hazel)
    await hazel.set_up()
    assert hazel.companion.opened.device != old
    hazel.relay.is_online = True
    await hazel.companion.farewells.deliver()
    assert [one.device for one in hazel.relay.farewells] == [old]
