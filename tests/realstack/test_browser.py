"""A real Chromium publishes to the real HPB and Janus, as Talk's web client does."""

from __future__ import annotations

import json
import secrets
import wave
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from pipeline import WIRE_RATE
from signaling import signaling_url
from signaling.messages import IN_CALL, WITH_AUDIO, WITH_VIDEO
from tests.realstack.conference import conference
from tests.support.chromium import chromium, find_chromium
from tests.support.meeting import CLIPS

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs Chromium: tests/realstack/install")

GO_FORWARD = "command-goforward"  # "go forward ten meters"
QUIET_S = 2.0  # before the words, while the connection comes about
FIELDS = {"type", "message", "langId", "speakerSessionId", "final"}


@pytest.fixture
def speech(tmp_path):
    """A microphone's file: two seconds of silence, then the words; the browser plays it in a loop."""
    path = tmp_path / "speech.wav"
    quiet = np.zeros(int(QUIET_S * WIRE_RATE), dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(WIRE_RATE)
        file.writeframes(np.concatenate((quiet, CLIPS[GO_FORWARD].decode(), quiet)).tobytes())
    return path


class Browser:
    """Somebody who came with a browser; `nc` is their Nextcloud session id."""

    def __init__(self, room, page):
        self._room = room
        self.page = page
        self.nc = f"nc-browser-{secrets.token_hex(4)}"
        self.session_id = ""

    async def publishes(self, *, camera=False):
        stack = self._room.stack
        settings = {
            "signaling": signaling_url(stack.url),
            "backend": stack.chat.signaling_backend,
            "ticket": stack.issue_ticket(user_id="browser", display_name="Browser"),
            "room": self._room.token,
            "session": self.nc,
            "camera": camera,
        }
        await self.page.evaluate(f"publish({json.dumps(settings)})")
        await self.page.wait_for("state() === 'connected'")
        self.session_id = await self.page.evaluate("session()")
        flags = IN_CALL | WITH_AUDIO | (WITH_VIDEO if camera else 0)
        await stack.set_in_call(self._room.token, nextcloud_session_id=self.nc, flags=flags)


@asynccontextmanager
async def browsing(room, microphone):
    async def page_itself(_):
        return web.FileResponse(Path(__file__).with_name("publisher.html"))

    app = web.Application()
    app.router.add_get("/", page_itself)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with chromium(microphone=microphone) as page:
            await page.open(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            yield Browser(room, page)
    finally:
        await runner.cleanup()


def kinds_received(room, speaker):
    peer = room.subscriber_of(speaker).peer
    return [transceiver.kind for transceiver in peer.transceivers if transceiver.currentDirection == "recvonly"]


@pytest.mark.parametrize("camera", [False, True], ids=["microphone", "camera"])
async def test_a_browser_is_captioned_and_its_camera_is_declined(engine_settings, speech, camera):
    async with conference(engine_settings) as room, browsing(room, speech) as browser:
        rita, bert = await room.reader("Rita"), await room.reader("Bert")
        room.enable(rita)

        await browser.publishes(camera=camera)
        await room.hears(browser)

        assert "forward" in (await rita.final(of=browser)).lower()
        assert kinds_received(room, browser) == ["audio"]
        assert bert.captions == []


async def test_a_camera_that_is_turned_on_during_the_call_does_not_interrupt_the_captions(engine_settings, speech):
    async with conference(engine_settings) as room, browsing(room, speech) as browser:
        rita = await room.reader("Rita")
        room.enable(rita)
        await browser.publishes()
        await rita.final(of=browser)
        seen = len(rita.captions)

        await browser.page.evaluate("turnCameraOn()")
        flags = IN_CALL | WITH_AUDIO | WITH_VIDEO
        await room.stack.set_in_call(room.token, nextcloud_session_id=browser.nc, flags=flags)

        assert "forward" in (await rita.final(of=browser, after=seen)).lower()
        assert kinds_received(room, browser) == ["audio"]


async def test_a_browser_that_reads_gets_exactly_the_fields_that_talk_reads(engine_settings, speech):
    async with conference(engine_settings) as room, browsing(room, speech) as browser:
        await browser.publishes()
        room.enable(browser.nc)
        await browser.page.wait_for("captions.some((caption) => caption.final)", timeout=20)

        captions = await browser.page.evaluate("captions")
        assert all(set(caption) == FIELDS for caption in captions)
        assert {caption["speakerSessionId"] for caption in captions} == {browser.session_id}
        assert {caption["langId"] for caption in captions} == {"en"}
