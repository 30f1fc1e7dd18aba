"""Stories: the list, telling one in four steps, and what may happen with it."""

from views.stories.context import StoryContext
from views.stories.listing import StoryList
from views.stories.page import StoryContent

__all__ = ["StoryContent", "StoryContext", "StoryList"]
