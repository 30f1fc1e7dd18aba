"""Stories: the list, telling one in four steps, and what may happen with it.

Owns the screens of agreeing, recording and listening. Must not know how sound is sealed, or the other places.
"""

from views.stories.context import StoryContext
from views.stories.listing import StoryList
from views.stories.page import StoryContent

__all__ = ["StoryContent", "StoryContext", "StoryList"]
