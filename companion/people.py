"""Who somebody is: name, profession and the public keys of a device."""

from dataclasses import dataclass

from companion.crypto.primitives import dh_keypair, sha256, signing_keypair

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One device of one person, as its peers know it.

    `sign_key` is Ed25519, `seal_key` is X25519, 32 bytes each. `device` is made from the signing key, so nobody can
    offer another key under the same device id.
    """

    name: str
    profession: str
    sign_key: bytes
    seal_key: bytes

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_LIMIT or self.profession not in PROFESSIONS:
            raise ValueError("name or profession out of range")
        if len(self.sign_key) != 32 or len(self.seal_key) != 32:
            raise ValueError("keys are 32 bytes")

    @property
    def device(self) -> str:
        return device_id(self.sign_key)

    def to_doc(self) -> dict[str, object]:
        return {
            "name": self.name,
            "profession": self.profession,
            "sign_key": self.sign_key.hex(),
            "seal_key": self.seal_key.hex(),
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Member":
        """Raises ValueError or KeyError on anything else than `to_doc` writes."""
        return cls(
            name=str(doc["name"]),
            profession=str(doc["profession"]),
            sign_key=bytes.fromhex(str(doc["sign_key"])),
            seal_key=bytes.fromhex(str(doc["seal_key"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The person whose app this is, with this device's private keys."""

    member: Member
    sign_private: bytes
    seal_private: bytes

    def to_doc(self) -> dict[str, object]:
        return {
            "_id": "me",
            "_v": 1,
            **self.member.to_doc(),
            "sign_private": self.sign_private.hex(),
            "seal_private": self.seal_private.hex(),
        }

    @classmethod
    def from_doc(cls, doc: dict[str, object]) -> "Me":
        return cls(
            member=Member.from_doc(doc),
            sign_private=bytes.fromhex(str(doc["sign_private"])),
            seal_private=bytes.fromhex(str(doc["seal_private"])),
        )


def device_id(sign_key: bytes) -> str:
    return sha256(sign_key)[:16].hex()


def create_me(name: str, profession: str) -> Me:
    """Make this device's keys."""
    sign_private, sign_key = signing_keypair()
    seal_private, seal_key = dh_keypair()
    member = Member(name=" ".join(name.split()), profession=profession, sign_key=sign_key, seal_key=seal_key)
    return Me(member=member, sign_private=sign_private, seal_private=seal_private)
