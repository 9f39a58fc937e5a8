"""What the server says, as JSON objects: the only file that spells outgoing messages.

A payload may be queued for many connections at once: it is never changed after it was built.
Field names and what is left out when empty follow the real server (talk-contract.md §2.2 to §2.8).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Payload: TypeAlias = dict[str, Any]

VERSION: Final = "roomscribe-embedded/1.0"

FEATURES: Final = ("hello-v2", "incall-all", "join-features", "recipient-call", "welcome")
"""Only what is implemented. There is no "mcu": clients are to talk to each other."""


def answering(request_id: str, payload: Payload) -> Payload:
    """The payload as the reply to a request; clients correlate by the id."""
    return {"id": request_id, **payload} if request_id else payload


def welcome() -> Payload:
    return {"type": "welcome", "welcome": _server()}


def hello(*, version: str, sessionid: str, resumeid: str, userid: str) -> Payload:
    greeting = {"version": version, "sessionid": sessionid, "resumeid": resumeid, "userid": userid}
    return {"type": "hello", "hello": {**greeting, "server": _server()}}


def error(code: str, message: str, details: Payload | None = None) -> Payload:
    body: Payload = {"code": code, "message": message}
    if details is not None:
        body["details"] = details
    return {"type": "error", "error": body}


def bye(reason: str = "") -> Payload:
    return {"type": "bye", "bye": {"reason": reason} if reason else {}}


def room_state(roomid: str) -> Payload:
    """The room object. Properties would come from Nextcloud; here the token names a public conversation (3)."""
    return {"roomid": roomid, "properties": {"name": roomid, "type": 3}}


def room(roomid: str) -> Payload:
    """`roomid` empty: you are in no room."""
    return {"type": "room", "room": room_state(roomid) if roomid else {"roomid": ""}}


def session_entry(
    *, sessionid: str, userid: str, display_name: str, roomsessionid: str, features: tuple[str, ...]
) -> Payload:
    entry: Payload = {"sessionid": sessionid, "userid": userid}
    if display_name:
        entry["user"] = {"displayname": display_name}
    if roomsessionid:
        entry["roomsessionid"] = roomsessionid
    if features:
        entry["features"] = list(features)
    return entry


def joined(entries: list[Payload]) -> Payload:
    return {"type": "event", "event": {"target": "room", "type": "join", "join": entries}}


def left(sessionid: str) -> Payload:
    return {"type": "event", "event": {"target": "room", "type": "leave", "leave": [sessionid]}}


def participant(*, sessionid: str, nextcloud_session_id: str, userid: str, in_call: int, last_ping: int) -> Payload:
    """A participant that Nextcloud knows."""
    return {
        "sessionId": sessionid,
        "nextcloudSessionId": nextcloud_session_id,
        "userId": userid,
        "inCall": in_call,
        "lastPing": last_ping,
    }


def internal_participant(*, sessionid: str, in_call: int, last_ping: int, features: tuple[str, ...]) -> Payload:
    """A participant that Nextcloud does not know, hence without `nextcloudSessionId`."""
    entry: Payload = {"sessionId": sessionid, "inCall": in_call, "lastPing": last_ping, "internal": True}
    if features:
        entry["features"] = list(features)
    return entry


def participants(roomid: str, users: list[Payload]) -> Payload:
    return _participants_update({"roomid": roomid, "users": users})


def call_ended(roomid: str) -> Payload:
    """For everybody at once, so without a list of users."""
    return _participants_update({"roomid": roomid, "incall": 0, "all": True})


def is_participants_list(payload: Payload) -> bool:
    return "users" in payload.get("event", {}).get("update", {})


def delivery(kind: str, *, scope: str, sessionid: str, userid: str, data: Any) -> Payload:
    """A client's `message` or `control` as its recipient sees it; the sender's type repeats the recipient's."""
    sender: Payload = {"type": scope, "sessionid": sessionid}
    if userid:
        sender["userid"] = userid
    return {"type": kind, kind: {"sender": sender, "data": data}}


def _server() -> Payload:
    return {"features": list(FEATURES), "version": VERSION}


def _participants_update(update: Payload) -> Payload:
    return {"type": "event", "event": {"target": "participants", "type": "update", "update": update}}
