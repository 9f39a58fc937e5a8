"""What a room's bot is told. Assembled from the environment by `api.settings.load`; defaults are the design's."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline import MediaSettings, SpeakerSettings
from signaling import BackoffSettings, InternalCredentials

from .admission import AdmissionSettings
from .ice import LocalAddresses
from .ice_servers import ChatServerSettings
from .subscription import SubscriptionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalingSettings:
    """`url` is the websocket address of the signaling server."""

    url: str
    credentials: InternalCredentials
    backoff: BackoffSettings = field(default_factory=BackoffSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """Seconds, unless the name says otherwise."""

    signaling: SignalingSettings
    addresses: LocalAddresses = field(default_factory=LocalAddresses)
    relay_only: bool = False
    verify_tls: bool = True  # of the signaling server and the chat server
    chat_server: ChatServerSettings = field(default_factory=ChatServerSettings)
    speaker: SpeakerSettings = field(default_factory=SpeakerSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    by_track: bool = False  # take audio as aiortc decodes it, not by our own receive path
    subscription: SubscriptionSettings = field(default_factory=SubscriptionSettings)
    leave_after_s: float = 60.0  # without a reader
    forget_after_s: float = 60.0  # a reader who has left the room or the call may come back until then
    call_over_after_s: float = 15.0  # nobody in the call: a page that is reloaded comes back within seconds
    drain_timeout_s: float = 10.0  # for the last words on leaving
    speaker_retry_s: float = 5.0  # after a speaker's pipeline failed
    hints: bool = False  # tell the recogniser the names of those in the room
    max_speakers: int = 200
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)  # of all rooms together
