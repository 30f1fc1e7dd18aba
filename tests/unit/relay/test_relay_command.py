"""The operator's command refuses what it cannot use, before it touches anything."""

import pytest

from services.relay.__main__ import arguments


def given(*options):
    return arguments(["serve", "--data", "folder", *options])


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "65536"),
        ("--port", "-1"),
        ("--port", "x"),
        ("--origin", "relay.example"),
        ("--origin", "ftp://relay.example"),
        ("--origin", "https://relay.example/path"),
        ("--most-bytes", "0"),
        ("--events-per-minute", "-5"),
        ("--port-file", "/"),
        ("--keep-days", "-1"),
        ("--keep-days", "3651"),
        ("--keep-days", "for ever"),
        ("--blob-bytes-per-day", "0"),
        ("--blob-bytes-kept", "x"),
    ],
)
def test_unusable_option_is_refused(options, capsys):
    with pytest.raises(SystemExit) as ending:
        given(*options)
    assert ending.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_port_file_never_replaces_a_device(capsys):
    with pytest.raises(SystemExit):
        given("--port-file", "/dev/null")
    assert "--port-file" in capsys.readouterr().err


def test_origins_are_kept_in_lower_case():
    assert given("--origin", "HTTPS://Relay.Example", "--origin", "http://a:1/").origin == [
        "https://relay.example",
        "http://a:1",
    ]
