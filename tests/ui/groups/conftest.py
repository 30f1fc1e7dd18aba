"""Two people in one group, and the window of one of them."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes import Desk, make_pair
from tests.ui.groups.talk import NAME
from tests.ui.harness import HeadlessApp
from tests.ui.people import opened


@pytest.fixture
async def hazel() -> Desk:
    return await Desk("Hazel Ford").set_up("practice_manager")


@pytest.fixture
async def jay(hazel: Desk) -> Desk:
    return await Desk("Jay Thistle", hazel.relay).set_up("gp")


@pytest.fixture
async def group(hazel: Desk, jay: Desk) -> str:
    return await make_pair(hazel, jay, NAME)


@pytest.fixture
async def chat(hazel: Desk, group: str) -> AsyncIterator[HeadlessApp]:
    async with opened(hazel, route=f"/groups/{group}") as app:
        yield app
