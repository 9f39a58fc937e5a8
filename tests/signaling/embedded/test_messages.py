import pytest

from tests.signaling.embedded.house import code, in_call, message


def test_a_message_reaches_the_session_it_names_with_its_sender(house):
    alice, bot = house.person("alice"), house.bot()
    offer = {"type": "offer", "sid": "1", "payload": {"sdp": "v=0"}}
    house.hush()
    assert alice.say(message({"type": "session", "sessionid": bot.sessionid}, offer)) == []
    assert bot.hear() == [
        {
            "type": "message",
            "message": {
                "sender": {"type": "session", "sessionid": alice.sessionid, "userid": "alice"},
                "data": offer,
            },
        }
    ]


def test_a_sender_without_a_user_id_is_named_by_its_session_alone(house):
    alice, bot = house.person("alice"), house.bot()
    bot.say(message({"type": "session", "sessionid": alice.sessionid}))
    assert alice.hear()[0]["message"]["sender"] == {"type": "session", "sessionid": bot.sessionid}


@pytest.mark.parametrize("kind", ["requestoffer", "answer", "candidate"])
def test_what_a_media_server_would_take_is_passed_to_the_peer(house, kind):
    alice, bot = house.person("alice"), house.bot()
    bot.say(message({"type": "session", "sessionid": alice.sessionid}, {"type": kind, "roomType": "video"}))
    assert [payload["message"]["data"]["type"] for payload in alice.hear()] == [kind]


def test_a_message_to_the_room_reaches_all_others_in_it(house):
    alice, bob, carol = (house.person(name, room="r") for name in ("alice", "bob", "carol"))
    dave = house.person("dave", room="s")
    house.hush()
    assert alice.say(message({"type": "room"})) == []
    for person in (bob, carol):
        [heard] = person.hear()
        assert heard["message"]["sender"] == {"type": "room", "sessionid": alice.sessionid, "userid": "alice"}
    assert dave.hear() == []


def test_a_message_to_the_call_reaches_those_in_it(house):
    alice, bob, carol = (house.person(name, room="r") for name in ("alice", "bob", "carol"))
    house.set_in_call("r", "nc-bob", 3)
    house.hush()
    alice.say(message({"type": "call"}))
    assert len(bob.hear()) == 1
    assert carol.hear() == []


def test_an_internal_client_is_reached_by_the_call_only_if_it_told_after_joining(house):
    alice, bot = house.person("alice", room="r"), house.bot()
    bot.say(in_call(1))
    bot.join("r")
    house.hush()
    alice.say(message({"type": "call"}))
    assert bot.hear() == []
    bot.say(in_call(3))
    alice.say(message({"type": "call"}))
    assert [payload["type"] for payload in bot.hear()] == ["message"]


def test_a_message_to_a_user_reaches_all_sessions_of_that_user(house):
    alice, phone, laptop = house.person("alice"), house.person("bob"), house.person("bob")
    alice.say(message({"type": "user", "userid": "bob"}))
    assert len(phone.hear()) == len(laptop.hear()) == 1


def test_nothing_comes_back_to_its_sender(house):
    alice, other = house.person("alice", room="r"), house.person("alice")
    house.set_in_call("r", "nc-alice", 3)
    house.hush()
    recipients = [
        {"type": "session", "sessionid": alice.sessionid},
        {"type": "user", "userid": "alice"},
        {"type": "room"},
        {"type": "call"},
    ]
    assert [alice.say(message(recipient)) for recipient in recipients] == [[], [], [], []]
    assert other.hear() == []


@pytest.mark.parametrize(
    "recipient",
    [{"type": "session", "sessionid": "nobody"}, {"type": "user", "userid": "nobody"}, {"type": "room"}],
)
def test_a_message_to_nobody_vanishes_without_an_error(house, recipient):
    assert house.person("alice").say(message(recipient)) == []


def test_control_is_passed_on_from_internal_clients_only(house):
    alice, bot = house.person("alice"), house.bot()
    alice.say(message({"type": "session", "sessionid": bot.sessionid}, kind="control"))
    assert [payload["type"] for payload in bot.hear()] == []
    bot.say(message({"type": "session", "sessionid": alice.sessionid}, kind="control"))
    [control] = alice.hear()
    assert control["control"]["data"] == "hi"


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "null",
        "NaN",
        '{"type": "message", "message": {"recipient": {"type": "room"}, "data": 1e999}}',
        "[" * 5000,
        '{"type": "message", "message": {"recipient": {"type": "room"}, "data": ' + "[" * 100 + "]" * 100 + "}}",
        {"type": ""},
        {"id": 7, "type": "bye"},
        {"type": "room"},
        {"type": "room", "room": {"roomid": 7}},
        {"type": "room", "room": {"roomid": "r" * 513}},
        {"type": "message", "message": {"recipient": {"type": "room"}}},
        {"type": "message", "message": {"recipient": {"type": "world"}, "data": 1}},
        {"type": "message", "message": {"recipient": {"type": "session"}, "data": 1}},
        {"type": "message", "message": {"recipient": "bob", "data": 1}},
        in_call("3"),
        in_call(True),
        in_call(-1),
        {"type": "internal", "internal": {"type": "incall"}},
    ],
)
def test_what_makes_no_sense_is_an_error_and_the_session_goes_on(house, payload):
    bot = house.bot()
    assert code(bot.say(payload)) == "invalid_format"
    assert bot.join("r")[0]["type"] == "room"


def test_an_error_carries_the_id_of_its_request(house):
    assert house.bot().say({"id": "42", "type": "room"})[0]["id"] == "42"


@pytest.mark.parametrize("payload", [{"type": "transient"}, {"type": "internal", "internal": {"type": "dialout"}}])
def test_types_that_are_not_known_are_ignored(house, payload):
    assert house.bot().say(payload) == []
