"""The settings, assembled once from the environment, which is read nowhere else. `settings_table` has each of them.

A secret may be given as NAME, or as NAME_FILE with the path of a file that holds it.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

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

from .settings_table import TABLE, Setting

PREFIX: Final = "ROOMSCRIBE_"
MB: Final = 1_000_000  # bytes
MEMORY_SHARE: Final = 0.8  # of what there is; the rest is for what grows between two looks, and for other programs
NEAR: Final = 0.5  # of 1: how alike a wrong name and the one that was meant are at least


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


def misspelt(names: Iterable[str]) -> list[str]:
    """What to tell about names that look like ours and are no setting. Never their values: one may be a secret."""
    known = [f"{setting.name}{end}" for setting in TABLE for end in (("", "_FILE") if setting.secret else ("",))]
    # Compared without the prefix: with it, any name would be near any other.
    ours = sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
    told = []
    for name in ours:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=NEAR)
            hint = f"did you mean {PREFIX}{near[0]}?" if near else "the README lists them all"
            told.append(f"{PREFIX}{name} is no setting and has no effect: {hint}")
    return told


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
        engine=EngineSettings(model=model, environment=inheritable(environment), remote=remote if remote.url else None),
        log_level=values["LOG_LEVEL"],
    )


def memory_there_is(root: Path = Path("/")) -> int:
    """Bytes that this process may use before the kernel ends it: the machine's, or less if a control group of it, or
    one above that, is given less. In a container, the group's path may be the host's, and only its root be there.
    """
    limits = [int(psutil.virtual_memory().total)]
    for group in _lines(root / "proc/self/cgroup"):
        _, controllers, path = group.split(":", 2)
        if not controllers:
            folder, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            folder, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        for step in ("", *(each for each in path.split("/") if each not in ("", ".."))):
            folder /= step
            limits += [int(line) for line in _lines(folder / name) if line.isdecimal()]  # else "max": none
    return min(limits)


def _lines(path: Path) -> list[str]:
    """None, where there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


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
    except UnicodeDecodeError:  # whose text, or cause, would have some of its bytes
        raise ValueError(f"the file {path} of {name}_FILE is not text: write the secret into it, as UTF-8") from None
