"""The operator's command refuses what it cannot use, before it touches anything."""

import pytest

from services.relay.command import arguments
from services.relay.serve import own_origins
from services.sync.client import RelayClient


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
        ("--origin", "https://relay.example#token"),
        ("--origin", "https://user@relay.example"),
        ("--origin", "https://relay.example:x"),
        ("--origin", "https://"),
        ("--most-bytes", "0"),
        ("--events-per-minute", "-5"),
        ("--port-file", "/"),
        ("--keep-days", "-1"),
        ("--keep-days", "3651"),
        ("--keep-days", "for ever"),
        ("--blob-bytes-per-day", "0"),
        ("--blob-bytes-kept", "x"),
        ("--newcomer-bytes-per-day", "0"),
        ("--admission", "closed"),
        ("--admission-tokens", "/nowhere/at/all"),
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


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://relay.example.org:443", "https://relay.example.org"),
        ("http://relay.example.org:80/", "http://relay.example.org"),
        ("https://relay.example.org.", "https://relay.example.org"),
        (" https://relay.example.org ", "https://relay.example.org"),
        ("https://B\u00dcCHER.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8440", "http://[::1]:8440"),
    ],
)
def test_origin_is_written_as_clients_write_it(typed, origin):
    assert given("--origin", typed).origin == [origin]
    client = RelayClient(typed, "00" * 16, bytes(32))
    assert client._transport.origin == origin


def test_origins_are_kept_in_lower_case():
    assert given("--origin", "HTTPS://Relay.Example", "--origin", "http://a:1/").origin == [
        "https://relay.example",
        "http://a:1",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "10.0.0.1", "relay.example"])  # noqa: S104  (refused)
def test_service_that_others_can_call_has_to_know_its_address(host, capsys):
    with pytest.raises(SystemExit):
        given("--host", host)
    assert "--origin is needed" in capsys.readouterr().err
    assert given("--host", host, "--origin", "https://relay.example").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_service_for_this_machine_alone_knows_its_address_by_itself(host):
    assert given("--host", host).origin == []
    named = f"[{host}]" if ":" in host else host
    assert own_origins(host, 8_440) == tuple(sorted({f"http://{named}:8440", "http://localhost:8440"}))


def test_admission_by_tokens_needs_tokens(tmp_path, capsys):
    with pytest.raises(SystemExit):
        given("--admission", "token")
    assert "--admission-tokens" in capsys.readouterr().err
    file = tmp_path / "tokens"
    file.write_text("kettle-lantern-marmalade\n", encoding="ascii")
    assert given("--admission", "token", "--admission-tokens", str(file)).admission_tokens == file


@pytest.mark.parametrize("text", ["short", "x" * 201, "with a space in it", "sixteen-letters-\u00e9"])
def test_unusable_token_is_refused(text, tmp_path, capsys):
    file = tmp_path / "tokens"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit):
        given("--admission-tokens", str(file))
    assert "--admission-tokens" in capsys.readouterr().err
