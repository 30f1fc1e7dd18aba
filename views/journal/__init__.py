"""The journal: today's page ready for typing, every earlier page below it or beside it.

Owns the screens of writing, reading and finding pages. Must not know how a page is kept, or what is said in groups.
"""

from views.journal.asking import JournalContext
from views.journal.listing import JournalList
from views.journal.writing import JournalContent

__all__ = ["JournalContent", "JournalContext", "JournalList"]
