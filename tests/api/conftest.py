"""Fixtures of the API suites."""

import pytest

from harness import LambdaStub, S3Stub, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests that do not need their own."""
    server = Server(tmp_path_factory.mktemp("data"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def sfn(server):
    return server.client()


@pytest.fixture
def start_server(tmp_path):
    """Starts servers of one test: `start_server("--flag", environment={...})`. The same data directory
    each time, so that a second start is a restart."""
    servers = []

    def start(*arguments, **options):
        servers.append(Server(tmp_path / "data", *arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def lambda_stub():
    """`lambda_stub(Name=function, ...)` serves functions of that name."""
    stubs = []

    def serve(**functions):
        stubs.append(LambdaStub(functions))
        return stubs[-1]

    yield serve
    for stub in stubs:
        stub.close()


@pytest.fixture
def s3_stub():
    """An endpoint that plays S3."""
    stub = S3Stub()
    yield stub
    stub.close()
