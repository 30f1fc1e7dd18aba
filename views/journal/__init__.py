"""The journal: today's page ready for typing, every earlier page below it or beside it."""

from views.journal.asking import JournalContext
from views.journal.listing import JournalList
from views.journal.writing import JournalContent

__all__ = ["JournalContent", "JournalContext", "JournalList"]
