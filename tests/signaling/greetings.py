"""The language of the session's tests: a session in every state, and everything that can be said to it.

Time is a number; the jitter always draws the longest wait.
"""

from signaling import (
    ErrorReply,
    InternalCredentials,
    PeopleLeft,
    SessionSettings,
    TicketCredentials,
)
from signaling.messages import Bye, HelloReply, RoomReply, Unknown, Welcome
from signaling.session import Emit, Send, Session

NONCE = "n" * 32
BOT = InternalCredentials(secret="s", backend="https://cloud.example")
PERSON = TicketCredentials(ticket="t", backend="https://cloud.example")
NEWS = PeopleLeft(session_ids=("somebody",))

FULL_HELLO = Send(
    {
        "id": "hello",
        "type": "hello",
        "hello": {"version": "1.0", "auth": BOT.hello_auth(NONCE), "features": ["internal-incall"]},
    }
)
IN_CALL = Send({"type": "internal", "internal": {"type": "incall", "incall": {"incall": 1}}})
JOIN = Send({"id": "join", "type": "room", "room": {"roomid": "attic"}})
BYE = Send({"type": "bye", "bye": {}})


def resume(resume_id):
    return Send({"id": "hello", "type": "hello", "hello": {"version": "1.0", "resumeid": resume_id}})


def welcomed_as(session_id="s1", resume_id="r1"):
    return HelloReply(session_id=session_id, resume_id=resume_id)


def refused(code, request_id="hello"):
    return ErrorReply(code=code, request_id=request_id)


def new(*, room="attic", credentials=BOT, room_session=""):
    settings = SessionSettings(url="ws://hpb", credentials=credentials, room=room, room_session=room_session)
    return Session(settings, nonce=lambda: NONCE, uniform=lambda low, high: high)


def connecting(**settings):
    session = new(**settings)
    session.start(now=0)
    return session


def greeting(**settings):
    session = connecting(**settings)
    session.opened(now=0)
    return session


def joining(**settings):
    session = greeting(**settings)
    session.received(welcomed_as(), now=0)
    return session


def established(**settings):
    session = joining(**settings)
    session.received(RoomReply(room_id="attic"), now=0)
    return session


def waiting():
    session = established()
    session.lost("a broken network", now=0)
    return session


def resuming():
    session = waiting()
    session.woke(now=1)
    session.opened(now=1)
    return session


def closed():
    session = established()
    session.shutdown()
    return session


IN_STATE = {
    "idle": new,
    "connecting": connecting,
    "greeting": greeting,
    "resuming": resuming,
    "joining": joining,
    "established": established,
    "waiting": waiting,
    "closed": closed,
}
MESSAGES = {
    "hello": welcomed_as("s1", "r2"),
    "hello of another": welcomed_as("s2", "r2"),
    "no such session": refused("no_such_session"),
    "too many requests": refused("too_many_requests"),
    "invalid token": refused("invalid_token"),
    "other error": refused("internal_error"),
    "room": RoomReply(room_id="attic"),
    "another room": RoomReply(room_id="cellar"),
    "no room": RoomReply(room_id=""),
    "already joined": refused("already_joined", "join"),
    "no such room": refused("no_such_room", "join"),
    "join failed": refused("room_join_failed", "join"),
    "bye": Bye(reason="because"),
    "welcome": Welcome(),
    "unknown": Unknown(kind="x"),
    "news": NEWS,
}


def feed(session, what, *, now):
    match what:
        case "start":
            return session.start(now=now)
        case "opened":
            return session.opened(now=now)
        case "lost":
            return session.lost("a broken network", now=now)
        case "woke":
            return session.woke(now=now)
        case "shutdown":
            return session.shutdown()
    return session.received(MESSAGES[what], now=now)


INPUTS = ("start", "opened", "lost", "woke", "shutdown", *MESSAGES)


def names(commands):
    """`Hangup SessionLost Wake`: an emitted event goes by its own name."""
    return " ".join(type(each.event if isinstance(each, Emit) else each).__name__ for each in commands)
