"""The names that Nextcloud's own captions app has for settings of ours, so that its administrator can switch.

Names that say nothing of captions (`APP_HOST`, `COMPUTE_DEVICE`) may stand in anybody's environment, with another
meaning. They count only beside `APP_ID` and `APP_SECRET`, which AppAPI gives to each app that it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

APP_API_NAMES: Final = ("APP_ID", "APP_SECRET")
HARP_SOCKET: Final = "unix:/tmp/exapp.sock"  # where the tunnel of AppAPI's HaRP looks for the app
OLD_PREFIX: Final = "LT_"
#: Of the app that decodes with Vosk.
WITHOUT_EFFECT: Final = ("LT_VOSK_SERVER_URL", "LT_DISABLE_INTERNAL_VOSK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name for a setting. `translate` makes its value one of ours, or raises `ValueError`, saying the range."""

    name: str
    translate: Callable[[str], str] = str
    app_api: bool = False  # counts only where AppAPI has started us


def started_by_app_api(environment: Mapping[str, str]) -> bool:
    """Has AppAPI told us who we are?"""
    return all(environment.get(name) or environment.get(f"{name}_FILE") for name in APP_API_NAMES)


def base_url(text: str) -> str:
    """AppAPI may name the start page; the signaling server knows the URL without it."""
    return text.rstrip("/").removesuffix("/index.php").rstrip("/")


def device(text: str) -> str:
    if text.upper() not in ("CPU", "CUDA"):
        raise ValueError(f"expected CPU or CUDA, got {text[:20]!r}: other accelerators are not supported")
    return text.lower()


def verifies(skip: str) -> str:
    """`SKIP_CERT_VERIFY` says the opposite of ours; whatever does not clearly say yes leaves certificates checked."""
    return "off" if skip.lower() in ("true", "1", "yes") else "on"


def harp_socket(key: str) -> str:
    """Whoever has a key of HaRP is called through its tunnel, whatever the key."""
    return HARP_SOCKET
