"""What leads the documents of older versions to this one, for the store to apply as it reads them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from companion import journal

STEPS: Mapping[str, tuple[Callable[[dict[str, object]], dict[str, object]], ...]] = MappingProxyType(
    {journal.TABLE: journal.STEPS}
)
"""By kind of table; the first step of each leads from version 1 to 2."""
