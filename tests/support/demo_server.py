"""A stand-in for the demo's chat and signaling server, which the captions page talks to.

async with demonstrating() as demo:
    ...  # a page opens demo.url, and asks for captions
    await demo.final("s-ada", "Hello.")
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict

from aiohttp import WSMsgType, web

from api.http.app import page as serve_page
from api.http.origin import json_only, own_pages_only

ME = "session-of-the-page"
PATIENCE_S = 15


class Demo:
    """The demo's server: one room, one visitor. What the page sent is kept; what it shall receive is called."""

    def __init__(self):
        self.greetings = []  # every hello
        self.joins = []  # every room join
        self.byes = 0
        self.posted = []  # (path, body) of every POST
        self.answers = {}  # path → [(status, body), …] to give before the usual ones
        self.session_is_gone = False
        self.mail = defaultdict(asyncio.Queue)  # by recipient: what the page sent to other sessions
        self._changed = asyncio.Condition()
        self._socket = None
        self._request = None

    def application(self, *, production=False):
        app = web.Application(middlewares=[own_pages_only(secret="", host="127.0.0.1"), json_only])  # as the API has it
        app.router.add_get("/", serve_page)
        app.router.add_get("/pages/{name}", serve_page)
        if not production:
            app.router.add_get("/demo/config", self._config)
            app.router.add_post("/demo/{what}", self._post)
            app.router.add_get("/spreed", self._signaling)
        return app

    # What happens in the room

    async def joins_in(self, session, name):
        person = {"sessionid": session, "userid": session, "user": {"displayname": name}, "roomsessionid": session}
        await self.tell({"type": "event", "event": {"target": "room", "type": "join", "join": [person]}})

    async def caption(self, speaker, text, **more):
        caption = {"type": "transcript", "message": text, "langId": "en", "speakerSessionId": speaker}
        await self.message("bot", {**caption, **more})

    async def partial(self, speaker, text):
        await self.caption(speaker, text, final=False)

    async def final(self, speaker, text):
        await self.caption(speaker, text, final=True)

    async def message(self, sender, data):
        sender = {"type": "session", "sessionid": sender}
        await self.tell({"type": "message", "message": {"sender": sender, "data": data}})

    async def tell(self, payload):
        await self._socket.send_json(payload)

    def break_the_connection(self):
        if self._request is not None and self._request.transport is not None:
            self._request.transport.abort()

    # What the page did

    def bodies(self, path):
        return [body for posted, body in self.posted if posted == path]

    async def until(self, predicate):
        """Wait until the page has done something."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(predicate)

    async def _note(self):
        async with self._changed:
            self._changed.notify_all()

    # Its side of HTTP and of the websocket

    async def _config(self, _):
        return web.json_response({"roomName": "The demo room", "language": "en"})

    async def _post(self, request):
        self.posted.append((request.path, await request.json()))
        await self._note()
        if self.answers.get(request.path):
            status, body = self.answers[request.path].pop(0)
            return web.json_response(body, status=status)
        if request.path != "/demo/join":
            return web.json_response({})
        url = f"ws://{request.host}/spreed"
        admission = {"roomToken": "demo", "ncSessionId": "nc-1", "ticket": "the ticket"}
        return web.json_response({**admission, "signalingUrl": url, "backendUrl": "http://localhost/demo"})

    async def _signaling(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket, self._request = socket, request
        await socket.send_json({"type": "welcome", "welcome": {"version": "stand-in", "features": []}})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._heard(message.json())
                await self._note()
        return socket

    async def _heard(self, message):
        match message:
            case {"type": "hello", "id": number, "hello": hello}:
                self.greetings.append(hello)
                if "resumeid" in hello and self.session_is_gone:
                    error = {"code": "no_such_session", "message": "The session to resume does not exist."}
                    await self.tell({"id": number, "type": "error", "error": error})
                    return
                session = ME if "resumeid" in hello else f"{ME}{'' if len(self.greetings) == 1 else '-again'}"
                hello = {"version": "1.0", "sessionid": session, "resumeid": "the resume id"}
                await self.tell({"id": number, "type": "hello", "hello": hello})
            case {"type": "room", "id": number, "room": room}:
                self.joins.append(room)
                await self.tell({"id": number, "type": "room", "room": {"roomid": room["roomid"]}})
            case {"type": "message", "message": {"recipient": {"sessionid": session}, "data": data}}:
                self.mail[session].put_nowait(data)
            case {"type": "bye"}:
                self.byes += 1


@contextlib.asynccontextmanager
async def serving(app):
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def demonstrating():
    demo = Demo()
    async with serving(demo.application()) as demo.url:
        yield demo
        demo.break_the_connection()  # whatever the page does about it, the server need not wait for it
