"""Erases a profile that owes a farewell, and is killed at one step: they are counted in calls that change the disk.

Usage: erasing_child.py PROFILE_FOLDER STEP
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from companion.farewells import DEVICE, Farewell
from services.erasing import erase_folder

OWED = (Farewell(service="https://notes.example", device="ab" * 16, scope=DEVICE, signature=bytes(64)),)

CHANGES = ("unlink", "rmdir", "replace", "rename", "fsync", "open")


def dying(real: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    return call


if __name__ == "__main__":
    steps = [int(sys.argv[2])]
    for name in CHANGES:
        setattr(os, name, dying(getattr(os, name), steps))
    erase_folder(Path(sys.argv[1]), OWED)
