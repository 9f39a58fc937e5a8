"""Wire JSON ⇄ messages. No `dict` of the wire leaves this module.

What we do not know becomes `Unknown`, never an exception: newer servers may say more. What breaks the protocol raises
`MalformedMessage`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .errors import MalformedMessage
from .messages import (
    Answer,
    AskReceipt,
    Bye,
    Candidate,
    ClientMessage,
    ErrorReply,
    HelloReply,
    IceCandidate,
    Offer,
    OfferRequested,
    Participant,
    ParticipantsUpdate,
    PeopleJoined,
    PeopleLeft,
    Person,
    RoomClosed,
    RoomReply,
    SendAnswer,
    SendCandidate,
    SendOffer,
    SendOfferRequest,
    SendTranscript,
    ServerMessage,
    TranscriptReceived,
    Unknown,
    Welcome,
)

_CODE: Final = re.compile(r"[A-Za-z_-]{1,64}")


def encode(message: ClientMessage) -> dict[str, Any]:
    """Build the wire object of a client's message."""
    data: dict[str, Any]
    match message:
        case AskReceipt():
            return {"id": message.request_id, "type": "room", "room": {"roomid": message.room}}
        case SendOfferRequest():
            recipient, data = message.publisher, {"type": "requestoffer", "roomType": "video"}
        case SendOffer():
            recipient, data = message.recipient, _description("offer", message.recipient, message.sid, message.sdp)
        case SendAnswer():
            recipient, data = message.recipient, _description("answer", message.recipient, message.sid, message.sdp)
        case SendCandidate():
            recipient = message.recipient
            candidate = {
                "candidate": message.candidate.candidate,
                "sdpMid": message.candidate.sdp_mid,
                "sdpMLineIndex": message.candidate.sdp_mline_index,
            }
            data = {
                "to": recipient,
                "type": "candidate",
                "roomType": "video",
                "sid": message.sid,
                "payload": {"candidate": candidate},
            }
        case SendTranscript():
            recipient = message.recipient
            data = {
                "type": "transcript",
                "message": message.text,
                "langId": message.language_id,
                "speakerSessionId": message.speaker,
                "final": message.final,
            }
    wire: dict[str, Any] = {
        "type": "message",
        "message": {"recipient": {"type": "session", "sessionid": recipient}, "data": data},
    }
    if isinstance(message, SendOfferRequest | SendAnswer) and message.request_id:
        wire["id"] = message.request_id
    return wire


def _description(kind: str, recipient: str, sid: str, sdp: str) -> dict[str, Any]:
    payload = {"type": kind, "sdp": sdp}
    return {"to": recipient, "type": kind, "roomType": "video", "sid": sid, "payload": payload}


def parse(text: str) -> ServerMessage:
    """Read one text frame. Raises `MalformedMessage`; never anything else."""
    try:
        wire = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("not JSON") from error
    if not isinstance(wire, dict):
        raise MalformedMessage("not a JSON object")
    match wire.get("type"):
        case "welcome":
            welcome = _object(wire, "welcome")
            return Welcome(features=_strings(welcome.get("features")), version=_text(welcome, "version"))
        case "hello":
            hello = _object(wire, "hello")
            server = hello.get("server")
            server = server if isinstance(server, dict) else {}
            return HelloReply(
                session_id=_required(hello, "sessionid"),
                resume_id=_text(hello, "resumeid"),
                features=_strings(server.get("features")),
                version=_text(server, "version"),
            )
        case "error":
            error_object = _object(wire, "error")
            return ErrorReply(
                code=_code(_text(error_object, "code")) or "unknown_error",
                message=_text(error_object, "message"),
                request_id=_text(wire, "id") or None,
            )
        case "room":
            return RoomReply(room_id=_text(_object(wire, "room"), "roomid"))
        case "bye":
            bye = wire.get("bye")
            return Bye(reason=_code(_text(bye, "reason")) if isinstance(bye, dict) else "")
        case "event":
            return _event(_object(wire, "event"))
        case "message":
            return _peer_message(_object(wire, "message"))
        case other:
            return Unknown(kind=str(other)[:64])


def _event(event: Mapping[str, Any]) -> ServerMessage:
    match event.get("target"), event.get("type"):
        case "room", "join":
            people = [_person(entry) for entry in _objects(event.get("join"))]
            return PeopleJoined(people=tuple(person for person in people if person is not None))
        case "room", "leave":
            return PeopleLeft(session_ids=_strings(event.get("leave")))
        case "room", "delete":
            return RoomClosed(reason="the room was deleted")
        case "roomlist", "disinvite":
            return RoomClosed(reason="the server took us out of the room")
        case "participants", "update":
            return _participants(_object(event, "update"))
        case target, kind:
            return Unknown(kind=f"event {str(target)[:32]}/{str(kind)[:32]}")


def _person(entry: Mapping[str, Any]) -> Person | None:
    session_id = _text(entry, "sessionid")
    if not session_id:
        return None
    user = entry.get("user")
    return Person(
        session_id=session_id,
        nextcloud_session_id=_text(entry, "roomsessionid"),
        user_id=_text(entry, "userid"),
        display_name=_text(user, "displayname") if isinstance(user, dict) else "",
    )


def _participants(update: Mapping[str, Any]) -> ParticipantsUpdate:
    everyone = _flags(update.get("incall")) if update.get("all") is True else None
    entries = [*_objects(update.get("users")), *_objects(update.get("changed"))]
    participants = []
    for entry in entries:
        session_id = _text(entry, "sessionId") or _text(entry, "sessionid")
        flags = _flags(entry.get("inCall"))
        if not session_id or flags is None:
            continue  # phones and bots may lack fields; an entry that says nothing changes nothing
        participants.append(
            Participant(
                session_id=session_id,
                nextcloud_session_id=_text(entry, "nextcloudSessionId"),
                in_call=flags,
                internal=entry.get("internal") is True,
            )
        )
    return ParticipantsUpdate(participants=tuple(participants), everyone_in_call=everyone)


def _peer_message(message: Mapping[str, Any]) -> ServerMessage:
    sender = message.get("sender")
    data = message.get("data")
    if not isinstance(sender, dict) or not isinstance(data, dict):
        return Unknown(kind="message without sender or data")
    from_session = _text(sender, "sessionid")
    sid = _text(data, "sid")
    payload = data.get("payload")
    match data.get("type"), payload:
        case "offer", {"sdp": str(sdp)}:
            return Offer(sender=from_session, sid=sid, sdp=sdp)
        case "answer", {"sdp": str(sdp)}:
            return Answer(sender=from_session, sid=sid, sdp=sdp)
        case "candidate", {"candidate": dict(candidate)}:
            index = candidate.get("sdpMLineIndex")
            mid = candidate.get("sdpMid")
            ice = IceCandidate(
                candidate=_text(candidate, "candidate"),
                sdp_mid=mid if isinstance(mid, str) else None,
                sdp_mline_index=index if isinstance(index, int) else None,
            )
            return Candidate(sender=from_session, sid=sid, candidate=ice)
        case "requestoffer", _:
            return OfferRequested(sender=from_session)
        case "transcript", _:
            return TranscriptReceived(
                sender=from_session,
                speaker=_text(data, "speakerSessionId"),
                text=_text(data, "message"),
                language_id=_text(data, "langId"),
                final=data.get("final") is not False,  # a missing `final` means true
            )
        case kind, _:
            return Unknown(kind=f"message {str(kind)[:32]}")


def _object(wire: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = wire.get(key)
    if not isinstance(value, dict):
        raise MalformedMessage(f"`{key}` is missing or not an object")
    return value


def _required(wire: Mapping[str, Any], key: str) -> str:
    value = wire.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedMessage(f"`{key}` is missing or not a text")
    return value


def _code(text: str) -> str:
    """Codes and reasons are logged. What the protocol has are identifiers; anything else may be about somebody."""
    return text if _CODE.fullmatch(text) else ""


def _text(wire: Mapping[str, Any], key: str) -> str:
    value = wire.get(key)
    return value if isinstance(value, str) else ""


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flags(value: object) -> int | None:
    """In-call flags arrive as int or bool; anything else says nothing."""
    return int(value) if isinstance(value, bool | int) else None
