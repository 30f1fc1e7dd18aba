"""Whose word counts for a service's certificate, and what the failures of a connection mean to a person.

The system's own store of root certificates decides, as it does for the browsers of this computer: what a practice or a
health network has entered there to look into TLS is known here too. On Android and iOS there is no store that Python
can read, so the list of roots that travels with the app decides, and a root that somebody entered there does not count.
"""

import asyncio
import errno
import socket
import ssl
import sys
from collections.abc import Iterator

import httpx
import truststore
from cryptography import x509
from cryptography.x509.oid import NameOID

from companion.errors import (
    CertificateDated,
    CertificateSignedBy,
    CertificateUnknown,
    NameUnknown,
    NoNetwork,
    Offline,
    OtherAnswers,
    ProxyRefuses,
)
from companion.strings import clean_line

LOOK_S = 5.0
ISSUER_CHARACTERS = 80
CAUSES_MOST = 20
NOT_YET, NO_LONGER = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
OTHERS_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
NO_WAY = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def has_own_roots() -> bool:
    """Whether the app brings its own list of roots, because the system's cannot be read."""
    return sys.platform in ("android", "ios") or hasattr(sys, "getandroidapilevel")


def make_context() -> ssl.SSLContext:
    if has_own_roots():
        return httpx.create_ssl_context(trust_env=False)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def reason(error: Exception, host: str, port: int) -> Offline:
    """Return what a failed connection means. Looks at the certificate once more where nobody known here signed it."""
    if isinstance(error, httpx.ProxyError):
        return ProxyRefuses(type(error).__name__)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if cause.verify_code in (NOT_YET, NO_LONGER):
                return CertificateDated(cause.verify_message)
            if cause.verify_code in OTHERS_NAME:
                return OtherAnswers("a certificate for another name")
            issuer = await _issuer(host, port)
            return CertificateSignedBy(issuer) if issuer else CertificateUnknown(cause.verify_message)
        if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            return OtherAnswers("no TLS where the service has it")
        if isinstance(cause, socket.gaierror):
            is_cut_off = cause.errno == socket.EAI_AGAIN
            return NoNetwork("no name service") if is_cut_off else NameUnknown("a name that leads nowhere")
        if isinstance(cause, OSError) and cause.errno in NO_WAY:
            return NoNetwork(errno.errorcode[cause.errno])
    return Offline(type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, also where several tries failed together."""
    waiting, seen = [error], 0
    while waiting and seen < CAUSES_MOST:
        seen += 1
        one = waiting.pop(0)
        yield one
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [cause for cause in (one.__cause__ or one.__context__,) if cause is not None]


async def _issuer(host: str, port: int) -> str:
    """Return who signed the certificate that is shown at an address, as they call themselves there.

    Nothing is sent but the greeting of TLS, and nothing that comes back is believed: it is a name to be shown.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(LOOK_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host, limit=1_024)
            try:
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            finally:
                writer.transport.abort()
        issuer = x509.load_der_x509_certificate(shown or b"").issuer
        names = [*issuer.get_attributes_for_oid(NameOID.COMMON_NAME)]
        names += issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return clean_line(str(names[0].value), ISSUER_CHARACTERS) if names else ""
    except (OSError, ValueError, TimeoutError, x509.InvalidVersion):
        return ""
