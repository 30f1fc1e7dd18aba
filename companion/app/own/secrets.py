"""A person's own secret: what their keys in other spaces follow from.

My devices share it through my own space. Where there is none, or a device does not share, it has one for itself.
"""

from companion.app.context import Context
from companion.crypto.primitives import random_bytes
from companion.fields import each_read, refused, whole
from companion.ports import Change, Doc, Put
from companion.space.place import OWN, Space
from companion.space.place import TABLE as SPACES
from companion.strings import kept

SECRETS = "own_secrets"


class OwnSecrets:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def all(self) -> tuple[bytes, ...]:
        """Return every own secret that is known here, the one in force first; there always is one."""
        own = next((doc["_id"] for doc in await self._context.store.all(SPACES) if doc["kind"] == OWN), "")
        rows = each_read(await self._context.store.all(SECRETS), read_row)
        if not rows:
            secret = random_bytes(32)
            await self._context.commit(Change(put=(row("", 1, secret),)))
            return (secret,)
        ordered = sorted(rows, key=lambda one: (one[0] == own, bool(one[0]), one[1]), reverse=True)
        return tuple(dict.fromkeys(secret for _, _, secret in ordered))

    async def next_of(self, space: Space) -> tuple[int, bytes]:
        """Return the number and the secret that my devices are given next in their space. The first is the one that
        this device has had, unless somebody has to be shut out.
        """
        rows = each_read(await self._context.store.all(SECRETS), read_row)
        number = 1 + max((number for of, number, _ in rows if of == space.id), default=0)
        held = next((secret for of, _, secret in rows if not of), None)
        is_first = number == 1 and space.generation == 1
        return number, held if is_first and held is not None else random_bytes(32)


def row(space: str, number: int, secret: bytes) -> Put:
    doc: Doc = {"_id": f"{space}:{number}", "_v": 1, "space": space, "number": number, "secret": secret.hex()}
    return Put(SECRETS, doc)


@refused("an own secret that is kept")
def read_row(doc: Doc) -> tuple[str, int, bytes]:
    """Return the own space it is of, empty for none, its number, and itself."""
    return kept(doc["space"]), whole(doc["number"]), bytes.fromhex(kept(doc["secret"]))
