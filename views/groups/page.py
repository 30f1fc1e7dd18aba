"""What stands in the content pane of Groups: a conversation, one of the ways in, or what belongs to a group."""

import flet as ft

from companion.chat.attention import Wishes
from companion.groups import MERGED, Group
from views.groups.chat import Chat
from views.groups.comparing import SAFETY, SafetyPage
from views.groups.inviting import InvitePage
from views.groups.joining import JoinPage, WaitingToJoin
from views.groups.naming import INVITE
from views.groups.pairing import standing_line
from views.groups.quiet import QuietPage
from views.groups.reaching import ReachPage
from views.groups.settling import RulesPage, WaysPage, WelcomePage
from views.groups.shelf.looking import SHELF
from views.groups.shelf.pages import ShelfPages
from views.groups.starting import StartPage
from views.mirror.chat_state import GroupLine
from views.mirror.context import use_frame, use_part, use_quiet_window
from views.pages import content_page
from views.parts.safe import safe
from views.parts.surfaces import empty_state


@safe
def GroupContent(group_id: str = "", key: str = "") -> ft.Control:
    """`group_id` is a group's id, one after "invite-", "<id>/rules", "<id>/ways", "<id>/shelf", a word, or empty.

    "<id>/safety-<person>" compares codes with somebody; below the shelf are its notes. The words are "new", "join",
    "quiet" and "reach".
    """
    if group_id == "new":
        return StartPage()
    if group_id == "join":
        return JoinPage()
    if group_id == "quiet":
        return QuietPage()
    if group_id == "reach":
        return ReachPage()
    id, _, what = group_id.partition("/")
    return OneGroup(id.removeprefix(INVITE), "invite" if id.startswith(INVITE) else what, key=group_id)


@safe
def OneGroup(group_id: str, what: str, key: str = "") -> ft.Control:
    frame, texts = use_frame(), use_quiet_window().texts
    group, wishes, is_new = use_part(lambda state: _chosen(state.groups, group_id))
    if group is None or wishes is None:
        words = texts("groups.missing") if group_id else texts("groups.choose")
        return content_page(frame, texts("groups.title"), [empty_state(words)])
    if group.is_pair:
        return _line(group, wishes, what)
    if group.state in ("joining", "declined"):
        return WaitingToJoin(group)
    if is_new and group.state == "member":
        return WelcomePage(group, wishes)
    if what == "invite":
        return InvitePage(group)
    if what.startswith(SAFETY):
        return SafetyPage(group, what.removeprefix(SAFETY))
    if what == "rules":
        return RulesPage(group)
    place, _, below = what.partition("/")
    if place == SHELF:
        return ShelfPages(group, wishes, below, key=f"shelf-{group.id}")
    return WaysPage(group, wishes) if what == "ways" else Chat(group)


def _line(group: Group, wishes: Wishes, what: str) -> ft.Control:
    if what.startswith(SAFETY):
        return SafetyPage(group, what.removeprefix(SAFETY))
    return WaysPage(group, wishes) if what == "ways" else Chat(group)


def _chosen(lines: tuple[GroupLine, ...], id: str) -> tuple[Group | None, Wishes | None, bool]:
    """Return the group, what this person wants of it, and whether they have only now come in.

    In place of a line that gave way because both asked, it is the one that stands.
    """
    line = next((one for one in lines if one.group.id == id), None)
    if line is not None and line.group.state == MERGED and line.group.peer is not None:
        stands = standing_line(lines, line.group.peer.person)
        line = next((one for one in lines if one.group is stands), line)
    if line is None:
        return None, None, False
    return line.group, line.wishes, bool(line.group.inviter) and not line.wishes.is_welcomed
