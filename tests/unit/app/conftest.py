"""Two cores on one fake relay, in one group."""

import pytest

from tests.fakes import Desk, make_pair


@pytest.fixture
async def hazel() -> Desk:
    return await Desk("Hazel Ford").set_up("practice_manager")


@pytest.fixture
async def jay(hazel: Desk) -> Desk:
    return await Desk("Jay Thistle", hazel.relay).set_up("gp")


@pytest.fixture
async def group(hazel: Desk, jay: Desk) -> str:
    return await make_pair(hazel, jay)
