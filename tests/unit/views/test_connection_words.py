"""What a conversation says of the way to its service: as exactly as it is known, and nothing while all is well."""

from pathlib import Path

import pytest

from companion.errors import (
    CertificateSignedBy,
    NameUnknown,
    NoNetwork,
    NoOwnService,
    Offline,
    OtherAnswers,
    ProxyRefuses,
    RelayRefused,
    ServiceDown,
    ServiceFull,
    ServiceTooOld,
)
from views.groups.chat import way_words
from views.words.texts import load_texts

TEXTS = load_texts(Path(__file__).parents[3] / "assets" / "words")


@pytest.mark.parametrize(
    "trouble",
    [
        NoNetwork(),
        NameUnknown(),
        CertificateSignedBy("Practice {issuer} Root"),
        OtherAnswers(),
        ProxyRefuses(),
        ServiceTooOld(),
        ServiceDown(),
        NoOwnService(),
        RelayRefused(403, "revoked"),
        RelayRefused(403, "blocked"),
        RelayRefused(403, "not-admitted"),
    ],
)
def test_each_kind_of_trouble_has_its_own_sentence(trouble):
    words = way_words(TEXTS, "waiting", trouble, 0, waits=False)
    assert words == TEXTS.error(trouble) != TEXTS("groups.offline")
    assert all(value in words for value in trouble.told.values())


@pytest.mark.parametrize(("waits", "key"), [(True, "groups.waiting"), (False, "groups.offline")])
@pytest.mark.parametrize("trouble", [None, Offline()])
def test_plain_missing_connection_says_what_becomes_of_the_message(trouble, waits, key):
    assert way_words(TEXTS, "waiting", trouble, 0, waits=waits) == TEXTS(key)


@pytest.mark.parametrize("sync", ["online", "connecting"])
def test_what_is_over_is_not_said(sync):
    assert way_words(TEXTS, sync, NoNetwork(), 0, waits=False) == ""


def test_full_service_is_said_while_the_connection_stands():
    full = ServiceFull(507, "full")
    assert way_words(TEXTS, "online", full, 0, waits=True) == TEXTS("errors.ServiceFull")


def test_how_often_messages_come_is_said_where_streams_are_held():
    assert "every 20 seconds" in way_words(TEXTS, "online", None, 20, waits=False)
