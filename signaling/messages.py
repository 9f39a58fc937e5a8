"""The messages of the HPB protocol, version 1, as frozen dataclasses: what we and the server may say.

`signaling.wire` turns them into JSON and back. Source: nextcloud-spreed-signaling, `standalone-signaling-api-v1`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MAX_MESSAGE_BYTES: Final = 64 * 1024  # HPB closes the connection on anything larger, and so do we

IN_CALL: Final = 1  # bits of a participant's in-call flags
WITH_AUDIO: Final = 2  # has a microphone; says nothing about mute
WITH_VIDEO: Final = 4
WITH_PHONE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    features: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloReply:
    session_id: str
    resume_id: str = field(repr=False)
    features: tuple[str, ...] = ()
    version: str = ""  # of the server


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """`request_id` is the id of the request that failed, where it had one."""

    code: str
    message: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomReply:
    """`room_id` is empty when we are out of the room, asked or not."""

    room_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A session in the room, in the call or not. `nextcloud_session_id` is empty for internal and SIP ones."""

    session_id: str
    nextcloud_session_id: str = ""
    user_id: str = ""
    display_name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleJoined:
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleLeft:
    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """An entry of a participants update. `internal` marks bots: they never are speakers."""

    session_id: str
    nextcloud_session_id: str = ""
    in_call: int = 0
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantsUpdate:
    """Partial by design: absence from `participants` is not a departure.

    `everyone_in_call` is set only by an update for all (`0` ends the call).
    """

    participants: tuple[Participant, ...]
    everyone_in_call: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomClosed:
    """The room was deleted, or we were told to leave it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    sender: str
    sid: str
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    sender: str
    sid: str
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceCandidate:
    """As in W3C `RTCIceCandidateInit`; an empty `candidate` marks the end."""

    candidate: str = field(repr=False)
    sdp_mid: str | None = None
    sdp_mline_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    sender: str
    sid: str
    candidate: IceCandidate


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRequested:
    """Somebody wants to subscribe to us. Only publishers on the embedded server see this."""

    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptReceived:
    """A caption, as Talk's clients read it. `speaker` is the signaling session id of who spoke."""

    sender: str
    speaker: str
    text: str = field(repr=False)
    language_id: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something that this client does not read; `kind` says what it called itself."""

    kind: str


ServerMessage = (
    Welcome
    | HelloReply
    | ErrorReply
    | RoomReply
    | Bye
    | PeopleJoined
    | PeopleLeft
    | ParticipantsUpdate
    | RoomClosed
    | Offer
    | Answer
    | Candidate
    | OfferRequested
    | TranscriptReceived
    | Unknown
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOfferRequest:
    """Ask for `publisher`'s microphone (room type "video": that is where Talk publishes it)."""

    publisher: str
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOffer:
    recipient: str
    sid: str
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAnswer:
    """`sid` is the offer's own: it protects against answering a stale offer."""

    recipient: str
    sid: str
    sdp: str = field(repr=False)
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendCandidate:
    recipient: str
    sid: str
    candidate: IceCandidate


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTranscript:
    """Exactly the five fields that Talk reads, to one session."""

    recipient: str
    speaker: str
    text: str = field(repr=False)
    language_id: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskReceipt:
    """Join the `room` that we are in: the answer, `already_joined` with our `request_id`, says that everything before
    it was read (HPB handles a client's requests in order). Nothing else comes of it.
    """

    request_id: str
    room: str


ClientMessage = AskReceipt | SendOfferRequest | SendOffer | SendAnswer | SendCandidate | SendTranscript
