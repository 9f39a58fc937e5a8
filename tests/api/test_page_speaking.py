"""Speaking on the captions page, in a real Chromium: who subscribes to its microphone hears it."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.captions_page import click, in_a_browser, knock, line, read_along, speak, state_says
from tests.support.demo_server import PATIENCE_S
from tests.support.ear import listening, silence, sound

pytestmark = in_a_browser


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
