"""Invites, announcements and seats, as pure rules."""

from dataclasses import replace

import pytest

from companion import groups, inviting
from companion.errors import ClockOff, InviteExpired, InviteGarbled, MessageRejected
from companion.groups import Group, Seat
from companion.inviting import Invitation, Invite
from companion.people import Me, create_me
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
    with pytest.raises(InviteExpired):
        inviting.open_invitation(cast.invite.code, sealed, NOW + inviting.INVITE_MS, NOW + inviting.INVITE_MS)


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


def test_keys_for_devices_of_others_are_rejected(cast: Cast) -> None:
    content = inviting.join_content(cast.invitation, cast.bob, {cast.carol.device: b"package"})
    with pytest.raises(MessageRejected, match="other devices"):
        cast.read(content, cast.bob)


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
    [(-1, inviting.LATE_MS - 1, False), (-1, inviting.LATE_MS, True), (0, 0, True)],
)
def test_a_guest_is_too_late_by_the_services_stamp_or_a_week_later_by_our_clock(
    cast: Cast, asked_ms: int, now_ms: int, is_declined: bool
) -> None:
    end_ms, content, sender = NOW + inviting.INVITE_MS, cast.asks(cast.bob), cast.bob.device
    request = inviting.read_join(
        cast.group, cast.invite, content, sender, asked_ms=end_ms + asked_ms, now_ms=end_ms + now_ms
    )
    assert request.is_declined == is_declined
