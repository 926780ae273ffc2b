"""A client that asks an ASGI application one question, without a socket."""

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import pytest


@dataclass(frozen=True)
class Answer:
    status_code: int
    headers: dict
    content: bytes

    @property
    def text(self):
        return self.content.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.content)


@dataclass(frozen=True)
class Client:
    app: object

    def get(self, address, params=None):
        parts = urlsplit(address)
        query = urlencode(params) if params else parts.query
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": parts.path,
            "raw_path": parts.path.encode(), "query_string": query.encode(), "headers": [], "client": ("t", 1), "server": ("t", 80), "root_path": ""}  # fmt: skip
        return asyncio.run(self._ask(scope))

    async def _ask(self, scope):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {k.decode().lower(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:]))


@pytest.fixture
def client_of():
    return Client
