"""The demo's chat server as its page calls it, and as nobody should. No model is needed."""

from __future__ import annotations

import aiohttp
import pytest

from api import create_app
from bot import RoomSettings, SignalingSettings, Supervisor
from pipeline import EngineState
from signaling import InternalCredentials, signaling_url
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.demo.chat import BACKEND, MAX_GUESTS, CaptionsRefused, ChatServer
from tests.api.raw import at_the_door

DEEP = b"[" * 60_000


class Demo:
    """`door` takes requests; `supervisor` is there, but does not run."""

    def __init__(self, door, chat, supervisor):
        self.door = door
        self.chat = chat
        self.supervisor = supervisor

    async def post(self, path, body):
        return await self.door.post(f"/demo/{path}", body)

    async def guest(self, name="Rosa"):
        """Somebody who has joined, by the Nextcloud session id."""
        status, admission = await self.post("join", {"name": name})
        assert status == 200
        return admission["ncSessionId"]


@pytest.fixture
async def demo(engine_settings):
    async with (
        EmbeddedServer(EmbeddedSettings(internal_secret="x", backend_url=BACKEND)) as signaling,
        aiohttp.ClientSession() as http,
    ):
        credentials = InternalCredentials(secret="x", backend=BACKEND)
        rooms = RoomSettings(signaling=SignalingSettings(url=signaling_url(signaling.url), credentials=credentials))
        supervisor = Supervisor(rooms=rooms, engine=engine_settings)
        chat = ChatServer(signaling, http)
        app = create_app(supervisor)
        chat.add_routes(app)
        async with at_the_door(app) as door:
            chat.api_url = f"http://127.0.0.1:{door.port}"
            yield Demo(door, chat, supervisor)


async def test_a_guest_joins_and_leaves(demo):
    session = await demo.guest()

    assert (await demo.post("call", {"ncSessionId": session, "inCall": 3}))[0] == 200
    assert (await demo.post("call", {"ncSessionId": session, "inCall": 0}))[0] == 200
    assert (await demo.post("call", {"ncSessionId": session, "inCall": 1}))[0] == 404


async def test_any_name_that_people_have_is_welcome(demo):
    for name in ("Zoë", "日本", "👩‍💻", "x" * 100):
        await demo.guest(name)


async def test_the_guest_who_came_first_makes_room(demo):
    guests = [await demo.guest(f"Guest {number}") for number in range(MAX_GUESTS + 1)]

    assert (await demo.post("call", {"ncSessionId": guests[0], "inCall": 1}))[0] == 404
    assert (await demo.post("call", {"ncSessionId": guests[1], "inCall": 1}))[0] == 200


@pytest.mark.parametrize("name", [None, 7, ["Rosa"], {}, True, "", "   ", "x" * 101, "\ud800", "\x1b[2J"], ids=repr)
async def test_a_name_that_is_none_is_refused(demo, name):
    status, answer = await demo.post("join", {"name": name})

    assert status == 422
    assert "name" in answer["error"]


@pytest.mark.parametrize("session", [[], ["x"], {}, {"a": []}, 7, None, True], ids=repr)
@pytest.mark.parametrize("path", ["call", "captions"])
async def test_a_session_that_is_no_text_is_refused(demo, path, session):
    status, answer = await demo.post(path, {"ncSessionId": session, "inCall": 1})

    assert status == 422
    assert "ncSessionId" in answer["error"]


@pytest.mark.parametrize(("path", "more"), [("call", {"inCall": 1}), ("captions", {"enable": True})])
async def test_a_session_that_nobody_has_is_not_found(demo, path, more):
    status, answer = await demo.post(path, {"ncSessionId": "somebody else", **more})

    assert status == 404
    assert "ncSessionId" in answer["error"]


@pytest.mark.parametrize("flags", [True, False, -1, 16, 1.0, "1", None, [1]], ids=repr)
async def test_flags_that_are_no_number_are_refused(demo, flags):
    session = await demo.guest()

    status, answer = await demo.post("call", {"ncSessionId": session, "inCall": flags})

    assert status == 422
    assert "inCall" in answer["error"]


@pytest.mark.parametrize(
    "body", [DEEP, b"{", b"[]", b"7", b"null", b"\xff", b"9" * 5000], ids=lambda body: repr(body[:4])
)
@pytest.mark.parametrize("path", ["join", "call", "captions"])
async def test_a_body_that_is_no_json_object_is_refused(demo, path, body):
    status, answer = await demo.post(path, body)

    assert status == 422
    assert "body" in answer["error"]


async def test_what_the_api_says_reaches_the_page(demo):
    session = await demo.guest()

    status, answer = await demo.post("captions", {"ncSessionId": session, "enable": True})

    assert (status, answer["status"]) == (503, "loading")
    assert "still being loaded" in answer["error"]


async def test_captions_that_can_never_be_had_are_not_waited_for(demo):
    session = await demo.guest()
    demo.supervisor.engine.state = EngineState.FAILED

    with pytest.raises(CaptionsRefused, match="ROOMSCRIBE_MODEL"):
        await demo.chat.enable_captions(session)
