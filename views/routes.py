"""Where we are in the app, as it stands in the address: a place, and what is open in it."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

PLACES: Final = ("today", "journal", "groups", "stories", "community")
LISTS: Final = ("journal", "groups", "stories")
EXTRAS: Final = ("help", "account", "search")
ACCOUNT: Final = "account"
DETAILS: Final = "details"
LINKING: Final = "devices/link"
"""Below the account: where the code of another device of mine is typed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`item` is an id, a word such as "new", an id with what is done to it ("<id>/invite"), or empty.

    `is_details` asks for the pane beside the item, on a phone. `at` is the message that is pointed at
    ("/groups/<id>?at=<message>"), or empty.
    """

    place: str
    item: str = ""
    is_details: bool = False
    at: str = ""

    @property
    def is_place(self) -> bool:
        return self.place in PLACES

    @property
    def path(self) -> str:
        return "/" + "/".join(p for p in (self.place, self.item, DETAILS if self.is_details else "") if p)

    def above(self, behind: str) -> str:
        """Return the path that "back" leads to; `behind` is where help or account were opened from."""
        if not self.is_place:
            return f"/{self.place}" if self.item else behind
        return self.path.rsplit("/", 1)[0] or self.path

    def trail(self) -> tuple["Route", ...]:
        """Return this route and those above it, up to the place and without it, outermost first."""
        parts = self.path.strip("/").split("/")
        if not self.is_place:
            return (Route(place=self.place), self) if self.item else (self,)
        under = tuple(parse_route("/".join(parts[:length])) for length in range(2, len(parts)))
        return (*under, self) if len(parts) > 1 else ()


def parse_route(path: str) -> Route:
    """Return the route of an address; an unknown one is Today."""
    parts = urlsplit(path)
    place, *rest = parts.path.strip("/").split("/")
    if place not in PLACES and place not in EXTRAS:
        return Route(place="today")
    if place == ACCOUNT:
        return Route(place=place, item="/".join(rest))
    if place not in LISTS:
        return Route(place=place)
    is_details = len(rest) == 2 and rest[1] == DETAILS
    at = parse_qs(parts.query).get("at", [""])[0]
    return Route(place=place, item=rest[0] if is_details else "/".join(rest), is_details=is_details, at=at)
