"""Captions of a recording as text, WebVTT, SubRip or JSON lines. Pure: captions go in one by one, text comes out.

What comes out is written as it comes; only the newest caption is held back, until the next one says how long it may
stay on the screen.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from .caption import split_caption
from .languages import join_words
from .transcript import GAP_MARK

CUE_CHARACTERS: Final = 84  # two lines of 42, as subtitles have them
LINGER_MS: Final = 400  # a cue stays this long after its last word, unless the next one begins
MIN_CUE_MS: Final = 1000  # … and so long in all: "Yes." is said faster than it is read
#: What goes on after a cut in mid-speech begins no later; if it does, the utterance between the two was withheld.
JOIN_WITHIN_S: Final = 1.0


class Format(enum.StrEnum):
    """Each is also the ending of its files."""

    TXT = "txt"
    VTT = "vtt"
    SRT = "srt"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What was said in one utterance, from its first to its last speech, in seconds since the recording's begin.

    `language` is a Whisper code; empty: it was to be detected, and was not. `continues`: the utterance before was cut
    in mid-speech. The text of speech that could not be transcribed is the gap mark.
    """

    start: float
    end: float
    text: str = field(repr=False)
    language: str
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a recording was like: its length, how many pieces could not be decoded, how many seconds lack at its end."""

    length_s: float = 0.0
    damaged: int = 0
    missing_s: float = 0.0


class Writer(Protocol):
    """One per recording. Captions must come in the order of their times."""

    def add(self, caption: Caption) -> str:
        """What can be written now."""

    def end(self, summary: Summary) -> str:
        """What remains to be written."""


def writer_of(format_: Format, *, name: str) -> Writer:
    """`name` is the recording's, for formats that tell it."""
    match format_:
        case Format.TXT:
            return PlainText()
        case Format.JSON:
            return JsonLines(name)
        case Format.VTT | Format.SRT:
            return Cues(format_)


def render(format_: Format, captions: Iterable[Caption], *, name: str = "", summary: Summary | None = None) -> str:
    """All at once, for short recordings."""
    writer = writer_of(format_, name=name)
    return "".join([*map(writer.add, captions), writer.end(summary or Summary())])


class PlainText:
    """An utterance a line; one that was cut because it was too long goes on in its line."""

    def __init__(self) -> None:
        self._said_until: float | None = None  # in the line that is open

    def add(self, caption: Caption) -> str:
        text, until = _one_line(caption.text), self._said_until
        self._said_until = caption.end
        if until is None:
            return text
        goes_on = caption.continues and caption.start - until <= JOIN_WITHIN_S
        return (join_words(("", ""), caption.language) if goes_on else "\n") + text

    def end(self, summary: Summary) -> str:
        return "" if self._said_until is None else "\n"


class JsonLines:
    """One object a line and an utterance, and a last one for the recording: a file without it is not complete."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._captions = 0
        self._gaps = 0

    def add(self, caption: Caption) -> str:
        self._captions += 1
        self._gaps += caption.text == GAP_MARK
        return self._line(
            "caption",
            start=round(caption.start, 3),
            end=round(caption.end, 3),
            text=caption.text,
            language=caption.language,
        )

    def end(self, summary: Summary) -> str:
        return self._line(
            "file",
            length=round(summary.length_s, 3),
            captions=self._captions,
            gaps=self._gaps,
            damaged=summary.damaged,
            missing=round(summary.missing_s, 3),
        )

    def _line(self, kind: str, **fields: object) -> str:
        return json.dumps({"type": kind, "file": self._name, **fields}, ensure_ascii=False) + "\n"


class Cues:
    """WebVTT or SubRip. A long utterance becomes several cues, each as long as its characters are of the whole."""

    def __init__(self, format_: Format) -> None:
        self._vtt = format_ is Format.VTT
        self._head = "WEBVTT\n" if self._vtt else ""
        self._number = 0
        self._newest: Caption | None = None
        self._shown_until = 0  # ms: no cue begins before

    def add(self, caption: Caption) -> str:
        newest, self._newest = self._newest, caption
        return self._take_head() + (self._cues(newest, room_until=_ms(caption.start)) if newest else "")

    def end(self, summary: Summary) -> str:
        newest, self._newest = self._newest, None
        return self._take_head() + (self._cues(newest, room_until=None) if newest else "")

    def _take_head(self) -> str:
        head, self._head = self._head, ""
        return head

    def _cues(self, caption: Caption, *, room_until: int | None) -> str:
        """`room_until` is when the next caption begins, in ms; None: never."""
        pieces = split_caption(caption.text, code=caption.language, limit=CUE_CHARACTERS)
        begin = max(_ms(caption.start), self._shown_until)
        said = max(_ms(caption.end), begin)
        lingers = max(said + LINGER_MS, begin + MIN_CUE_MS)
        end = lingers if room_until is None else max(said, min(lingers, room_until))
        end = max(end, begin + len(pieces))  # each piece 1 ms at least: a cue of no length is none
        characters = sum(map(len, pieces))
        cues, done, at = "", 0, begin
        for number, piece in enumerate(pieces, 1):
            done += len(piece)
            until = begin + (end - begin) * done // characters
            until = min(max(until, at + 1), end - (len(pieces) - number))
            cues += self._cue(at, until, piece)
            at = until
        self._shown_until = at
        return cues

    def _cue(self, begin: int, end: int, text: str) -> str:
        self._number += 1
        if self._vtt:
            return f"\n{_stamp(begin, '.')} --> {_stamp(end, '.')}\n{_escaped(text)}\n"
        text = text.replace("-->", "→")  # SubRip knows no escapes, and takes these for a line of times
        before = "\n" if self._number > 1 else ""
        return f"{before}{self._number}\n{_stamp(begin, ',')} --> {_stamp(end, ',')}\n{text}\n"


def clock(seconds: float) -> str:
    """Seconds for people: `hh:mm:ss`."""
    return _stamp(_ms(seconds), ".")[:-4]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """WebVTT: with `>` escaped there is no "-->" either."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _stamp(ms: int, point: str) -> str:
    """`hh:mm:ss.mmm`; more digits for more than 99 hours."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
