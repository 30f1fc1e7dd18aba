"""Changes of membership: intents become one commit, which the service takes as the first of its epoch or not at all.

An intent stays a document until the group is as it wants it, so a lost race, a crash or a lost reply only means that
it is tried again on the newer state. Callers hold the turn of `KeyStates`.
"""

import logging
from dataclasses import dataclass, replace

from companion import outgoing
from companion.app.context import Context
from companion.app.groups.key_states import KeyState, KeyStates, capability_of, leaf_of, person_at
from companion.app.groups.outbox import Outbox
from companion.errors import CryptoError, MessageRejected
from companion.fields import each_read, refused
from companion.groups import LEAVING, MEMBER, Group
from companion.mls import group as mls
from companion.mls.group_state import Environment
from companion.mls.group_state import Group as Keys
from companion.mls.policy import person_of
from companion.mls.proposals import KeyPackage
from companion.outgoing import COMMIT, CONTENT, PROPOSAL, Outgoing
from companion.ports import Change, Doc, Drop, Put
from companion.strings import kept
from companion.times import is_past
from companion.wire import SUITE_MLS, format_envelope

log = logging.getLogger(__name__)

INTENTS = "intents"
RENEW_MS = 7 * 86_400_000
ADD, RETURN, REMOVE_PERSON, REMOVE_DEVICE, ADMINISTRATORS, LEAVE = (
    "add",
    "return",
    "remove_person",
    "remove_device",
    "administrators",
    "leave",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a group should become. `subject` is a person's or a device's id; `keys` are identity keys.

    `package` lets the device in; `leaf_key` is the leaf that a returning device had when its request was read. With
    `waits` it is not acted on before the announcement has come back in the order of the group.
    """

    group: str
    kind: str
    subject: str = ""
    package: bytes = b""
    leaf_key: bytes = b""
    keys: tuple[bytes, ...] = ()
    waits: bool = False

    @property
    def id(self) -> str:
        """One of each kind for each subject; a device is let in or comes back, not both."""
        return f"{self.group}:{ADD if self.kind == RETURN else self.kind}:{self.subject}"

    def put(self) -> Put:
        doc: Doc = {
            "_id": self.id,
            "_v": 1,
            "group": self.group,
            "kind": self.kind,
            "subject": self.subject,
            "package": self.package.hex(),
            "leaf_key": self.leaf_key.hex(),
            "keys": [key.hex() for key in self.keys],
            "waits": self.waits,
        }
        return Put(INTENTS, doc)

    @classmethod
    @refused("an intent")
    def from_doc(cls, doc: Doc) -> "Intent":
        keys = doc["keys"]
        return cls(
            group=kept(doc["group"]),
            kind=kept(doc["kind"]),
            subject=kept(doc["subject"]),
            package=bytes.fromhex(kept(doc["package"])),
            leaf_key=bytes.fromhex(kept(doc["leaf_key"])),
            keys=tuple(bytes.fromhex(kept(key)) for key in keys) if isinstance(keys, list) else (),
            waits=bool(doc["waits"]),
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one commit should do."""

    add: tuple[bytes, ...] = ()
    remove: tuple[int, ...] = ()
    administrators: tuple[bytes, ...] | None = None


class Commits:
    """Turns the intents of a group into commits, one at a time."""

    def __init__(self, context: Context, key_states: KeyStates, outbox: Outbox) -> None:
        self._context = context
        self._key_states = key_states
        self._outbox = outbox
        self._lost: dict[str, int] = {}

    def lose(self, group: str, epoch: int) -> None:
        """Somebody else was first in this epoch: wait until their commit was read."""
        self._lost[group] = epoch

    def release(self) -> None:
        """Try again what was lost: the connection is another one."""
        self._lost.clear()

    async def intents(self, group: str) -> tuple[Intent, ...]:
        docs = await self._context.store.all(INTENTS)
        return each_read((doc for doc in docs if doc.get("group") == group), Intent.from_doc)

    async def work(self, group: Group, key_state: KeyState) -> bool:
        """Make the next commit or proposal, if there is something to do. Returns whether something waits to be sent."""
        if group.state not in (MEMBER, LEAVING) or key_state.pending is not None:
            return False
        if self._lost.get(group.id) == key_state.keys.epoch or not self._outbox.is_caught_up(group.service):
            return False
        environment = self._key_states.environment(group.known, self._context.told.now_ms(group.service))
        plan, done, left = _Plan(), list[str](), list[Intent]()
        for intent in await self.intents(group.id):
            if intent.waits:
                continue
            more = self._planned(group, key_state.keys, intent, environment)
            if more is None:
                done.append(intent.id)
            elif intent.kind == LEAVE and more == _Plan():
                left.append(intent)
            else:
                plan = _together(plan, more)
        if done:
            await self._context.commit(Change(drop=tuple(Drop(INTENTS, id) for id in done)))
        if plan != _Plan() or self._is_due(group) or await self._has_to_commit(group, key_state.keys):
            return await self._commit(group, key_state, plan, environment)
        return bool(left) and await self._propose_leaving(group, key_state, environment)

    def _planned(self, group: Group, keys: Keys, intent: Intent, environment: Environment) -> _Plan | None:
        """Return what the intent needs, or None if the group is as it wants it, or it cannot be."""
        match intent.kind:
            case "add" if leaf_of(keys, intent.subject) is None:
                if all(member.devices.device(intent.subject) is None for member in group.known):
                    return _Plan()  # its person has not told the group of it yet
                return None if _parsed(intent.package, environment) is None else _Plan(add=(intent.package,))
            case "return":
                return _returning(keys, intent, environment)
            case "remove_person":
                leaves = tuple(i for i, identity in keys.members() if person_at(identity) == intent.subject)
                return _Plan(remove=leaves) if leaves and keys.own_leaf not in leaves else None
            case "remove_device":
                leaf = leaf_of(keys, intent.subject)
                return _Plan(remove=(leaf,)) if leaf is not None and leaf != keys.own_leaf else None
            case "administrators" if keys.policy is not None and set(intent.keys) != set(keys.policy.administrators):
                return _Plan(administrators=intent.keys)
            case "leave":
                return _leaving(group, keys, self._context.me.member.identity_key)
            case _:
                return None

    def _is_due(self, group: Group) -> bool:
        """Whether this device should renew its keys, so that whoever copied them once reads no longer than that."""
        now_ms = self._context.told.now_ms(group.service)
        is_old = not is_past(group.renewed_ms, now_ms) or now_ms - group.renewed_ms > RENEW_MS
        return group.state == MEMBER and is_old

    async def _has_to_commit(self, group: Group, keys: Keys) -> bool:
        """Whether what others proposed has to be committed by us: we look after the group, or want to send."""
        if not keys.proposals or group.state != MEMBER:
            return False
        if self._context.me.member.person in group.administrators:
            return True
        return any(item.kind == CONTENT and not item.body for item in await self._outbox.of_group(group.id))

    async def _commit(self, group: Group, key_state: KeyState, plan: _Plan, environment: Environment) -> bool:
        try:
            keys, pending = mls.commit(
                key_state.keys, environment, add=plan.add, remove=plan.remove, administrators=plan.administrators
            )
        except (CryptoError, MessageRejected) as error:
            log.warning("a change of membership is not possible: %s", error)
            await self._give_up(group)
            return False
        item = Outgoing(
            cid=self._context.new_id(),
            service=group.service,
            kind=COMMIT,
            group=group.id,
            capability=group.capability,
            next_capability=capability_of(pending.state),
        ).sealed(format_envelope(SUITE_MLS, pending.message), keys.epoch)
        made = replace(key_state, keys=keys, pending=pending, pending_cid=item.cid)
        await self._key_states.commit(Change(put=(Put(outgoing.TABLE, item.to_doc()),)), made)
        return True

    async def _give_up(self, group: Group) -> None:
        """Drop what can never be committed, so that it does not stop everything else."""
        ids = [intent.id for intent in await self.intents(group.id) if not intent.waits and intent.kind != LEAVE]
        if ids:
            await self._context.commit(Change(drop=tuple(Drop(INTENTS, id) for id in ids)))

    async def _propose_leaving(self, group: Group, key_state: KeyState, environment: Environment) -> bool:
        waits = any(item.kind == PROPOSAL for item in await self._outbox.of_group(group.id))
        if waits or _has_proposed(key_state.keys):
            return False
        keys, message = mls.propose_remove(key_state.keys, key_state.keys.own_leaf, environment)
        item = Outgoing(cid=self._context.new_id(), service=group.service, kind=PROPOSAL, group=group.id)
        item = item.sealed(format_envelope(SUITE_MLS, message), keys.epoch)
        await self._key_states.commit(Change(put=(Put(outgoing.TABLE, item.to_doc()),)), replace(key_state, keys=keys))
        return True


def _has_proposed(keys: Keys) -> bool:
    return any(item.sender.index == keys.own_leaf for item in keys.proposals)


def _parsed(package: bytes, environment: Environment) -> KeyPackage | None:
    try:
        return mls.parse_key_package(package, environment)
    except MessageRejected as error:
        log.warning("a key package cannot be used: %s", error)
        return None


def _returning(keys: Keys, intent: Intent, environment: Environment) -> _Plan | None:
    package = _parsed(intent.package, environment)
    if package is None:
        return None
    leaf = leaf_of(keys, intent.subject)
    if leaf is None:
        return _Plan(add=(intent.package,))
    key = keys.member(leaf).encryption_key
    if key == package.leaf_node.encryption_key:
        return None  # somebody else let it back in before its request was read here
    if key != intent.leaf_key:
        return None  # it was let back in, or has moved by itself, since its request was read
    return _Plan(add=(intent.package,), remove=(leaf,))


def _leaving(group: Group, keys: Keys, identity_key: bytes) -> _Plan | None:
    """Take my other devices out first, and hand the care of the group on before the last who has it goes."""
    mine = tuple(i for i, identity in keys.members() if i != keys.own_leaf and person_of(identity) == identity_key)
    if mine:
        return _Plan(remove=mine)
    if keys.policy is None or identity_key not in keys.policy.administrators:
        return _Plan()
    others = tuple(key for key in keys.policy.administrators if key != identity_key)
    heirs = sorted((s for s in group.seats if s.member.identity_key != identity_key), key=lambda s: s.joined_ms)
    if others or not heirs:
        return _Plan()  # nothing stands in the way
    return _Plan(administrators=(identity_key, heirs[0].member.identity_key))


def _together(plan: _Plan, more: _Plan) -> _Plan:
    """Return both, each leaf and package once."""
    return _Plan(
        add=tuple(dict.fromkeys((*plan.add, *more.add))),
        remove=tuple(dict.fromkeys((*plan.remove, *more.remove))),
        administrators=more.administrators or plan.administrators,
    )
