import pytest

from tests.signaling.embedded.house import (
    House,
    code,
    internal_hello,
    joins,
    leaves,
    message,
    resume_hello,
    updates,
)


def to(client):
    return {"type": "session", "sessionid": client.sessionid}


def texts(heard):
    return [payload["message"]["data"] for payload in heard if payload["type"] == "message"]


def test_a_resumed_session_keeps_its_id_its_room_and_what_it_missed(house):
    bot, alice = house.bot(), house.person("alice", room="r")
    bot.join("r")
    house.hush()
    bot.lose()
    for text in ("one", "two"):
        alice.say(message(to(bot), text))
    house.now += 29.9

    again = house.connect()
    again.hear()
    answer = again.say(resume_hello(bot.resumeid))

    assert answer[0]["type"] == "hello"
    assert answer[0]["hello"]["sessionid"] == bot.sessionid
    assert answer[0]["hello"]["resumeid"] == bot.resumeid
    assert texts(answer) == ["one", "two"]
    assert leaves(alice.hear()) == []
    assert code(again.join("r")) == "already_joined"


def test_a_session_that_missed_no_participants_list_is_sent_one(house):
    bot = house.bot()
    bot.join("r")
    bot.lose()
    [_, update] = house.connect().say(resume_hello(bot.resumeid))
    assert [user["sessionId"] for user in updates([update])[0]["users"]] == [bot.sessionid]


def test_a_missed_participants_list_is_not_sent_twice(house):
    alice, bot = house.person("alice", room="r"), house.bot()
    bot.join("r")
    bot.lose()
    house.set_in_call("r", "nc-alice", 3)
    assert len(updates(house.connect().say(resume_hello(bot.resumeid)))) == 1
    assert len(updates(alice.hear())) == 2


def test_after_the_window_the_session_is_gone_and_its_room_hears_of_it(house):
    bot, alice = house.bot(), house.person("alice", room="r")
    bot.join("r")
    house.hush()
    bot.lose()
    house.wait(30)
    assert leaves(alice.hear()) == [[bot.sessionid]]
    again = house.connect()
    again.hear()
    assert code(again.say(resume_hello(bot.resumeid))) == "no_such_session"
    assert again.greet(internal_hello()).sessionid != bot.sessionid


def test_the_window_closes_in_time_even_when_the_clock_ticks_late(house):
    bot = house.bot()
    bot.lose()
    house.now += 30
    again = house.connect()
    again.hear()
    assert code(again.say(resume_hello(bot.resumeid))) == "no_such_session"


def test_resuming_takes_the_session_from_the_old_socket(house):
    bot = house.bot()
    house.connect().greet(resume_hello(bot.resumeid))
    assert bot.hear() == [{"type": "bye", "bye": {"reason": "session_resumed"}}]
    assert bot.closed
    assert bot.say({"type": "bye"}) == []
    bot.lose()
    house.wait(60)
    assert house.hub.stats().sessions == 1


def test_the_hub_wants_to_be_woken_when_the_window_closes(house):
    bot = house.bot()
    bot.lose()
    assert house.hub.deadline() == house.now + 30
    house.connect().greet(resume_hello(bot.resumeid))
    assert house.hub.deadline() is None


def test_the_public_session_id_does_not_resume(house):
    bot = house.bot()
    assert code(house.connect().say(resume_hello(bot.sessionid))[-1:]) == "no_such_session"


def test_a_ticket_does_not_resume(house):
    assert code(house.connect().say(resume_hello(house.ticket("alice")))[-1:]) == "no_such_session"


def test_guessed_resume_ids_lock_the_address_but_late_ones_do_not(house):
    late = house.bot()
    late.say({"type": "bye"})
    for _ in range(20):
        assert code(house.connect().say(resume_hello(late.resumeid))) == "no_such_session"
    for _ in range(10):
        assert code(house.connect().say(resume_hello("guess"))) == "no_such_session"
    assert code(house.connect().say(resume_hello(house.bot().resumeid))) == "too_many_requests"


@pytest.mark.parametrize(("bound", "kept"), [(2, ["3", "4"]), (0, [])])
def test_the_oldest_missed_messages_are_dropped_and_counted(bound, kept):
    house = House(max_buffered_messages=bound)
    bot, alice = house.bot(), house.person("alice")
    bot.lose()
    for text in "1234":
        alice.say(message(to(bot), text))
    assert texts(house.connect().say(resume_hello(bot.resumeid))) == kept
    assert house.hub.stats().dropped_messages == 4 - len(kept)


def test_a_bye_is_answered_and_ends_the_session_at_once(house):
    bot, alice = house.bot(), house.person("alice", room="r")
    bot.join("r")
    house.hush()
    assert bot.say({"id": "9", "type": "bye", "bye": {}}) == [{"id": "9", "type": "bye", "bye": {}}]
    assert bot.closed
    assert leaves(alice.hear()) == [[bot.sessionid]]
    assert code(house.connect().say(resume_hello(bot.resumeid))) == "no_such_session"


def test_what_happens_in_the_room_is_missed_and_caught_up_with(house):
    alice = house.person("alice", room="r")
    alice.lose()
    bob = house.person("bob", room="r")
    caught_up = house.connect().say(resume_hello(alice.resumeid))
    assert [[entry["sessionid"] for entry in entries] for entries in joins(caught_up)] == [[bob.sessionid]]
