"""Removes every check of companion/mls, one at a time, and sees a test fail.

`python -m tests.mutation.mls_mutants [--workers N] [FILE ...]` copies the code and its unit tests to a temporary
folder, takes out one check, runs the tests, and lists the survivors. A check is an `if ...: raise CryptoError` (also
MessageRejected), which becomes `if False`, and a bare call of something named verify... or require..., which goes.
What the pass found is in docs/mls-mutation.md. It takes some minutes and is not part of the test run.
"""

import argparse
import ast
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "tests/unit/mls"
TIMEOUT_S = 240
ERRORS = {"CryptoError", "MessageRejected"}
CHECKS = ("verify", "require", "_require", "_verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One check that is taken out."""

    file: str
    line: int
    what: str
    source: str


def _raises_typed_error(body: list[ast.stmt]) -> bool:
    first = body[0]
    return (
        isinstance(first, ast.Raise)
        and isinstance(first.exc, ast.Call)
        and isinstance(first.exc.func, ast.Name)
        and first.exc.func.id in ERRORS
    )


def _called_check(node: ast.stmt) -> str | None:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return None
    called = node.value.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name if name.startswith(CHECKS) else None


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    text = path.read_text(encoding="utf-8")
    for index, node in enumerate(ast.walk(ast.parse(text))):
        tree = ast.parse(text)
        twin = list(ast.walk(tree))[index]
        if isinstance(node, ast.If) and _raises_typed_error(node.body):
            what = f"if {ast.unparse(node.test)}"
            twin.test = ast.Constant(value=False)
        elif isinstance(node, ast.stmt) and (name := _called_check(node)):
            what = f"{name}(...)"
            twin.value = ast.Constant(value=None)
        else:
            continue
        yield Mutant(file=path.name, line=node.lineno, what=what, source=ast.unparse(tree))


def prepare(folder: Path) -> None:
    """Copy the code and its tests."""
    shutil.copytree(ROOT / "companion", folder / "companion", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / TESTS, folder / TESTS, ignore=shutil.ignore_patterns("__pycache__"))
    options = "--import-mode=importlib -p no:cacheprovider -x -q"
    text = f"[pytest]\npythonpath = .\naddopts = {options}\nasyncio_default_fixture_loop_scope = function\n"
    (folder / "pytest.ini").write_text(text, encoding="utf-8")


def start(folder: Path, mutant: Mutant | None) -> int:
    """Start the tests with this mutant in a child, which has pytest loaded already; return its process id.

    A run that takes too long ends by an alarm and counts as a killed mutant.
    """
    if mutant is not None:
        (folder / "companion" / "mls" / mutant.file).write_text(mutant.source, encoding="utf-8")
    child = os.fork()
    if child:
        return child
    signal.alarm(TIMEOUT_S)
    os.chdir(folder)
    sys.path = [str(folder), *(entry for entry in sys.path if entry not in ("", str(ROOT)))]
    for name in [name for name in sys.modules if name.split(".")[0] in ("companion", "tests")]:
        del sys.modules[name]
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os._exit(int(pytest.main([TESTS])))


def restore(folder: Path, mutant: Mutant) -> None:
    """Put the file back as it was."""
    shutil.copy(ROOT / "companion" / "mls" / mutant.file, folder / "companion" / "mls" / mutant.file)


def judge_all(mutants: list[Mutant], folders: list[Path]) -> list[Mutant]:
    """Run every mutant, as many at a time as there are folders; return the survivors."""
    survivors: list[Mutant] = []
    running: dict[int, tuple[Path, Mutant]] = {}
    waiting = list(reversed(mutants))
    while waiting or running:
        while waiting and folders:
            folder, mutant = folders.pop(), waiting.pop()
            running[start(folder, mutant)] = folder, mutant
        child, status = os.wait()
        folder, mutant = running.pop(child)
        restore(folder, mutant)
        folders.append(folder)
        if status == 0:
            survivors.append(mutant)
            print(f"survived: {mutant.file}:{mutant.line}: {mutant.what}", flush=True)
    return survivors


def main() -> int:
    """Run the pass; the exit code is the number of survivors, at most 100."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="only these files of companion/mls")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    files = sorted((ROOT / "companion" / "mls").glob("*.py"))
    mutants = [mutant for file in files if file.name in (options.files or [file.name]) for mutant in mutants_of(file)]
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / str(number) for number in range(options.workers)]
        for folder in folders:
            prepare(folder)
        start(folders[0], None)
        if os.wait()[1] != 0:
            print("the tests fail without any mutant")
            return 1
        survivors = judge_all(mutants, folders)
    print(f"{len(mutants)} mutants, {len(mutants) - len(survivors)} killed, {len(survivors)} survived")
    return min(len(survivors), 100)


if __name__ == "__main__":
    sys.exit(main())
