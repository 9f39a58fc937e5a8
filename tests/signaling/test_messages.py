"""What the wire says becomes a message or a `MalformedMessage`, whatever it is; what we say is what Talk reads."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signaling import (
    Answer,
    Candidate,
    ErrorReply,
    IceCandidate,
    MalformedMessage,
    Offer,
    OfferRequested,
    Participant,
    ParticipantsUpdate,
    PeopleJoined,
    PeopleLeft,
    Person,
    RoomClosed,
    SendAnswer,
    SendCandidate,
    SendOffer,
    SendOfferRequest,
    SendTranscript,
    ServerMessage,
    TranscriptReceived,
)
from signaling.messages import Bye, HelloReply, RoomReply, Unknown, Welcome
from signaling.wire import encode, parse


def read(**wire):
    return parse(json.dumps(wire))


def event(target, kind, **content):
    return read(type="event", event={"target": target, "type": kind, **content})


def participants(*users, **update):
    return event("participants", "update", update={"roomid": "attic", "users": list(users), **update})


ADA = {"type": "session", "sessionid": "ada"}


def peer(data, sender=ADA):
    """What a participant said to us."""
    return read(type="message", message={"sender": sender, "data": data})


def delivered(message, sender="ada"):
    """What the recipient reads of a message that we send: the server only exchanges recipient and sender."""
    wire = json.loads(json.dumps(encode(message)))
    return parse(json.dumps({"type": wire["type"], "message": {"sender": {"sessionid": sender}, **wire["message"]}}))


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (
            {"type": "welcome", "welcome": {"features": ["mcu"], "version": "2.1"}},
            Welcome(features=("mcu",), version="2.1"),
        ),
        ({"type": "welcome", "welcome": {}}, Welcome()),
        (
            {"type": "hello", "hello": {"sessionid": "s", "resumeid": "r", "server": {"features": ["mcu"]}}},
            HelloReply(session_id="s", resume_id="r", features=("mcu",)),
        ),
        ({"type": "hello", "hello": {"sessionid": "s"}}, HelloReply(session_id="s", resume_id="")),
        (
            {"type": "error", "id": "7", "error": {"code": "client_not_found", "message": "No MCU client found."}},
            ErrorReply(code="client_not_found", message="No MCU client found.", request_id="7"),
        ),
        ({"type": "error", "error": {}}, ErrorReply(code="unknown_error")),
        ({"type": "room", "room": {"roomid": "attic", "properties": None}}, RoomReply(room_id="attic")),
        ({"type": "room", "room": {"roomid": ""}}, RoomReply(room_id="")),
        ({"type": "bye", "bye": {"reason": "hello_timeout"}}, Bye(reason="hello_timeout")),
        ({"type": "bye"}, Bye()),
        ({"type": "dialout", "dialout": {}}, Unknown(kind="dialout")),
        ({}, Unknown(kind="None")),
    ],
)
def test_each_kind_of_server_message_is_read(wire, message):
    assert read(**wire) == message


def test_people_who_join_bring_both_of_their_ids():
    entry = {"sessionid": "s1", "userid": "ada", "user": {"displayname": "Ada"}, "roomsessionid": "nc-1"}

    assert event("room", "join", join=[entry, {"sessionid": "s2"}, {"userid": "nobody"}, "odd", None]) == PeopleJoined(
        people=(
            Person(session_id="s1", nextcloud_session_id="nc-1", user_id="ada", display_name="Ada"),
            Person(session_id="s2"),
        )
    )


def test_people_leave_by_their_session_ids():
    assert event("room", "leave", leave=["s1", 2, "s3"]) == PeopleLeft(session_ids=("s1", "s3"))


@pytest.mark.parametrize(("target", "kind"), [("room", "delete"), ("roomlist", "disinvite")])
def test_the_end_of_the_room_is_told_apart(target, kind):
    assert isinstance(event(target, kind), RoomClosed)


@pytest.mark.parametrize(("target", "kind"), [("room", "message"), ("participants", "flags"), (None, 3), ([], {})])
def test_events_that_we_do_not_read_do_no_harm(target, kind):
    assert isinstance(event(target, kind), Unknown)


def test_a_phone_has_no_nextcloud_session_and_is_a_participant_all_the_same():  # D5
    assert participants({"sessionId": "phone", "inCall": 9, "virtual": True}).participants == (
        Participant(session_id="phone", in_call=9),
    )


def test_a_bot_is_marked_as_such():
    assert participants({"sessionId": "bot", "inCall": 1, "internal": True}).participants == (
        Participant(session_id="bot", in_call=1, internal=True),
    )


def test_an_entry_without_flags_says_nothing():  # D5
    assert participants({"sessionId": "s1"}, {"sessionId": "s2", "inCall": "3"}, {"inCall": 3}, 7).participants == ()


@pytest.mark.parametrize(("flags", "in_call"), [(True, 1), (False, 0), (7, 7)])
def test_flags_may_be_a_number_or_a_truth_value(flags, in_call):
    assert participants({"sessionId": "s1", "inCall": flags}).participants[0].in_call == in_call


def test_an_update_for_all_may_lack_the_list():
    assert event("participants", "update", update={"all": True, "incall": 0}) == ParticipantsUpdate(
        participants=(), everyone_in_call=0
    )


def test_an_update_for_some_says_nothing_about_all():
    assert participants({"sessionId": "s1", "inCall": 3}, incall=0).everyone_in_call is None


def test_what_changed_counts_after_what_was():
    update = participants({"sessionId": "s1", "inCall": 0}, changed=[{"sessionId": "s1", "inCall": 3}])

    assert [entry.in_call for entry in update.participants] == [0, 3]


@pytest.mark.parametrize("data", [{}, {"type": None}, {"type": "chat"}, {"type": "offer"}, {"type": "mute", "sid": 1}])
def test_untyped_and_unknown_peer_messages_are_skipped(data):  # D5
    assert isinstance(peer(data), Unknown)


@pytest.mark.parametrize("payload", [None, "sdp", {}, {"sdp": None}, {"sdp": 7}])
def test_an_offer_without_a_description_is_no_offer(payload):
    assert isinstance(peer({"type": "offer", "sid": "1", "payload": payload}), Unknown)


@pytest.mark.parametrize("sender", ["ada", [], 5])
def test_a_message_without_a_sender_is_skipped(sender):
    assert isinstance(peer({"type": "requestoffer"}, sender), Unknown)


@pytest.mark.parametrize(
    ("candidate", "ice"),
    [
        ({"candidate": "", "sdpMid": "0"}, IceCandidate(candidate="", sdp_mid="0")),
        ({"candidate": None, "sdpMid": 0, "sdpMLineIndex": "0"}, IceCandidate(candidate="")),
        ({}, IceCandidate(candidate="")),
        ({"candidate": "odd", "sdpMLineIndex": 1}, IceCandidate(candidate="odd", sdp_mline_index=1)),
    ],
)
def test_odd_candidates_are_read_for_what_they_are(candidate, ice):  # D5
    message = peer({"type": "candidate", "sid": "1", "payload": {"candidate": candidate}})

    assert message == Candidate(sender="ada", sid="1", candidate=ice)


@pytest.mark.parametrize("payload", [None, {"candidate": None}, {"candidate": "flat"}, []])
def test_a_candidate_that_is_none_is_skipped(payload):
    assert isinstance(peer({"type": "candidate", "payload": payload}), Unknown)


def test_a_transcript_without_a_final_flag_is_final():
    assert peer({"type": "transcript", "message": "hi"}).final is True
    assert peer({"type": "transcript", "message": "hi", "final": False}).final is False


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
IDS = TEXTS.filter(bool)


@given(sid=TEXTS, sdp=TEXTS, recipient=IDS)
def test_offers_and_answers_arrive_as_they_were_sent(sid, sdp, recipient):
    offer = SendOffer(recipient=recipient, sid=sid, sdp=sdp)
    answer = SendAnswer(recipient=recipient, sid=sid, sdp=sdp, request_id="offer:1")

    assert delivered(offer) == Offer(sender="ada", sid=sid, sdp=sdp)
    assert delivered(answer) == Answer(sender="ada", sid=sid, sdp=sdp)


@given(candidate=TEXTS, mid=st.none() | TEXTS, index=st.none() | st.integers(0, 99))
def test_candidates_arrive_as_they_were_sent(candidate, mid, index):
    ice = IceCandidate(candidate=candidate, sdp_mid=mid, sdp_mline_index=index)

    assert delivered(SendCandidate(recipient="will", sid="1", candidate=ice)) == Candidate(
        sender="ada", sid="1", candidate=ice
    )


@given(text=TEXTS, final=st.booleans())
def test_captions_arrive_as_they_were_sent(text, final):
    caption = SendTranscript(recipient="will", speaker="cleo", text=text, language_id="ar_TN", final=final)

    assert delivered(caption) == TranscriptReceived(
        sender="ada", speaker="cleo", text=text, language_id="ar_TN", final=final
    )


def test_a_request_for_an_offer_asks_for_the_microphone_and_can_be_told_from_others():
    request = SendOfferRequest(publisher="ada", request_id="offer:ada")

    assert encode(request) == {
        "id": "offer:ada",
        "type": "message",
        "message": {
            "recipient": {"type": "session", "sessionid": "ada"},
            "data": {"type": "requestoffer", "roomType": "video"},
        },
    }
    assert delivered(request) == OfferRequested(sender="ada")


def test_a_caption_has_exactly_the_five_fields_that_talk_reads():
    caption = SendTranscript(recipient="will", speaker="cleo", text="hi", language_id="en", final=False)

    assert encode(caption) == {
        "type": "message",
        "message": {
            "recipient": {"type": "session", "sessionid": "will"},
            "data": {
                "type": "transcript",
                "message": "hi",
                "langId": "en",
                "speakerSessionId": "cleo",
                "final": False,
            },
        },
    }


@pytest.mark.parametrize("private", ["the words", "v=0 secret", "192.0.2.7"])
def test_words_descriptions_and_addresses_do_not_show_in_what_is_printed(private):
    ice = IceCandidate(candidate=private)
    said = [
        SendTranscript(recipient="w", speaker="c", text=private, language_id="en", final=True),
        SendOffer(recipient="w", sid="1", sdp=private),
        SendAnswer(recipient="w", sid="1", sdp=private),
        SendCandidate(recipient="w", sid="1", candidate=ice),
    ]

    assert private not in repr(said)
    assert private not in repr([delivered(message) for message in said])


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"hello"', "7", "\x00", '{"type":"hello"}', '{"type":"hello","hello":{}}', "[" * 100_000],
)
def test_what_breaks_the_protocol_is_called_malformed(text):
    with pytest.raises(MalformedMessage):
        parse(text)


@pytest.mark.parametrize("kind", ["event", "room", "hello"])
@pytest.mark.parametrize("depth", [10, 300, *range(900, 1010, 5), 5000])
def test_no_depth_of_nesting_overflows(kind, depth):
    nested = "[" * depth + "]" * depth
    survives(f'{{"type":"{kind}","{kind}":{nested}}}')
    survives(f'{{"type":{nested}}}')
    survives(f'{{"type":"event","event":{{"target":{nested},"type":{nested}}}}}')


KINDS = st.sampled_from(["welcome", "hello", "error", "room", "bye", "event", "message", "offer", "candidate"])
KEYS = ["sender", "data", "payload", "sdp", "sid", "user", "users", "changed", "all", "incall", "inCall", "sessionId"]
WORDS = KINDS | st.sampled_from(["type", "target", "participants", "update", "join", "leave", "requestoffer", *KEYS])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner, max_size=5),
    max_leaves=25,
)


def survives(text):
    try:
        message = parse(text)
    except MalformedMessage:
        return
    assert isinstance(message, ServerMessage)
    hash(message)
    repr(message)


@given(text=st.text() | st.binary().map(lambda raw: raw.decode(errors="surrogateescape")))
@example("\ufeff{}")
@example('{"type":' + "9" * 5000 + "}")
@example('{"type":1e999}')
@example('{"type":"\\ud800"}')
def test_no_text_does_more_than_be_malformed(text):
    survives(text)


@given(thing=ANYTHING)
def test_no_json_does_more_than_be_malformed(thing):
    survives(json.dumps(thing))


@given(kind=KINDS, content=ANYTHING, more=ANYTHING)
def test_no_content_of_a_known_kind_does_more_than_be_malformed(kind, content, more):
    survives(json.dumps({"type": kind, kind: content, "id": more}))


@given(target=WORDS, kind=WORDS, content=ANYTHING)
def test_no_event_does_more_than_be_malformed(target, kind, content):
    survives(json.dumps({"type": "event", "event": {"target": target, "type": kind, kind: content}}))


@given(kind=WORDS, payload=ANYTHING, sid=ANYTHING, sender=ANYTHING)
def test_no_peer_message_does_more_than_be_malformed(kind, payload, sid, sender):
    data = {"type": kind, "payload": payload, "sid": sid}
    survives(json.dumps({"type": "message", "message": {"sender": sender, "data": data}}))
    survives(json.dumps({"type": "message", "message": {"sender": {"sessionid": "s"}, "data": data}}))
