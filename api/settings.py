"""Every setting, once: its name, unit, default and range. The only place that reads the environment.

A secret may be given as NAME, or as NAME_FILE with the path of a file that holds it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from bot import ChatServerSettings, LocalAddresses, RoomSettings, SignalingSettings
from pipeline import EngineSettings, ModelSettings, PartialSettings, SegmenterSettings, SpeakerSettings
from pipeline.audio import samples
from pipeline.hangover import HangoverSettings
from pipeline.languages import NAMES
from pipeline.remote_policy import RemoteSettings
from signaling import InternalCredentials, signaling_url

PREFIX: Final = "ROOMSCRIBE_"
T = TypeVar("T")


class SettingsError(Exception):
    """One or more settings are missing or wrong; the message names each, with what to do."""

    component = "api.settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where the API listens. `secret` is required when `host` is not a loopback address."""

    host: str = "127.0.0.1"
    port: int = 23000
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    http: HttpSettings
    rooms: RoomSettings
    engine: EngineSettings
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table in the README."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], Any]
    required: bool = False
    secret: bool = False


def load(
    environment: Mapping[str, str] | None = None,
    *,
    defaults: Mapping[str, str] | None = None,
    fixed: Mapping[str, str] | None = None,
) -> Settings:
    """Assemble all settings. `defaults` stand in for what is not set; what is `fixed` cannot be set from outside.

    Raises `SettingsError`, which lists every problem at once.
    """
    inherited = os.environ if environment is None else environment  # noqa: TID251 — the one place
    environment = {**(defaults or {}), **inherited, **(fixed or {})}
    values, problems = read(environment)
    if not problems and not values["HTTP_SECRET"] and not is_loopback(values["HTTP_HOST"]):
        problems.append(
            f"ROOMSCRIBE_HTTP_SECRET is required because ROOMSCRIBE_HTTP_HOST={values['HTTP_HOST']} is not a loopback "
            "address: set it to a long random text that the chat server also knows"
        )
    if problems:
        raise SettingsError(problems)
    return assemble(values, dict(environment))


def environment() -> dict[str, str]:
    """A copy of what we were started with: for children, which are handed it."""
    return dict(os.environ)  # noqa: TID251 — the one place


def read(environment: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Every setting's value by its name without the prefix, and what is wrong."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in TABLE:
        name = PREFIX + setting.name
        try:
            text = _text(setting, environment)
            if setting.required and not text:
                raise ValueError(f"is required: {setting.meaning}")
            values[setting.name] = setting.parse(text)
        except (ValueError, OSError) as error:
            reason = str(error)
            problems.append(f"{name} {reason}" if reason.startswith("is ") else f"{name}: {reason}")
    return values, problems


def assemble(values: Mapping[str, Any], environment: dict[str, str]) -> Settings:
    """Build the settings of each part out of checked values."""
    credentials = InternalCredentials(secret=values["HPB_SECRET"], backend=values["NEXTCLOUD_URL"])
    hangover = HangoverSettings(
        shortest=samples(values["HANGOVER_S"]), longest=samples(max(values["HANGOVER_S"], values["LONGEST_HANGOVER_S"]))
    )
    speaker = SpeakerSettings(
        segmenter=SegmenterSettings(hangover=hangover, max_length=samples(values["MAX_UTTERANCE_S"])),
        partials=PartialSettings(enabled=values["PARTIALS"], interval_s=values["PARTIAL_INTERVAL_S"]),
        allowed=values["LANGUAGES"],
    )
    model = ModelSettings(
        model=values["MODEL"],
        cache_dir=values["CACHE_DIR"] or None,
        device=values["DEVICE"],
        compute_type=values["COMPUTE_TYPE"],
        workers=values["WORKERS"] or max(1, (os.cpu_count() or 1) // values["THREADS"]),
        threads=values["THREADS"],
        max_batch=values["MAX_BATCH"] or (1 if values["DEVICE"] == "cpu" else 8),
        margin_s=values["CONTEXT_MARGIN_S"],
        floor_s=values["CONTEXT_FLOOR_S"],
    )
    remote = RemoteSettings(
        url=values["ASR_URL"],
        api_key=values["ASR_API_KEY"],
        model=values["ASR_MODEL"],
        slots=values["ASR_PARALLEL"],
        timeout_s=values["ASR_TIMEOUT"],
        fallback=values["ASR_FALLBACK"],
    )
    secrets = {PREFIX + setting.name for setting in TABLE if setting.secret}  # no child of ours needs one
    inherited = {name: value for name, value in environment.items() if name.removesuffix("_FILE") not in secrets}
    return Settings(
        http=HttpSettings(host=values["HTTP_HOST"], port=values["HTTP_PORT"], secret=values["HTTP_SECRET"]),
        rooms=RoomSettings(
            signaling=SignalingSettings(url=values["HPB_URL"], credentials=credentials),
            addresses=values["ICE_ADDRESSES"],
            relay_only=values["ICE_POLICY"] == "relay",
            chat_server=ChatServerSettings(
                url=values["NEXTCLOUD_URL"],
                app_id=values["APP_ID"],
                app_version=values["APP_VERSION"],
                secret=values["APP_SECRET"],
            ),
            speaker=speaker,
            leave_after_s=values["LEAVE_AFTER_S"],
            drain_timeout_s=values["DRAIN_TIMEOUT_S"],
            max_rooms=values["MAX_ROOMS"],
            max_speakers=values["MAX_SPEAKERS"],
        ),
        engine=EngineSettings(model=model, environment=inherited, remote=remote if remote.url else None),
        log_level=values["LOG_LEVEL"],
    )


def is_loopback(host: str) -> bool:
    """Is this `localhost`, or an address of loopback? Other names may resolve to anything."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(setting: Setting, environment: Mapping[str, str]) -> str:
    name = PREFIX + setting.name
    path = environment.get(f"{name}_FILE", "") if setting.secret else ""
    if not path:
        return environment.get(name, "").strip() or setting.default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"the file {path} of {name}_FILE cannot be read ({error.strerror})") from error


def _number(low: float, high: float, kind: Callable[[str], T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"expected a number from {low:g} to {high:g}, got {text!r}") from None
        if not low <= value <= high:  # type: ignore[operator]
            raise ValueError(f"expected a number from {low:g} to {high:g}, got {text}")
        return value

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        found = next((word for word in words if word.lower() == text.lower()), None)
        if found is None:
            raise ValueError(f"expected one of {', '.join(words)}, got {text!r}")
        return found

    return parse


def _switch(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _languages(text: str) -> tuple[str, ...]:
    codes = tuple(each.strip().lower() for each in text.split(",") if each.strip())
    unknown = [each for each in codes if each not in NAMES]
    if unknown:
        raise ValueError(f"expected Whisper language codes such as de,en, got {', '.join(unknown)!r}")
    return codes


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected a URL such as https://cloud.example.org, got {text!r}")
    return text


def _server_address(text: str) -> str:
    """Empty, or a URL without anything private in it; what is wrong with one that has a password is said without it."""
    if any(each in text for each in "@?#"):
        raise ValueError("expected a URL without user, password, ? and #; a key belongs into ROOMSCRIBE_ASR_API_KEY")
    if not text:
        return ""
    _ = urlsplit(text).port  # raises for one that is no number
    return _web_address(text)


def _key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("expected a key of printable ASCII characters without spaces, as it is sent in a header")
    return text


def _signaling_address(text: str) -> str:
    try:
        return signaling_url(text)
    except Exception as error:
        raise ValueError(f"{error}, got {text!r}") from error


TABLE: Final = (
    Setting(
        name="HPB_URL",
        default="",
        meaning="address of the signaling server (High-Performance Backend), such as https://cloud.example.org/hpb",
        parse=_signaling_address,
        required=True,
    ),
    Setting(
        name="HPB_SECRET",
        default="",
        meaning="`internalsecret` of the `[clients]` section of the signaling server's configuration",
        parse=str,
        required=True,
        secret=True,
    ),
    Setting(
        name="NEXTCLOUD_URL",
        default="",
        meaning="base URL of the chat server, as the signaling server's `backend` sections have it",
        parse=_web_address,
        required=True,
    ),
    Setting(name="HTTP_HOST", default="127.0.0.1", meaning="address the API listens on", parse=str),
    Setting(name="HTTP_PORT", default="23000", meaning="port the API listens on", parse=_number(0, 65535, int)),
    Setting(
        name="HTTP_SECRET",
        default="",
        meaning="what callers of the API must show; required when it listens elsewhere than on loopback",
        parse=str,
        secret=True,
    ),
    Setting(
        name="MODEL",
        default="tiny.en",
        meaning="Whisper model: a folder, a packaged model, or a faster-whisper name",
        parse=str,
    ),
    Setting(
        name="CACHE_DIR", default="", meaning="where downloaded models are kept; empty: Hugging Face's cache", parse=str
    ),
    Setting(name="DEVICE", default="cpu", meaning="where the model runs", parse=_one_of("cpu", "cuda", "auto")),
    Setting(
        name="COMPUTE_TYPE",
        default="int8",
        meaning="CTranslate2 number format",
        parse=_one_of("int8", "int8_float16", "int8_float32", "float16", "float32", "default"),
    ),
    Setting(name="WORKERS", default="0", meaning="decodes at once; 0: as the cores allow", parse=_number(0, 64, int)),
    Setting(
        name="THREADS",
        default="1",
        meaning="CPU threads of one decode; more than one rarely pays",
        parse=_number(1, 16, int),
    ),
    Setting(
        name="MAX_BATCH",
        default="0",
        meaning="stretches of audio decoded together, of those that wait; 0: 1 on a CPU, 8 on a GPU",
        parse=_number(0, 16, int),
    ),
    Setting(
        name="ASR_URL",
        default="",
        meaning="an OpenAI-compatible recognition server, such as http://box:8000; empty: decode on this machine",
        parse=_server_address,
    ),
    Setting(name="ASR_API_KEY", default="", meaning="its key, if it wants one", parse=_key, secret=True),
    Setting(name="ASR_MODEL", default="whisper-1", meaning="the model's name on it", parse=str),
    Setting(name="ASR_PARALLEL", default="8", meaning="requests to it at once", parse=_number(1, 256, int)),
    Setting(
        name="ASR_TIMEOUT",
        default="20",
        meaning="how long it may take for one request, seconds",
        parse=_number(1, 60, float),
    ),
    Setting(
        name="ASR_FALLBACK",
        default="off",
        meaning="`on`: while it is down, decode with ROOMSCRIBE_MODEL, in whose languages captions are then offered",
        parse=_switch,
    ),
    Setting(
        name="CONTEXT_MARGIN_S",
        default="1.5",
        meaning="silence encoded after the speech, seconds; 0: always Whisper's full 30 s, at three times the cost",
        parse=_number(0, 28, float),
    ),
    Setting(
        name="CONTEXT_FLOOR_S",
        default="0",
        meaning="least audio that is encoded, seconds; a few help a model that repeats itself on short speech",
        parse=_number(0, 30, float),
    ),
    Setting(
        name="LANGUAGES",
        default="",
        meaning="languages that a room whose language is `auto` may speak, such as `de,en`; empty: all of the model",
        parse=_languages,
    ),
    Setting(
        name="ICE_ADDRESSES",
        default="auto",
        meaning="local addresses for media, comma-separated; `auto`: all but loopback",
        parse=LocalAddresses.parse,
    ),
    Setting(
        name="ICE_POLICY",
        default="all",
        meaning="`relay`: media through the TURN server only",
        parse=_one_of("all", "relay"),
    ),
    Setting(
        name="APP_SECRET",
        default="",
        meaning="the secret that Nextcloud's AppAPI gave this app; with it, Talk's STUN and TURN servers are used",
        parse=str,
        secret=True,
    ),
    Setting(name="APP_ID", default="live_transcription", meaning="this app's id in AppAPI", parse=str),
    Setting(name="APP_VERSION", default="1.0.0", meaning="this app's version in AppAPI", parse=str),
    Setting(
        name="HANGOVER_S",
        default="0.4",
        meaning="silence that ends an utterance, seconds, for speakers who pause little",
        parse=_number(0.2, 5, float),
    ),
    Setting(
        name="LONGEST_HANGOVER_S",
        default="0.6",
        meaning="silence that ends an utterance, seconds, for speakers who pause in mid-sentence",
        parse=_number(0.2, 5, float),
    ),
    Setting(
        name="MAX_UTTERANCE_S",
        default="15",
        meaning="longest utterance, seconds",
        parse=_number(3, 28, float),
    ),
    Setting(
        name="PARTIALS",
        default="on",
        meaning="captions while somebody still speaks: `on`, or `off` for finals only",
        parse=_switch,
    ),
    Setting(
        name="PARTIAL_INTERVAL_S",
        default="1.0",
        meaning="least time between two partial captions of one speaker, seconds",
        parse=_number(0.3, 60, float),
    ),
    Setting(
        name="LEAVE_AFTER_S",
        default="60",
        meaning="how long to stay in a room without a reader, seconds",
        parse=_number(0, 3600, float),
    ),
    Setting(
        name="DRAIN_TIMEOUT_S",
        default="5",
        meaning="how long the last words may take on leaving, seconds",
        parse=_number(0, 60, float),
    ),
    Setting(name="MAX_ROOMS", default="100", meaning="rooms served at once", parse=_number(1, 10_000, int)),
    Setting(name="MAX_SPEAKERS", default="200", meaning="speakers heard in one room", parse=_number(1, 5_000, int)),
    Setting(
        name="LOG_LEVEL",
        default="INFO",
        meaning="least severity that is logged",
        parse=_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
)
