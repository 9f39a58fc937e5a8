"""An application on a socket, and requests to it byte by byte, as no well-behaved client sends them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from aiohttp import web


class Door:
    """Where the application listens. `body` is JSON of a request, unless it is bytes already."""

    def __init__(self, port):
        self.port = port

    async def get(self, path, **headers):
        return await self.ask("GET", path, headers)

    async def post(self, path, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, {"Content-Type": "application/json", **headers}, data)

    async def ask(self, method, path, headers, data=b"", *, version="HTTP/1.1"):
        """Status and body, decoded where it is JSON. Headers may hold bytes; one that is None is left out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", "Content-Length": str(len(data)), **headers}
        lines = [f"{method} {path} {version}".encode()]
        lines += [name.encode() + b": " + _bytes(value) for name, value in sent.items() if value is not None]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + data)
            async with asyncio.timeout(10):
                answer = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        head, _, text = answer.partition(b"\r\n\r\n")
        is_json = b"application/json" in head
        return int(head.split()[1]), json.loads(text) if is_json else text.decode()


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


@asynccontextmanager
async def at_the_door(app):
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, lingering_time=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Door(runner.addresses[0][1])
    finally:
        await runner.cleanup()
