"""Whatever clients say, in whatever order: the hub raises nothing, stays within its bounds and agrees with itself."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signaling.embedded.house import House, in_call, internal_hello, message, resume_hello, ticket_hello

LIMITS = {"max_sessions": 4, "max_rooms": 2, "max_buffered_messages": 2}
CLIENTS, ROOMS, USERS = 5, ["r", "s", "t", ""], ["", "alice", "bob"]
NEXTCLOUD = ["nc-0", "nc-1", "nc-2"]

client = st.integers(min_value=0, max_value=CLIENTS - 1)
steps = st.one_of(
    st.tuples(st.just("connect")),
    st.tuples(st.just("internal"), client, st.booleans()),
    st.tuples(st.just("ticket"), client, st.sampled_from(USERS), st.sampled_from(["1.0", "2.0"])),
    st.tuples(st.just("resume"), client, client),
    st.tuples(st.just("join"), client, st.sampled_from(ROOMS), st.sampled_from([None, *NEXTCLOUD])),
    st.tuples(st.just("incall"), client, st.integers(min_value=-1, max_value=8)),
    st.tuples(st.just("tell"), client, client, st.sampled_from(["message", "control"])),
    st.tuples(st.just("shout"), client, st.sampled_from(["room", "call", "user"])),
    st.tuples(st.just("bye"), client),
    st.tuples(st.just("lose"), client),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 2.0, 30.0])),
    st.tuples(st.just("nextcloud"), st.sampled_from(ROOMS), st.sampled_from(NEXTCLOUD), st.integers(0, 7)),
    st.tuples(st.just("end"), st.sampled_from(ROOMS)),
    st.tuples(st.just("garbage"), client, st.text()),
    st.tuples(
        st.just("garbage"),
        client,
        st.dictionaries(
            st.sampled_from(["id", "type", "hello", "room", "message"]),
            st.sampled_from(["hello", "room", "message", {}, [], 1, {"roomid": 1}, {"recipient": {}}]),
        ).map(json.dumps),
    ),
)


class Crowd:
    """Five places for a client; a place keeps the ids its client last heard, and four begin in a room."""

    def __init__(self):
        self.house = House(**LIMITS)
        self.places = [self.house.connect() for _ in range(CLIENTS)]
        self.known = [("nobody", "nothing")] * CLIENTS
        for place, user in enumerate(["alice", "bob", None, None]):
            self.say(place, ticket_hello(self.house.ticket(user)) if user else internal_hello())
            self.step("join", place, "r", f"nc-{place}")

    def say(self, place, payload):
        client = self.places[place]
        if client.closed:
            client = self.places[place] = self.house.connect()
        for heard in client.say(payload):
            if heard["type"] == "hello":
                self.known[place] = (heard["hello"]["sessionid"], heard["hello"]["resumeid"])

    def step(self, action, *args):
        match action, args:
            case "connect", ():
                self.house.connect()
            case "internal", (place, quiet):
                self.say(place, internal_hello(features=["internal-incall"] if quiet else []))
            case "ticket", (place, user, version):
                self.say(place, ticket_hello(self.house.ticket(user), version=version))
            case "resume", (place, whose):
                self.say(place, resume_hello(self.known[whose][1]))
            case "join", (place, room, nc):
                self.say(place, {"type": "room", "room": {"roomid": room, "sessionid": nc}})
            case "incall", (place, flags):
                self.say(place, in_call(flags))
            case "tell", (place, whom, kind):
                self.say(place, message({"type": "session", "sessionid": self.known[whom][0]}, kind=kind))
            case "shout", (place, scope):
                self.say(place, message({"type": scope, "userid": "alice"}))
            case "bye", (place,):
                self.say(place, {"type": "bye"})
            case "lose", (place,):
                self.places[place].lose()
                self.places[place].closed = True
            case "wait", (seconds,):
                self.house.wait(seconds)
            case "nextcloud", (room, nc, flags):
                self.house.set_in_call(room, nc, flags)
            case "end", (room,):
                self.house.end_call(room)
            case "garbage", (place, text):
                self.say(place, text)


def check(hub, now):
    stats = hub.stats()
    assert stats.sessions <= LIMITS["max_sessions"]
    assert stats.connections <= 2 * LIMITS["max_sessions"]
    assert stats.rooms <= LIMITS["max_rooms"]

    sessions = {session.sessionid: session for session in hub._sessions}
    attached = {link.conn: link.session for link in hub._links.values() if link.session}
    assert {session.conn: session for session in sessions.values() if session.conn} == attached
    assert set(hub._greeting) == set(hub._links) - set(attached)
    assert set(hub._lingering) == {session for session in sessions.values() if session.conn is None}

    for room in hub._rooms:
        assert room.members, "an empty room is forgotten"
        assert room.calling <= set(room.members)
        for sessionid, member in room.members.items():
            assert sessions[sessionid] is member, "every session in a room is live"
            assert member.room == room.token
    assert sum(len(room.members) for room in hub._rooms) == sum(bool(s.room) for s in sessions.values())
    nextcloud = [s.nextcloud_session_id for s in sessions.values() if s.nextcloud_session_id and not s.internal]
    assert len(nextcloud) == len(set(nextcloud)), "one session for one Nextcloud session"
    for session in sessions.values():
        assert len(session.missed) <= LIMITS["max_buffered_messages"]
        assert not session.missed or session.conn is None

    for deadlines in (hub._greeting, hub._lingering):
        assert list(deadlines.values()) == sorted(deadlines.values()), "the first deadline is the next"
    assert hub.deadline() is None or now <= hub.deadline() <= now + 30


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(steps, min_size=15, max_size=60))
def test_no_conversation_breaks_the_hub(steps):
    crowd = Crowd()
    for step in steps:
        crowd.step(*step)
        check(crowd.house.hub, crowd.house.now)


def test_when_everybody_is_gone_nothing_is_left():
    crowd = Crowd()
    for client in crowd.places:
        client.lose()
    crowd.house.wait(30)
    stats = crowd.house.hub.stats()
    assert (stats.sessions, stats.connections, stats.rooms) == (0, 0, 0)
    assert crowd.house.hub.deadline() is None
