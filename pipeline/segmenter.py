"""Endpointing: turn speech/silence verdicts into utterances.

Sans-IO. Feed one verdict per 20 ms frame in media order; each call returns the events it caused. The clock is the
sample count. `tick` exists because a track that is silent on the wire (mute, DTX, a dead network) stops it.

    phase      verdict   → phase      when                       event
    QUIET      speech    → STARTING
    STARTING   silence   → QUIET      a click, not a word
    STARTING   speech    → SPEAKING   after `onset`              UtteranceStarted
    SPEAKING   silence   → STOPPING
    STOPPING   speech    → SPEAKING   a breath, not an end
    STOPPING   silence   → QUIET      after `hangover`           UtteranceEnded(SILENCE)
    SPEAKING   any       → SPEAKING   after `max_length`         UtteranceEnded(TOO_LONG), UtteranceStarted
    STOPPING   any       → QUIET      after `max_length`         UtteranceEnded(TOO_LONG)
    any        tick      → QUIET      no audio for `stall_s`     UtteranceEnded(STALLED) if one is open
    any        end/jump  → QUIET                                 UtteranceEnded(ENDED) if one is open

An utterance keeps `pre_roll` before its onset (never reaching into the one before) and `keep` after its last speech.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .audio import FRAME, samples


class Reason(enum.Enum):
    SILENCE = "silence"
    TOO_LONG = "too_long"
    STALLED = "stalled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceStarted:
    """`start` includes the pre-roll; speech was heard first at `onset`."""

    start: int
    onset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceEnded:
    """`speech_end` is the end of the last frame with speech, `voiced` the number of samples judged speech."""

    start: int
    end: int
    speech_end: int
    voiced: int
    reason: Reason


SegmenterEvent = UtteranceStarted | UtteranceEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings:
    """All in samples of media time but `stall_s`, which is seconds of *now*."""

    onset: int = samples(0.06)
    pre_roll: int = samples(0.3)
    hangover: int = samples(0.5)
    keep: int = samples(0.4)
    max_length: int = samples(25.0)  # Whisper hears 30 s at once
    stall_s: float = 0.7


class Phase(enum.Enum):
    QUIET = "quiet"
    STARTING = "starting"
    SPEAKING = "speaking"
    STOPPING = "stopping"


class Segmenter:
    """One per speaker."""

    def __init__(self, settings: SegmenterSettings) -> None:
        self._settings = settings
        self.phase = Phase.QUIET
        self._at = 0  # media time after the last frame
        self._floor = 0  # no utterance may begin before this
        self._onset = 0
        self._start = 0
        self._speech_end = 0
        self._voiced = 0
        self._heard_at = 0.0

    @property
    def voiced(self) -> int:
        """Samples judged speech in the open utterance; 0 without one."""
        return self._voiced if self.phase in (Phase.SPEAKING, Phase.STOPPING) else 0

    @property
    def speaking(self) -> bool:
        """An utterance is open, and its newest frame is speech."""
        return self.phase is Phase.SPEAKING

    def audio(self, speech: bool, *, start: int, now: float) -> list[SegmenterEvent]:
        """One frame of `FRAME` samples at media time `start`, judged `speech` or not, heard at `now`."""
        events = self.end() if start != self._at else []
        if events or start != self._at:
            self._floor = start
        self._at = start + FRAME
        self._heard_at = now
        match self.phase, speech:
            case Phase.QUIET, True:
                self.phase, self._onset, self._voiced = Phase.STARTING, start, 0
            case Phase.STARTING, False:
                self.phase = Phase.QUIET
            case Phase.SPEAKING, False:
                self.phase = Phase.STOPPING
            case Phase.STOPPING, True:
                self.phase = Phase.SPEAKING
        if speech:
            self._voiced += FRAME
            self._speech_end = self._at
        if self.phase is Phase.STARTING and self._at - self._onset >= self._settings.onset:
            events.append(self._open())
        if self.phase is Phase.STOPPING and self._at - self._speech_end >= self._settings.hangover:
            events.append(self._close(Reason.SILENCE))
        if self._is_open and self._at - self._start >= self._settings.max_length:
            events += self._cut()
        return events

    def tick(self, *, now: float) -> list[SegmenterEvent]:
        """Call regularly while no audio comes: closes the utterance of a track that has gone silent on the wire."""
        if self.phase is Phase.QUIET or now - self._heard_at < self._settings.stall_s:
            return []
        return self._close_if_open(Reason.STALLED)

    def end(self) -> list[SegmenterEvent]:
        """The track ended, or media time jumped."""
        return self._close_if_open(Reason.ENDED)

    @property
    def _is_open(self) -> bool:
        return self.phase in (Phase.SPEAKING, Phase.STOPPING)

    def _open(self) -> UtteranceStarted:
        self.phase = Phase.SPEAKING
        self._start = max(self._onset - self._settings.pre_roll, self._floor)
        return UtteranceStarted(start=self._start, onset=self._onset)

    def _close_if_open(self, reason: Reason) -> list[SegmenterEvent]:
        events: list[SegmenterEvent] = [self._close(reason)] if self._is_open else []
        self.phase = Phase.QUIET
        return events

    def _close(self, reason: Reason) -> UtteranceEnded:
        end = min(self._speech_end + self._settings.keep, self._at)
        return self._ended(end, Phase.QUIET, reason)

    def _cut(self) -> list[SegmenterEvent]:
        """Too long: end here. In mid-speech the next utterance opens with the very next sample."""
        speaking = self.phase is Phase.SPEAKING
        events: list[SegmenterEvent] = [self._ended(self._at, Phase.QUIET, Reason.TOO_LONG)]
        if speaking:
            self._onset, self._voiced = self._at, 0
            events.append(self._open())
        return events

    def _ended(self, end: int, phase: Phase, reason: Reason) -> UtteranceEnded:
        ended = UtteranceEnded(
            start=self._start, end=end, speech_end=self._speech_end, voiced=self._voiced, reason=reason
        )
        self.phase = phase
        self._floor = end
        return ended
