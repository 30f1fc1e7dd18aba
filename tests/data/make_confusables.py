"""Makes `companion/confusables.py` from Unicode's own file: `python tests/data/make_confusables.py confusables.txt`.

The file is `confusables.txt` of UTS #39 ("Unicode Security Mechanisms"); version 17.0.0 of 22 July 2025 was used. Kept
are letters of the scripts that are mistaken for one another most, which look like one to three letters of the Latin
alphabet, with marks or without, and which compatibility forms (NFKC) do not lead there anyway.
"""

import re
import sys
import unicodedata
from pathlib import Path

SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
LINE = re.compile(r"([0-9A-F]+) ;\t([0-9A-F ]+) ;")
TARGET = Path(__file__).parents[2] / "companion" / "confusables.py"
HEAD = '''"""Letters that look like others, made by `tests/data/make_confusables.py` from confusables.txt, Unicode 17.

Data © 2025 Unicode, Inc., under the Unicode License v3 (https://www.unicode.org/license.txt, SPDX: Unicode-3.0), which
stands in full in `docs/licences/unicode.txt`. Each line: what is seen, then the letters that look like it.
"""

'''


def looks(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return what small letters and those without case look like, then what capital letters look like."""
    small, capital = dict[str, str](), dict[str, str]()
    for found in map(LINE.match, text.splitlines()):
        if found is None:
            continue
        letter = chr(int(found[1], 16))
        seen = unicodedata.normalize("NFD", "".join(chr(int(code, 16)) for code in found[2].split()))
        base = "".join(c for c in seen if not unicodedata.combining(c))
        script = unicodedata.name(letter, "").split(" ")[0]
        is_letter = unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo") and not letter.isascii()
        if not is_letter or script not in SCRIPTS or unicodedata.normalize("NFKC", letter) != letter:
            continue
        if not re.fullmatch("[A-Za-z]{1,3}", base) or (len(base) > 1 and script != "LATIN"):
            continue
        if letter.casefold() == letter:
            small[letter] = seen.casefold()
        else:  # UTS #39 takes a capital I for an l
            capital[letter] = "i" if seen == "l" else seen.casefold()
    return small, capital


def main(source: Path) -> None:
    parts = [HEAD]
    for name, found in zip(("SMALL", "CAPITAL"), looks(source.read_text("utf-8")), strict=True):
        lines = {
            seen: "".join(sorted(one for one in found if found[one] == seen)) for seen in sorted({*found.values()})
        }
        parts.append(f"{name} = {{\n")
        parts += [f"    {ascii(seen)!s}: {ascii(letters)!s},\n".replace("'", '"') for seen, letters in lines.items()]
        parts.append("}\n")
    TARGET.write_text("".join(parts), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
