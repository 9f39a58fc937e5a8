"""Signaling: speaks the HPB websocket protocol of Nextcloud Talk; knows nothing of audio.

`Session` is the sans-IO state machine, `SignalingClient` the thin shell that gives it a websocket.
`signaling.embedded` holds the development server that the demo and the fast tests run on.
"""

from .address import signaling_url
from .auth import Credentials, InternalCredentials, TicketCredentials
from .backoff import BackoffSettings, delays
from .client import SignalingClient
from .errors import (
    AuthRejected,
    InvalidSignalingUrl,
    MalformedMessage,
    MessageTooLarge,
    Obstacle,
    SignalingError,
    SignalingUnreachable,
)
from .events import (
    Event,
    MessageReceived,
    RoomEntered,
    SessionLost,
    SessionRejected,
    SessionResumed,
    SessionStarted,
)
from .messages import (
    Answer,
    AskReceipt,
    Candidate,
    ClientMessage,
    ErrorReply,
    IceCandidate,
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
    Welcome,
)
from .probe import Greeting, hear_welcome, probe
from .session import Session, SessionSettings

__all__ = [
    "Answer",
    "AskReceipt",
    "AuthRejected",
    "BackoffSettings",
    "Candidate",
    "ClientMessage",
    "Credentials",
    "ErrorReply",
    "Event",
    "Greeting",
    "IceCandidate",
    "InternalCredentials",
    "InvalidSignalingUrl",
    "MalformedMessage",
    "MessageReceived",
    "MessageTooLarge",
    "Obstacle",
    "Offer",
    "OfferRequested",
    "Participant",
    "ParticipantsUpdate",
    "PeopleJoined",
    "PeopleLeft",
    "Person",
    "RoomClosed",
    "RoomEntered",
    "SendAnswer",
    "SendCandidate",
    "SendOffer",
    "SendOfferRequest",
    "SendTranscript",
    "ServerMessage",
    "Session",
    "SessionLost",
    "SessionRejected",
    "SessionResumed",
    "SessionSettings",
    "SessionStarted",
    "SignalingClient",
    "SignalingError",
    "SignalingUnreachable",
    "TicketCredentials",
    "TranscriptReceived",
    "Welcome",
    "delays",
    "hear_welcome",
    "probe",
    "signaling_url",
]
