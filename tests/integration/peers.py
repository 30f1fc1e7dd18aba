"""People with one or two devices: the real core and the real sync loop on a store in memory that can lose its power."""

import contextlib
from dataclasses import dataclass, field

from companion.app import Companion, Opened, Ports
from companion.errors import StoreError
from companion.ports import Change
from services.clock import SystemClock
from services.sync.network import RelayNetwork
from tests.fake_store import FakeEraser, FakeStore, FakeVault
from tests.fakes import PASSPHRASE, WORDING, FakeKeystore, FakeTries


class CutStore(FakeStore):
    """Loses its power after a number of commits: nothing is kept from then on, until it is opened again."""

    def __init__(self, calls):
        super().__init__(calls)
        self.commits_left = None

    async def commit(self, change: Change) -> None:
        if self.commits_left == 0:
            self.is_open = False
            raise StoreError("no power")
        if self.commits_left is not None:
            self.commits_left -= 1
        await super().commit(change)
        self.calls.clear()


@dataclass
class Peer:
    """One device. It can be closed, cut off in the middle of anything, and opened again on the same documents."""

    name: str
    service: str
    clock: SystemClock = field(default_factory=SystemClock)
    vault: FakeVault = field(init=False)
    companion: Companion = field(init=False)
    network: RelayNetwork = field(init=False)

    def __post_init__(self):
        self.vault = FakeVault([])
        self.vault.store = CutStore(self.vault.calls)
        self._start()

    def _start(self):
        self.network = RelayNetwork(self.service, None)
        self.companion = Companion(
            Ports(
                vault=self.vault,
                network=self.network,
                clock=self.clock,
                tries=FakeTries(),
                wording=WORDING,
                keystore=FakeKeystore(False),
                eraser=FakeEraser(self.vault),
            )
        )

    @property
    def opened(self) -> Opened:
        assert self.companion.opened is not None
        return self.companion.opened

    @property
    def is_on(self) -> bool:
        return self.companion.opened is not None

    @property
    def person(self) -> str:
        return self.opened.me.person

    async def begin(self, profession="gp"):
        key, _ = self.companion.recovery_words()
        await self.companion.create(self.name, profession, PASSPHRASE, key)
        return self

    async def off(self):
        await self.companion.lock()

    async def cut(self, after: int):
        """Lose the power after so many more commits."""
        self.vault.store.commits_left = after

    async def end(self):
        """Whatever was under way is gone."""
        await self.network.close()
        self.companion.opened = None
        self.vault.store.is_open = True
        self.vault.store.commits_left = None

    async def on(self):
        if self.is_on:
            return
        self._start()
        await self.companion.unlock(passphrase=PASSPHRASE)

    async def state(self, group):
        known = await self.opened.groups.group(group)
        return None if known is None else known.state

    async def messages(self, group):
        """Everything said that this device holds, by its place in the order."""
        docs = self.vault.store.tables.get(f"msg:{group}", {}).values()
        return sorted((d["seq"], d["text"]) for d in docs if d["kind"] == "message")

    async def lines(self, group):
        docs = self.vault.store.tables.get(f"msg:{group}", {}).values()
        return sorted((d["seq"], d["kind"], d["person"]) for d in docs if d["kind"] != "message")

    async def say(self, group, text):
        await self.opened.chat.post(group, text)


async def link(old: Peer, name: str, until) -> Peer:
    """Return another device of the person of `old`."""
    new = await Peer(name=name, service=old.service, clock=old.clock).begin()
    code = await old.opened.devices.offer()
    await new.opened.devices.link(code.link, "Tablet")

    async def is_linked():
        return new.opened.me.person == old.opened.me.person

    await until(is_linked)
    return new


async def let_in(host: Peer, guest: Peer, group: str) -> None:
    invite = await host.opened.groups.invite(group)
    await guest.opened.groups.join(await guest.opened.groups.look_at(invite.code.link))


@contextlib.asynccontextmanager
async def all_closed(peers):
    try:
        yield peers
    finally:
        for peer in peers:
            await peer.end()
