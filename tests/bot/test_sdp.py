"""Audio only: what the media stack is shown of an offer, and what the offerer reads in the answer."""

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, sdp
from hypothesis import given
from hypothesis import strategies as st

from bot import LOOPBACK, close_connection
from bot.sdp import NoAudio, audio_only

ICE = "a=ice-ufrag:uFrG\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n"
DTLS = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:actpass\r\n"
CANDIDATE = "a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host generation 0\r\n"


def audio(mid="0", direction="sendonly", *, port=9, more=""):
    return (
        f"m=audio {port} UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n{more}{ICE}{DTLS}"
        f"a=mid:{mid}\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na={direction}\r\n"
        "a=msid:stream track\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
        "a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
        "a=ssrc:1234 cname:somebody\r\n"
    )


def video(mid="1", *, more=""):
    return (
        f"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n{more}{ICE}{DTLS}"
        f"a=mid:{mid}\r\na=sendonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n"
        "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rid:h send\r\na=simulcast:send h\r\n"
    )


def data(mid="2", *, more=""):
    return (
        f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n{more}{ICE}{DTLS}"
        f"a=mid:{mid}\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    )


def offer(*sections, bundle=None):
    """A Chrome-like offer. `bundle`: the mids in the group; None: all of them; empty: no group."""
    members = [mid(section) for section in sections] if bundle is None else list(bundle)
    group = f"a=group:BUNDLE {' '.join(members)}\r\n" if members else ""
    head = f"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{group}"
    return head + "a=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n" + "".join(sections)


def stack_answers(shown):
    """What aiortc answers to the one section that it is shown, in short. It always writes a group."""
    [section] = split(shown.sdp)
    return (
        f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid(section)}\r\na=msid-semantic:WMS *\r\n"
        f"m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\na=recvonly\r\na=mid:{mid(section)}\r\n"
        f"a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n{CANDIDATE}a=ice-ufrag:x\r\na=ice-pwd:{'y' * 22}\r\n"
        f"{DTLS.replace('actpass', 'active')}"
    )


def answer_to(text):
    shown = audio_only(text)
    return shown.answer(stack_answers(shown))


def split(text):
    """The media sections of a description."""
    return ["m=" + section for section in text.split("\r\nm=")[1:]]


def mid(section):
    return next((line[6:] for line in section.splitlines() if line.startswith("a=mid:")), "")


def port(section):
    return int(section.split(" ")[1])


def shape(text):
    """Kind, protocol, formats and mid of each section, in order."""
    heads = [(section.splitlines()[0].split(" "), mid(section)) for section in split(text)]
    return [(kind, protocol, formats, name) for (kind, _, protocol, *formats), name in heads]


def accepted(text):
    """The kinds of the sections that have a port."""
    return [section.split(" ")[0][2:] for section in split(text) if port(section)]


def group(text):
    return [line.split()[1:] for line in text.splitlines() if line.startswith("a=group:BUNDLE")]


CHROME = offer(audio("0"), video("1"), data("2"))


def test_the_media_stack_is_shown_the_audio_and_nothing_else():
    shown = audio_only(CHROME)

    assert split(shown.sdp) == [audio("0").removesuffix("\r\n") + "\r\n"]
    assert group(shown.sdp) == [["0"]]
    assert shown.mid == "0"


def test_the_answer_accepts_the_audio_and_declines_the_rest():  # D10
    answer = answer_to(CHROME)

    assert shape(answer)[1:] == shape(CHROME)[1:]
    assert [port(section) for section in split(answer)] == [40000, 0, 0]
    assert all("a=inactive\r\n" in section + "\r\n" for section in split(answer)[1:])
    assert group(answer) == [["0"]]


@pytest.mark.parametrize("sections", [(video("0"), audio("1")), (data("0"), video("1"), audio("2"))])
def test_the_audio_keeps_its_place_wherever_it_stands(sections):
    answer = answer_to(offer(*sections))

    assert [mid(section) for section in split(answer)] == [mid(section) for section in sections]
    assert accepted(answer) == ["audio"]
    assert group(answer) == [[mid(sections[-1])]]


def test_of_several_microphones_the_first_that_sends_is_taken():
    text = offer(audio("a", "recvonly"), audio("b", "inactive"), audio("c"), audio("d"))

    assert audio_only(text).mid == "c"
    assert [port(section) > 0 for section in split(answer_to(text))] == [False, False, True, False]


def test_a_section_that_the_offerer_has_given_up_is_not_taken():
    given_up = "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"  # RFC 3264 §8.2

    assert audio_only(offer(given_up, audio("1"), bundle=["1"])).mid == "1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0\r\n",
        "m=",
        offer(video("0"), data("1")),
        offer(audio(direction="recvonly")),
        offer(audio("0", "inactive")),
    ],
)
def test_an_offer_without_a_microphone_is_refused_by_name(text):
    with pytest.raises(NoAudio):
        audio_only(text)


def test_an_offer_with_bare_newlines_is_read_and_answered_with_proper_ones():
    answer = answer_to(CHROME.replace("\r\n", "\n"))

    assert shape(answer)[1:] == shape(CHROME)[1:]
    assert answer.endswith("\r\n")
    assert "\n" not in answer.replace("\r\n", "")


def test_the_candidates_of_the_bundle_come_along_from_a_declined_section():
    text = offer(video("0", more=CANDIDATE), audio("1"))

    assert CANDIDATE in audio_only(text).sdp


def test_candidates_of_a_section_outside_of_the_bundle_are_not_ours():
    text = offer(video("0", more=CANDIDATE), audio("1"), bundle=["1"])

    assert CANDIDATE not in audio_only(text).sdp


def test_candidates_of_our_own_are_not_doubled():
    text = offer(video("0", more=CANDIDATE), audio("1", more=CANDIDATE))

    assert audio_only(text).sdp.count(CANDIDATE) == 1


def test_an_offer_without_a_bundle_is_answered_without_one():  # RFC 9143 §7.3: only what the offer grouped
    assert group(answer_to(offer(audio("0"), video("1"), bundle=[]))) == []


@pytest.mark.parametrize(
    ("bundle", "candidate_mid", "ours"),
    [
        (["0", "1"], "0", True),
        (["0", "1"], "1", True),
        (["0", "1"], "9", False),
        (["0"], "1", False),
        (["1"], "1", False),
        ([], "1", False),
        ([], "0", True),
        ([], None, True),
        ([], "", True),
    ],
)
def test_a_candidate_concerns_the_audio_or_its_bundle(bundle, candidate_mid, ours):
    assert audio_only(offer(audio("0"), video("1"), bundle=bundle)).concerns(candidate_mid) is ours


async def aiortc_offer(*kinds):
    """What aiortc really offers."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        for kind in kinds:
            if kind == "application":
                connection.createDataChannel("chat")
            else:
                connection.addTransceiver(kind, direction="sendonly")
        with LOOPBACK.gathering():
            await connection.setLocalDescription(await connection.createOffer())
        return connection.localDescription.sdp
    finally:
        await close_connection(connection)


@pytest.mark.parametrize(
    "kinds",
    [["audio"], ["audio", "video", "application"], ["video", "audio"], ["video", "video", "audio", "application"]],
    ids="-".join,
)
async def test_real_offers_are_answered_section_by_section(kinds):
    text = await aiortc_offer(*kinds)

    shown, answer = audio_only(text), answer_to(text)

    assert [section.kind for section in sdp.SessionDescription.parse(shown.sdp).media] == ["audio"]
    assert [entry[0][2:] for entry in shape(answer)] == kinds
    assert [entry[-1] for entry in shape(answer)] == [entry[-1] for entry in shape(text)]
    assert accepted(answer) == ["audio"]


def test_what_the_media_stack_is_shown_is_what_it_can_read():
    description = sdp.SessionDescription.parse(audio_only(offer(video("0", more=CANDIDATE), audio("1"))).sdp)

    [media] = description.media
    assert (media.kind, media.direction, media.rtp.muxId) == ("audio", "sendonly", "1")
    assert [candidate.ip for candidate in media.ice_candidates] == ["192.0.2.7"]
    assert (media.ice.usernameFragment, media.dtls.role) == ("uFrG", "auto")


KINDS = st.sampled_from(["audio", "listener", "video", "application"])
MAKE = {
    "audio": audio,
    "listener": lambda name: audio(name, "recvonly"),
    "video": video,
    "application": data,
}


@given(kinds=st.lists(KINDS, max_size=6), bundled=st.lists(st.booleans(), min_size=6, max_size=6))
def test_whatever_the_order_one_section_is_taken_and_each_is_answered(kinds, bundled):
    sections = [MAKE[kind](str(number)) for number, kind in enumerate(kinds)]
    members = [str(number) for number in range(len(kinds)) if bundled[number]]
    text = offer(*sections, bundle=members)
    if "audio" not in kinds:
        with pytest.raises(NoAudio):
            audio_only(text)
        return
    taken = kinds.index("audio")

    answer = answer_to(text)

    assert [entry[-1] for entry in shape(answer)] == [entry[-1] for entry in shape(text)]
    assert [port(section) > 0 for section in split(answer)] == [number == taken for number in range(len(kinds))]
    assert {name for names in group(answer) for name in names} <= {str(taken)} & set(members)
    assert len(sdp.SessionDescription.parse(answer).media) == len(kinds)


LINES = st.sampled_from(
    ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video", "m=video 9", "m=", "m=audio ", "a=mid:0", "a=mid:"]
)


@given(lines=st.lists(LINES | st.text(max_size=10)))
def test_an_odd_offer_is_refused_or_answered_but_never_more(lines):
    text = "\r\n".join(["v=0", *lines, audio("9")])

    shown = audio_only(text)

    assert shown.answer(f"v=0\r\n{audio('9')}").count("\r\nm=") == len(shown.sections)


def test_a_candidate_that_names_only_an_index_belongs_to_that_section():
    unbundled = audio_only(offer(video("0"), audio("1"), bundle=()))

    assert unbundled.concerns("", 1)
    assert not unbundled.concerns("", 0)
    assert unbundled.concerns(None, None)
