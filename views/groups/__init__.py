"""Peer groups: the list, one conversation, and the ways in."""

from views.groups.context import GroupContext
from views.groups.listing import GroupList
from views.groups.page import GroupContent

__all__ = ["GroupContent", "GroupContext", "GroupList"]
