"""The app as `main.py` serves it, but on Flet as it was released, and with places built anew at each visit.

    python -m benchmarks.screens_plain --data DIR --profile NAME

What `benchmarks.screens` compares with; nothing in the app itself switches either off.
"""

import asyncio

from main import ASSETS, build_profile, page_main, parse_arguments, serve
from services.profile import data_folder
from views.words.texts import load_texts


def main() -> None:
    chosen = parse_arguments(None)
    texts = load_texts(ASSETS / "words")
    profile = build_profile(data_folder(chosen.data), chosen.profile, chosen.service)
    asyncio.run(serve(profile, texts, page_main(profile, texts, keeps_places=False), chosen.port, False))


if __name__ == "__main__":
    main()
