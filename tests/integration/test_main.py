"""The command line as people use it."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.driver import ROOT, AppProcess, wait_until


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "main.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_app_ends_quietly_when_it_is_asked_to(tmp_path: Path, number: int) -> None:
    app = AppProcess(tmp_path, "hazel")
    app._signal(number)
    assert app.process.returncode == 0
    assert "Traceback" not in app.output


def test_nobody_gets_in_without_the_address(tmp_path: Path) -> None:
    app = AppProcess(tmp_path, "hazel")
    try:
        port = app.address.split("/")[2].rpartition(":")[2]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        assert refused.value.code == 403
        refused.value.close()
    finally:
        app.stop()


def test_doctor_speaks_plainly_and_leaves_nothing_running(tmp_path: Path) -> None:
    said = run("doctor", "--data", str(tmp_path))
    assert said.returncode == 0, said.stderr
    for words in ("works: Argon2id", "Your data will lie in", "Microphone", "Notices", "Keystore", "It works."):
        assert words in said.stdout
    assert "Traceback" not in said.stderr


def test_doctor_says_when_the_service_does_not_answer(tmp_path: Path) -> None:
    said = run("doctor", "--data", str(tmp_path), "--service", "http://127.0.0.1:9")
    assert said.returncode == 0
    assert "does not answer" in said.stdout


def test_profile_name_that_is_no_name_is_refused_in_one_line(tmp_path: Path) -> None:
    said = run("--data", str(tmp_path), "--profile", "../other")
    assert said.returncode == 1
    assert said.stderr.strip() == "companion: a profile's name is made of a-z, 0-9, - and _"


def test_the_browser_is_started_with_a_file_once_the_server_answers(tmp_path: Path) -> None:
    """Everybody on the computer sees what a program is started with, so no secret may stand there."""
    browser, told = tmp_path / "browser", tmp_path / "told"
    browser.write_text(f"""#!{sys.executable}
import re, sys, urllib.error, urllib.parse, urllib.request
page = open(urllib.parse.urlparse(sys.argv[1]).path).read()
port = re.search(r":(\\d+)/open/", page).group(1)
try:
    urllib.request.urlopen(f"http://127.0.0.1:{{port}}/")
except urllib.error.HTTPError as error:
    open({str(told)!r}, "w").write(f"{{error.code}} {{sys.argv[1]}}")
""")
    browser.chmod(0o700)
    command = [sys.executable, str(ROOT / "main.py"), "--web", "--data", str(tmp_path / "data")]
    app = AppProcess(tmp_path, "hazel", command=command, env={"DISPLAY": ":99", "BROWSER": f"{browser} %s"})
    try:
        wait_until(told.exists)
        wait_until(told.read_text)
        code, argument = told.read_text().split(" ", 1)
        assert code == "403"
        assert re.fullmatch(r"file:///\S+/companion-\w+/open\.html", argument)
    finally:
        app.stop()
    assert not Path(argument.removeprefix("file://")).exists()


def test_a_plain_address_is_there_for_browsers_that_need_one(tmp_path: Path) -> None:
    app = AppProcess(tmp_path, "hazel", "--plain-address")
    try:
        assert app.address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(app.address) as answer:  # noqa: S310  # what our own app printed
            assert b"sessionStorage" in answer.read()
    finally:
        app.stop()
