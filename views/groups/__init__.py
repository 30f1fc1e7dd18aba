"""Peer groups: the list, one conversation, and the ways in.

Owns every screen of a group and of its people. Must not know keys, letters or the service: it calls intents.
"""

from views.groups.context import GroupContext
from views.groups.listing import GroupList
from views.groups.page import GroupContent

__all__ = ["GroupContent", "GroupContext", "GroupList"]
