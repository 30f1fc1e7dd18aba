"""A real profile in a folder: real store, real files. Only the keystore is a stand-in, because there is none here."""

from pathlib import Path

from companion.app import Companion, Opened, Ports
from companion.crypto.keyslots import KdfParameters
from services.clock import SystemClock
from services.erasing import ProfileEraser
from services.profile import FileTries
from services.store.vault import SealedVault
from services.sync.network import RelayNetwork
from tests.fakes import WORDING, FakeKeystore

PASSPHRASE = "three kettles and a lantern"
QUICK = KdfParameters(t=1, m_kib=64)


class Profile:
    """One person's app; any number of these may be made for one folder, one after the other."""

    def __init__(self, folder: Path, keystore: FakeKeystore | None = None) -> None:
        self.folder, self.keystore = folder, keystore or FakeKeystore()
        self.companion = Companion(
            Ports(
                vault=SealedVault(folder / "vault", kdf=QUICK),
                network=RelayNetwork("http://127.0.0.1:9", None),
                clock=SystemClock(),
                tries=FileTries(folder),
                wording=WORDING,
                keystore=self.keystore,
                eraser=ProfileEraser(folder),
            )
        )

    @property
    def opened(self) -> Opened:
        assert self.companion.opened is not None
        return self.companion.opened

    async def create(self, name: str = "Hazel", passphrase: str = PASSPHRASE) -> tuple[str, ...]:
        """Make the profile and leave it open; return the recovery words."""
        key, words = self.companion.recovery_words()
        await self.companion.create(name, "gp", passphrase, key)
        return words
