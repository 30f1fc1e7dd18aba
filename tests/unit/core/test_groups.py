"""Invites, announcements and seats, as pure rules."""

import json
from dataclasses import replace

import pytest

from companion import groups, inviting
from companion.errors import ClockOff, InviteExpired, InviteGarbled, MessageRejected
from companion.groups import Group, Seat
from companion.inviting import Invitation, Invite
from companion.people import Me, Member, create_me, sign_card
from companion.wire import create_invite_code

GROUP = "a1" * 16
NOW = 1_800_000_000_000


class Cast:
    """Alice founded the group and invited Bob; Carol is a stranger."""

    def __init__(self) -> None:
        self.alice = create_me("Alice Fern", "gp")
        self.bob = create_me("Bob Reed", "practice_manager")
        self.carol = create_me("Carol Moss", "other")
        self.group = Group(
            id=GROUP,
            name="First-year leads",
            look="pine",
            service="local",
            capability="ab" * 32,
            seats=(Seat(member=self.alice.member, joined_ms=0, invited_by=""),),
            state="member",
            created_ms=NOW,
            administrators=(self.alice.member.person,),
            keeper=self.alice.member,
        )
        self.invite = Invite(
            code=create_invite_code(bytes(10), "local"), group=GROUP, expires_ms=NOW + inviting.INVITE_MS
        )
        sealed = inviting.seal_invitation(self.group, self.alice, self.invite, self.invite.expires_ms)
        self.invitation: Invitation = inviting.open_invitation(self.invite.code, sealed, NOW, NOW)

    def asks(self, who: Me) -> dict[str, object]:
        return inviting.join_content(self.invitation, who, {who.device: b"package"})

    def read(self, content: dict[str, object], sender: Me, **more: object) -> inviting.Request:
        invite = replace(self.invite, **more)  # type: ignore[arg-type]  # fields of the invite
        return inviting.read_join(self.group, invite, content, sender.device, asked_ms=NOW, now_ms=NOW)

    def announce(self, who: Me) -> Group:
        return groups.announced(self.group, who.member, "Alice Fern", NOW, ())


@pytest.fixture
def cast() -> Cast:
    return Cast()


def test_invitation_names_the_inviter_and_the_group(cast: Cast) -> None:
    assert cast.invitation.inviter == cast.alice.member
    assert cast.invitation.inviter_device.id == cast.alice.device
    assert (cast.invitation.name, cast.invitation.people) == ("First-year leads", 1)
    assert cast.invitation.administrators == (cast.alice.member.person,)


def test_invitation_expires_after_seven_days(cast: Cast) -> None:
    sealed = inviting.seal_invitation(cast.group, cast.alice, cast.invite, cast.invite.expires_ms)
    end_ms = NOW + 7 * 86_400_000
    assert inviting.open_invitation(cast.invite.code, sealed, end_ms - 1, end_ms - 1) == cast.invitation
    with pytest.raises(InviteExpired) as over:
        inviting.open_invitation(cast.invite.code, sealed, end_ms, end_ms)
    assert over.type is InviteExpired


@pytest.mark.parametrize(
    ("at_ms", "more", "is_open"),
    [
        (-1, {}, True),
        (0, {}, False),
        (-1, {"is_revoked": True}, False),
        (-1, {"used_by": "ab" * 16}, False),
    ],
)
def test_an_invite_is_open_until_it_is_used_revoked_or_over(
    cast: Cast, at_ms: int, more: dict[str, object], is_open: bool
) -> None:
    invite = replace(cast.invite, **more)
    assert invite.is_open(NOW + 7 * 86_400_000 + at_ms) is is_open


@pytest.mark.parametrize("change", [{"device": "ab" * 16}, {"people": "many"}, {"inviter": None}, {"group": "x"}])
def test_an_invite_that_says_what_cannot_be_is_garbled(cast: Cast, change: dict[str, object]) -> None:
    content = {"group": GROUP, "name": "Leads", "look": "pine", "people": 1, "inviter": cast.alice.member.to_doc()}
    content |= {"device": cast.alice.device, "administrators": [], "expires_ms": cast.invite.expires_ms}
    for said, is_sound in ((content, True), (content | change, False)):
        code = cast.invite.code
        body = inviting.aead_seal(code.key, json.dumps(said).encode(), inviting._label(code))
        if is_sound:
            inviting.open_invitation(code, body, NOW, NOW)
        else:
            with pytest.raises(InviteGarbled):
                inviting.open_invitation(code, body, NOW, NOW)


def test_another_code_does_not_open_the_invitation(cast: Cast) -> None:
    sealed = inviting.seal_invitation(cast.group, cast.alice, cast.invite, cast.invite.expires_ms)
    with pytest.raises(InviteGarbled):
        inviting.open_invitation(create_invite_code(b"\xff" * 10, "local"), sealed, NOW, NOW)


def test_invitation_with_a_forged_inviter_is_garbled(cast: Cast) -> None:
    forged = replace(cast.alice, member=replace(cast.alice.member, name="Somebody Else"))
    sealed = inviting.seal_invitation(cast.group, forged, cast.invite, cast.invite.expires_ms)
    with pytest.raises(InviteGarbled):
        inviting.open_invitation(cast.invite.code, sealed, NOW, NOW)


def test_join_with_the_code_is_accepted(cast: Cast) -> None:
    request = cast.read(cast.asks(cast.bob), cast.bob)
    assert request.announcement.member == cast.bob.member
    assert not request.is_declined


def test_join_without_the_code_is_rejected(cast: Cast) -> None:
    with pytest.raises(MessageRejected, match="proof"):
        cast.read(cast.asks(cast.carol) | {"proof": "00" * 32}, cast.carol)


def test_a_join_whose_proof_is_half_a_character_is_rejected(cast: Cast) -> None:
    with pytest.raises(MessageRejected):
        cast.read(cast.asks(cast.bob) | {"proof": "\ud83d"}, cast.bob)


def test_join_from_another_device_is_rejected(cast: Cast) -> None:
    with pytest.raises(MessageRejected, match="another device"):
        cast.read(cast.asks(cast.bob), cast.carol)


def test_join_with_a_stolen_proof_is_rejected(cast: Cast) -> None:
    stolen = cast.asks(cast.carol) | {"proof": cast.asks(cast.bob)["proof"]}
    with pytest.raises(MessageRejected, match="proof"):
        cast.read(stolen, cast.carol)


@pytest.mark.parametrize("more", [{"is_revoked": True}, {"expires_ms": NOW}, {"used_by": "f0" * 16}])
def test_invite_that_holds_no_more_is_declined(cast: Cast, more: dict[str, object]) -> None:
    assert cast.read(cast.asks(cast.bob), cast.bob, **more).is_declined


def test_a_join_for_another_group_is_rejected(cast: Cast) -> None:
    with pytest.raises(MessageRejected, match="another group"):
        cast.read(cast.asks(cast.bob), cast.bob, group="b2" * 16)


@pytest.mark.parametrize("field", ["member", "packages"])
def test_a_join_and_a_welcome_of_which_something_is_missing_are_rejected(cast: Cast, field: str) -> None:
    content = cast.asks(cast.bob)
    del content[field]
    with pytest.raises(MessageRejected):
        cast.read(content, cast.bob)
    with pytest.raises(MessageRejected):
        inviting.read_welcome({})


@pytest.mark.parametrize(("seats", "is_declined"), [(63, False), (64, True)])
def test_a_group_of_64_takes_nobody_more(cast: Cast, seats: int, is_declined: bool) -> None:
    cast.group = replace(cast.group, seats=cast.group.seats * seats)
    assert cast.read(cast.asks(cast.bob), cast.bob).is_declined is is_declined


def test_keys_for_devices_of_others_are_rejected(cast: Cast) -> None:
    content = inviting.join_content(cast.invitation, cast.bob, {cast.carol.device: b"package"})
    with pytest.raises(MessageRejected, match="other devices"):
        cast.read(content, cast.bob)


@pytest.mark.parametrize(("size", "is_taken"), [(4_096, True), (4_097, False)])
def test_a_key_package_has_a_bound(cast: Cast, size: int, is_taken: bool) -> None:
    content = groups.joining_content(cast.bob.member, {cast.bob.device: bytes(size)})
    if is_taken:
        assert groups.read_joining(content).member == cast.bob.member
    else:
        with pytest.raises(MessageRejected):
            groups.read_joining(content)


@pytest.mark.parametrize("change", [{"packages": {}}, {"packages": {"x": "no hex"}}, {"member": None}])
def test_an_announcement_that_is_malformed_or_without_keys_is_rejected(cast: Cast, change: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        groups.read_joining(cast.asks(cast.bob) | change)


def test_an_announcement_under_a_name_that_its_person_did_not_sign_is_rejected(cast: Cast) -> None:
    forged = replace(cast.bob.member, name="Alice Fern")
    with pytest.raises(MessageRejected, match="did not sign"):
        groups.read_joining(groups.joining_content(forged, {cast.bob.device: b"package"}))


def test_a_newer_card_stands_wherever_its_person_does_and_nowhere_else(cast: Cast) -> None:
    def renamed(me: Me) -> Member:
        return sign_card(me.identity_private, "Another Name", me.member.profession, me.member.devices, 1)

    group = cast.announce(cast.bob)
    alice, bob = group.with_member(renamed(cast.alice)), group.with_member(renamed(cast.bob))
    assert [alice.seats[0].member.name, alice.guests[0].member.name] == ["Another Name", "Bob Reed"]
    assert [bob.seats[0].member.name, bob.guests[0].member.name] == ["Alice Fern", "Another Name"]
    assert (alice.keeper, bob.keeper) == (renamed(cast.alice), cast.alice.member)
    assert replace(group, keeper=None).with_member(renamed(cast.alice)).keeper is None


def test_announced_guest_is_named_and_has_no_seat_yet(cast: Cast) -> None:
    group = cast.announce(cast.bob)
    assert [guest.member for guest in group.guests] == [cast.bob.member]
    assert group.guests[0].invited_by == "Alice Fern"
    assert group.members == (cast.alice.member,)
    assert cast.bob.member in group.known


def test_guest_takes_a_seat_when_the_keys_say_so(cast: Cast) -> None:
    people = {cast.alice.member.person, cast.bob.member.person}
    group, came, went = groups.seated(cast.announce(cast.bob), people, NOW + 5)
    assert ([s.member.name for s in came], went, group.guests) == (["Bob Reed"], (), ())
    assert group.seats[1].joined_ms == NOW + 5
    group, came, went = groups.seated(group, {cast.alice.member.person}, NOW + 6)
    assert ([s.member.name for s in went], came, len(group.seats)) == (["Bob Reed"], (), 1)


def test_somebody_with_a_known_name_and_another_key_waits_to_be_accepted(cast: Cast) -> None:
    namesake = create_me("alice fern", "gp")
    assert not cast.announce(namesake).guests[0].accepted
    assert cast.announce(create_me("Alice Fern", "optometrist")).guests[0].accepted
    assert cast.announce(cast.bob).guests[0].accepted


def test_who_is_announced_again_or_is_in_already_is_no_second_guest(cast: Cast) -> None:
    group = cast.announce(cast.bob)
    for who in (cast.bob, cast.alice):
        assert groups.announced(group, who.member, "Alice Fern", NOW, ()) == group


def test_nobody_is_their_own_namesake(cast: Cast) -> None:
    alice = cast.alice.member
    assert not groups.is_namesake(alice, (alice, cast.bob.member))
    assert groups.is_namesake(create_me("Alice  Fern", "gp").member, (cast.bob.member, alice))


@pytest.mark.parametrize(
    ("name", "profession", "is_accepted"),
    [
        ("ALICE FERN", "gp", False),
        ("Alice Fern", "practice_nurse", True),
        ("Robert Reed", "practice_manager", True),
        ("Carol Moss", "other", False),
    ],
)
def test_who_now_looks_like_somebody_known_has_to_be_accepted_again(
    cast: Cast, name: str, profession: str, is_accepted: bool
) -> None:
    group = cast.announce(cast.bob)
    other = sign_card(cast.bob.identity_private, name, profession, cast.bob.member.devices, 1)
    seated, _, _ = groups.seated(group, (cast.alice.member.person, other.person), NOW)
    for one in (group, seated):
        changed = groups.with_newer(one, other, (cast.carol.member,))
        found = {seat.member.person: seat.accepted for seat in (*changed.seats, *changed.guests)}
        assert found == {cast.alice.member.person: True, other.person: is_accepted}


def test_whoever_was_accepted_under_this_card_stays_so(cast: Cast) -> None:
    namesake = create_me("Alice Fern", "gp")
    group = cast.announce(namesake)
    accepted = replace(group, guests=(replace(group.guests[0], accepted=True),))
    assert groups.with_newer(accepted, namesake.member, ()) == accepted


def test_seats_and_people_are_64_at_most(cast: Cast) -> None:
    doc = cast.group.seats[0].to_doc()
    assert len(groups.parse_seats([doc] * 64, 64)) == 64
    for seats in ([doc] * 65, [None], None):
        with pytest.raises(MessageRejected):
            groups.parse_seats(seats, 64)
    ids = [f"{number:032x}" for number in range(65)]
    assert groups.as_people([*ids[:63], ids[0]]) == tuple(ids[:63])
    with pytest.raises(ValueError, match="too many"):
        groups.as_people(ids)


def test_a_look_that_is_not_known_is_the_first_one() -> None:
    assert [groups.as_look(look) for look in ("sky", "neon", None, ["sky"])] == ["sky", "pine", "pine", "pine"]


def test_group_has_a_limit(cast: Cast) -> None:
    full = replace(cast.group, seats=cast.group.seats * groups.SEATS_LIMIT)
    with pytest.raises(MessageRejected, match="full"):
        groups.announced(full, cast.bob.member, "", NOW, ())


def test_welcome_reads_back(cast: Cast) -> None:
    content = inviting.welcome_content(cast.announce(cast.bob), b"welcome", 7)
    arrival = inviting.read_welcome(content)
    assert (arrival.welcome, arrival.seq, arrival.keeper) == (b"welcome", 7, cast.alice.member)
    assert [seat.member for seat in arrival.seats] == [cast.alice.member]


def test_welcome_with_a_forged_name_is_rejected(cast: Cast) -> None:
    forged = replace(cast.group.seats[0], member=replace(cast.alice.member, name="Somebody Else"))
    content = inviting.welcome_content(replace(cast.group, seats=(forged,)), b"welcome", 7)
    with pytest.raises(MessageRejected, match="did not sign"):
        inviting.read_welcome(content)


def test_a_welcome_names_who_signed_the_rules_or_nobody_and_no_forged_one(cast: Cast) -> None:
    without = inviting.welcome_content(replace(cast.group, keeper=None), b"welcome", 7)
    assert inviting.read_welcome(without).keeper is None
    forged = replace(cast.alice.member, name="Alice Fern Smith")
    with pytest.raises(MessageRejected):
        inviting.read_welcome(inviting.welcome_content(replace(cast.group, keeper=forged), b"welcome", 7))


def test_documents_read_back(cast: Cast) -> None:
    group = cast.announce(cast.bob)
    assert Group.from_doc(group.to_doc()) == group
    assert Invite.from_doc(cast.invite.to_doc()) == cast.invite


def test_an_invite_that_is_over_by_our_clock_alone_says_that_the_clocks_differ(cast: Cast) -> None:
    sealed = inviting.seal_invitation(cast.group, cast.alice, cast.invite, cast.invite.expires_ms)
    with pytest.raises(ClockOff):
        inviting.open_invitation(cast.invite.code, sealed, NOW + inviting.INVITE_MS, NOW)


@pytest.mark.parametrize(
    ("asked_ms", "now_ms", "is_declined"),
    [(-1, 7 * 86_400_000 - 1, False), (-1, 7 * 86_400_000, True), (0, 0, True)],
)
def test_a_guest_is_too_late_by_the_services_stamp_or_a_week_later_by_our_clock(
    cast: Cast, asked_ms: int, now_ms: int, is_declined: bool
) -> None:
    end_ms, content, sender = NOW + inviting.INVITE_MS, cast.asks(cast.bob), cast.bob.device
    request = inviting.read_join(
        cast.group, cast.invite, content, sender, asked_ms=end_ms + asked_ms, now_ms=end_ms + now_ms
    )
    assert request.is_declined == is_declined
