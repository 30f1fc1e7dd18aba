"""A push service on loopback with a real certificate, and the other end of Web Push: a device that decrypts.

The decryption is written from RFC 8188 and RFC 8291 and shares no code with what encrypts.
"""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from pathlib import Path

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

UNCOMPRESSED = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Receiver:
    """A device's half of a subscription."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.p256dh = self.private.public_key().public_bytes(*UNCOMPRESSED)
        self.auth = bytes(range(16))

    def open(self, message: bytes) -> bytes:
        salt, record_size, key_length = message[:16], int.from_bytes(message[16:20], "big"), message[20]
        sender, sealed = message[21 : 21 + key_length], message[21 + key_length :]
        assert key_length == 65
        assert 17 < len(sealed) <= record_size
        shared = self.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = _expand(_mac(self.auth, shared), b"WebPush: info\0" + self.p256dh + sender, 32)
        seed = _mac(salt, secret)
        key = _expand(seed, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _expand(seed, b"Content-Encoding: nonce\0", 12)
        text, mark, padding = AESGCM(key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert mark
        assert not padding.strip(b"\0")
        return text


def _mac(key: bytes, data: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def _expand(seed: bytes, info: bytes, length: int) -> bytes:
    return _mac(seed, info + b"\x01")[:length]


class PushService:
    """Takes what is posted. `answers` gives statuses and headers per path: used up in order, the last one for ever."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "authority.pem"
        self._context = _certificates(folder)
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.silent: set[str] = set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()

    def url(self, path: str) -> str:
        return f"https://127.0.0.1:{self.port}{path}"

    def pings(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for where, headers, body in self.received if where == path]

    async def until(self, path: str, count: int = 1, deadline_s: float = 30) -> list[tuple[dict[str, str], bytes]]:
        """Wait for so many pings at a path."""
        async with asyncio.timeout(deadline_s):
            while len(self.pings(path)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.pings(path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            http = h11.Connection(h11.SERVER)
            path, headers, body = await _read_request(http, reader)
            self.received.append((path, headers, body))
            self._changed.set()
            if path in self.silent:
                await reader.read()  # until the caller has enough
            answers = self.answers.get(path, [(201, {})])
            status, fields = answers.pop(0) if len(answers) > 1 else answers[0]
            head = http.send(h11.Response(status_code=status, headers=[*fields.items(), ("connection", "close")]))
            writer.write(head + http.send(h11.EndOfMessage()))
            await writer.drain()
        writer.close()


async def _read_request(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    path, headers, body = "", {}, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(4_096))
        elif isinstance(event, h11.Request):
            assert event.method == b"POST"
            path = event.target.decode()
            headers = {name.decode(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return path, headers, body
        else:
            raise ConnectionError


def _certificates(folder: Path) -> ssl.SSLContext:
    """Make an authority and a server's certificate for 127.0.0.1 and localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Test authority")
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    authority = (
        _builder(issuer, issuer, root)
        .add_extension(constraints, True)
        .add_extension(usage, True)
        .add_extension(identifier, False)
        .sign(root, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        _builder(_name("Test push service"), issuer, leaf)
        .add_extension(names, False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(
        certificate.public_bytes(pem)
        + leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
