"""Everything that can go wrong in and around a room; each failure names the room, and the speaker where there is one.

BotError
├── RoomFailed              the room's bot gave up; the message says why and what to do
│   └── SecretRejected      the signaling server refuses us: true for every room, until the setting is mended
├── ProcessFull             no room can be served beyond those that are; the message names the setting
├── TooManyTargets          the bound on readers of one room is reached
├── NoSuchRoom              no bot serves this room
├── NotATarget              a translation was asked for by somebody who has not asked for captions
├── BadLanguagePair         nothing can be translated into this: it is no language, or the room's own
├── TranslationUnsupported  it could be, but not by the model that is loaded
├── NotReady                the model is not loaded (yet)
└── PeerFailed              a publisher's peer connection could not be made, or broke
"""

from __future__ import annotations


class BotError(Exception):
    """Root. `room` and `speaker` are for the program; they are not part of the text, which may be logged."""

    component = "bot"

    def __init__(self, message: str, *, room: str = "", speaker: str = "") -> None:
        super().__init__(message)
        self.room = room
        self.speaker = speaker


class RoomFailed(BotError):
    component = "bot.room"


class SecretRejected(RoomFailed):
    pass


class ProcessFull(BotError):
    component = "bot.admission"


class TooManyTargets(BotError):
    component = "bot.targets"


class NoSuchRoom(BotError):
    component = "bot.supervisor"


class NotATarget(BotError):
    component = "bot.targets"


class BadLanguagePair(BotError):
    component = "bot.supervisor"


class TranslationUnsupported(BotError):
    component = "bot.supervisor"


class NotReady(BotError):
    component = "bot.supervisor"


class PeerFailed(BotError):
    component = "bot.subscriber"


#: What the operator can do about a refusal. One place: the start-up check and the rooms say the same.
ADVICE = {
    "invalid_token": "Set ROOMSCRIBE_HPB_SECRET to the `internalsecret` of the `[clients]` section of the signaling "
    "server's configuration, and restart roomscribe.",
    "invalid_client_type": "Set `internalsecret` in the `[clients]` section of the signaling server's configuration, "
    "and give the same text to roomscribe as ROOMSCRIBE_HPB_SECRET.",
    "invalid_backend": "Set ROOMSCRIBE_NEXTCLOUD_URL to the base URL of the chat server, as the signaling server's "
    "`backend` sections have it, and restart roomscribe.",
}
ADVICE["auth_failed"] = ADVICE["invalid_token"]


def rejection(code: str, explanation: str, *, room: str = "") -> RoomFailed:
    """The error for a session that the signaling server refused; `code` is the protocol's."""
    if code in ADVICE:
        return SecretRejected(f"{explanation}. {ADVICE[code]}", room=room)
    return RoomFailed(explanation, room=room)
