"""Answers that say yes."""

import json

from starlette.responses import Response


def answer(fields: object, status: int = 200) -> Response:
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Response(body, status, headers={"cache-control": "no-store"}, media_type="application/json")


def octets(body: bytes) -> Response:
    return Response(body, headers={"cache-control": "no-store"}, media_type="application/octet-stream")
