"""Who somebody is: a person with a name, a profession, an identity key, and the devices that this key has signed."""

from dataclasses import dataclass, replace
from functools import lru_cache

from companion.crypto.primitives import dh_keypair, fingerprint, sign, signing_keypair, signing_public, verify
from companion.devices import Device, DeviceList, begin, device_id
from companion.errors import CryptoError, MessageRejected
from companion.fields import refused, whole
from companion.likeness import are_alike
from companion.strings import clean_line, kept, read_line

PROFESSIONS = (
    "gp",
    "practice_manager",
    "practice_nurse",
    "district_nurse",
    "community_nurse",
    "community_pharmacist",
    "optometrist",
    "physiotherapist",
    "occupational_therapist",
    "other",
)
NAME_LIMIT = 80
_FIRST_CARD_LABEL = b"companion card v1"
_CARD_LABEL = b"companion card v2"
CARD_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person, as peers know them: a card, and the person's devices.

    The card is `name`, `profession` and `card`, its number; `signature` is the identity key's over the three. A card
    counts only if its number is higher than that of the one known. The first has the number 0.
    """

    name: str
    profession: str
    devices: DeviceList
    signature: bytes
    card: int = 0

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_LIMIT or self.profession not in PROFESSIONS or self.card >= CARD_LIMIT:
            raise ValueError("name or profession out of range")

    @property
    def identity_key(self) -> bytes:
        """The Ed25519 key that is this person, 32 bytes."""
        return self.devices.identity_key

    @property
    def person(self) -> str:
        """The person's id: the same on all their devices, and in every group. Compare people by it."""
        return person_id(self.identity_key)

    @property
    def seal_keys(self) -> tuple[bytes, ...]:
        """The X25519 keys of this person's devices in use, 32 bytes each: what is sealed to all is for this person."""
        return tuple(device.seal_key for device in self.devices.active)

    def check(self) -> None:
        """Raises: MessageRejected unless the name is a line, and the identity key has signed it and every device."""
        read_line(self.name, NAME_LIMIT, "a person's name")
        try:
            verify(self.identity_key, self.signature, _card(self.name, self.profession, self.card))
        except CryptoError:
            raise MessageRejected("a card that its person did not sign") from None
        self.devices.check()

    def newer(self, offered: "Member") -> "Member":
        """Return this person with what a later card and device list say, each for itself.

        A card that is not later is left: nobody puts an old one back. Raises MessageRejected for a fork of the list.
        """
        devices = self.devices.newer(offered.devices)
        offered.check()
        return replace(offered if offered.card > self.card else self, devices=devices)

    def is_shown_like(self, other: "Member") -> bool:
        """Tell whether both look the same to the eye on the screen."""
        return self.profession == other.profession and are_alike(self.name, other.name)

    def to_doc(self) -> dict[str, object]:
        return {
            "name": self.name,
            "profession": self.profession,
            "devices": self.devices.encode(),
            "signature": self.signature.hex(),
            "card": self.card,
        }

    @classmethod
    @refused("a person")
    def from_doc(cls, doc: dict[str, object]) -> "Member":
        """Raises ValueError or KeyError on anything else than `to_doc` writes. Signatures: see `check`."""
        return cls(
            name=kept(doc["name"]),
            profession=kept(doc["profession"]),
            devices=DeviceList.decode(kept(doc["devices"])),
            signature=bytes.fromhex(kept(doc["signature"])),
            card=whole(doc.get("card", 0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The person whose app this is, with the private keys of the person and of this device."""

    member: Member
    identity_private: bytes
    sign_private: bytes
    seal_private: bytes

    @property
    def sign_key(self) -> bytes:
        return signing_public(self.sign_private)

    @property
    def device(self) -> str:
        """The id of this device."""
        return device_id(self.sign_key)

    @property
    def other_devices(self) -> tuple[Device, ...]:
        """My devices in use, without this one."""
        return tuple(device for device in self.member.devices.active if device.id != self.device)

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": "me",
            "_v": 1,
            **self.member.to_doc(),
            "identity_private": self.identity_private.hex(),
            "sign_private": self.sign_private.hex(),
            "seal_private": self.seal_private.hex(),
        }

    @classmethod
    @refused("a person of mine")
    def from_doc(cls, doc: dict[str, object]) -> "Me":
        return cls(
            member=Member.from_doc(doc),
            identity_private=bytes.fromhex(kept(doc["identity_private"])),
            sign_private=bytes.fromhex(kept(doc["sign_private"])),
            seal_private=bytes.fromhex(kept(doc["seal_private"])),
        )


@lru_cache(maxsize=4_096)
def person_id(identity_key: bytes) -> str:
    return fingerprint(identity_key)


def new_device(name: str, at_ms: int) -> tuple[Device, bytes, bytes]:
    """Make a device's keys. Returns the device, and its private signing and sealing key."""
    sign_private, sign_key = signing_keypair()
    seal_private, seal_key = dh_keypair()
    return Device(sign_key=sign_key, seal_key=seal_key, name=name, since_ms=at_ms), sign_private, seal_private


def create_me(name: str, profession: str, *, device_name: str = "", at_ms: int = 0) -> Me:
    """Make a person with this device as the first one. Raises ValueError for a name or profession out of range."""
    identity_private, identity_key = signing_keypair()
    device, sign_private, seal_private = new_device(device_name, at_ms)
    devices = begin(identity_private, identity_key, device)
    member = sign_card(identity_private, clean_line(name), profession, devices)
    return Me(member=member, identity_private=identity_private, sign_private=sign_private, seal_private=seal_private)


def sign_card(identity_private: bytes, name: str, profession: str, devices: DeviceList, card: int = 0) -> Member:
    """Return the person with a signed card; `card` is one more than the number of the one before."""
    signature = sign(identity_private, _card(name, profession, card))
    return Member(name=name, profession=profession, devices=devices, signature=signature, card=card)


def _card(name: str, profession: str, card: int) -> bytes:
    encoded = name.encode()
    label = _CARD_LABEL + card.to_bytes(4, "big") if card else _FIRST_CARD_LABEL
    return label + len(encoded).to_bytes(2, "big") + encoded + profession.encode()
