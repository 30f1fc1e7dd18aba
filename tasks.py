"""Every check and chore by name: `uv run python tasks.py [NAME ...]`. Without a name: all that a review needs.

lint types imports unit property vectors faults integration ui e2e interop   one layer each
audit       ask for known holes in what we build on; says so where the index gave no answer
licences    list the licences of what we build on, and fail for one that we do not take
phone       the store and the cryptography with the library versions that phones get
format      put the code into shape
pins        choose the newest versions that fit and write them into pyproject.toml and deploy/relay.txt
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
CODE = ["companion", "services", "views", "benchmarks", "tests", "main.py", "tasks.py", "chains.py"]
TASKS: dict[str, list[list[str]]] = {
    "lint": [["ruff", "format", "--check", *CODE], ["ruff", "check", *CODE]],
    "types": [["mypy"]],
    "imports": [["lint-imports"]],
    "format": [["ruff", "format", *CODE], ["ruff", "check", "--fix", *CODE]],
}
LAYERS = ("unit", "property", "vectors", "faults", "integration", "ui", "e2e", "interop")
ON_PHONES = ("cryptography==48.0.0", "argon2-cffi==25.1.0", "tinydb==4.9.0", "mnemonic==0.21")
TESTING = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")
PHONE_TESTS = [
    *("tests/unit/store", "tests/unit/crypto", "tests/vectors/test_crypto_vectors.py"),
    *("tests/property/test_crypto_properties.py", "tests/property/test_store_equivalence.py"),
    *(f"tests/faults/test_store_{name}.py" for name in ("tamper", "wal", "kill", "disk_full", "plaintext")),
]
WITH = [part for name in (*ON_PHONES, *TESTING) for part in ("--with", name)]
TASKS["phone"] = [["uv", "run", "--no-project", "--python", sys.executable, *WITH, "python", *PYTEST[1:], *PHONE_TESTS]]
TASKS.update({layer: [[*PYTEST, f"tests/{layer}"]] for layer in LAYERS})
CHAINS = ["uv", "run", "--quiet", "--isolated", "--only-group", "chains", "python", "chains.py"]
USED = HERE / "build" / "used.txt"  # every package that the app or the sync service is installed with
EXPORT = ["uv", "export", "--quiet", "--no-default-groups", "--no-emit-project", "--no-hashes", "--no-header"]
EXPORT += ["--extra", "desktop", "--extra", "relay", "--extra", "postgres", "--output-file", str(USED)]
TASKS["audit"] = [EXPORT, [*CHAINS, "audit", str(USED)]]
TASKS["licences"] = [EXPORT, [*CHAINS, "licences", sys.executable, str(USED)]]
SHARED = ("argon2-cffi", "cryptography")  # what the sync service uses of the app's own packages
RELAY = HERE / "deploy" / "relay.txt"
REVIEW = ("lint", "types", "imports", *LAYERS)


def pins() -> None:
    """Write the version of everything we do not name ourselves into `constraint-dependencies`."""
    project = HERE / "pyproject.toml"
    text = project.read_text("utf-8")
    empty = re.sub(r"constraint-dependencies = \[.*?\n\]", "constraint-dependencies = [\n]", text, flags=re.S)
    project.write_text(empty, "utf-8")
    subprocess.run(["uv", "lock", "--upgrade"], cwd=HERE, check=True)
    packages = tomllib.loads((HERE / "uv.lock").read_text("utf-8"))["package"]
    versions: dict[str, set[str]] = {}
    for package in packages:
        if "version" in package and package["name"] != "companion":
            versions.setdefault(package["name"], set()).add(package["version"])
    named = set(re.findall(r'^\s*"([a-z0-9-]+)==', empty, flags=re.M))
    lines = [
        f'    "{name}=={found.pop()}",'
        for name, found in sorted(versions.items())
        if len(found) == 1 and name not in named
    ]
    block = "constraint-dependencies = [\n" + "\n".join(lines) + "\n]"
    project.write_text(empty.replace("constraint-dependencies = [\n]", block), "utf-8")
    relay_pins()


def relay_pins() -> None:
    """Write what the sync service is installed with, each file by its hash; our constraints hold."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    shared = [line for line in project["dependencies"] if line.startswith(SHARED)]
    wanted = "\n".join([*shared, *extras["relay"], *extras["postgres"]])
    command = ["uv", "pip", "compile", "-", "--universal", "--generate-hashes", "--python-version", "3.11"]
    command += ["--no-header", "--no-annotate", "--quiet", "--output-file", str(RELAY)]
    subprocess.run(command, cwd=HERE, input=wanted, text=True, check=True)


def main(names: list[str]) -> int:
    (HERE / "build").mkdir(exist_ok=True)
    if names == ["pins"]:
        pins()
        return 0
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        print(__doc__)
        return 2
    failed = []
    for name in names or REVIEW:
        for command in TASKS[name]:
            print("==", name, flush=True)
            if subprocess.run(command, cwd=HERE).returncode:
                failed.append(name)
    print("failed: " + ", ".join(failed) if failed else "all good")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
