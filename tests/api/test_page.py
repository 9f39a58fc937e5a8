"""The captions page, in a real Chromium, against a stand-in for the demo's chat and signaling server: coming and going.

Reading: test_page_reading.py; speaking: test_page_speaking.py; eyes and hands: test_page_access.py.

Without a Chromium these tests are skipped: `apt-get install chromium`. To leave them out: `pytest -m "not browser"`.
"""

from __future__ import annotations

import pytest

from tests.support.captions_page import (
    click,
    error_says,
    in_a_browser,
    knock,
    line,
    lines,
    read_along,
    speak,
    state_says,
)
from tests.support.chromium import chromium
from tests.support.demo_server import ME, Demo, demonstrating, serving
from tests.support.ear import listening, sound

pytestmark = in_a_browser


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


@pytest.mark.parametrize("status", ["loading", "restarting"])
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
