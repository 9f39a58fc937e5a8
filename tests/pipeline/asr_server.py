"""A recognition server on loopback that speaks OpenAI's protocol, and misbehaves in every way that a test asks for.

It reads what it is sent with the standard library's means, not ours. `Time` and `Witness` are what a backend is given
that talks to it.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One transcription that was asked for. `rate`, `channels` and `width` are those of the WAV."""

    headers: dict[str, str]
    fields: dict[str, str]
    pcm: np.ndarray
    rate: int
    channels: int
    width: int
    filename: str
    content_type: str


class AsrServer:
    """Answers what `script` holds, one by one, and after that `usually`. An answer is `async (request, upload)`."""

    def __init__(self, usually):
        self.usually = usually
        self.script = deque()
        self.models = 200  # the status of GET /v1/models; or a queue of them, of which the last one stays
        self.uploads = []
        self.looks = 0
        self.busy = 0
        self.busiest = 0
        self.asked = asyncio.Event()
        self.over = asyncio.Event()  # what hangs ends with the server
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def then(self, *answers):
        self.script.extend(answers)

    async def list_models(self, request):
        self.looks += 1
        status = self.models
        if isinstance(status, deque):
            status = status.popleft() if len(status) > 1 else status[0]
        location = {"Location": f"{self.url}/elsewhere"} if status in (301, 302) else {}
        return web.json_response({"data": []}, status=status, headers=location)

    async def transcribe(self, request):
        upload = await _read(request)
        self.uploads.append(upload)
        self.asked.set()
        answer = self.script.popleft() if self.script else self.usually
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            return await answer(self, request, upload)
        finally:
            self.busy -= 1


@asynccontextmanager
async def serving(usually, *, port=0):
    server = AsrServer(usually)
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_get("/v1/models", server.list_models)
    app.router.add_post("/v1/audio/transcriptions", server.transcribe)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        server.over.set()
        await runner.cleanup()


async def _read(request):
    fields, file, audio = {}, None, b""
    async for part in await request.multipart():  # in memory, unlike `request.post()`
        if part.filename is None:
            fields[part.name] = await part.text()
        else:
            file, audio = part, bytes(await part.read())
    with wave.open(io.BytesIO(audio)) as reader:
        return Upload(
            headers=dict(request.headers),
            fields=fields,
            pcm=np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2"),
            rate=reader.getframerate(),
            channels=reader.getnchannels(),
            width=reader.getsampwidth(),
            filename=file.filename,
            content_type=file.headers["Content-Type"],
        )


class Time:
    """Passes only when somebody sleeps."""

    def __init__(self):
        self.now = 100.0
        self.slept = []

    def clock(self):
        return self.now

    async def sleep(self, delay_s):
        self.slept.append(round(delay_s, 3))
        self.now += delay_s
        await asyncio.sleep(0)


class Witness:
    """A keeper that writes down what it is told."""

    def __init__(self):
        self.told = []
        self.languages = self.translations = ()
        self.up = asyncio.Event()

    def backend_ready(self, languages, *, note, translations=()):
        self.told.append("ready")
        self.languages, self.translations = tuple(languages), tuple(translations)
        self.up.set()

    def backend_lost(self):
        self.told.append("lost")
        self.up.clear()


# Answers


def says(text, **more):
    async def answer(server, request, upload):
        return web.json_response({"text": text, **more})

    return answer


def status(code, **headers):
    async def answer(server, request, upload):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": {"message": "no such luck"}}, status=code, headers=named)

    return answer


def body(data, content_type="application/json", **headers):
    async def answer(server, request, upload):
        return web.Response(body=data, content_type=content_type, headers=headers)

    return answer


async def reset_in_the_middle(server, request, upload):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"text": "half a')
    request.transport.abort()
    return response


async def reset_at_once(server, request, upload):
    request.transport.abort()
    return web.Response()


async def hang(server, request, upload):
    await server.over.wait()
    return web.Response()


async def headers_that_never_end(server, request, upload):
    request.transport.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await server.over.wait()
    request.transport.abort()
    return web.Response()


async def body_that_never_ends(server, request, upload):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"text": "')
    await server.over.wait()
    request.transport.abort()
    return response


async def giant(server, request, upload):
    """Without a length; an answer at last, but more of it than anybody should keep."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(32):
        await response.write(b" " * 65536)
    await response.write(b'{"text": "at last"}')
    return response


def takes(time, length_s, answer):
    """So many seconds of a `Time`."""

    async def slow(server, request, upload):
        time.now += length_s
        return await answer(server, request, upload)

    return slow


def waits_for(gate, answer):
    async def held(server, request, upload):
        await gate.wait()
        return await answer(server, request, upload)

    return held
