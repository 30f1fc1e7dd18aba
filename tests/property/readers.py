"""Every reader of the core and of the sync client, found by looking, and how each is tried with bad input.

A reader is a function named `from_doc`, `decode`, `read_...`, `open_...`, `parse_...` or `decode_...`. Each that is
found needs a recipe here, with what it reads when all is well; the fuzz changes that.
"""

import base64
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import companion
import services.sync
from companion import (
    attachments,
    checkins,
    consent,
    groups,
    inviting,
    journal,
    nudges,
    outgoing,
    pairs,
    people,
    stories,
    times,
)
from companion.app.chat.sharing import seal_file
from companion.app.groups import choosing, linking
from companion.app.groups.asking import Asked
from companion.app.groups.commits import Intent
from companion.app.groups.key_states import KeyState
from companion.chat import agreement, attention, contents, message, polls, private, reports, sharing, standing
from companion.crypto import hpke
from companion.crypto.primitives import aead_seal, dh_keypair
from companion.farewells import Farewell, LogToDrop
from companion.inviting import Invite
from companion.letters import Letter, open_letter, parse_content, seal_letter
from companion.mls import codec
from companion.mls import group as mls
from companion.people import create_me
from companion.wire import SUITE_LETTER, create_invite_code, format_envelope, format_notice
from tests.property.space_readers import space_recipes
from tests.unit.mls.circle import Circle, env

NAMED = re.compile(r"(from_doc|decode|read_\w+|open_\w+|parse_\w+|decode_\w+)")
INSIDE = frozenset(
    {
        "companion.mls.codec.decode",  # given the reader of what it decodes; every one of those is tried
        "companion.mls.framing.read_auth_data",  # these take what another reader has read: see `process` and `join`
        "companion.mls.framing.read_body",
        "companion.mls.messages.open_group_info",
        "companion.mls.private_message.open_sender_data",
        "companion.mls.processing.open_message",
        "companion.mls.processing.open_own",
        "companion.fields.read_or",  # given what it reads with
        "companion.mls.update_path.open_path",
        "companion.crypto.chunked.ChunkedReader.read_at",  # by way of `open_file`
        "companion.strings.read_line",  # these by way of every other one
        "companion.strings.read_text",
    }
)
AT_MS = 1_800_000_000_000
ID, OTHER, THIRD = "aa" * 16, "bb" * 16, "cc" * 16
ANN, BEN = create_me("Ann Lee", "gp", device_name="Phone"), create_me("Ben Okri", "other")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`read` takes one of `good`, or what became of it."""

    read: Callable[[Any], object]
    good: tuple[Any, ...]
    also: tuple[type[Exception], ...] = ()
    """What it may raise beside our own errors, because its callers turn it into one."""


def found() -> dict[str, Callable[..., object]]:
    """Return every public reader by its full name."""
    packages = (companion, services.sync)
    names = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
    return {name: reader for module in names for name, reader in _of(importlib.import_module(module))}


def _of(module: Any) -> Iterator[tuple[str, Callable[..., object]]]:
    for name, value in vars(module).items():
        if getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(value) and NAMED.fullmatch(name):
            yield f"{module.__name__}.{name}", value
        for inner in vars(value) if inspect.isclass(value) else ():
            if NAMED.fullmatch(inner) and callable(getattr(value, inner)):
                yield f"{module.__name__}.{name}.{inner}", getattr(value, inner)


def reads_octets(reader: Callable[..., object]) -> bool:
    """Tell whether it is one of MLS's readers, which all take the same."""
    return list(inspect.signature(reader).parameters) == ["reader"]


# What is read when all is well --------------------------------------------------------------------------

CODE = create_invite_code(bytes(10), "local")
GROUP = groups.Group(
    id=ID,
    name="First-year leads",
    look="pine",
    service="local",
    capability="ab" * 32,
    seats=(groups.Seat(member=ANN.member, joined_ms=0, invited_by=""),),
    state="member",
    created_ms=AT_MS,
    administrators=(ANN.member.person,),
    guests=(groups.Seat(member=BEN.member, joined_ms=AT_MS, invited_by="Ann Lee"),),
    keeper=ANN.member,
)
INVITE = Invite(code=CODE, group=ID, expires_ms=AT_MS + inviting.INVITE_MS)
PAIR = replace(GROUP, peer=BEN.member, name=BEN.member.name)
REQUEST = pairs.LineRequest(
    member=BEN.member, device=BEN.device, group=ID, code=CODE.code, service="local", asked_ms=AT_MS
)
SEALED_INVITE = inviting.seal_invitation(GROUP, ANN, INVITE, INVITE.expires_ms)
INVITATION = inviting.open_invitation(CODE, SEALED_INVITE, AT_MS, AT_MS)
PICTURE = attachments.Attachment(
    id=ID, kind="picture", media_type="image/png", blob={"id": ID}, size_bytes=9, at_ms=1, width=3, height=3
)
FILE = {"blob": ID, "key": "ab" * 32, "kind": "picture", "media_type": "image/png", "size_bytes": 9, "width": 3}
FILE |= {"height": 3, "sample_rate_hz": 0, "channels": 0, "caption": "A door"}
POLL = polls.new_poll(("Yes", "No"), is_secret=True, closes_ms=AT_MS) | {"votes": {OTHER: 1}, "counts": [3, 4]}
MESSAGE = message.Message(
    id=ID,
    group=OTHER,
    sender=THIRD,
    person=THIRD,
    name="Ann",
    profession="gp",
    text="Hello?",
    at_ms=1,
    state="received",
    seq=4,
    topic="Rota",
    mentions=(ID,),
    reactions=(message.Reaction(person=ID, emoji="🙏"),),
    attachments=(FILE,),
    poll=POLL,
)
SPEAKER = contents.Speaker(device=THIRD, person=THIRD, name="Ann", profession="gp")
AGREED = agreement.Agreement(group=ID, version=2, purpose="Calm", rules=("Be kind",), keep_days=30, agreed=(OTHER,))
REPORT = reports.Report(
    id=ID, group=OTHER, reason="worry", by=THIRD, by_name="Ann", about=ID, quote="words", note="note", at_ms=1
)
STORY = stories.Story(
    id=ID,
    title="A day",
    created_ms=1,
    work="recorded",
    segments=(stories.Segment(number=0, reference={"id": ID}),),
    sample_rate_hz=48_000,
)
DROPPED = LogToDrop(id=ID, capability="ab" * 32, keeper="cd" * 32)
RECEIPT = consent.Receipt(
    id=ID,
    story=OTHER,
    version=1,
    given_ms=1,
    uses=(consent.Use(id="record", title="Record", detail="On this device"),),
    chosen=frozenset({"record"}),
    previous=None,
)
ENTRY = journal.Entry(
    id=ID, day="2026-03-01", text="Rain", created_ms=1, changed_ms=2, mood=3, tags=("rota",), attachments=(PICTURE,)
)
OUT = outgoing.Outgoing(
    cid=ID, service="local", kind="content", group=ID, content={"kind": "message"}, body=b"x", hashes=("ab",)
)
STANDING = standing.Standing(
    group=ID, received=3, mentions=(standing.Mark(seq=1, id=OTHER),), topics=("Rota",), readers={OTHER: 2}
)
SEAL_PRIVATE, SEAL_KEY = dh_keypair()
CHOICE = {"table": "verified", "doc": {"_id": OTHER, "at_ms": 1}}
PRIVATE = private.private_content({"note": "x"}, (SEAL_KEY,), group=ID, person=OTHER)
CIRCLE = Circle("alice", "bob")
COMMIT = CIRCLE.pending("bob", add=["carol"])
SAID = CIRCLE.say("bob", b"words")
KEYS = KeyState(id=ID, keys=CIRCLE["alice"])
LATER = Circle("alice", "bob")
OLDER = dict(LATER.states)
OWN = LATER.say("alice", b"since then")
OCTETS = (
    SAID,
    COMMIT.message,
    COMMIT.welcome,
    mls.encode_state(CIRCLE["alice"]),
    mls.encode_pending(COMMIT),
    CIRCLE.people["carol"].own.encode(),
    CIRCLE.people["carol"].published,
    codec.opaque(b""),
)


def _hello(doc: dict[str, Any]) -> object:
    return linking.read_device(Letter(sign_key=bytes(32), content=doc))


def _json(doc: Any) -> bytes:
    """Return what a hostile program can write: also what is nested too deep for ours."""
    try:
        return json.dumps(doc).encode()
    except RecursionError:
        return b"[" * 100_000


def _sealed_offer(doc: Any) -> object:
    label = b"companion link v1" + CODE.id.encode()
    return linking.read_offer(CODE, aead_seal(CODE.key, _json(doc), label))


def _sealed_invite(doc: Any) -> object:
    return inviting.open_invitation(CODE, aead_seal(CODE.key, _json(doc), _invite_label()), AT_MS, AT_MS)


def _letter(envelope: bytes) -> object:
    return open_letter(BEN.seal_private, BEN.device, envelope, cid=ID)


def _doc(kind: Any, *good: Any) -> Recipe:
    return Recipe(read=kind.from_doc, good=tuple(one.to_doc() for one in good))


def _content(read: Callable[..., object], *good: Any, **more: Any) -> Recipe:
    return Recipe(read=lambda doc: read(doc, **more), good=good)


def recipes() -> dict[str, Recipe]:
    """Return how each reader is tried, by its full name."""
    from companion.app.chat.sharing import open_file
    from companion.wire import parse_envelope, parse_invite, read_notice
    from services.sync import answers, protocol, transport

    m, at = "companion.", {"seq": 3, "at_ms": AT_MS}
    event = {"group": ID, "seq": 3, "cid": OTHER, "at_ms": 1, "body": "AAAA"}
    event |= {"retry_ms": 5, "error": "rotated", "head": 1}
    join = inviting.join_content(INVITATION, BEN, {BEN.device: b"package"})
    named = {
        "attachments.Attachment.from_doc": _doc(attachments.Attachment, PICTURE),
        "attachments.InWork.from_doc": _doc(attachments.InWork, attachments.InWork(attachment=PICTURE, owner=OTHER)),
        "app.groups.asking.Asked.from_doc": Recipe(
            read=Asked.from_doc, good=(Asked(group=ID, at_ms=3, code="C", device=OTHER).put().doc,)
        ),
        "app.groups.commits.Intent.from_doc": Recipe(
            read=Intent.from_doc, good=(Intent(group=ID, kind="add", package=b"x", keys=(b"k",)).put().doc,)
        ),
        "app.groups.key_states.KeyState.from_doc": _doc(KeyState, KEYS),
        "app.chat.sharing.open_file": Recipe(
            read=lambda data: open_file(data, bytes(32), ID), good=(seal_file(b"words" * 99, bytes(32), ID),)
        ),
        "app.groups.linking.read_device": Recipe(
            read=_hello, good=({"name": "Phone", "seal_key": "ab" * 32, "since_ms": 3},)
        ),
        "app.groups.linking.read_offer": Recipe(
            read=_sealed_offer, good=({"member": ANN.member.to_doc(), "device": ANN.device},)
        ),
        "chat.agreement.Agreement.from_doc": _doc(agreement.Agreement, AGREED),
        "app.groups.choosing.read_choice": _content(choosing.read_choice, CHOICE),
        "chat.agreement.read_agreement": _content(
            agreement.read_agreement, agreement.agreement_content(AGREED, ID), group=ID
        ),
        "chat.attention.Quiet.from_doc": _doc(attention.Quiet, attention.Quiet()),
        "chat.attention.Wishes.from_doc": _doc(attention.Wishes, attention.Wishes(group=ID, folded=(OTHER,))),
        "chat.contents.read_edit": _content(contents.read_edit, contents.edit_content(ID, "New", (OTHER,))),
        "chat.contents.read_message": _content(
            contents.read_message, contents.message_content(MESSAGE), group=ID, speaker=SPEAKER, **at
        ),
        "chat.contents.read_react": _content(contents.read_react, contents.react_content(ID, "🙏", True)),
        "chat.message.Message.from_doc": _doc(message.Message, MESSAGE),
        "chat.polls.read_close": _content(polls.read_close, polls.close_content(ID, POLL), poll=POLL),
        "chat.polls.read_poll": _content(polls.read_poll, {"poll": polls.poll_content(POLL)}),
        "chat.private.open_private": _content(private.open_private, PRIVATE, key=SEAL_PRIVATE, group=ID, person=OTHER),
        "chat.reports.Report.from_doc": _doc(reports.Report, REPORT),
        "chat.reports.read_outcome": _content(reports.read_outcome, reports.outcome_content(REPORT, "Done")),
        "chat.reports.read_report": _content(
            reports.read_report, reports.report_content(REPORT), group=ID, by=OTHER, by_name="Ann", at_ms=1
        ),
        "chat.sharing.read_shared_file": _content(sharing.read_shared_file, FILE),
        "chat.standing.Seen.from_doc": _doc(standing.Seen, standing.Seen(group=ID, topics=("Rota",))),
        "chat.standing.Standing.from_doc": _doc(standing.Standing, STANDING),
        "checkins.CheckIn.from_doc": _doc(checkins.CheckIn, checkins.CheckIn(id=ID, at_ms=1, level=3, word="ok")),
        "consent.Receipt.from_doc": _doc(consent.Receipt, RECEIPT),
        "devices.DeviceList.decode": Recipe(
            read=people.DeviceList.decode, good=(ANN.member.devices.encode(), base64.b64encode(bytes(300)).decode())
        ),
        "farewells.Farewell.from_doc": _doc(
            Farewell, Farewell(service="local", device=ID, scope="device", signature=bytes(64), logs=(DROPPED,))
        ),
        "farewells.LogToDrop.from_doc": _doc(LogToDrop, DROPPED),
        "groups.Group.from_doc": _doc(groups.Group, GROUP, replace(GROUP, keeper=None), PAIR),
        "groups.read_peer": _content(groups.read_peer, {"peer": BEN.member.to_doc()}, {"peer": None}),
        "groups.Seat.from_doc": _doc(groups.Seat, *GROUP.seats),
        "groups.parse_seats": _content(lambda value: groups.parse_seats(value, 64), [GROUP.seats[0].to_doc()]),
        "groups.read_joining": _content(groups.read_joining, groups.joining_content(BEN.member, {BEN.device: b"x"})),
        "inviting.Invite.from_doc": _doc(Invite, INVITE),
        "inviting.open_invitation": Recipe(
            read=_sealed_invite, good=(json.loads(inviting.aead_open(CODE.key, SEALED_INVITE, _invite_label())),)
        ),
        "inviting.read_expect": _content(
            inviting.read_expect, inviting.expect_content(GROUP), inviting.expect_content(PAIR), service="local"
        ),
        "inviting.read_join": Recipe(
            read=lambda doc: inviting.read_join(GROUP, INVITE, doc, BEN.device, asked_ms=AT_MS, now_ms=AT_MS),
            good=(join,),
        ),
        "inviting.read_welcome": _content(inviting.read_welcome, inviting.welcome_content(GROUP, b"w", 4)),
        "journal.Entry.from_doc": _doc(journal.Entry, ENTRY),
        "pairs.LineRequest.from_doc": _doc(pairs.LineRequest, REQUEST),
        "pairs.read_request": _content(
            pairs.read_request,
            pairs.line_content(PAIR, CODE, BEN, AT_MS),
            sender=BEN.device,
            service="local",
            at_ms=AT_MS,
        ),
        "letters.open_letter": Recipe(
            read=_letter, good=(seal_letter(ANN.sign_private, BEN.member.devices.active[0], {"kind": "x"}, cid=ID),)
        ),
        "letters.parse_content": Recipe(
            read=lambda doc: parse_content(_json(doc)), good=({"kind": "message", "text": "x"},)
        ),
        "mls.group.decode_key_package": Recipe(read=mls.decode_key_package, good=OCTETS),
        "mls.group.decode_pending": Recipe(read=mls.decode_pending, good=OCTETS),
        "mls.group.decode_state": Recipe(read=mls.decode_state, good=OCTETS),
        "mls.group.open_own": Recipe(read=lambda data: mls.open_own(OLDER["alice"], data), good=(OWN, *OCTETS)),
        "mls.group.parse_key_package": Recipe(read=lambda data: mls.parse_key_package(data, env()), good=OCTETS),
        "mls.messages.decode_message": Recipe(read=mls.decode_message, good=OCTETS),
        "mls.messages.read_head": Recipe(read=mls.head, good=OCTETS),
        "nudges.Nudge.from_doc": _doc(
            nudges.Nudge, nudges.Nudge(id=ID, rule="r", person=OTHER, name="Ann", group=ID, days=3, shown_ms=1)
        ),
        "outgoing.Outgoing.from_doc": _doc(outgoing.Outgoing, OUT),
        "people.Me.from_doc": _doc(people.Me, ANN),
        "people.Member.from_doc": _doc(people.Member, ANN.member),
        "times.Sure.from_doc": Recipe(read=times.Sure.from_doc, good=(times.Sure(sure_ms=1, seen_ms=2).to_doc("x"),)),
        "stories.Story.from_doc": _doc(stories.Story, STORY),
        "wire.parse_envelope": Recipe(read=parse_envelope, good=(format_envelope(SUITE_LETTER, b"x"),)),
        "wire.read_notice": Recipe(read=read_notice, good=(format_notice(bytes(32)),)),
        "wire.parse_invite": Recipe(read=parse_invite, good=(CODE.link, CODE.short)),
        "crypto.hpke.Hpke.open_sealed": Recipe(read=_hpke, good=(hpke.seal(SEAL_KEY, b"", b"words"),)),
        "crypto.hpke.open_sealed": Recipe(read=_hpke, good=(hpke.seal(SEAL_KEY, b"", b"words"),)),
    }
    one_field = {
        "flag": True,
        "id": ID,
        "ids": [ID],
        "list": [1],
        "number": 3,
        "object": {},
        "text": "words",
        "line": "a",
    }
    for name, value in one_field.items():
        named[f"chat.parsing.read_{name}"] = _field(name, value)
    told = {m + name: recipe for name, recipe in named.items()} | space_recipes(Recipe)
    s = "services.sync."
    told |= {
        s + "answers.read_event": _content(lambda doc: answers.read_event(ID, doc), event),
        s + "answers.read_inbox_item": _content(answers.read_inbox_item, event),
        s + "answers.read_id": _content(lambda doc: answers.read_id(doc, "cid"), event),
        s + "answers.read_items": _content(lambda doc: answers.read_items(doc, "items", 9), {"items": [event]}),
        s + "answers.read_number": _content(lambda doc: answers.read_number(doc, "seq"), event),
        s + "answers.read_octets": _content(lambda doc: answers.read_octets(doc, "body"), event),
        s + "answers.read_text": _content(lambda doc: answers.read_text(doc, "error"), event),
        s + "transport.parse_fields": Recipe(read=transport.parse_fields, good=(b'{"a": 1}',)),
    }
    for kind in ("event", "refused", "inbox", "bye", "live"):
        told[f"{s}answers.read_item"] = _content(lambda doc, kind=kind: answers.read_item(kind, doc, {ID}), event)
    for name, good in {"id": ID, "ids": f"{ID},{OTHER}", "capability": "ab" * 32, "number": "3"}.items():
        read = getattr(protocol, f"parse_{name}")
        told[f"{s}protocol.parse_{name}"] = Recipe(read=read, good=(good,), also=(ValueError,))
    told[f"{s}protocol.parse_octets"] = Recipe(read=protocol.parse_octets(3), good=("AAAA",), also=(ValueError,))
    told[f"{s}protocol.decode_octets"] = Recipe(read=protocol.decode_octets, good=("AAAA",), also=(ValueError,))
    return told


def _field(name: str, value: Any) -> Recipe:
    from companion.chat import parsing

    more = {"ids": (3,), "list": (3,), "text": (9,), "line": (9,)}.get(name, ())
    return _content(lambda doc: getattr(parsing, f"read_{name}")(doc, "field", *more), {"field": value})


def _invite_label() -> bytes:
    return b"companion invite v2" + CODE.id.encode()


def _hpke(data: bytes) -> object:
    return hpke.open_sealed(SEAL_PRIVATE, b"", data)
