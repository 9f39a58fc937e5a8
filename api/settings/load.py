"""The settings, assembled once from the environment.

`table` has each of them, `sources` looks them up.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot import AdmissionSettings, ChatServerSettings, RoomSettings, SignalingSettings
from pipeline import (
    EngineSettings,
    MediaSettings,
    ModelSettings,
    PartialSettings,
    SegmenterSettings,
    SpeakerSettings,
)
from pipeline.audio import samples
from pipeline.child_process import inheritable
from pipeline.gate import GateSettings
from pipeline.hangover import HangoverSettings
from pipeline.remote_policy import RemoteSettings
from signaling import InternalCredentials

from .aliases import base_url
from .environment import environment as of_the_process
from .kinds import UNIX
from .memory import MB, memory_there_is
from .of_service import LEAST_SECRET
from .sources import misspelt, of_others, read, warnings
from .table import PREFIX
from .values import NOTHING, Value

__all__ = [
    "MB",
    "PREFIX",
    "HttpSettings",
    "Settings",
    "SettingsError",
    "assemble",
    "is_loopback",
    "load",
    "load_secrets",
    "memory_there_is",
    "misspelt",
    "problems_of",
    "warnings",
]

MEMORY_SHARE: Final = 0.8  # of what there is; the rest is for what grows between two looks, and for other programs


class SettingsError(Exception):
    """One or more settings are missing or wrong; the message names each, with what to do."""

    component = "api.settings.load"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where the API listens, and what its callers may do. Any of the `secrets` is taken, so that they can be rotated.

    `host`: an address, or `unix:` and the path of a socket. `rate_limit`: requests a second of one caller.
    """

    host: str = "127.0.0.1"
    port: int = 23000
    secrets: tuple[str, ...] = field(default=(), repr=False)
    default_language: str = "en"
    rate_limit: float = 100.0
    max_connections: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    http: HttpSettings
    rooms: RoomSettings
    engine: EngineSettings
    log_level: str = "INFO"
    log_format: str = "auto"


def load(
    environment: Mapping[str, str] | None = None,
    *,
    defaults: Mapping[str, str] = NOTHING,
    fixed: Mapping[str, str] = NOTHING,
) -> Settings:
    """Assemble all settings. `defaults` stand in for what is not set; what is `fixed` cannot be set from outside.

    Raises `SettingsError`, which lists every problem at once.
    """
    inherited = _inherited(environment)
    found = read(inherited, defaults=defaults, fixed=fixed)
    problems = problems_of(found)
    if problems:
        raise SettingsError(problems)
    return assemble({name: each.value for name, each in found.items()}, inherited)


def load_secrets(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The secrets of the API's callers, read anew: their file may hold others by now.

    Raises `SettingsError` if they are not good, so that the old ones stay in force.
    """
    found = read(_inherited(environment), only=("HTTP_HOST", "HTTP_SECRET", "APP_SECRET"))
    problems = problems_of(found)
    if problems:
        raise SettingsError(problems)
    return tuple(found["HTTP_SECRET"].value)


def problems_of(found: Mapping[str, Value]) -> list[str]:
    """What is wrong with each setting, or else with several together."""
    problems = [each.problem for each in found.values() if each.problem]
    concerned = (found["HTTP_HOST"], found["HTTP_SECRET"], found["APP_SECRET"])
    if any(each.problem for each in concerned) or is_loopback(found["HTTP_HOST"].value):
        return problems
    return problems + _strangers(found)


def _strangers(found: Mapping[str, Value]) -> list[str]:
    """What is missing to keep them out, where the API listens beyond loopback."""
    host, secrets, app = found["HTTP_HOST"], found["HTTP_SECRET"], found["APP_SECRET"]
    here = f"{host.found.name or host.setting.own}={host.value}"
    short = [(secrets, any(len(each) < LEAST_SECRET for each in secrets.value))]
    short += [(app, 0 < len(app.value) < LEAST_SECRET)]
    told = [
        f"{each.setting.own}: expected {LEAST_SECRET} characters or more in each secret, got fewer: {here} is not a "
        "loopback address, and strangers can guess"
        for each, is_short in short
        if is_short
    ]
    if told:
        return told
    if not secrets.value and not app.value:
        return [
            f"{secrets.setting.own} is required because {here} is not a loopback address: set it to a long random text "
            f"that the chat server also knows (or {app.setting.own}, if AppAPI alone calls)"
        ]
    return []


def assemble(values: Mapping[str, Any], environment: dict[str, str]) -> Settings:
    """Build the settings of each part out of checked values."""
    credentials = InternalCredentials(secret=values["HPB_SECRET"], backend=base_url(values["NEXTCLOUD_URL"]))
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
    return Settings(
        http=HttpSettings(
            host=values["HTTP_HOST"],
            port=values["HTTP_PORT"],
            secrets=values["HTTP_SECRET"],
            default_language=values["DEFAULT_LANGUAGE"],
            rate_limit=values["RATE_LIMIT"],
            max_connections=values["MAX_CONNECTIONS"],
        ),
        rooms=RoomSettings(
            signaling=SignalingSettings(url=values["HPB_URL"], credentials=credentials),
            addresses=values["ICE_ADDRESSES"],
            relay_only=values["ICE_POLICY"] == "relay",
            verify_tls=values["TLS_VERIFY"],
            chat_server=ChatServerSettings(
                url=base_url(values["NEXTCLOUD_URL"]),
                app_id=values["APP_ID"],
                app_version=values["APP_VERSION"],
                secret=values["APP_SECRET"],
            ),
            speaker=speaker,
            media=MediaSettings(
                decoder=values["OPUS_DECODER"],
                workers=values["DECODE_THREADS"],
                gate=GateSettings(enabled=values["ACTIVITY_GATE"]),
            ),
            by_track=values["RECEIVE_PATH"] == "track",
            hints=values["HINTS"],
            leave_after_s=values["LEAVE_AFTER_S"],
            drain_timeout_s=values["DRAIN_TIMEOUT_S"],
            max_speakers=values["MAX_SPEAKERS"],
            admission=AdmissionSettings(
                max_rooms=values["MAX_ROOMS"],
                max_total_speakers=values["MAX_TOTAL_SPEAKERS"],
                memory_limit_mb=values["MEMORY_LIMIT_MB"] or int(memory_there_is() * MEMORY_SHARE) // MB,
            ),
        ),
        engine=EngineSettings(
            model=model, environment=inheritable(of_others(environment)), remote=remote if remote.url else None
        ),
        log_level=values["LOG_LEVEL"],
        log_format=values["LOG_FORMAT"],
    )


def is_loopback(host: str) -> bool:
    """Is this `localhost`, an address of loopback or a socket's path? Other names may resolve to anything."""
    try:
        return host.lower() == "localhost" or host.startswith(UNIX) or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _inherited(environment: Mapping[str, str] | None) -> dict[str, str]:
    return of_the_process() if environment is None else dict(environment)
