"""What requests and answers look like. `openapi.json` is generated from these very models, and requests are checked by
them; `api.http.bodies` reads them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_TOKEN: Final = 255
MAX_SESSION: Final = 1024
MAX_LANGUAGE: Final = 32
#: No control characters (no terminal and no log takes them), and something that is not a space. Lone surrogates, which
#: no websocket frame takes, are no text to begin with.
TEXT: Final = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$"

Token = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN, pattern=TEXT)]
Session = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SESSION, pattern=TEXT)]
LanguageId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LANGUAGE, pattern=TEXT)]


def _without_default(schema: dict[str, Any]) -> None:
    """An empty text stands for what was not sent, and cannot be sent."""
    schema.pop("default", None)


class Body(BaseModel):
    """A request's. Fields that it does not have are refused: a misspelt one would silently do nothing."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class TranscribeRequest(Body):
    """Captions on or off, for one participant of one room."""

    room_token: Token = Field(alias="roomToken", repr=False, description="The room, as the chat server names it.")
    nc_session_id: Session = Field(
        alias="ncSessionId",
        repr=False,
        description="The reader's session at the chat server (not at the signaling server).",
    )
    enable: bool = Field(default=True, description="`false`: no captions for this reader any more.")
    lang_id: LanguageId = Field(
        default="",
        alias="langId",
        json_schema_extra=_without_default,
        description="The language that is spoken in the room, as `GET /api/v1/languages` has it. It counts for a room "
        "that is not captioned yet; later, `set-language` changes it. Without it: the server's default.",
    )
    translation_target: LanguageId | None = Field(
        default=None,
        alias="translationTargetLangId",
        description="Finals in this language, instead of captions in the room's; null: no translation.",
    )


class SetLanguageRequest(Body):
    """Another language for a room that is captioned."""

    room_token: Token = Field(alias="roomToken", repr=False, description="The room.")
    lang_id: LanguageId = Field(alias="langId", description="What is spoken from the next utterance on.")


class SetTranslationRequest(Body):
    """Another language for one reader."""

    room_token: Token = Field(alias="roomToken", repr=False, description="The room.")
    nc_session_id: Session = Field(alias="ncSessionId", repr=False, description="The reader.")
    lang_id: LanguageId | None = Field(
        default=None, alias="langId", description="Finals in this language; null: captions in the room's language."
    )


class LeaveRequest(Body):
    """No captions for anybody in a room."""

    room_token: Token = Field(alias="roomToken", repr=False, description="The room.")


class RoomQuery(BaseModel):
    """`roomToken` in the query."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    room_token: Token = Field(alias="roomToken", repr=False, description="The room; it makes no difference.")


class EnabledQuery(BaseModel):
    """`enabled` in the query, as AppAPI writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    enabled: int = Field(ge=0, le=1, description="1: the app was enabled; 0: it was disabled, and all bots leave.")


#: Why something cannot be done now. The model, the process, the app, the signaling server, the room.
Refusal = Literal[
    "loading",
    "restarting",
    "failed",
    "full",
    "stopping",
    "not_ready",
    "disabled",
    "rejected",
    "unreachable",
    "room_failed",
]


class Answer(BaseModel):
    """An answer's."""

    model_config = ConfigDict(populate_by_name=True)


class Empty(Answer):
    """Nothing more than the status."""

    model_config = ConfigDict(extra="forbid")


class Message(Answer):
    """It was done."""

    message: str


class Detail(Answer):
    """One wrong field."""

    loc: list[str]
    msg: str
    type: str


class Refused(Answer):
    """It was not done."""

    model_config = ConfigDict(extra="allow")
    error: str = Field(description="Why, and what to do.")
    status: Refusal | None = Field(
        default=None, description="With 503, for programs: why not now. `failed` and `rejected` need the operator."
    )
    detail: list[Detail] | None = Field(default=None, description="With 422: each wrong field.")


class LanguageMetadata(Answer):
    """How captions of a language are set."""

    separator: str = Field(description="What stands between two pieces of text.")
    rtl: bool = Field(description="Written from right to left.")


class LanguageEntry(Answer):
    """One language."""

    name: str
    metadata: LanguageMetadata


Languages = dict[str, LanguageEntry]


class TranslationLanguages(Answer):
    """From what to what can be translated, by id."""

    origin_languages: dict[str, LanguageEntry]
    target_languages: dict[str, LanguageEntry]


class Heartbeat(Answer):
    """The app is there."""

    status: str = "ok"


class EnabledSet(Answer):
    """AppAPI reads an empty `error` as success."""

    error: str = ""


class EnabledState(Answer):
    """Is the app enabled?"""

    enabled: bool


class Latency(Answer):
    """Seconds from the last sample of speech to the sending of its final caption, of the last ones in this room."""

    p50: float | None = None
    p95: float | None = None


class RoomView(Answer):
    """One room. It never holds words, names or sessions."""

    room_token: str = Field(alias="roomToken", description="As the chat server names it.")
    log_id: str = Field(alias="logId", description="What the log calls this room.")
    state: str = Field(description="`joining`, `joined`, `leaving` or `failed`.")
    connected: bool = Field(description="Is the signaling connection up?")
    language: str = Field(description="The language id of the room.")
    speakers: int = Field(description="Speakers who are listened to.")
    waiting: int = Field(description="Speakers beyond a limit, who are not heard.")
    targets: int = Field(description="Readers who asked for captions.")
    translated: int = Field(description="How many of them asked for a translation.")
    captions: int = Field(description="Captions sent, each reader counted.")
    dropped: int = Field(description="Finals given up, each reader counted.")
    latency: Latency
    degradation: str = Field(description="What recognition gives up at present, for all rooms; `none`: nothing.")
    last_error: str | None = Field(default=None, alias="lastError")
    since_s: float = Field(alias="sinceSeconds", description="Since the bot was asked for, seconds.")


class Rooms(Answer):
    """All rooms that are captioned, the oldest first; `more` were left out of the list."""

    rooms: list[RoomView]
    more: int = 0


class Alive(Answer):
    """The process lives."""

    status: str = "ok"
    version: str
    uptime_s: float = Field(alias="uptimeSeconds")


class Readiness(Answer):
    """Can another room be captioned? `status` is `ok`, or the first reason why not; `checks` has all of them."""

    model_config = ConfigDict(extra="allow")
    status: Literal["ok"] | Refusal
    model: str = Field(description="`loading`, `ready`, `restarting` or `failed`.")
    rooms: int
    checks: dict[str, str] = Field(description="`model`, `signaling`, `capacity`, `enabled`: `ok`, or what is wrong.")
    error: str | None = Field(default=None, description="All reasons, in words.")


class Caption(Answer):
    """What a reader gets, as `data` of a signaling message of type `message` from the bot's session."""

    type: Literal["transcript"]
    message: str = Field(
        description="The whole text of the line so far: it replaces this speaker's line before it, unless that one was "
        "final. `[…]` stands for speech that was heard but could not be transcribed."
    )
    lang_id: str = Field(alias="langId", description="The language of the text, as it was asked for.")
    speaker_session_id: str = Field(
        alias="speakerSessionId", description="Who spoke: the session at the signaling server, not the chat server's."
    )
    final: bool = Field(description="It will not change any more. Translations are always final.")


class Capabilities(Answer):
    """What the app can do, by the app's id."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, Any]]
