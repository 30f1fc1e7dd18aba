"""The screens are tested on Flet as the app runs it."""

import pytest

from views import flet_mend


@pytest.fixture(scope="session", autouse=True)
def mended_flet():
    undo = flet_mend.apply()
    yield
    undo()
