"""Answers: what goes back to the caller, yes or no."""

import json

from starlette.responses import Response

from services.relay.refusal import Refusal

_encode = json.JSONEncoder(separators=(",", ":")).encode


def answer(fields: object, status: int = 200) -> Response:
    return encoded(_encode(fields).encode(), status)


def encoded(body: bytes, status: int = 200) -> Response:
    """Return an answer whose JSON is written already."""
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


def octets(body: bytes) -> Response:
    return Response(body, 200, {"cache-control": "no-store"}, "application/octet-stream")


def no(refusal: Refusal) -> Response:
    response = answer({"error": refusal.code, "message": refusal.message, **refusal.details}, refusal.status)
    if refusal.retry_after_s is not None:
        response.headers["retry-after"] = str(refusal.retry_after_s)
    return response
