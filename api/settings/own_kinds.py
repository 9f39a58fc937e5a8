"""Kinds of values whose range is known elsewhere: languages by the pipeline, addresses by the bot and signaling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot import LocalAddresses
from pipeline.languages import AUTO, NAMES
from signaling import InvalidSignalingUrl, signaling_url

from .kinds import Kind, WebAddress, is_reachable

_LANGUAGE_ID: Final = re.compile(r"([a-z]{2,3})([-_][a-z0-9]{2,8})?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageId(Kind):
    """An id as chat servers use it; kept as it came."""

    @property
    def range(self) -> str:
        return f"a Whisper language code such as de, with a region if you like (pt_BR), or {AUTO}"

    def read(self, text: str) -> str:
        match = _LANGUAGE_ID.fullmatch(text)
        if text != AUTO and (match is None or match[1].lower() not in NAMES):
            raise ValueError
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages(Kind):
    """Whisper's codes; none: all."""

    @property
    def range(self) -> str:
        return "Whisper language codes with commas between them, such as de,en"

    def read(self, text: str) -> tuple[str, ...]:
        codes = tuple(each.strip().lower() for each in text.split(",") if each.strip())
        if any(each not in NAMES for each in codes):
            raise ValueError
        return codes


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaAddresses(Kind):
    """Which addresses media may use."""

    @property
    def range(self) -> str:
        return "IP addresses and the word auto, with commas between them"

    def read(self, text: str) -> LocalAddresses:
        return LocalAddresses.parse(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalingAddress(WebAddress):
    """The address of the websocket."""

    def read(self, text: str) -> str:
        if not is_reachable(text, "http", "https", "ws", "wss"):
            raise ValueError
        try:
            return signaling_url(text)
        except InvalidSignalingUrl as error:
            raise ValueError from error
