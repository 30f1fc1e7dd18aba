"""The OpenAPI file is true: whatever is sent by it or against it, the relay answers as it says and never with a 5xx.

Schemathesis makes the calls from the file. Half of them are aimed at a group, an invite and a device that exist, so
that the ways behind a good capability are walked too. The endless stream is read until it is live and then left.
"""

import asyncio
import json
import secrets
import time
from importlib.resources import files

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.raw_device import RawDevice

CALLS = 20  # for each operation and mode
DOCUMENT = json.loads(files("services.relay").joinpath("openapi.json").read_text(encoding="utf-8"))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
GROUP, CAPABILITY, INVITE = "ab" * 16, "cd" * 32, "ef" * 16
GOOD, BAD = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
STREAM = "POST /v1/stream"


@pytest.fixture(scope="module")
def known(standing_relay):
    """What exists in the relay, by the names that the file gives parameters; and the header of an open session."""

    async def fill():
        device = await RawDevice(standing_relay.url).open_session()
        await device.create_group(GROUP, CAPABILITY)
        await device.append(GROUP, CAPABILITY, b"sealed", cid="12" * 16)
        soon = {"companion-expires": str(time.time_ns() // 1_000_000 + 60_000)}
        await device.call("PUT", f"/v1/invites/{INVITE}", headers=soon, content=b"sealed")
        await device.close()
        return {"group": GROUP, "invite": INVITE, "device": device.id.hex(), "headers": device.headers}

    return asyncio.run(fill())


class OpenSession(schemathesis.AuthProvider):
    """Puts the token of an open session on every call."""

    def __init__(self, headers):
        self.headers = headers

    def get(self, case, ctx):
        return self.headers

    def set(self, case, data, ctx):
        case.headers.update(data)


def takes_something(operation):
    """Without parameters and body there is nothing that could be sent against the file."""
    return bool(list(operation.body) or list(operation.iter_parameters()))


@pytest.mark.parametrize(
    ("label", "mode"),
    [(label, GOOD) for label in OPERATIONS]
    + [(label, BAD) for label, one in OPERATIONS.items() if takes_something(one)],
)
def test_relay_answers_as_the_file_says(standing_relay, known, label, mode):
    auth = OpenSession(known["headers"])
    session = requests.Session()
    session.trust_env = False
    statuses = []

    @settings(
        max_examples=CALLS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode), is_aimed=st.booleans())
    def call(case, is_aimed):
        if is_aimed:
            aim(case, known)
        if not label.endswith(("/v1/challenges", "/v1/sessions")):
            auth.set(case, auth.get(case, None), None)
        statuses.append(ask(case, standing_relay.url, session))

    call()
    assert statuses, "nothing was asked"


def aim(case, known):
    """Point a call at what exists, and give appends an id of their own."""
    for name in ("group", "invite", "device"):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = known[name]
    if "Companion-Capability" in case.headers:
        case.headers["Companion-Capability"] = CAPABILITY
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = secrets.token_hex(16)


def ask(case, url, session):
    if str((case.query or {}).get("wait", "")).isdecimal():
        case.query["wait"] = 0  # a good number of seconds would be waited for
    if case.operation.label != STREAM:
        return case.call_and_validate(base_url=url, session=session, checks=CHECKS, timeout=40).status_code
    sent = case.as_transport_kwargs(base_url=url)
    with session.request(**sent, stream=True, timeout=10) as answer:
        if answer.status_code != 200:
            case.validate_response(answer, checks=CHECKS)
        else:
            assert answer.headers["content-type"] == "text/event-stream"
            assert any(line == b"event: live" for line in answer.iter_lines())
        return answer.status_code


def test_good_calls_are_among_those_that_were_made(standing_relay, known):
    """Otherwise the test above could pass with nothing but refusals."""
    reached = set()
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=CALLS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS["POST /v1/groups/{group}/events"].as_strategy(generation_mode=GOOD))
    def call(case):
        aim(case, known)
        case.headers.update(known["headers"])
        reached.add(ask(case, standing_relay.url, session))

    call()
    assert 201 in reached
