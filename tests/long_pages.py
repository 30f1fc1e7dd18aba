"""A profile whose journal has one page of any length, and what stands on that page."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from companion.journal import TABLE
from main import build_profile
from services.store.vault import SealedVault
from tests.many_entries import PASSPHRASE, WORDS


def long_text(length: int) -> str:
    """Return numbered paragraphs of plain words, exactly this long."""
    paragraphs = [f"{n} " + " ".join(WORDS[n % 7 :] + WORDS[: n % 7]) + "." for n in range(length // 100 + 1)]
    return "\n\n".join(paragraphs)[: length - 1] + "."


def make_page(data: Path, name: str, text: str) -> None:
    """Make a profile with this page, of today, without a screen."""

    async def make() -> None:
        companion = build_profile(data, name, "http://127.0.0.1:9").companion
        key, _ = companion.recovery_words()
        await companion.create("Hazel Fern", "gp", PASSPHRASE, key)
        if companion.opened is not None:
            companion.opened.journal.draft(None, text)
            await companion.opened.journal.save_drafts()
        await companion.lock()

    _run(make)


def stored_texts(data: Path, name: str) -> list[str]:
    """Return the texts of all pages, as they lie on the disk."""
    found: list[str] = []

    async def read() -> None:
        folder = build_profile(data, name, "http://127.0.0.1:9").folder
        store, _ = await SealedVault(folder / "vault").unlock(passphrase=PASSPHRASE)
        try:
            found.extend(str(doc["text"]) for doc in await store.all(TABLE))
        finally:
            await store.close()

    _run(read)
    return found


def _run(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In a thread of its own: where a browser is driven there is a loop already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(job())).result()
