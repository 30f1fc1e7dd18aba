from dataclasses import replace

import pytest

from companion import groups
from companion.errors import InviteExpired, InviteGarbled, MessageRejected
from companion.groups import Group, Invitation, Invite, Message, Seat
from companion.people import Me, create_me
from companion.sealing import Opened
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
        )
        self.invite = Invite(
            code=create_invite_code(bytes(10), "local"), group=GROUP, expires_ms=NOW + groups.INVITE_MS
        )
        sealed = groups.seal_invitation(self.group, self.alice, self.invite)
        self.invitation: Invitation = groups.open_invitation(self.invite.code, sealed, NOW)
        self.bobs_group = replace(
            self.group, state="joining", inviter=self.alice.member.device, capability=self.invitation.capability
        )


@pytest.fixture
def cast() -> Cast:
    return Cast()


def says(sender: Me, content: dict[str, object]) -> Opened:
    return Opened(sender=sender.member.device, sign_key=sender.member.sign_key, content=content)


def test_invitation_names_the_inviter_and_the_group(cast: Cast) -> None:
    assert cast.invitation.inviter == cast.alice.member
    assert (cast.invitation.name, cast.invitation.people) == ("First-year leads", 1)


def test_invitation_expires_after_seven_days(cast: Cast) -> None:
    sealed = groups.seal_invitation(cast.group, cast.alice, cast.invite)
    with pytest.raises(InviteExpired):
        groups.open_invitation(cast.invite.code, sealed, NOW + groups.INVITE_MS)


def test_another_code_does_not_open_the_invitation(cast: Cast) -> None:
    sealed = groups.seal_invitation(cast.group, cast.alice, cast.invite)
    with pytest.raises(InviteGarbled):
        groups.open_invitation(create_invite_code(b"\xff" * 10, "local"), sealed, NOW)


def test_join_with_the_code_is_accepted(cast: Cast) -> None:
    join = says(cast.bob, groups.join_content(cast.invitation, cast.bob))
    assert groups.accept_join(cast.group, cast.invite, join, NOW) == cast.bob.member


def test_join_without_the_code_is_rejected(cast: Cast) -> None:
    forged = groups.join_content(cast.invitation, cast.carol) | {"proof": "00" * 32}
    with pytest.raises(MessageRejected):
        groups.accept_join(cast.group, cast.invite, says(cast.carol, forged), NOW)


def test_join_under_another_key_is_rejected(cast: Cast) -> None:
    stolen = groups.join_content(cast.invitation, cast.bob)
    with pytest.raises(MessageRejected):
        groups.accept_join(cast.group, cast.invite, says(cast.carol, stolen), NOW)


def test_used_invite_lets_nobody_else_in(cast: Cast) -> None:
    used = replace(cast.invite, used_by=cast.bob.member.device)
    join = says(cast.carol, groups.join_content(cast.invitation, cast.carol))
    with pytest.raises(MessageRejected):
        groups.accept_join(cast.group, used, join, NOW)


def test_expired_invite_lets_nobody_in(cast: Cast) -> None:
    join = says(cast.bob, groups.join_content(cast.invitation, cast.bob))
    with pytest.raises(MessageRejected):
        groups.accept_join(cast.group, cast.invite, join, NOW + groups.INVITE_MS)


def test_admit_seats_the_newcomer_on_both_sides(cast: Cast) -> None:
    admit = says(cast.alice, groups.admit_content(cast.group, cast.bob.member, "Alice Fern"))
    alices, _ = groups.apply_admit(cast.group, admit, cast.alice, NOW)
    bobs, seat = groups.apply_admit(cast.bobs_group, admit, cast.bob, NOW)
    assert alices.members == bobs.members == (cast.alice.member, cast.bob.member)
    assert (bobs.state, bobs.epoch, alices.epoch, seat.invited_by) == ("member", 1, 1, "Alice Fern")


def test_stranger_cannot_admit(cast: Cast) -> None:
    admit = says(cast.carol, groups.admit_content(cast.group, cast.bob.member, "Alice Fern"))
    with pytest.raises(MessageRejected):
        groups.apply_admit(cast.group, admit, cast.alice, NOW)


def test_newcomer_is_admitted_by_the_inviter_only(cast: Cast) -> None:
    admit = says(cast.carol, groups.admit_content(cast.group, cast.bob.member, "Carol Moss"))
    with pytest.raises(MessageRejected):
        groups.apply_admit(cast.bobs_group, admit, cast.bob, NOW)


def test_admit_out_of_order_is_rejected(cast: Cast) -> None:
    late = groups.admit_content(replace(cast.group, epoch=3), cast.bob.member, "Alice Fern")
    with pytest.raises(MessageRejected):
        groups.apply_admit(cast.group, says(cast.alice, late), cast.alice, NOW)


def test_message_from_a_member_is_received(cast: Cast) -> None:
    message = groups.receive_message(
        cast.group, says(cast.alice, {"id": "e5" * 16, "text": "Hello", "at_ms": NOW}), seq=4, at_ms=NOW + 5
    )
    assert (message.text, message.name, message.seq, message.state) == ("Hello", "Alice Fern", 4, "received")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"id": "e5" * 16, "text": "", "at_ms": NOW},
        {"id": "e5" * 16, "text": "x" * 8_001, "at_ms": NOW},
        {"id": "../../etc", "text": "x", "at_ms": NOW},
        {"id": "e5" * 16, "text": "x", "at_ms": "soon"},
        {"id": "e5" * 16, "text": ["x"], "at_ms": NOW},
    ],
)
def test_malformed_message_is_rejected(cast: Cast, content: dict[str, object]) -> None:
    with pytest.raises(MessageRejected):
        groups.receive_message(cast.group, says(cast.alice, content), seq=1, at_ms=NOW)


def test_message_from_a_stranger_is_rejected(cast: Cast) -> None:
    with pytest.raises(MessageRejected):
        groups.receive_message(
            cast.group, says(cast.carol, {"id": "e5" * 16, "text": "x", "at_ms": NOW}), seq=1, at_ms=NOW
        )


def test_message_cannot_come_from_the_future(cast: Cast) -> None:
    content = {"id": "e5" * 16, "text": "x", "at_ms": NOW + 10**9}
    assert groups.receive_message(cast.group, says(cast.alice, content), seq=1, at_ms=NOW).at_ms == NOW


def test_documents_read_back(cast: Cast) -> None:
    message = Message(
        id="e5" * 16, group=GROUP, sender="f6" * 16, name="A", profession="gp", text="t", at_ms=1, state="sent"
    )
    assert Group.from_doc(cast.group.to_doc()) == cast.group
    assert Invite.from_doc(cast.invite.to_doc()) == cast.invite
    assert Message.from_doc(message.to_doc()) == message
