"""A person's own secret: what their keys in other spaces follow from.

My devices share it through my own space. Where there is none, or a device does not share, they tell it each other by
letters: of two the one with the higher number counts, then the larger one.
"""

from dataclasses import dataclass, replace

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.groups.tools import Outcome
from companion.crypto.primitives import random_bytes
from companion.errors import MessageRejected
from companion.fields import as_list, each_read, refused, whole
from companion.groups import MEMBER
from companion.letters import Letter
from companion.ports import Change, Doc, InboxItem, Put
from companion.space.place import OWN, Space
from companion.space.place import TABLE as SPACES
from companion.strings import kept

SECRETS = "own_secrets"
LETTER = "own_secret"
NUMBER_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSecret:
    """One own secret, 32 bytes: of an own space, or, with an empty `space`, told by letters. `told`: the devices that
    have it by a letter of this one, or wrote it in theirs.
    """

    space: str
    number: int
    secret: bytes
    told: tuple[str, ...] = ()

    def put(self) -> Put:
        place = self.space or self.secret.hex()[:16]
        doc: Doc = {"_id": f"{place}:{self.number}", "_v": 1, "space": self.space, "number": self.number}
        return Put(SECRETS, doc | {"secret": self.secret.hex(), "told": list(self.told)})


class OwnSecrets:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def known(self) -> tuple[OwnSecret, ...]:
        """Return those that are known here, the one in force first."""
        own = next((doc["_id"] for doc in await self._context.store.all(SPACES) if doc["kind"] == OWN), "")
        found = each_read(await self._context.store.all(SECRETS), read_own_secret)
        return tuple(sorted(found, key=lambda one: (one.space == own, one.number, one.secret), reverse=True))

    async def all(self) -> tuple[bytes, ...]:
        """Return every own secret that is known here, the one in force first; there always is one."""
        known = await self.known()
        if not known:
            known = (OwnSecret(space="", number=1, secret=random_bytes(32)),)
            await self._context.commit(Change(put=(known[0].put(),)))
        return tuple(dict.fromkeys(one.secret for one in known))

    async def next_of(self, space: Space) -> tuple[int, bytes]:
        """Return the number and the secret that my devices are given next in their space. The first is the one that
        this device has had, unless somebody has to be shut out.
        """
        known = await self.known()
        number = 1 + max((one.number for one in known if one.space == space.id), default=0)
        held = next((one.secret for one in known if not one.space), None)
        is_first = number == 1 and space.generation == 1
        return number, held if is_first and held is not None else random_bytes(32)


class SecretLetters:
    """Tells my other devices the own secret, where no space of mine does it."""

    def __init__(self, context: Context, groups: Grouping, secrets: OwnSecrets) -> None:
        self._context = context
        self._groups = groups
        self._secrets = secrets
        groups.inbox.add({LETTER: self._told})

    async def tell(self) -> None:
        """Tell each device of mine the secret in force; another one, if one that has it is lost."""
        known = await self._secrets.known()
        services = [group.service for group in await self._groups.groups() if group.state == MEMBER]
        if not known or known[0].space or not services or not self._context.me.other_devices:
            return
        now, devices = known[0], self._context.me.member.devices
        if any(devices.device(one) is None for one in now.told):
            now = OwnSecret(space="", number=now.number + 1, secret=random_bytes(32))
        missing = [device for device in self._context.me.other_devices if device.id not in now.told]
        if not missing:
            return
        content: Doc = {"kind": LETTER, "number": now.number, "secret": now.secret.hex()}
        letters = tuple(self._groups.tools.outbox.letter(services[0], device, content) for device in missing)
        told = replace(now, told=(*now.told, *(device.id for device in missing)))
        await self._context.commit(Change(put=(told.put(), *letters)))
        await self._groups.follow(services[0])

    async def _told(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        if self._context.me.member.devices.device(letter.sender) is None:
            raise MessageRejected("a letter that only a device of mine may write")
        said = read_own_secret({**letter.content, "space": "", "told": [letter.sender]})
        known = await self._secrets.known()
        same = next(
            (one for one in known if (one.space, one.number, one.secret) == ("", said.number, said.secret)), said
        )
        return Outcome(change=Change(put=(replace(same, told=(*{*same.told, letter.sender},)).put(),)))


@refused("an own secret")
def read_own_secret(doc: Doc) -> OwnSecret:
    """Raises: MessageRejected."""
    secret = bytes.fromhex(kept(doc["secret"]))
    if len(secret) != 32 or whole(doc["number"]) >= NUMBER_LIMIT:
        raise MessageRejected("a secret of another length, or number")
    told = tuple(kept(one) for one in as_list(doc.get("told", [])))
    return OwnSecret(space=kept(doc["space"]), number=whole(doc["number"]), secret=secret, told=told)
