import pytest

from tests.signaling.embedded.house import House, code, in_call, joins, leaves, ticket_hello, updates


def test_who_joins_gets_the_room_then_hears_of_itself_and_of_those_already_there(house):
    alice = house.person("alice", room="r")
    bob = house.person("bob")
    room, own, others = bob.join("r", "nc-bob")
    assert room == {
        "id": "j",
        "type": "room",
        "room": {"roomid": "r", "properties": {"name": "r", "type": 3}},
    }
    [bobs_entry] = joins([own])[0]
    assert bobs_entry == {
        "sessionid": bob.sessionid,
        "userid": "bob",
        "user": {"displayname": "Bob"},
        "roomsessionid": "nc-bob",
    }
    assert [entry["userid"] for entry in joins([others])[0]] == ["alice"]
    assert joins(alice.hear()) == [[bobs_entry]]


def test_an_internal_client_may_join_any_room_and_shows_its_features(house):
    alice, bot = house.person("alice", room="r"), house.bot(features=["internal-incall", "x"])
    bot.join("r")
    [[entry]] = joins(alice.hear())
    assert entry == {"sessionid": bot.sessionid, "userid": "", "features": ["internal-incall", "x"]}


def test_who_leaves_is_told_and_so_are_the_others(house):
    alice, bob = house.person("alice", room="r"), house.person("bob", room="r")
    alice.hear()
    assert bob.join("") == [{"id": "j", "type": "room", "room": {"roomid": ""}}]
    assert leaves(alice.hear()) == [[bob.sessionid]]
    assert bob.join("") == []


def test_a_session_is_in_one_room_only(house):
    alice, bob = house.person("alice", room="r"), house.person("bob", room="r")
    alice.hear()
    bob.join("s", "nc-bob")
    assert leaves(alice.hear()) == [[bob.sessionid]]
    assert house.hub.stats().rooms == 2


def test_joining_again_is_an_error_that_shows_the_room(house):
    bot = house.bot()
    bot.join("r")
    [error] = bot.join("r")
    assert error["error"]["code"] == "already_joined"
    assert error["error"]["details"] == {"room": {"roomid": "r", "properties": {"name": "r", "type": 3}}}


def test_joining_again_updates_the_nextcloud_session(house):
    alice = house.person("alice", room="r", nc="old")
    assert code(alice.join("r", "new")) == "already_joined"
    house.set_in_call("r", "new", 3)
    assert updates(alice.hear())[0]["users"][0]["nextcloudSessionId"] == "new"


def test_a_browser_that_reconnects_replaces_its_older_session(house):
    old, bob = house.person("alice", room="r", nc="nc"), house.person("bob", room="r")
    house.hush()
    new = house.person("alice")
    heard = new.join("r", "nc")
    assert old.hear() == [{"type": "bye", "bye": {"reason": "room_session_reconnected"}}]
    assert old.closed
    assert [entry["userid"] for entry in joins(heard)[1]] == ["bob"]
    assert leaves(bob.hear()) == [[old.sessionid]]


def test_a_nextcloud_session_cannot_be_taken_by_somebody_else(house):
    alice, mallory = house.person("alice", room="r", nc="nc"), house.person("mallory")
    assert code(mallory.join("r", "nc")) == "duplicate_session"
    assert not alice.closed


def test_a_guest_replaces_only_a_guest_whose_connection_is_gone(house):
    old = house.connect().greet(ticket_hello(house.ticket("")))
    new = house.connect().greet(ticket_hello(house.ticket("")))
    old.join("r", "nc")
    assert code(new.join("r", "nc")) == "duplicate_session"
    old.lose()
    assert new.join("r", "nc")[0]["type"] == "room"
    assert house.hub.stats().sessions == 1


def test_changing_rooms_with_the_same_nextcloud_session_is_no_duplicate(house):
    alice = house.person("alice", room="r", nc="nc")
    assert alice.join("s", "nc")[0]["room"]["roomid"] == "s"


def test_an_empty_room_is_forgotten(house):
    bot = house.bot()
    bot.join("r")
    bot.join("")
    assert house.hub.stats().rooms == 0


def test_too_many_rooms_are_refused_and_one_stays_where_one_is():
    house = House(max_rooms=1)
    alice, bob = house.person("alice", room="r"), house.person("bob", room="r")
    assert code(bob.join("s")) == "room_join_failed"
    assert joins(house.person("carol").join("r", "nc-carol"))
    assert leaves(alice.hear()) == []


def test_moving_out_makes_place_for_the_next_room():
    house = House(max_rooms=1)
    alice = house.person("alice", room="r")
    assert alice.join("s")[0]["room"]["roomid"] == "s"
    assert house.hub.stats().rooms == 1


def test_the_call_of_nextcloud_is_told_to_the_whole_room(house):
    alice, bot = house.person("alice", room="r"), house.bot()
    bot.join("r")
    house.hush()
    house.set_in_call("r", "nc-alice", 3)
    [update] = updates(bot.hear())
    assert [update] == updates(alice.hear())
    assert update["roomid"] == "r"
    assert update["users"] == [
        {
            "sessionId": alice.sessionid,
            "nextcloudSessionId": "nc-alice",
            "userId": "alice",
            "inCall": 3,
            "lastPing": 1_700_001_000,
        },
        {
            "sessionId": bot.sessionid,
            "inCall": 0,
            "lastPing": 1_700_001_000,
            "internal": True,
            "features": ["internal-incall"],
        },
    ]


def test_who_leaves_the_call_is_listed_once_more_and_then_no_longer(house):
    alice, bob = house.person("alice", room="r"), house.person("bob", room="r")
    house.set_in_call("r", "nc-alice", 3)
    house.hush()
    house.set_in_call("r", "nc-alice", 0)
    house.set_in_call("r", "nc-bob", 7)
    left, joined = updates(bob.hear())
    assert [(user["sessionId"], user["inCall"]) for user in left["users"]] == [(alice.sessionid, 0)]
    assert [(user["sessionId"], user["inCall"]) for user in joined["users"]] == [(bob.sessionid, 7)]


@pytest.mark.parametrize(("room", "nc"), [("r", "unknown"), ("elsewhere", "nc-alice")])
def test_nextcloud_sessions_that_are_not_in_the_room_are_not_listed(house, room, nc):
    alice = house.person("alice", room="r")
    house.set_in_call(room, nc, 3)
    assert alice.hear() == []


def test_the_end_of_the_call_is_told_once_and_without_a_list(house):
    alice, bot = house.person("alice", room="r"), house.bot()
    bot.join("r")
    house.set_in_call("r", "nc-alice", 3)
    house.hush()
    house.end_call("r")
    assert updates(bot.hear()) == [{"roomid": "r", "incall": 0, "all": True}]
    assert len(updates(alice.hear())) == 1
    house.end_call("r")
    house.end_call("elsewhere")
    assert bot.hear() == []


@pytest.mark.parametrize(("features", "shown"), [([], 3), (["internal-incall"], 0)])
def test_an_internal_client_is_shown_in_the_call_unless_it_says_that_it_will_tell(house, features, shown):
    bot = house.bot(features=features)
    [update] = updates(bot.join("r"))
    assert [user["inCall"] for user in update["users"]] == [shown]


def test_in_call_before_the_join_is_kept_and_after_it_is_told(house):
    bot = house.bot()
    assert bot.say(in_call(1)) == []
    assert updates(bot.join("r"))[0]["users"][0]["inCall"] == 1
    assert bot.say(in_call(1)) == []
    assert updates(bot.say(in_call(0)))[0]["users"][0]["inCall"] == 0


def test_in_call_is_ignored_from_an_ordinary_client(house):
    alice = house.person("alice", room="r")
    assert alice.say(in_call(3)) == []


def test_a_leaving_internal_client_republishes_the_list_where_there_is_one(house):
    alice, bot = house.person("alice", room="r"), house.bot()
    bot.join("r")
    house.set_in_call("r", "nc-alice", 3)
    house.hush()
    bot.join("")
    [update] = updates(alice.hear())
    assert [user["sessionId"] for user in update["users"]] == [alice.sessionid]


def test_a_room_left_is_a_call_left(house):
    alice = house.person("alice", room="r")
    bot = house.bot()
    bot.join("r")
    house.set_in_call("r", "nc-alice", 3)
    alice.join("s", "nc-alice")
    alice.join("r", "nc-alice")
    house.hush()
    bot.say(in_call(1))
    [update] = updates(alice.hear())
    assert [user["sessionId"] for user in update["users"]] == [bot.sessionid]
