"""What `companion doctor` says of the app itself."""

from importlib.metadata import PackageNotFoundError, version

import pytest

from services.doctor import _version
from tests.fakes import ASSETS
from views.words.texts import load_texts

TEXTS = load_texts(ASSETS / "words")


def test_an_app_that_was_never_installed_says_that_it_was_started_from_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("services.doctor.version", nowhere)
    assert _version(TEXTS) == "started from its files"


def test_an_installed_app_says_its_version() -> None:
    assert _version(TEXTS) == version("companion")
