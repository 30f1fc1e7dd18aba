"""The spaces of groups and circles in the opened app, wired."""

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.own.secrets import OwnSecrets, SecretLetters
from companion.app.spaces.desk import Desk
from companion.app.together.books import Books
from companion.app.together.circle import CircleResidents
from companion.app.together.circle_ground import CircleHearing
from companion.app.together.circle_keeping import CircleKeeping
from companion.app.together.circles import Circles
from companion.app.together.ground import Hearing
from companion.app.together.keeping import Keeping
from companion.app.together.residents import GroupResidents
from companion.app.together.roll import Roll
from companion.app.together.shelves import Shelves
from companion.app.together.telling import Telling
from companion.app.together.turning import Turning
from companion.app.together.unpinning import Unpinning
from companion.ports import Network
from companion.space.belonging import Belonging
from companion.space.place import CIRCLE, GROUP, Space


class Together:
    def __init__(self, context: Context, desk: Desk, groups: Grouping, network: Network) -> None:
        books, secrets = Books(context), OwnSecrets(context)
        letters = SecretLetters(context, groups, secrets)
        residents = GroupResidents(context, groups.group, books, secrets)
        desk.residents[GROUP] = residents
        hearing, telling = Hearing(context, desk, residents), Telling(context, groups, residents)
        roll = Roll(context, desk, groups, network, books, secrets, residents, telling)
        turning = Turning(context, desk, groups, books, residents, telling)
        inside = CircleResidents(context, desk, groups.group, books, secrets)
        desk.residents[CIRCLE] = inside
        heard, told = CircleHearing(context, desk, groups.services), Telling(context, groups, inside)
        rolls = Roll(context, desk, groups, network, books, secrets, inside, told)
        circling = CircleKeeping(context, desk, groups, books, inside, heard, told, rolls, turning)
        self.shelves = Shelves(context, desk, groups, books, residents, hearing, turning)
        unpinning = Unpinning(context, desk, telling, self.shelves)
        self.keeping = Keeping(
            context, desk, groups, books, residents, letters, hearing, telling, roll, turning, circling, unpinning
        )
        self.circles = Circles(context, desk, groups, books, inside, heard, told, rolls)
        self._desk = desk
        self._books = books

    async def space(self, group: str) -> Space | None:
        """Return a group's own space, if this device knows it."""
        return await self._desk.of_kind(GROUP, group)

    async def book(self, space: Space) -> Belonging:
        """Return who belongs to a space, as far as its book was read."""
        return await self._books.now(space)
