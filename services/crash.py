"""What a crash may leave behind: no image of this process's memory, which holds what was open."""

import ctypes
import sys

_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Keep the system from writing this process's memory to a file, and other programs of this user from reading it.

    A limit of zero stops plain files. On Linux a collector may be given the memory all the same; only a process that
    is not dumpable is kept from it. Windows and phones write none into the app's folders.
    """
    if sys.platform not in ("linux", "darwin"):
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
