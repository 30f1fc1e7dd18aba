"""An S3 service of our own for a test run: SeaweedFS on loopback, with its data in a temporary folder."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

START_S = 60
POLL_S = 0.05


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class ObjectServer:
    """One server with one bucket for each test that asks. The keys are made up for this run."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="companion-objects-"))
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": secrets.token_hex(8),
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        }
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
        ports = free_ports(len(names) + 2)
        self.port = ports[-1]
        self._command = [
            str(Path(sys.executable).with_name("weed")),
            "mini",
            f"-dir={self._folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-admin.ui=false",
            "-webdav=false",
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-s3.port={self.port}",
            f"-s3.port.grpc={ports[-2]}",
            *(f"-{name}={port}" for name, port in zip(names, ports, strict=False)),
        ]
        self.start()

    def start(self) -> None:
        """Start it, the first time or again."""
        with (self._folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env=self.environment, stdout=log, stderr=log
            )
        self._wait()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(20)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def place(self) -> str:
        """Return the address of a bucket that nobody used before."""
        import obstore
        from obstore.store import S3Store

        bucket = f"blobs-{secrets.token_hex(6)}"
        store = S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )
        obstore.put(store, "made", b"x")  # the first object makes the bucket
        return f"s3://{bucket}?endpoint={self.endpoint}"

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        opener = build_opener(ProxyHandler({}))
        deadline = time.monotonic() + START_S
        while True:
            try:
                opener.open(f"{self.endpoint}/healthz", timeout=2).close()
                return
            except OSError:
                assert self.process.poll() is None, (self._folder / "log").read_text()[-2_000:]
                assert time.monotonic() < deadline, (self._folder / "log").read_text()[-2_000:]
                time.sleep(POLL_S)
