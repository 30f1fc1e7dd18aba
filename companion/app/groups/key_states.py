"""The keys this device keeps: the MLS state of each group, commits under way, its own key packages.

A state is saved before anything that was sealed with it leaves the device, and an older copy is never used again. The
tables are in no backup: a device that comes back from one asks to be let in anew.
"""

import base64
from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from companion.app.context import Context
from companion.devices import device_id
from companion.errors import CryptoError, MessageRejected, Tampered
from companion.fields import each_read, refused, whole
from companion.groups import Group
from companion.mls import group as mls
from companion.mls.committing import PendingCommit
from companion.mls.group_state import Environment
from companion.mls.group_state import Group as Keys
from companion.mls.joining import Identity, OwnKeyPackage
from companion.mls.policy import person_of
from companion.people import Me, Member, person_id
from companion.ports import PACKAGES, STATES, Change, Doc, Drop, Put
from companion.strings import kept
from companion.times import DAY_MS, newest_ms

PACKAGES_PUBLISHED = 20
PACKAGES_LEAST = 10
LAST_RESORT_MS = 28 * DAY_MS
PACKAGE_KEPT_MS = 100 * DAY_MS
_TURN = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    """What this device holds for one group: the state, and a commit that the service may have taken."""

    id: str
    keys: Keys
    pending: PendingCommit | None = None
    pending_cid: str = ""

    def to_doc(self) -> Doc:
        pending = b"" if self.pending is None else mls.encode_pending(self.pending)
        return {
            "_id": self.id,
            "_v": 1,
            "state": base64.b64encode(mls.encode_state(self.keys)).decode(),
            "pending": base64.b64encode(pending).decode(),
            "pending_cid": self.pending_cid,
        }

    @classmethod
    @refused("a key state")
    def from_doc(cls, doc: Doc) -> "KeyState":
        pending = base64.b64decode(str(doc["pending"]))
        return cls(
            id=kept(doc["_id"]),
            keys=mls.decode_state(base64.b64decode(str(doc["state"]))),
            pending=mls.decode_pending(pending) if pending else None,
            pending_cid=kept(doc["pending_cid"]),
        )

    def without_pending(self) -> "KeyState":
        return replace(self, pending=None, pending_cid="")


class KeyStates:
    """Reads and writes key states. Whoever reads one and writes what follows from it holds the turn meanwhile."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cache: dict[str, KeyState] = {}

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._context.store.turn(_TURN)

    async def of(self, group: str) -> KeyState | None:
        """Return what is held for a group, or None.

        Raises: Tampered if it was changed, or put back to an older one, which must never be used; MessageRejected,
        CryptoError if it says what cannot be read.
        """
        if group not in self._cache:
            doc = await self._context.store.get(STATES, group)
            for damage in self._context.store.damages:
                if damage.part == STATES and damage.of in ("", group):
                    raise Tampered("the keys of a group are damaged", damage.kind, STATES, group)
            if doc is None:
                return None
            self._cache[group] = KeyState.from_doc(doc)
        return self._cache[group]

    def forget(self) -> None:
        """Read everything anew: the store was mended."""
        self._cache.clear()

    async def commit(self, change: Change, *states: KeyState, forget: Collection[str] = ()) -> None:
        """Make the change and these states durable in one commit.

        Raises: StoreError; what is held in memory is then read anew, since the commit may have happened or not.
        """
        written = Change(
            put=tuple(Put(STATES, one.to_doc()) for one in states), drop=tuple(Drop(STATES, id) for id in forget)
        )
        touched = {one.id for one in states} | set(forget)
        for id in touched:
            self._cache.pop(id, None)
        await self._context.commit(change + written)
        self._cache.update({one.id: one for one in states})

    # Who is who

    def environment(self, known: Collection[Member], at_ms: int, *, is_joining: bool = False) -> Environment:
        """Return what MLS asks of us: whose keys are whose, by the device lists of `known`.

        A joiner also takes the keys of devices that were revoked and are not removed yet.
        """
        lists = {member.identity_key: member.devices for member in (*known, self._context.me.member)}

        def authenticate(identity: bytes, key: bytes) -> bool:
            devices = lists.get(person_of(identity))
            if devices is None or identity != credential(devices.identity_key, device_id(key)):
                return False
            return devices.was_listed(key) if is_joining else devices.device(device_id(key)) is not None

        return Environment(at_ms=at_ms, authenticate=authenticate)

    # Key packages

    def make_package(self, service: str, *, is_last_resort: bool = False) -> tuple[Put, bytes]:
        """Return a new key package of this device: the document to keep, and the message to hand out.

        Its lifetime goes by the service's time: by the service's stamp the members judge it.
        """
        environment = self.environment((), self._context.told.now_ms(service))
        own, message = mls.make_key_package(own_identity(self._context.me), environment, is_last_resort=is_last_resort)
        doc: Doc = {
            "_id": own.package.ref.hex(),
            "_v": 1,
            "own": base64.b64encode(own.encode()).decode(),
            "is_last_resort": is_last_resort,
            "at_ms": self._context.clock.now_ms(),
        }
        return Put(PACKAGES, doc), message

    async def packages(self) -> tuple[OwnKeyPackage, ...]:
        """Return those that can be read: one that cannot keeps nobody out that another lets in."""
        return each_read(await self._context.store.all(PACKAGES), _package)

    async def aged_packages(self, certain_ms: int) -> tuple[bool, Change]:
        """Return whether a new last resort is due, and the change that drops packages nobody can use any more.

        A package's keys are gone for ever, so what is too old goes by the certain time.
        """
        now_ms = self._context.clock.now_ms()
        docs = await self._context.store.all(PACKAGES)
        aged = each_read(docs, _age)
        newest = newest_ms((at_ms for at_ms, is_last, _ in aged if is_last), now_ms)
        old = (id for at_ms, _, id in aged if certain_ms - at_ms > PACKAGE_KEPT_MS)
        is_due = newest is None or now_ms - newest > LAST_RESORT_MS
        return is_due, Change(drop=tuple(Drop(PACKAGES, id) for id in old))


@refused("a key package of this device")
def _package(doc: Doc) -> OwnKeyPackage:
    try:
        return mls.decode_key_package(base64.b64decode(str(doc["own"])))
    except CryptoError as error:
        raise MessageRejected(str(error)) from None


@refused("a key package of this device")
def _age(doc: Doc) -> tuple[int, bool, str]:
    return whole(doc["at_ms"]), bool(doc["is_last_resort"]), str(doc["_id"])


def used(package: OwnKeyPackage) -> Change:
    """Return the change that deletes a package's private keys, unless it is the last resort."""
    return Change() if package.package.is_last_resort else Change(drop=(Drop(PACKAGES, package.package.ref.hex()),))


def credential(identity_key: bytes, device: str) -> bytes:
    """Return the MLS credential identity of a device: the person's key (32 bytes), then the device's id (16)."""
    return identity_key + bytes.fromhex(device)


def own_identity(me: Me) -> Identity:
    return Identity(
        name=credential(me.member.identity_key, me.device),
        signature_private=me.sign_private,
        signature_public=me.sign_key,
    )


def device_of(identity: bytes) -> str:
    """Return the device id in a credential identity."""
    return identity[32:].hex()


def person_at(identity: bytes) -> str:
    """Return the person's id in a credential identity."""
    return person_id(person_of(identity))


def capability_of(keys: Keys) -> str:
    """Return the group's key to the service in this epoch: known to its members, and to nobody who was removed."""
    return mls.export_secret(keys, b"companion capability", keys.group_id).hex()


def ruled(group: Group, keys: Keys) -> Group:
    """Return the group with the epoch, the capability and the rules of a state."""
    policy = keys.policy
    if policy is None:
        raise CryptoError("a group of ours has a policy")
    keeper_id = person_at(policy.signer)
    keeper = next((member for member in group.known if member.person == keeper_id), None)
    return replace(
        group,
        epoch=keys.epoch,
        capability=capability_of(keys),
        administrators=tuple(person_id(key) for key in policy.administrators),
        keeper=keeper or group.keeper,
    )


def leaf_of(keys: Keys, device: str) -> int | None:
    """Return the leaf index of a device, or None if it is not in the group."""
    return next((index for index, identity in keys.members() if device_of(identity) == device), None)
