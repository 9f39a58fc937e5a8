"""The table of all settings: each one's name, unit, default and range, and how its text is read."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from bot import LocalAddresses
from pipeline.decoders import PREFERENCES
from pipeline.languages import NAMES
from signaling import signaling_url

T = TypeVar("T")

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}", re.IGNORECASE)
_USER: Final = re.compile(r"^(\w+:/+)?.*@", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table in the README. `name` is without the prefix; `parse` raises `ValueError`."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], Any]
    required: bool = False
    secret: bool = False


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


def _web_address(example: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            reachable = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
        except ValueError:  # brackets that do not match, or a port that is no number, or none that there is
            reachable = False
        if not reachable or not text.isprintable() or " " in text:
            raise ValueError(
                f"expected a URL such as {example}, with a host that can exist and a port from 1 to 65535 if any, "
                f"got {without_user(text)!r}"
            )
        return text

    return parse


def _is_host(host: str) -> bool:
    """An address, or a name as DNS takes it: labels of 1 to 63 characters. Any other would be asked for in vain."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            labels = host.removesuffix(".").encode("idna").decode().split(".")  # which checks their lengths, too
        except UnicodeError:
            return False
        return all(_LABEL.fullmatch(each) for each in labels)
    return True


def without_user(text: str) -> str:
    """An address as it may be shown: whatever stands before an @ may be a password."""
    return _USER.sub(r"\1…@", text)


def _server_address(text: str) -> str:
    """Empty, or a URL without anything private in it; what is wrong with one that has a password is said without it."""
    if any(each in text for each in "@?#"):
        raise ValueError("expected a URL without user, password, ? and #; a key belongs into ROOMSCRIBE_ASR_API_KEY")
    return _web_address("http://box:8000")(text) if text else ""


def _key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("expected a key of printable ASCII characters without spaces, as it is sent in a header")
    return text


def _signaling_address(text: str) -> str:
    try:
        return signaling_url(text)
    except Exception as error:
        raise ValueError(f"{error}, got {without_user(text)!r}") from error


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
        parse=_web_address("https://cloud.example.org"),
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
        meaning="stretches of audio decoded together, of those that wait; 0: 1 where ROOMSCRIBE_DEVICE is `cpu`, "
        "else 8",
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
        meaning="`on`: what it does not decode within 5 s, because it is down, busy or slow, is decoded with "
        "ROOMSCRIBE_MODEL, in whose languages alone captions are then offered",
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
        name="HINTS",
        default="off",
        meaning="`on` tells the recogniser the names of those in the room; it costs more words than it wins",
        parse=_switch,
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
        name="RECEIVE_PATH",
        default="auto",
        meaning="`auto`: our own way from packets to samples; `track`: aiortc's, which costs more and loses more words",
        parse=_one_of("auto", "track"),
    ),
    Setting(
        name="OPUS_DECODER",
        default="auto",
        meaning="`libopus`, `av` (which cannot rebuild lost packets), or `auto`: the better one that is there",
        parse=_one_of(*PREFERENCES),
    ),
    Setting(
        name="DECODE_THREADS",
        default="0",
        meaning="threads that decode received audio; 0: one a core, four at most",
        parse=_number(0, 64, int),
    ),
    Setting(
        name="ACTIVITY_GATE",
        default="on",
        meaning="`on` leaves the packets of silent speakers undecoded; `off` decodes everything",
        parse=_switch,
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
    Setting(
        name="MAX_ROOMS",
        default="100",
        meaning="rooms served at once; another one is refused with 503",
        parse=_number(1, 10_000, int),
    ),
    Setting(name="MAX_SPEAKERS", default="200", meaning="speakers heard in one room", parse=_number(1, 5_000, int)),
    Setting(
        name="MAX_TOTAL_SPEAKERS",
        default="500",
        meaning="speakers heard at once in all rooms; others wait for a place, and new rooms are refused with 503",
        parse=_number(1, 50_000, int),
    ),
    Setting(
        name="MEMORY_LIMIT_MB",
        default="0",
        meaning="memory, MB, of roomscribe and its recogniser together, beyond which new rooms are refused with 503 "
        "and new speakers wait; 0: 80 % of the machine's or the container's",
        parse=_number(0, 999_999, int),
    ),
    Setting(
        name="LOG_LEVEL",
        default="INFO",
        meaning="least severity that is logged",
        parse=_one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
)
