"""What stands in the content pane of Groups: a conversation, or one of the ways in."""

import flet as ft

from views.context import use_frame, use_part, use_quiet_window
from views.groups.chat import Chat
from views.groups.inviting import InvitePage
from views.groups.joining import JoinPage, WaitingToJoin
from views.groups.naming import INVITE
from views.groups.starting import StartPage
from views.pages import content_page
from views.parts.safe import safe
from views.parts.surfaces import empty_state


@safe
def GroupContent(group_id: str = "", key: str = "") -> ft.Control:
    """`group_id` is a group's id, one after "invite-", "new", "join", or empty."""
    if group_id == "new":
        return StartPage()
    if group_id == "join":
        return JoinPage()
    return OneGroup(group_id.removeprefix(INVITE), group_id.startswith(INVITE), key=group_id)


@safe
def OneGroup(group_id: str, is_invite: bool, key: str = "") -> ft.Control:
    frame, texts = use_frame(), use_quiet_window().texts
    group = use_part(lambda state: next((one.group for one in state.groups if one.group.id == group_id), None))
    if group is None:
        words = texts("groups.missing") if group_id else texts("groups.choose")
        return content_page(frame, texts("groups.title"), [empty_state(words)])
    if group.state == "joining":
        return WaitingToJoin(group)
    return InvitePage(group) if is_invite else Chat(group)
