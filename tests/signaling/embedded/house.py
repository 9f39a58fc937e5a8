"""A hub with clients that talk to it, so that tests read as conversations. Time is a number: `house.now`."""

import hashlib
import hmac
import json
from itertools import count

from signaling.embedded.commands import Close, Send
from signaling.embedded.hub import Hub
from signaling.embedded.settings import EmbeddedSettings

SECRET = "the internal secret"
BACKEND = "https://cloud.example/nextcloud"
RANDOM = "r" * 32
EPOCH = 1_700_000_000


def token(random=RANDOM, secret=SECRET):
    return hmac.new(secret.encode(), random.encode(), hashlib.sha256).hexdigest()


def internal_hello(*, random=RANDOM, secret=SECRET, backend=BACKEND, version="1.0", features=()):
    params = {"random": random, "token": token(random, secret), "backend": backend}
    hello = {"version": version, "features": list(features), "auth": {"type": "internal", "params": params}}
    return {"id": "1", "type": "hello", "hello": hello}


def ticket_hello(ticket, *, version="1.0", **auth):
    params = {"ticket" if version == "1.0" else "token": ticket}
    return {"id": "1", "type": "hello", "hello": {"version": version, "auth": {"params": params, **auth}}}


def resume_hello(resumeid):
    return {"id": "1", "type": "hello", "hello": {"version": "1.0", "resumeid": resumeid}}


def message(recipient, data="hi", kind="message"):
    return {"type": kind, kind: {"recipient": recipient, "data": data}}


def in_call(flags):
    return {"type": "internal", "internal": {"type": "incall", "incall": {"incall": flags}}}


class Client:
    """One connection: `say` something, and see in `heard` what arrives."""

    def __init__(self, house, conn, address):
        self.house = house
        self.conn = conn
        self.heard = []
        self.closed = False
        self.greeting = None
        house.clients[conn] = self
        house.execute(house.hub.opened(conn, address=address, now=house.now))

    def say(self, payload):
        """Say it, and return what this client hears because of it."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.hear()
        self.house.execute(self.house.hub.received(self.conn, text, now=self.house.now))
        return self.hear()

    def hear(self):
        """What arrived since the last time."""
        heard, self.heard = self.heard, []
        return heard

    def greet(self, payload):
        answer = self.say(payload)[0]
        assert answer["type"] == "hello", answer
        self.greeting = answer["hello"]
        return self

    def join(self, roomid, sessionid=None):
        room = {"roomid": roomid} | ({"sessionid": sessionid} if sessionid else {})
        return self.say({"id": "j", "type": "room", "room": room})

    def lose(self):
        """The connection breaks."""
        self.house.execute(self.house.hub.lost(self.conn, now=self.house.now))

    @property
    def sessionid(self):
        return self.greeting["sessionid"]

    @property
    def resumeid(self):
        return self.greeting["resumeid"]


class House:
    def __init__(self, **settings):
        self.settings = EmbeddedSettings(**({"internal_secret": SECRET, "backend_url": BACKEND} | settings))
        self.now = 1000.0
        self.clients = {}
        self._conns = count(1)
        ids = count(1)
        self.hub = Hub(self.settings, key=b"key", new_id=lambda: f"session-{next(ids)}", wallclock_at_zero=EPOCH)

    def execute(self, commands):
        for command in commands:
            match command:
                case Send(conn=conn, payload=payload):
                    assert not self.clients[conn].closed, "sent to a closed connection"
                    self.clients[conn].heard.append(json.loads(json.dumps(payload, allow_nan=False)))
                case Close(conn=conn):
                    self.clients[conn].closed = True

    def connect(self, address="192.0.2.1"):
        return Client(self, next(self._conns), address)

    def bot(self, *, features=("internal-incall",)):
        return self.connect().greet(internal_hello(features=features))

    def person(self, user_id, *, room=None, nc=None):
        person = self.connect().greet(ticket_hello(self.ticket(user_id)))
        if room:
            person.join(room, nc or f"nc-{user_id}")
        self.hush()
        return person

    def ticket(self, user_id, display_name=None):
        name = user_id.title() if display_name is None else display_name
        return self.hub.issue_ticket(user_id=user_id, display_name=name, now=self.now)

    def hush(self):
        for client in self.clients.values():
            client.hear()

    def wait(self, seconds):
        self.now += seconds
        self.execute(self.hub.tick(now=self.now))

    def set_in_call(self, room, nc, flags):
        self.execute(self.hub.set_in_call(room, nextcloud_session_id=nc, flags=flags, now=self.now))

    def end_call(self, room):
        self.execute(self.hub.end_call(room))


def code(answer):
    """The code of the one error in the answer."""
    [error] = answer
    assert error["type"] == "error", error
    return error["error"]["code"]


def updates(heard):
    return [p["event"]["update"] for p in heard if p.get("event", {}).get("target") == "participants"]


def joins(heard):
    return [p["event"]["join"] for p in heard if p.get("event", {}).get("type") == "join"]


def leaves(heard):
    return [p["event"]["leave"] for p in heard if p.get("event", {}).get("type") == "leave"]
