"""Real peer connections on the loopback: somebody publishes audio, video and data; the bot takes the audio."""

import asyncio
import gc
import threading

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import close_connection
from bot.errors import PeerFailed
from bot.peer import connections
from signaling import IceCandidate
from tests.bot.publishing import PATIENCE_S, a_pair, ports


@pytest.fixture
async def pair():
    async with a_pair() as both:
        yield both


def decoders():
    return [thread.name for thread in threading.enumerate() if "decoder" in thread.name]


async def test_audio_arrives_and_video_and_data_are_declined(pair):  # D10
    publisher, listener = pair

    answer = await publisher.speaks().shows().chats().connect(listener.peer)
    await listener.becomes("connected")
    frames = await listener.hears()

    assert all(isinstance(frame, av.AudioFrame) for frame in frames)
    assert [kind for kind, port in ports(answer).items() if port] == ["audio"]
    assert list(ports(answer)) == ["audio", "video", "application"]


async def test_nothing_is_set_up_for_what_was_declined(pair):  # D10
    publisher, listener = pair

    await publisher.speaks().shows().chats().connect(listener.peer)
    await listener.hears()

    assert [each.kind for each in listener.peer._connection.getTransceivers()] == ["audio"]
    assert listener.peer._connection.sctp is None
    assert decoders() == ["audio-decoder"]


async def test_the_bot_only_receives(pair):
    publisher, listener = pair

    answer = await publisher.speaks().connect(listener.peer)

    assert "a=recvonly\r\n" in answer
    assert "a=sendrecv" not in answer


async def test_the_answer_carries_all_candidates_and_they_are_loopback_only(pair):
    publisher, listener = pair

    answer = await publisher.shows().speaks().connect(listener.peer)

    candidates = [line for line in answer.splitlines() if line.startswith("a=candidate:")]
    assert candidates
    assert {line.split(" ")[4] for line in candidates} == {"127.0.0.1"}
    assert "a=end-of-candidates\r\n" in answer


async def test_a_camera_that_stands_first_does_not_come_between(pair):
    publisher, listener = pair

    answer = await publisher.shows().chats().speaks().connect(listener.peer)
    await listener.hears()

    assert ports(answer)["video"] == ports(answer)["application"] == 0


async def test_a_renegotiation_is_answered_on_the_same_connection_and_the_audio_goes_on(pair):  # D6
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)
    await listener.hears()
    track = listener.peer.track

    answer = await publisher.shows().connect(listener.peer)
    await listener.hears(10)

    assert ports(answer)["video"] == 0
    assert listener.peer.track is track
    assert listener.states.count("connected") == 1
    assert decoders() == ["audio-decoder"]


async def test_renegotiating_again_and_again_adds_nothing(pair):
    publisher, listener = pair
    publisher.speaks().shows()
    for _ in range(5):
        await publisher.connect(listener.peer)
        await listener.hears(2)

    assert len(listener.peer._connection.getTransceivers()) == 1
    assert decoders() == ["audio-decoder"]


async def test_a_microphone_that_moves_to_another_section_is_heard_or_refused_but_not_lost(pair):  # D6
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)
    await listener.hears()

    try:
        await publisher.changes_microphone().connect(listener.peer)
    except PeerFailed:
        return  # the subscription then asks for a fresh offer

    assert await listener.hears()


async def test_the_frames_end_when_the_publisher_hangs_up(pair):  # D7
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)
    await listener.hears()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        rest = tasks.create_task(listener.hears(count=10**9))
        await close_connection(publisher.connection)
        await listener.becomes("closed")

    assert rest.done()


async def test_the_frames_end_when_the_peer_is_closed(pair):
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)
    await listener.hears()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.hears(count=10**9))
        await listener.peer.close()


async def test_without_an_offer_there_is_no_track_and_no_frame(pair):
    _, listener = pair

    assert listener.peer.track is None
    assert await listener.hears() == []


async def test_closing_leaves_no_decoder():
    for _ in range(3):
        async with a_pair() as (publisher, listener):
            await publisher.speaks().shows().chats().connect(listener.peer)
            await listener.hears(1)
            assert decoders() == ["audio-decoder"]

    for thread in threading.enumerate():
        if "decoder" in thread.name:
            thread.join(PATIENCE_S)
    assert decoders() == []


async def test_closing_in_the_middle_of_the_handshake_leaves_nothing():
    async with a_pair() as (publisher, listener):
        await publisher.speaks().connect(listener.peer)
        await listener.becomes("connecting")


async def test_closing_before_the_answer_was_taken_leaves_nothing():
    async with a_pair() as (publisher, listener):
        await listener.peer.answer(await publisher.speaks().offer())


async def test_a_connection_is_counted_until_it_is_closed_and_until_its_memory_is_free():
    gc.collect()
    opened, closed = connections()
    async with a_pair() as (publisher, listener):
        await publisher.speaks().connect(listener.peer)
        assert connections() == (opened + 1, closed)
        await listener.peer.close()
        assert connections() == (opened, closed + 1)
    del publisher, listener
    gc.collect()
    assert connections() == (opened, closed)


async def test_a_closed_connection_is_gone_at_once_whenever_the_collector_comes_by():
    gc.collect()
    gc.disable()
    try:
        before = connections()
        async with a_pair() as (publisher, listener):
            await publisher.speaks().connect(listener.peer)
            await listener.becomes("connected")
            await listener.peer.close()
        del publisher, listener
        await asyncio.sleep(0)  # whoever was woken by the end lets go of it
        assert connections() == before
    finally:
        gc.enable()


async def test_closing_twice_is_closing_once(pair):
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(listener.peer.close(), listener.peer.close())
        await listener.peer.close()


async def test_a_closing_that_is_cancelled_is_carried_out_all_the_same(pair):
    publisher, listener = pair
    await publisher.speaks().connect(listener.peer)
    await listener.hears(1)

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(listener.peer.close())
        await asyncio.sleep(0)
        closing.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await listener.peer.close()

    assert listener.peer._connection.connectionState == "closed"


@pytest.mark.parametrize("text", ["", "hello", "v=0\r\nm=audio 9\r\n", "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"])
async def test_an_offer_that_cannot_be_taken_is_a_failure_of_this_peer(pair, text):
    _, listener = pair

    with pytest.raises(PeerFailed) as failed:
        await listener.peer.answer(text)

    assert not text or text not in str(failed.value)


async def test_an_odd_section_beside_the_audio_is_a_failure_of_this_peer_at_worst(pair):
    publisher, listener = pair
    text = await publisher.speaks().offer()

    try:
        answer = await listener.peer.answer(text + "m=video\r\n")
    except PeerFailed:
        return
    assert ports(answer)["audio"]


async def test_an_offer_without_a_microphone_is_a_failure_that_says_so(pair):
    publisher, listener = pair

    with pytest.raises(PeerFailed, match="no audio"):
        await listener.peer.answer(await publisher.shows().chats().offer())


async def test_an_offer_after_the_end_is_a_failure(pair):
    publisher, listener = pair
    await listener.peer.close()

    with pytest.raises(PeerFailed):
        await listener.peer.answer(await publisher.speaks().offer())


def without_candidates(text):
    """What is left of the offer, and what was in it, to be trickled."""
    lines = text.splitlines()
    found = [line for line in lines if line.startswith("a=candidate:")]
    return "".join(f"{line}\r\n" for line in lines if not line.startswith(("a=candidate:", "a=end-of"))), found


@pytest.mark.parametrize("prefix", ["a=candidate:", "candidate:", ""])
@pytest.mark.parametrize("mid", ["0", "1", None])
async def test_trickled_candidates_connect_whichever_way_they_are_written(pair, prefix, mid):
    publisher, listener = pair
    text, [candidate, *_] = without_candidates(await publisher.speaks().shows().offer())
    answer = await listener.peer.answer(text)

    await listener.peer.add_candidate(
        IceCandidate(candidate=candidate.replace("a=candidate:", prefix), sdp_mid=mid, sdp_mline_index=0)
    )
    await listener.peer.add_candidate(IceCandidate(candidate=""))
    await publisher.take(answer)

    await listener.becomes("connected")


ODD = st.sampled_from(
    [
        "candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "candidate:1 1 udp x 127.0.0.1 9 typ host",
        "candidate:1 1 udp 1 127.0.0.1 9 typ",
        "candidate:1 1 UDP 1 127.0.0.1 9 typ host",
        "candidate:1 1 udp 1 127.0.0.1 9 typ odd raddr",
        "candidate:1 7 udp 1 not-an-address 99999999 typ host",
        "candidate:1 1 udp 1 fe80::1%eth0 9 typ host generation",
        "candidate:1 1 udp 1 127.0.0.1 9 typ relay raddr x rport y",
        "",
        " ",
        "candidate:",
    ]
)


@given(texts=st.lists(ODD | st.text(max_size=40), min_size=1, max_size=8), mid=st.none() | st.sampled_from(["0", "9"]))
def test_no_candidate_does_more_than_be_left_out(texts, mid):  # D5
    async def trickle():
        async with a_pair() as (publisher, listener):
            for when in range(3):  # before there is an offer, while it is served, and after the end
                if when == 1:
                    await listener.peer.answer(await publisher.speaks().offer())
                if when == 2:
                    await listener.peer.close()
                for text in texts:
                    await listener.peer.add_candidate(IceCandidate(candidate=text, sdp_mid=mid))

    asyncio.run(trickle())
