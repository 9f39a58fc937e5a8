"""The captions page, in a real Chromium, against a stand-in for the demo's chat and signaling server.

Without a Chromium these tests are skipped: `apt-get install chromium`. To leave them out: `pytest -m "not browser"`.
"""

from __future__ import annotations

import asyncio
import contextlib
import wave
from collections import defaultdict

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from api.app import page as serve_page
from api.origin import json_only, own_pages_only
from bot import LOOPBACK
from tests.support.chromium import NAMES, chromium, find_chromium, running, tab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None,
        reason=f"NO BROWSER: the captions page is NOT tested here, as none of {', '.join(NAMES)} is installed",
    ),
]

ME = "session-of-the-page"
PATIENCE_S = 15
LOUD, SILENT = 300, 5  # rms of 16 bit samples
WINDOW = 25  # frames of 20 ms


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


class Ear:
    """A subscriber of the page's microphone."""

    def __init__(self, demo, session):
        self.demo = demo
        self.session = session
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()
        self.peer.on("track", self.track.set_result)
        self.peer.on("connectionstatechange", lambda: self.peer.connectionState == "closed" and self.closed.set())

    async def subscribe(self):
        """Ask, and answer the offer; then take its candidates, for ever."""
        mail = self.demo.mail[self.session] = asyncio.Queue()
        await self.demo.message(self.session, {"type": "requestoffer", "roomType": "video"})
        offer = await mail.get()
        assert (offer["type"], offer["roomType"], offer["to"]) == ("offer", "video", self.session)
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=offer["payload"]["sdp"], type="offer"))
        with LOOPBACK.gathering():
            await self.peer.setLocalDescription(await self.peer.createAnswer())
        answer = {"type": "answer", "sdp": self.peer.localDescription.sdp}
        common = {"roomType": "video", "sid": offer["sid"]}
        await self.demo.message(self.session, {"type": "answer", **common, "payload": answer})
        while True:
            data = await mail.get()
            assert (data["type"], data["sid"]) == ("candidate", offer["sid"])
            trickled = data["payload"]["candidate"]
            candidate = candidate_from_sdp(trickled["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = trickled["sdpMid"], trickled["sdpMLineIndex"]
            await self.peer.addIceCandidate(candidate)

    async def hears(self, expected):
        """Listen until half a second is as `expected` says of its rms."""
        window = []
        async with asyncio.timeout(PATIENCE_S):
            track = await self.track
            while len(window) < WINDOW or not expected(rms(window)):
                frame = await track.recv()
                window = [*window[-(WINDOW - 1) :], frame.to_ndarray().astype(float)]


def rms(frames):
    return float(np.sqrt(np.mean(np.concatenate(frames, axis=None) ** 2)))


def sound(level):
    return level > LOUD


def silence(level):
    return level < SILENT


@contextlib.asynccontextmanager
async def listening(demo, session="bot"):
    ear = Ear(demo, session)
    async with asyncio.TaskGroup() as tasks:
        subscribing = tasks.create_task(ear.subscribe())
        try:
            yield ear
        finally:
            subscribing.cancel()
            await ear.peer.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One for all tests. Its microphone hums a chord that swells and fades twice a second."""
    file = tmp_path_factory.mktemp("microphone") / "hum.wav"
    at = np.arange(48_000) / 48_000
    hum = sum(np.sin(2 * np.pi * tone * at) for tone in (220, 330, 550)) * (1.2 + np.sin(4 * np.pi * at))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((hum * 3000).astype("<i2").tobytes())
    with running(microphone=file) as address:
        yield address


@pytest.fixture
async def page(browser):
    async with tab(browser) as page:
        await page.set_viewport(1200, 800)
        yield page


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


@pytest.fixture
async def demo(page):
    async with demonstrating() as demo:
        yield demo
        await page.open("about:blank")


async def knock(page, demo, button, *, name="Rosa", query=""):
    """Come to the door, give a name, choose."""
    await page.open(demo.url + query)
    await page.wait_for("!document.querySelector('#door').hidden")
    await page.evaluate(f"document.querySelector('#name').value = {name!r}")
    await click(page, button)


async def read_along(page, demo):
    await knock(page, demo, "#join-read")
    await page.wait_for(state_says("Captions on."))


async def speak(page, demo):
    await knock(page, demo, "#join-mic", query="?raw=1")
    await page.wait_for(state_says("Microphone on."))


async def click(page, selector):
    await page.evaluate(f"document.querySelector({selector!r}).click()")


def state_says(words):
    return f"document.querySelector('#state').textContent.includes({words!r})"


def error_says(words):
    return f"!document.querySelector('#error').hidden && document.querySelector('#error').innerText.includes({words!r})"


def line(name, text, *, final):
    """A predicate: there is such a line."""
    return f"""[...document.querySelectorAll('#captions li[data-final="{str(final).lower()}"]')].some(
        (line) => line.querySelector('.speaker').textContent === {name!r}
               && line.querySelector('.text').textContent === {text!r})"""


async def lines(page):
    """All lines, as (name, text, is final)."""
    found = await page.evaluate("""[...document.querySelectorAll('#captions li')].map((line) => [
        line.querySelector('.speaker').textContent, line.querySelector('.text').textContent, line.dataset.final])""")
    return [(name, text, final == "true") for name, text, final in found]


# A server without a demo


async def test_a_server_without_a_demo_room_says_that_it_runs_and_where_captions_appear(page):
    async with serving(Demo().application(production=True)) as url:
        await page.open(url)
        text = await page.wait_for("!document.querySelector('#about').hidden && document.body.innerText")
        assert "This server is running" in text
        assert "captions appear in the chat server’s own calls" in text
        links = await page.evaluate("[...document.querySelectorAll('#about a')].map((a) => a.getAttribute('href'))")
        assert links == ["/healthz", "/metrics", "/api/v1/languages"]
        assert not await page.evaluate("document.querySelector('#name').checkVisibility()")


# Joining


async def test_the_page_may_be_called_by_the_name_of_loopback_too(page, demo):
    demo.url = demo.url.replace("127.0.0.1", "localhost")
    await read_along(page, demo)
    assert demo.bodies("/demo/captions") == [{"ncSessionId": "nc-1", "enable": True}]


async def test_a_reader_joins_the_call_without_a_microphone_and_gets_captions(page, demo):
    await read_along(page, demo)
    assert demo.bodies("/demo/join") == [{"name": "Rosa", "microphone": False}]
    assert demo.greetings == [
        {"version": "1.0", "auth": {"url": "http://localhost/demo", "params": {"ticket": "the ticket"}}}
    ]
    assert demo.joins == [{"roomid": "demo", "sessionid": "nc-1"}]
    assert demo.bodies("/demo/call") == [{"ncSessionId": "nc-1", "inCall": 1}]
    assert demo.bodies("/demo/captions") == [{"ncSessionId": "nc-1", "enable": True}]
    assert list(page.complaints) == []  # nothing that the content security policy forbids


async def test_a_refusal_is_shown_in_the_servers_words(page, demo):
    demo.answers["/demo/join"] = [(429, {"error": "the demo room admits 20 people"})]
    await knock(page, demo, "#join-read")
    await page.wait_for(error_says("the demo room admits 20 people"))
    await click(page, "#join-read")
    await page.wait_for(state_says("Connected."))


@pytest.mark.parametrize("status", ["starting", "restarting"])
async def test_while_the_model_is_being_loaded_captions_are_asked_for_again(page, demo, status):
    demo.answers["/demo/captions"] = [(503, {"error": "the model is still being loaded", "status": status})]
    await knock(page, demo, "#join-read")
    await page.wait_for(state_says("when the speech model is loaded"))
    await page.wait_for(state_says("Captions on."))


@pytest.mark.parametrize(
    "trouble",
    [
        {"error": "ROOMSCRIBE_MODEL=nowhere: there is no such model", "status": "failed"},
        {"error": "the room's bot failed"},
    ],
)
async def test_other_reasons_for_no_captions_are_told_and_the_reader_may_try_again(page, demo, trouble):
    demo.answers["/demo/captions"] = [(503, trouble)]
    await knock(page, demo, "#join-read")
    await page.wait_for(error_says(trouble["error"]))
    await page.wait_for(state_says("Captions off."))
    await click(page, "#captions-toggle")
    await page.wait_for(state_says("Captions on."))
    assert await page.evaluate("document.querySelector('#error').hidden")


async def test_a_refused_microphone_is_explained_and_reading_is_offered():
    async with demonstrating() as demo, chromium(may_listen=False) as page:
        await knock(page, demo, "#join-mic")
        await page.wait_for(error_says("did not allow the microphone"))
        assert await page.evaluate("document.activeElement.id") == "join-read"
        assert demo.posted == []
        await click(page, "#join-read")
        await page.wait_for(state_says("Captions on."))
        assert not await page.evaluate("document.querySelector('#mute').checkVisibility()")


# Reading


async def test_a_partial_is_dimmed_and_its_final_takes_its_place(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    colour = "getComputedStyle(document.querySelector('#captions .text')).color"

    await demo.partial("s-ada", "hello wor")
    await page.wait_for(line("Ada", "hello wor", final=False))
    dimmed = await page.evaluate(colour)
    begun = await page.evaluate("document.querySelector('#captions .time').textContent")

    await demo.final("s-ada", "Hello, world.")
    await page.wait_for(line("Ada", "Hello, world.", final=True))
    await page.wait_for(f"{colour} !== {dimmed!r}")
    assert await lines(page) == [("Ada", "Hello, world.", True)]
    assert await page.evaluate("document.querySelector('#captions .time').textContent") == begun


async def test_two_people_may_speak_at_once(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.joins_in("s-bob", "Bob")
    for speaker, text in [("s-ada", "one"), ("s-bob", "eins"), ("s-ada", "one two"), ("s-bob", "eins zwei")]:
        await demo.partial(speaker, text)
    await demo.final("s-bob", "Eins zwei.")
    await page.wait_for(line("Bob", "Eins zwei.", final=True))
    assert await lines(page) == [("Ada", "one two", False), ("Bob", "Eins zwei.", True)]
    voices = await page.evaluate("[...document.querySelectorAll('#captions li')].map((line) => line.dataset.voice)")
    assert len(set(voices)) == 2


async def test_an_empty_final_takes_the_partial_back(page, demo):
    await read_along(page, demo)
    await demo.partial("s-ada", "mmh")
    await demo.final("s-ada", "")
    await demo.final("s-bob", "Next.")
    await page.wait_for(line("Somebody", "Next.", final=True))
    assert await lines(page) == [("Somebody", "Next.", True)]


async def test_a_caption_that_does_not_say_so_is_final_and_tells_its_language(page, demo):
    await read_along(page, demo)
    await demo.caption("s-ada", "Bom dia.", langId="pt_BR")
    await page.wait_for(line("Somebody", "Bom dia.", final=True))
    assert await page.evaluate("document.querySelector('#captions .text').lang") == "pt-BR"


async def test_a_name_that_comes_late_is_put_in(page, demo):
    await read_along(page, demo)
    await demo.final("s-ada", "Hello.")
    await demo.joins_in("s-ada", "Ada")
    await page.wait_for(line("Ada", "Hello.", final=True))


async def test_what_i_say_is_mine(page, demo):
    await read_along(page, demo)
    await demo.final(ME, "Hello.")
    await page.wait_for(line("You", "Hello.", final=True))


async def test_markup_in_words_and_names_is_text(page, demo):
    attack = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)>"
    await read_along(page, demo)
    await demo.joins_in("s-eve", attack)
    await demo.final("s-eve", attack)
    await page.wait_for(line(attack, attack, final=True))
    assert await page.evaluate("document.querySelectorAll('#captions script, #captions img').length") == 0
    assert await page.evaluate("document.title") == "The demo room · captions"


async def test_screen_readers_hear_each_final_once_and_no_partial(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.partial("s-ada", "hel")
    await page.wait_for(line("Ada", "hel", final=False))
    assert await page.evaluate("document.querySelector('#announcer').textContent") == ""
    assert await page.evaluate("document.querySelector('#captions li').ariaHidden") == "true"
    await demo.final("s-ada", "Hello.")
    await page.wait_for("document.querySelector('#announcer').textContent === 'Ada: Hello.'")
    assert await page.evaluate("document.querySelector('#captions li').ariaHidden") is None
    assert await page.evaluate("document.querySelector('#captions').closest('[aria-live]')") is None


async def test_new_lines_do_not_disturb_who_reads_back(page, demo):
    await read_along(page, demo)
    for number in range(40):
        await demo.final("s-ada", f"Line {number}.")
    await page.wait_for(line("Somebody", "Line 39.", final=True))
    at_end = "scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2"
    await page.wait_for(at_end)

    await page.press("PageUp")
    await page.wait_for("document.querySelector('#jump-live').checkVisibility()")
    await demo.final("s-ada", "Line 40.")
    await page.wait_for(line("Somebody", "Line 40.", final=True))
    assert not await page.evaluate(at_end)

    await click(page, "#jump-live")
    await page.wait_for(at_end)
    await demo.final("s-ada", "Line 41.")
    await page.wait_for(line("Somebody", "Line 41.", final=True))
    await page.wait_for(at_end)
    assert not await page.evaluate("document.querySelector('#jump-live').checkVisibility()")


async def test_the_oldest_lines_go_when_there_are_five_hundred(page, demo):
    await read_along(page, demo)
    for number in range(510):
        await demo.final("s-ada", f"Line {number}.")
    await page.wait_for(line("Somebody", "Line 509.", final=True))
    everything = await lines(page)
    assert len(everything) == 500
    assert everything[0] == ("Somebody", "Line 10.", True)


async def test_what_was_said_can_be_saved(page, demo):
    await page.before_scripts("""
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { window.saved = blob.text(); return make(blob); };""")
    await page.call("Page.setDownloadBehavior", behavior="deny")
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.final("s-ada", "Hello.")
    await demo.partial("s-ada", "and then")
    await page.wait_for(line("Ada", "and then", final=False))
    time = await page.evaluate("document.querySelector('#captions .time').textContent")
    await click(page, "#download")
    title, _, *said = (await page.evaluate("window.saved")).splitlines()
    assert title.startswith("The demo room, ")
    assert said == [f"[{time}] Ada: Hello."]


async def test_captions_can_be_stopped_and_started_again(page, demo):
    await read_along(page, demo)
    await click(page, "#captions-toggle")
    await page.wait_for(state_says("Captions off."))
    await click(page, "#captions-toggle")
    await page.wait_for(state_says("Captions on."))
    assert [body["enable"] for body in demo.bodies("/demo/captions")] == [True, False, True]


# Speaking


async def test_the_microphone_is_heard_and_mute_is_silence(page, demo):
    await speak(page, demo)
    assert demo.bodies("/demo/call") == [{"ncSessionId": "nc-1", "inCall": 3}]
    async with listening(demo) as ear:
        await ear.hears(sound)
        assert "opus/48000/2" in ear.peer.localDescription.sdp
        await click(page, "#mute")
        await ear.hears(silence)
        assert await page.evaluate("document.querySelector('#mute').textContent") == "Unmute"
        await click(page, "#mute")
        await ear.hears(sound)


async def test_a_new_request_replaces_the_connection(page, demo):
    await speak(page, demo)
    async with listening(demo) as first:
        await first.hears(sound)
        async with listening(demo) as second:
            await second.hears(sound)
            async with asyncio.timeout(PATIENCE_S):
                await first.closed.wait()


async def test_each_subscriber_has_a_connection_of_its_own(page, demo):
    await speak(page, demo)
    async with listening(demo, "bot") as one, listening(demo, "another bot") as other:
        await one.hears(sound)
        await other.hears(sound)
        await one.hears(sound)


async def test_a_readers_page_offers_nothing(page, demo):
    await read_along(page, demo)
    await demo.message("bot", {"type": "requestoffer", "roomType": "video"})
    await demo.final("s-ada", "Hello.")
    await page.wait_for(line("Somebody", "Hello.", final=True))
    assert demo.mail["bot"].empty()


@pytest.mark.parametrize(("query", "processing"), [("", True), ("?raw=1", False)])
async def test_the_browsers_audio_processing_is_on_unless_raw_is_asked_for(page, demo, query, processing):
    await page.before_scripts("""
        const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = (asked) => { window.asked = asked; return get(asked); };""")
    await knock(page, demo, "#join-mic", query=query)
    await page.wait_for(state_says("Microphone on."))
    names = ("echoCancellation", "noiseSuppression", "autoGainControl")
    assert await page.evaluate("window.asked") == {"audio": dict.fromkeys(names, processing), "video": False}


# Losing the connection, and leaving


async def test_a_lost_connection_is_resumed_and_audio_and_open_lines_go_on(page, demo):
    await speak(page, demo)
    async with listening(demo) as ear:
        await ear.hears(sound)
        await demo.partial("s-ada", "as I was")
        await page.wait_for(line("Somebody", "as I was", final=False))

        demo.break_the_connection()
        await page.wait_for(state_says("The connection was lost."))
        await page.wait_for(state_says("Connected."))

        assert demo.greetings[1:] == [{"version": "1.0", "resumeid": "the resume id"}]
        assert len(demo.joins) == 1
        await demo.final("s-ada", "As I was saying.")
        await page.wait_for(line("Somebody", "As I was saying.", final=True))
        assert len(await lines(page)) == 1
        await ear.hears(sound)
        assert not ear.closed.is_set()


async def test_where_the_session_is_gone_the_page_joins_afresh_and_asks_for_captions_again(page, demo):
    await read_along(page, demo)
    await demo.partial("s-ada", "as I was")
    await page.wait_for(line("Somebody", "as I was", final=False))
    demo.session_is_gone = True
    demo.break_the_connection()
    await demo.until(lambda: len(demo.bodies("/demo/captions")) == 2)
    await page.wait_for(state_says("Captions on."))
    assert len(demo.bodies("/demo/join")) == len(demo.joins) == 2
    assert [body["inCall"] for body in demo.bodies("/demo/call")] == [1, 0, 1]
    assert await lines(page) == [("Somebody", "as I was …", True)]
    await demo.final(f"{ME}-again", "Back again.")
    await page.wait_for(line("You", "Back again.", final=True))


async def test_leaving_says_goodbye(page, demo):
    await read_along(page, demo)
    await click(page, "#leave")
    await page.wait_for("document.querySelector('#door').checkVisibility()")
    await demo.until(lambda: demo.byes == 1 and demo.bodies("/demo/call")[-1] == {"ncSessionId": "nc-1", "inCall": 0})


async def test_closing_the_page_is_leaving(page, demo):
    await read_along(page, demo)
    await page.open("about:blank")
    await demo.until(lambda: demo.bodies("/demo/call")[-1] == {"ncSessionId": "nc-1", "inCall": 0})


# For everybody's eyes and hands


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_every_voice_is_legible(page, demo, theme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, for names, times, partials and finals alike."""
    await page.prefer(color_scheme=theme, reduced_motion="reduce")
    await read_along(page, demo)
    for number in range(9):
        await demo.final(f"s-{number}", f"Line {number}.")
    await demo.partial("s-0", "and then")
    await page.wait_for(line("Somebody", "and then", final=False))
    assert await page.evaluate("new Set([...captions.children].map((line) => line.dataset.voice)).size") == 8
    found = await page.evaluate("""(() => {
        const colour = (element, kind) => getComputedStyle(element)[kind].match(/[0-9.]+/g).slice(0, 3).map(Number);
        const parts = [...document.querySelectorAll('#captions :is(.speaker, .time, .text), #state')];
        const inks = parts.map((part) => colour(part, 'color'));
        return { ground: colour(document.body, 'backgroundColor'), inks };
    })()""")
    assert min(contrast(ink, found["ground"]) for ink in found["inks"]) >= 4.5
    bright = luminance(found["ground"]) > 0.5
    assert bright == (theme == "light")


def luminance(colour):
    red, green, blue = ((c / 12.92) if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


async def test_everything_fits_a_narrow_screen_at_the_largest_text(page, demo):
    fits = "document.documentElement.scrollWidth <= 320 && scroller.scrollWidth <= scroller.clientWidth"
    await page.set_viewport(320, 568)
    await read_along(page, demo)
    for _ in range(6):
        await click(page, "#bigger")
    await demo.joins_in("s-ada", "A name that is much longer than a narrow screen is wide")
    await demo.final("s-ada", "Incomprehensibilities and otorhinolaryngologists, uncopyrightable.")
    await page.wait_for("captions.children.length === 1")
    assert await page.evaluate(fits)
    await click(page, "#leave")
    await page.wait_for("document.querySelector('#door').checkVisibility()")
    assert await page.evaluate(fits)


async def test_the_text_size_is_remembered(page, demo):
    size = "document.documentElement.dataset.size"
    await page.open(demo.url)
    await click(page, "#bigger")
    await click(page, "#bigger")
    await page.open(demo.url)
    assert await page.evaluate(size) == "5"
    await click(page, "#smaller")
    assert await page.evaluate(size) == "4"


async def test_a_keyboard_is_enough_and_shows_where_it_is(page, demo):
    await page.open(demo.url)
    await page.wait_for("document.activeElement.id === 'name'")
    for letter in "Rosa":
        await page.press(letter)
    await page.press("Enter")
    await page.wait_for(state_says("Microphone on."))
    assert await page.evaluate("document.activeElement.id") == "scroller"
    visited = []
    while "leave" not in visited and len(visited) < 10:
        await page.press("Tab")
        visited.append(await page.evaluate("document.activeElement.id"))
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert visited == ["mute", "captions-toggle", "download", "leave"]
    await page.press("Enter")
    await demo.until(lambda: demo.byes == 1)
