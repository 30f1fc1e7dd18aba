"""The topics of a conversation, wherever they can be chosen."""

import flet as ft

from companion.groups import Group
from views.mirror.context import use_part, use_quiet_window
from views.parts.buttons import filter_chip


def use_topic_chips(group: Group, key: str) -> list[ft.Control]:
    """A hook: one chip for each topic, all of them together first; none while nothing has a topic.

    `key`: how the chips' keys begin.
    """
    window = use_quiet_window()
    topics, chosen = use_part(lambda s: (s.chat.topics, s.chat.topic) if s.chat.group == group.id else ((), ""))
    return [
        filter_chip(
            topic or window.texts("groups.all_topics"),
            lambda topic=topic: window.watch_chat(group.id, "", topic),
            selected=topic == chosen,
            key=f"{key}-{topic}",
        )
        for topic in (("", *topics) if topics or chosen else ())
    ]
