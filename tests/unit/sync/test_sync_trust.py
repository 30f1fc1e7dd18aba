"""Whose certificates are believed, and what a failed connection says to the person."""

import datetime
import errno
import ipaddress
import socket
import ssl
import sys

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from companion import errors
from services.sync import trust
from services.sync.transport import Transport
from tests.raw_server import serving, whole

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Practice:
    """A practice's own root, and certificates that it signs for this computer."""

    def __init__(self, folder, name="Practice Root"):
        self.folder, self.name, self.key = folder, named(name), ec.generate_private_key(ec.SECP256R1())
        self.root = folder / "root.pem"
        self.root.write_bytes(self._sign(self.name, self.key, NOW + DAY, (), is_root=True))

    def server(self, *, host="localhost", ends=NOW + DAY):
        key = ec.generate_private_key(ec.SECP256R1())
        names = (x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.9")))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = self.folder / "server.pem"
        file.write_bytes(secret + self._sign(named("service"), key, ends, names))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(self, subject, key, ends, names, *, is_root=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 9 * DAY)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def practice(tmp_path):
    return Practice(tmp_path)


async def ask(port, scheme="https"):
    transport = Transport(f"{scheme}://localhost:{port}", None)
    try:
        return await transport.call("GET", "/v1/about")
    finally:
        await transport.close()


async def test_root_that_the_system_trusts_is_trusted(practice, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(practice.root))
    async with serving(whole(b"{}"), practice.server()) as port:
        assert (await ask(port)).fields() == {}


async def test_root_that_nobody_entered_is_named_and_not_trusted(practice):
    async with serving(whole(b"{}"), practice.server()) as port:
        with pytest.raises(errors.CertificateSignedBy) as problem:
            await ask(port)
    assert problem.value.told == {"issuer": "Practice Root"}


async def test_issuer_that_hides_itself_is_shown_as_one_plain_line(tmp_path):
    async with serving(whole(b"{}"), Practice(tmp_path, "Sa\u202efe\nRoot").server()) as port:
        with pytest.raises(errors.CertificateSignedBy) as problem:
            await ask(port)
    assert problem.value.told == {"issuer": "Safe Root"}


@pytest.mark.parametrize(
    ("made", "kind"),
    [({"ends": NOW - DAY}, errors.CertificateDated), ({"host": "portal.example"}, errors.OtherAnswers)],
)
async def test_certificate_of_another_time_or_name_says_which(practice, monkeypatch, made, kind):
    monkeypatch.setenv("SSL_CERT_FILE", str(practice.root))
    async with serving(whole(b"{}"), practice.server(**made)) as port:
        with pytest.raises(kind):
            await ask(port)


async def test_page_without_tls_in_place_of_the_service_is_somebody_elses():
    async with serving(whole(b"<html>"), waits=False) as port:
        with pytest.raises(errors.OtherAnswers):
            await ask(port)


def caused(kind, cause):
    problem = httpx.ConnectError("x")
    problem.__cause__ = kind("tries failed", [cause]) if kind else cause
    return problem


@pytest.mark.parametrize("kind", [None, ExceptionGroup])
@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), errors.NameUnknown),
        (socket.gaierror(socket.EAI_AGAIN, "x"), errors.NoNetwork),
        (OSError(errno.ENETUNREACH, "x"), errors.NoNetwork),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), errors.Offline),
        (TimeoutError("x"), errors.Offline),
    ],
)
async def test_failed_connection_says_what_it_means(kind, cause, meaning):
    assert type(await trust.reason(caused(kind, cause), "localhost", 1)) is meaning


async def test_proxy_that_refuses_is_named():
    assert type(await trust.reason(httpx.ProxyError("407"), "localhost", 1)) is errors.ProxyRefuses


async def test_name_that_leads_nowhere_is_said():
    transport = Transport("https://nowhere.invalid", None)
    with pytest.raises((errors.NameUnknown, errors.NoNetwork)):
        await transport.call("GET", "/v1/about")
    await transport.close()


async def test_errors_that_lead_to_each_other_for_ever_are_read_to_an_end():
    first, second = httpx.ConnectError("x"), OSError("y")
    first.__cause__, second.__cause__ = second, first
    assert type(await trust.reason(first, "localhost", 1)) is errors.Offline


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_phones_bring_their_own_list_of_roots(platform, monkeypatch):
    assert not trust.has_own_roots()
    monkeypatch.setattr(sys, "platform", platform)
    assert trust.has_own_roots()
    assert len(trust.make_context().get_ca_certs()) > 50
