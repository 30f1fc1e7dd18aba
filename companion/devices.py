"""A person's devices: a list that only ever grows, each entry signed by the person's identity key and chained to the
one before. Who has seen an entry refuses every list without it: a shorter list says nothing new, a forked one is a lie.

Encoded: the identity key (32 bytes), then for each entry
`action (1) | sign key (32) | seal key (32) | at_ms (u64 BE) | name length (1) | name, UTF-8 | signature (64)`.
The signature covers "companion device v1" | identity key | index (u16 BE) | hash of the entry before (32) | the entry.
"""

import base64
import binascii
import struct
from dataclasses import dataclass, replace

from companion.crypto.primitives import fingerprint, sha256, sign, verify
from companion.errors import CryptoError, MessageRejected
from companion.fields import refused
from companion.strings import read_line

ADD, REVOKE = 1, 2
ENTRY_LIMIT = 64
ACTIVE_LIMIT = 8
NAME_BYTES = 60
KEY_BYTES = 32
SIGNATURE_BYTES = 64
_HEAD = struct.Struct(">B32s32sQB")
_LABEL = b"companion device v1"


def device_id(sign_key: bytes) -> str:
    """Return the id of the device that signs with this key, on every service and in every group."""
    return fingerprint(sign_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device. `sign_key` is Ed25519, `seal_key` X25519; `since_ms` is when its person entered it in the list."""

    sign_key: bytes
    seal_key: bytes
    name: str
    since_ms: int

    @property
    def id(self) -> str:
        return device_id(self.sign_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the list: a device comes, or it is revoked for good."""

    action: int
    device: Device
    signature: bytes = b""

    def fields(self) -> bytes:
        device, name = self.device, self.device.name.encode()
        return _HEAD.pack(self.action, device.sign_key, device.seal_key, device.since_ms, len(name)) + name

    def encode(self) -> bytes:
        return self.fields() + self.signature


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceList:
    """The list of one person. Make it with `begin`, `with_device`, `without_device`, or read it with `decode`."""

    identity_key: bytes
    entries: tuple[Entry, ...] = ()

    @property
    def active(self) -> tuple[Device, ...]:
        """The devices that are in use, oldest first."""
        revoked = {entry.device.id for entry in self.entries if entry.action == REVOKE}
        return tuple(e.device for e in self.entries if e.action == ADD and e.device.id not in revoked)

    def device(self, id: str) -> Device | None:
        """Return the device if it is in use."""
        return next((device for device in self.active if device.id == id), None)

    def was_listed(self, sign_key: bytes) -> bool:
        """Tell whether the device is on the list, in use or revoked."""
        return any(entry.device.sign_key == sign_key for entry in self.entries)

    def with_device(self, identity_private: bytes, device: Device) -> "DeviceList":
        """Return the list with one more device. Raises ValueError if there are too many, or it was there before."""
        if self.was_listed(device.sign_key) or len(self.active) >= ACTIVE_LIMIT or len(self.entries) >= ENTRY_LIMIT:
            raise ValueError("too many devices, or one of them again")
        if len(device.name.encode()) > NAME_BYTES:
            raise ValueError("the device's name is too long")
        return self._with(identity_private, Entry(action=ADD, device=device))

    def without_device(self, identity_private: bytes, id: str, at_ms: int) -> "DeviceList":
        """Return the list with a device revoked. Raises ValueError if it is not in use."""
        device = self.device(id)
        if device is None:
            raise ValueError("no such device in use")
        return self._with(identity_private, Entry(action=REVOKE, device=replace(device, since_ms=at_ms)))

    def _with(self, identity_private: bytes, entry: Entry) -> "DeviceList":
        signature = sign(identity_private, self._signed(len(self.entries), entry))
        return replace(self, entries=(*self.entries, replace(entry, signature=signature)))

    def _signed(self, index: int, entry: Entry) -> bytes:
        before = sha256(self.entries[index - 1].encode()) if index else bytes(32)
        return _LABEL + self.identity_key + struct.pack(">H", index) + before + entry.fields()

    def check(self) -> None:
        """Raises: MessageRejected if an entry is forged, out of its place, or makes no sense."""
        seen: set[str] = set()
        active: set[str] = set()
        for index, entry in enumerate(self.entries):
            try:
                verify(self.identity_key, entry.signature, self._signed(index, entry))
            except CryptoError:
                raise MessageRejected("a device list has an entry that its person did not sign") from None
            id = entry.device.id
            if entry.action == ADD and id not in seen:
                active.add(id)
            elif entry.action == REVOKE and id in active:
                active.remove(id)
            else:
                raise MessageRejected("a device list adds or revokes a device twice")
            seen.add(id)
            read_line(entry.device.name, NAME_BYTES, "a device's name", may_be_empty=True)
        if not seen or len(active) > ACTIVE_LIMIT:
            raise MessageRejected(f"a device list with {len(active)} devices in use")

    def newer(self, offered: "DeviceList") -> "DeviceList":
        """Return the longer of this list and one that somebody offers for the same person.

        Raises: MessageRejected if the two do not belong to one history, or the offered one does not verify.
        """
        length = min(len(self.entries), len(offered.entries))
        if offered.identity_key != self.identity_key or offered.entries[:length] != self.entries[:length]:
            raise MessageRejected("a device list forks from the one known here")
        if len(offered.entries) <= len(self.entries):
            return self
        offered.check()
        return offered

    def encode(self) -> str:
        """Return the list as base64."""
        return base64.b64encode(self.identity_key + b"".join(entry.encode() for entry in self.entries)).decode()

    @classmethod
    @refused("a device list")
    def decode(cls, text: str) -> "DeviceList":
        """Read what `encode` wrote; signatures are still to be checked. Raises ValueError if it is malformed."""
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("device list") from None
        place, entries = KEY_BYTES, list[Entry]()
        while place < len(data) and len(entries) < ENTRY_LIMIT:
            entry, place = _read_entry(data, place)
            entries.append(entry)
        if place != len(data) or not entries:
            raise ValueError("device list")
        return cls(identity_key=data[:KEY_BYTES], entries=tuple(entries))


def begin(identity_private: bytes, identity_key: bytes, device: Device) -> DeviceList:
    """Return the list of a person with one device."""
    return DeviceList(identity_key=identity_key).with_device(identity_private, device)


def _read_entry(data: bytes, place: int) -> tuple[Entry, int]:
    if len(data) - place < _HEAD.size:
        raise ValueError("device list")
    action, sign_key, seal_key, since_ms, length = _HEAD.unpack_from(data, place)
    place += _HEAD.size
    end = place + length + SIGNATURE_BYTES
    if action not in (ADD, REVOKE) or length > NAME_BYTES or end > len(data) or since_ms >= 1 << 53:
        raise ValueError("device list")
    name = data[place : place + length].decode()
    device = Device(sign_key=sign_key, seal_key=seal_key, name=name, since_ms=since_ms)
    return Entry(action=action, device=device, signature=data[place + length : end]), end
