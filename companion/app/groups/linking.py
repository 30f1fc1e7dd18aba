"""My devices: link another one, revoke one that is lost, and what my devices tell each other.

Linking: this device shows a code, and seals behind it, at the service, which device it is. The new device reads that,
and writes a `hello` letter with its keys and a proof that it holds the code. This device enters it in my device list,
hands me over to it in a letter, and tells every group. The new device asks to be let into each of them.
"""

import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from companion import inviting
from companion.app.context import ME, Context
from companion.app.groups.choosing import choices_told
from companion.app.groups.history import history_contents, taken_over
from companion.app.groups.key_states import KeyState
from companion.app.groups.tools import Outcome, Tools
from companion.crypto.primitives import aead_open, aead_seal, hkdf, hmac_sha256, random_bytes, signing_public
from companion.devices import NAME_BYTES, Device, DeviceList
from companion.errors import CryptoError, InviteGarbled, MessageRejected, NoOwnService, SyncError, UsageError
from companion.fields import as_object, read_or, refused, whole
from companion.groups import MEMBER
from companion.letters import Letter
from companion.people import Me, Member
from companion.ports import PACKAGES, Change, Doc, Drop, InboxItem, Network, Put
from companion.space.words import KNOWN, Words
from companion.space.words import TABLE as WORDS
from companion.strings import clean_line, kept, read_line
from companion.times import MINUTE_MS
from companion.wire import InviteCode, create_invite_code, parse_invite

TABLE = "linking"
OFFER_MS = 10 * MINUTE_MS
ASKED, OFFERED = "asked", "offered"
_LABEL = b"companion link v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MyDevice:
    """One of my devices in use. `since_ms`: ms since the epoch, UTC."""

    id: str
    name: str
    since_ms: int
    is_this: bool


class Linking:
    """The devices of the person whose app this is."""

    def __init__(
        self, context: Context, tools: Tools, network: Network, follow: Callable[[str], Awaitable[None]]
    ) -> None:
        self._context = context
        self._tools = tools
        self._network = network
        self._follow = follow
        self.gives: list[Callable[[Device, DeviceList], Awaitable[Change]]] = []
        """What a new device of mine is given besides: each returns what to commit with the handover."""
        self.revoked: list[Callable[[], Awaitable[None]]] = []
        """Who has to act when a device of mine is in use no longer."""

    def handlers(self) -> "dict[str, Callable[[str, Letter, InboxItem], Awaitable[Outcome]]]":
        """Return who takes the letters of linking."""
        return {"hello": self._hello, "handover": self._handover, "history": self._history}

    def devices(self) -> tuple[MyDevice, ...]:
        """Return my devices in use, oldest first."""
        me = self._context.me
        return tuple(
            MyDevice(id=d.id, name=d.name, since_ms=d.since_ms, is_this=d.id == me.device)
            for d in me.member.devices.active
        )

    # On the old device

    async def offer(self) -> InviteCode:
        """Return a code that links one new device within ten minutes. Raises SyncError."""
        service = await self._service()
        code = create_invite_code(random_bytes(10), service)
        expires_ms = self._context.clock.now_ms() + OFFER_MS
        relay = await self._network.relay(service)
        doc: Doc = {"_id": code.id, "_v": 1, "state": OFFERED, "code": code.code, "expires_ms": expires_ms}
        self._left_ms(doc)
        await self._context.commit(Change(put=(Put(TABLE, doc),)))
        card = {"member": self._context.me.member.to_doc(), "device": self._context.me.device}
        sealed = aead_seal(code.key, json.dumps(card).encode(), _LABEL + code.id.encode())
        await relay.put_invite(code.id, sealed, expires_ms)
        await self._follow(service)
        return code

    def _left_ms(self, offer: Doc) -> int:
        """Return how long an offer still holds by this device's stopwatch, whatever the service says of it."""
        expires_ms = whole(offer["expires_ms"])
        return self._context.timers.left_ms(f"{TABLE} {offer['_id']}", expires_ms - OFFER_MS, expires_ms)

    async def _service(self) -> str:
        groups = [group for group in await self._tools.groups() if group.state == MEMBER]
        service = groups[0].service if groups else self._network.default_service
        if not service:
            raise NoOwnService("no service is known")
        return service

    async def _hello(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """A new device shows that it holds the code: it is mine from now on."""
        doc = await self._context.store.get(TABLE, str(letter.content.get("offer")))
        device = read_device(letter)
        if doc is None or doc["state"] != OFFERED:
            raise MessageRejected("a new device without an offer")
        if not self._left_ms(doc) or self._context.told.here_ms(service, item.at_ms) >= whole(doc["expires_ms"]):
            raise MessageRejected("a new device after its offer has run out")
        code = InviteCode(code=str(doc["code"]), service=service)
        if not hmac.compare_digest(str(letter.content.get("proof")).encode(), _proof(code, device).encode()):
            raise MessageRejected("a new device without proof")
        me = self._context.me
        try:
            devices = me.member.devices.with_device(me.identity_private, device)
        except ValueError:
            raise MessageRejected("a device too many") from None
        told = await self._told(devices, service)
        over = await self._handed_over(devices, service, device, code)
        for give in self.gives:
            over += await give(device, devices)
        return replace(told, change=told.change + over + Change(drop=(Drop(TABLE, code.id),)))

    async def _handed_over(self, devices: DeviceList, service: str, device: Device, code: InviteCode) -> Change:
        me, letters = self._context.me, list[Put]()
        member = replace(me.member, devices=devices)
        content: Doc = {
            "kind": "handover",
            "member": member.to_doc(),
            "identity_private": me.identity_private.hex(),
            "offer": code.id,
            "proof": _proof(code, device),
        }
        letters.append(self._tools.outbox.letter(service, device, content))
        words = read_or(await self._context.store.get(WORDS, KNOWN), Words.from_doc, None)
        if words is not None:
            letters.append(self._tools.outbox.letter(service, device, words.told()))
        for choice in await choices_told(self._context):
            letters.append(self._tools.outbox.letter(service, device, choice))
        groups = tuple(g for g in await self._tools.groups() if g.state == MEMBER and g.service == service)
        for group in groups:
            expect = {**inviting.expect_content(group), "asks": True}
            letters.append(self._tools.outbox.letter(service, device, expect))
        for lines in await history_contents(self._context, groups):
            letters.append(self._tools.outbox.letter(service, device, lines))
        return Change(put=tuple(letters))

    async def tell(self, content: Doc) -> None:
        """Write something to my other devices, where there are any."""
        if self._context.me.other_devices:
            service, letter = await self._service(), self._tools.outbox.letter
            puts = tuple(letter(service, device, content) for device in self._context.me.other_devices)
            await self._context.commit(Change(put=puts))
            await self._follow(service)

    async def _told(self, devices: DeviceList, service: str) -> Outcome:
        """Return what tells my new device list to this device, my other devices and every group."""
        me = self._context.me
        member = replace(me.member, devices=devices)
        note: Doc = {"kind": "me", "member": member.to_doc()}
        others = [device for device in me.other_devices if devices.device(device.id) is not None]
        puts = [self._tools.outbox.letter(service, device, note) for device in others]
        said: Doc = {"kind": "devices", "member": member.to_doc()}
        keys: list[KeyState] = []
        for group in await self._tools.groups():
            with self._tools.aside.holding(group.id):  # one that is damaged keeps the others from nothing
                key_state = await self._tools.key_states.of(group.id)
                if group.state == MEMBER and key_state is not None:
                    key_state, put = self._tools.outbox.content(group, key_state, said)
                    keys.append(key_state)
                    puts.append(put)
        return Outcome(change=self._tools.my_devices(devices) + Change(put=tuple(puts)), key_states=tuple(keys))

    async def revoke(self, device: str) -> None:
        """Let a device of mine read nothing from now on: every group removes it, and the service forgets it.

        Raises: UsageError for this device, or one that is not in use.
        """
        me = self._context.me
        if device == me.device:
            raise UsageError("another device has to revoke this one")
        try:
            devices = me.member.devices.without_device(me.identity_private, device, self._context.clock.now_ms())
        except ValueError:
            raise UsageError("no such device") from None
        services = {group.service for group in await self._tools.groups() if group.state == MEMBER}
        async with self._tools.key_states.turn():
            told = await self._told(devices, await self._service())
            await self._tools.key_states.commit(told.change, *told.key_states)
        for act in self.revoked:
            await act()
        for service in services:
            await self._follow(service)
            try:
                await (await self._network.relay(service)).revoke_device(device)
            except SyncError:  # the groups shut it out without the service's help
                continue

    # On the new device

    async def link(self, text: str, name: str = "") -> None:
        """Make this device, which has no groups yet, one of a person who uses Companion already.

        `text` is the code that the other device shows; `name` is what to call this device, at most 60 bytes. It is
        done when a letter has come back: then `is_linking` is False and I am that person.
        Raises: UsageError with groups here or a name too long, InviteError, SyncError.
        """
        if await self._tools.groups() or await self._context.store.all(PACKAGES):
            raise UsageError("this device was somebody's own already")
        code = parse_invite(text)
        code = InviteCode(code=code.code, service=code.service or self._network.default_service)
        relay = await self._network.relay(code.service)
        old = read_offer(code, await relay.claim_invite(code.id))
        me, now_ms = self._context.me, self._context.clock.now_ms()
        own = me.member.devices.active[0]
        device = replace(own, name=clean_line(name), since_ms=now_ms)
        if len(device.name.encode()) > NAME_BYTES:
            raise UsageError("the name is too long")
        content: Doc = {
            "kind": "hello",
            "offer": code.id,
            "seal_key": own.seal_key.hex(),
            "name": device.name,
            "since_ms": now_ms,
            "proof": _proof(code, device),
        }
        doc: Doc = {"_id": code.id, "_v": 1, "state": ASKED, "code": code.code, "service": code.service}
        doc |= {"device": old.id, "name": device.name, "since_ms": now_ms}
        hello = self._tools.outbox.letter(code.service, old, content)
        await self._context.commit(Change(put=(Put(TABLE, doc), hello)))
        await self._follow(code.service)

    async def is_linking(self) -> bool:
        """Whether this device waits for my other one to hand me over."""
        return await waits_for_handover(self._context)

    async def _handover(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """My other device made this one mine."""
        doc = await self._context.store.get(TABLE, str(letter.content.get("offer")))
        if doc is None or doc["state"] != ASKED or doc["device"] != letter.sender:
            raise MessageRejected("a handover that was not asked for")
        me = self._handed(letter, InviteCode(code=str(doc["code"]), service=service))
        asked = [one for one in await self._context.store.all(TABLE) if one["state"] == ASKED]
        drop = tuple(Drop(TABLE, str(one["_id"])) for one in asked)  # also a code that was tried before this one
        return Outcome(change=Change(put=(Put(ME, me.to_doc()),), drop=drop))

    async def _history(self, service: str, letter: Letter, item: InboxItem) -> Outcome:
        """My other device tells what was said before."""
        if self._context.me.member.devices.device(letter.sender) is None:
            raise MessageRejected("lines from somebody else's device")
        group = await self._tools.group(str(letter.content.get("group")))
        return Outcome(change=await taken_over(self._context, group, letter))

    def _handed(self, letter: Letter, code: InviteCode) -> Me:
        me = self._context.me
        member = Member.from_doc(as_object(letter.content["member"]))
        identity_private = bytes.fromhex(str(letter.content["identity_private"]))
        proof = str(letter.content["proof"])
        member.check()
        device = member.devices.device(me.device)
        is_ours = device is not None and hmac.compare_digest(proof.encode(), _proof(code, device).encode())
        if not is_ours or member.devices.device(letter.sender) is None:
            raise MessageRejected("a handover for another device")
        try:
            if signing_public(identity_private) != member.identity_key:
                raise MessageRejected("a handover with another key")
        except CryptoError:
            raise MessageRejected("a handover without a key") from None
        return replace(me, member=member, identity_private=identity_private)


async def waits_for_handover(context: Context) -> bool:
    return bool(await asked_at(context))


async def asked_at(context: Context) -> frozenset[str]:
    """Return the services at which this device waits for another one to make it mine."""
    return frozenset(kept(doc["service"]) for doc in await context.store.all(TABLE) if doc["state"] == ASKED)


def account_of(me: Me) -> str:
    """Return what my devices show the service to revoke each other: the same on all of them, and secret."""
    return hkdf(me.identity_private, b"companion account v1", 32).hex()


@refused("a new device")
def read_device(letter: Letter) -> Device:
    name = read_line(letter.content["name"], NAME_BYTES, "a device's name", may_be_empty=True)
    device = Device(
        sign_key=letter.sign_key,
        seal_key=bytes.fromhex(str(letter.content["seal_key"])),
        name=name,
        since_ms=whole(letter.content["since_ms"]),
    )
    if len(device.seal_key) != 32 or len(name.encode()) > NAME_BYTES:
        raise MessageRejected("a new device with a strange key or name")
    return device


@refused("an offer", InviteGarbled)
def read_offer(code: InviteCode, body: bytes) -> Device:
    """Return the device that made the offer. Raises InviteGarbled."""
    try:
        card = as_object(json.loads(aead_open(code.key, body, _LABEL + code.id.encode())))
        member = Member.from_doc(as_object(card["member"]))
        member.check()
        device = member.devices.device(str(card["device"]))
    except (CryptoError, MessageRejected):
        raise InviteGarbled("the code does not open an offer") from None
    if device is None:
        raise InviteGarbled("an offer of no device")
    return device


def _proof(code: InviteCode, device: Device) -> str:
    return hmac_sha256(code.key, _LABEL + device.sign_key + device.seal_key).hex()
