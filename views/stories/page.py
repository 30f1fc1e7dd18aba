"""What stands in the content pane of Stories: the step that a story has reached."""

import flet as ft

from companion.consent import Receipt
from companion.stories import Story
from views.mirror.context import use_frame, use_opened, use_part, use_quiet_window
from views.mirror.effects import use_task
from views.pages import content_page
from views.parts.safe import safe
from views.parts.surfaces import empty_state, gap
from views.stories.agreeing import AgreePage, NotAgreedPage
from views.stories.checking import CheckPage
from views.stories.settling import SettlePage
from views.stories.talking import TalkPage
from views.stories.told import ToldPage


@safe
def StoryContent(story_id: str = "", key: str = "") -> ft.Control:
    """`story_id` is a story's id, "new", or empty."""
    frame, texts = use_frame(), use_quiet_window().texts
    story = use_part(lambda state: next((one for one in state.stories if one.id == story_id), None))
    if story_id == "new":
        return SettlePage()
    if story is not None:
        return OneStory(story, key=story.id)
    words = texts("stories.missing") if story_id else texts("stories.choose")
    return content_page(frame, texts("stories.title"), [empty_state(words)])


@safe
def OneStory(story: Story, key: str = "") -> ft.Control:
    """The step follows from what is on the disk, so leaving and coming back loses nothing."""
    stories, frame, texts = use_opened().stories, use_frame(), use_quiet_window().texts
    wish, set_wish = ft.use_state("")
    none: tuple[Receipt, ...] = ()
    receipts, set_receipts = ft.use_state(none)
    loaded, set_loaded = ft.use_state("")

    async def load() -> None:
        receipt = await stories.receipt(story)
        set_receipts((receipt,) if receipt else ())
        set_loaded(story.receipt or "none")

    use_task(load, [story.receipt])
    if loaded != (story.receipt or "none"):
        return content_page(frame, texts("stories.title"), [gap()])
    receipt = receipts[0] if receipts else None
    is_current = receipt is not None and receipt.version == stories.wording.version
    may_record = is_current and receipt is not None and "record" in receipt.chosen
    if stories.recording_id == story.id or (wish == "talk" and may_record):
        return TalkPage(story, lambda: set_wish(""))
    if wish == "agree" or (story.work != "recorded" and not is_current):
        return AgreePage(story, receipt, lambda: set_wish(""))
    if story.work != "recorded":
        if may_record:
            return TalkPage(story, lambda: set_wish(""))
        return NotAgreedPage(receipt, lambda: set_wish("agree"))
    if not story.title:
        return CheckPage(story, may_record, lambda: set_wish("talk"))
    return ToldPage(story, receipt, lambda: set_wish("agree"), (lambda: set_wish("talk")) if may_record else None)
