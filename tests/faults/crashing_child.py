"""Opens a profile full of canaries, says "ready", and dies in the way that it is told. Its output is searched.

Usage: crashing_child.py PROFILE_FOLDER abort|raise|fault
"""

import asyncio
import faulthandler
import logging
import os
import sys
from pathlib import Path

from services.crash import forbid_core_dumps
from tests.faults.canaries import profile_with_canaries


async def main(folder: Path, way: str) -> None:
    opened = await profile_with_canaries(folder)
    print("ready", flush=True)
    if way == "raise":
        entries = await opened._context.store.all("journal")
        raise RuntimeError(f"{len(entries)} entries")
    if way == "abort":
        os.abort()
    faulthandler._sigsegv()  # type: ignore[attr-defined]  # what a fault in a native library would be


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    faulthandler.enable()
    forbid_core_dumps()
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
