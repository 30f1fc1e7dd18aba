"""The spaces of groups in the opened app, wired."""

from companion.app.context import Context
from companion.app.groups.grouping import Grouping
from companion.app.own.secrets import OwnSecrets
from companion.app.spaces.desk import Desk
from companion.app.together.books import Books
from companion.app.together.ground import Hearing
from companion.app.together.keeping import Keeping
from companion.app.together.residents import GroupResidents
from companion.app.together.roll import Roll
from companion.app.together.shelves import Shelves
from companion.app.together.telling import Telling
from companion.app.together.turning import Turning
from companion.ports import Network
from companion.space.place import GROUP, Space


class Together:
    def __init__(self, context: Context, desk: Desk, groups: Grouping, network: Network) -> None:
        books, secrets = Books(context), OwnSecrets(context)
        residents = GroupResidents(context, groups.group, books, secrets)
        desk.residents[GROUP] = residents
        hearing, telling = Hearing(context, desk, residents), Telling(context, groups, residents)
        roll = Roll(context, desk, groups, network, books, secrets, residents, telling)
        turning = Turning(context, desk, groups, books, residents, telling)
        self.keeping = Keeping(context, desk, groups, books, residents, hearing, telling, roll, turning)
        self._desk = desk
        self.shelves = Shelves(context, desk, groups, books, residents, hearing, turning)

    async def space(self, group: str) -> Space | None:
        """Return a group's own space, if this device knows it."""
        return await self._desk.of_kind(GROUP, group)
