"""Every error the app can raise on purpose, grouped by what can be done about it.

    CompanionError
    ├── UsageError              the person can put it right
    │   ├── WeakPassphrase      too short to protect anything
    │   ├── WrongWords          recovery words that do not fit
    │   ├── OtherKeyNeeded      the key is right, and it takes the other one as well
    │   ├── NothingByWords      the recovery words lead to nothing at this service
    │   │   └── UnreadableByWords       something lies there, and nobody can say what
    │   ├── ConsentMissing      a story may not take this step
    │   ├── MicrophoneUnavailable
    │   ├── PictureUnreadable   no picture, damaged, or too large to open
    │   ├── IdentityChanged     a name known here stands for another key: accept it first
    │   ├── RequestOver         what was asked holds no more
    │   ├── ShelfFull           no more notes fit there
    │   └── InviteError
    │       ├── InviteGarbled   not an invite, or a letter is wrong
    │       ├── InviteExpired
    │       │   └── ClockOff    only this device's clock says so
    │       ├── InviteUsed
    │       └── InviteUnknown
    ├── StoreError              the data on this device
    │   ├── WrongKey            passphrase, words or keystore secret do not open it
    │   ├── Tampered            changed or damaged outside the app
    │   ├── ReadOnly            they can be read, and not be written
    │   │   └── RolledBack      older than the last state this device remembers
    │   ├── TooNew              written by a newer version
    │   ├── StoreBusy           open in another window
    │   ├── LowMemory           too little memory to try a passphrase
    │   └── KeystoreUnavailable the system has no safe place for small secrets, or it did not answer
    ├── SyncError               the service
    │   ├── Offline             no answer: try again later
    │   │   ├── NoNetwork       this device is connected to nothing
    │   │   ├── NameUnknown     the service's name leads nowhere
    │   │   ├── CertificateUnknown      signed by somebody whom this device does not trust
    │   │   │   └── CertificateSignedBy     and we know how they call themselves
    │   │   ├── CertificateDated        holds at another time than this device's
    │   │   ├── OtherAnswers    a sign-in page or a filter answers in the service's place
    │   │   ├── ProxyRefuses    the network's proxy lets nothing through
    │   │   ├── StreamHeld      the network holds back what should come at once
    │   │   └── ServiceDown     it says itself, or what stands before it says, that it cannot work at present
    │   ├── RelayRefused        an answer that says no
    │   │   └── ServiceFull     it has no room for this now: later
    │   ├── NoOwnService        this installation cannot run a service of its own
    │   └── VersionMismatch     client and service do not speak the same version
    │       └── ServiceTooOld   the service has to be updated, not the app
    ├── MessageRejected         somebody else's fault: skip it
    └── CryptoError             bytes that do not open, verify or parse

Messages hold ids, sizes and versions, never text, keys or passphrases. What the person reads is in
`views/words/texts.py`.
"""

from collections.abc import Mapping

DAMAGES = (
    "changed",  # a document or record that does not open
    "swapped",  # two documents stand in each other's place
    "copied",  # a document stands in a second place
    "moved",  # a document stands in another place and not in its own
    "missing",  # documents are not there
    "returned",  # deleted documents are there again
    "old",  # documents are older than the last state
    "hidden",  # a whole table, or its key, is not there
    "root",  # what holds everything together is gone, changed, or another store's
    "file",  # the file itself is damaged
    "keys",  # the file with the locked keys is gone or damaged
    "oldkeys",  # that file does not belong to the data: one of the two was changed, or is another copy's
    "blob",  # sound or a picture is gone or damaged
)


class CompanionError(Exception):
    """Anything this app raises on purpose. `told` fills the places in braces of its sentence."""

    told: Mapping[str, str] = {}


class UsageError(CompanionError):
    """The person can put it right."""


class WeakPassphrase(UsageError):
    """The passphrase is shorter than the smallest length we accept."""


class WrongWords(UsageError):
    """The recovery words have a wrong word, order or number."""


class OtherKeyNeeded(UsageError):
    """The key is right. What release 0.1.0 locked takes passphrase and words to be locked anew: give the other one."""


class NothingByWords(UsageError):
    """The recovery words are whole, and lead to nothing at this service."""


class UnreadableByWords(NothingByWords):
    """Something lies where the recovery words lead, and it does not open, or names no place."""


class ConsentMissing(UsageError):
    """The story has no agreement that allows this step."""


class MicrophoneUnavailable(UsageError):
    """There is no microphone, or it may not be used."""


class PictureUnreadable(UsageError):
    """The file is no picture that can be read here, it is damaged, or it is too large to open."""


class IdentityChanged(UsageError):
    """Somebody in the group has another identity key than the one known by that name, and it was not accepted."""


class ShelfFull(UsageError):
    """As many notes stand on the shelf as fit: one has to be taken down first."""


class RequestOver(UsageError):
    """A request for a direct line holds no more: it is too old, or its person or their device is gone."""


class InviteError(UsageError):
    """The invite cannot be used."""


class InviteGarbled(InviteError):
    """The text is not an invite, or part of it is missing or mistyped."""


class InviteExpired(InviteError):
    """The invite is older than its seven days."""


class ClockOff(InviteExpired):
    """The invite is over by this device's clock, and not by the service's: one of the two is wrong."""


class InviteUsed(InviteError):
    """Somebody has joined with this invite already."""


class InviteUnknown(InviteError):
    """The service does not know this invite."""


class StoreError(CompanionError):
    """The data on this device cannot be opened or changed."""


class WrongKey(StoreError):
    """The passphrase, recovery words or keystore secret do not open the store."""


class Tampered(StoreError):
    """Something outside the app changed or damaged the data.

    `kind` is one of `DAMAGES` and has a sentence of its own for the person. `part` says which kind of documents it is
    about ("journal"), or is empty for the whole; `of` whose they are, where each group or service has its own.
    """

    def __init__(self, message: str = "", kind: str = "changed", part: str = "", of: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.part = part
        self.of = of


class ReadOnly(StoreError):
    """The data can be read, and nothing can be written to their folder."""


class RolledBack(ReadOnly):
    """The data are older than the last state this device remembers."""


class TooNew(StoreError):
    """The data were written by a newer version of the app."""


class StoreBusy(StoreError):
    """Another process has the data open."""


class LowMemory(StoreError):
    """There is not enough free memory to work out the key of a passphrase. Whether it is right is not known."""


class KeystoreUnavailable(StoreError):
    """The system's place for small secrets is not there, is locked, or did not answer."""


class SyncError(CompanionError):
    """The sync service did not do what was asked."""


class Offline(SyncError):
    """The service gave no usable answer; the same call may work later.

    `retry_after_s` is the time in seconds for which the service asked, or None.
    """

    def __init__(self, message: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NoNetwork(Offline):
    """This device has no way to the outside at present."""


class NameUnknown(Offline):
    """The name in the service's address leads nowhere: it is mistyped, or there is no connection."""


class CertificateUnknown(Offline):
    """The certificate at the service's address is signed by somebody whom this device does not trust."""


class CertificateSignedBy(CertificateUnknown):
    """The same, and they call themselves `issuer`."""

    def __init__(self, issuer: str) -> None:
        super().__init__("a certificate that nobody known here signed")
        self.told = {"issuer": issuer}


class CertificateDated(Offline):
    """The certificate at the service's address does not hold at the date of this device."""


class OtherAnswers(Offline):
    """What answers at the service's address is not the service: a network's sign-in page, or a filter."""


class ProxyRefuses(Offline):
    """The proxy of this network wants something first, or lets nothing through to the service."""


class StreamHeld(Offline):
    """Nothing of a stream comes through, though single calls may."""


class ServiceDown(Offline):
    """The service, or what stands before it, answers that it cannot do its work at present."""


class NoOwnService(SyncError):
    """This installation cannot run a sync service of its own, as on phones: the packages for it are not here."""


class RelayRefused(SyncError):
    """The service answered no. `status` is the HTTP status, `reason` its short code, which may have its own sentence.

    `retry_after_s` is the time in seconds after which the same call may be taken, or None. `head` is the last number of
    a log, where the refusal names one.
    """

    def __init__(self, status: int, reason: str = "", *, retry_after_s: int | None = None, head: int = 0) -> None:
        super().__init__(f"refused with {status} {reason}".rstrip())
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.head = head


class ServiceFull(RelayRefused):
    """The service has no room for this at present. The same call may be taken later."""


class VersionMismatch(SyncError):
    """The service speaks no protocol version that this app knows."""


class ServiceTooOld(VersionMismatch):
    """The service is older than this app can use."""


class MessageRejected(CompanionError):
    """A peer's message is malformed, forged or not for us; it is counted and skipped."""


class CryptoError(CompanionError):
    """Bytes that do not open, verify or parse."""
