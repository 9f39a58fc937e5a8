"""Endpointing: turn speech/silence verdicts into utterances.

Sans-IO. Feed one verdict per 20 ms frame in media order; each call returns the events it caused. The clock is the
sample count. `tick` exists because a track that is silent on the wire (mute, DTX, a dead network) stops it.

    phase      verdict   → phase      when                       event
    QUIET      speech    → STARTING
    STARTING   silence   → QUIET      a click, not a word
    STARTING   speech    → SPEAKING   after `onset`              UtteranceStarted
    SPEAKING   silence   → STOPPING
    STOPPING   silence   → STOPPING   after `pause`              UtterancePaused: this may be the end
    STOPPING   speech    → SPEAKING   a breath, not an end       UtteranceResumed after an UtterancePaused
    STOPPING   silence   → QUIET      after the hangover         UtteranceEnded(SILENCE)
    SPEAKING   any       → SPEAKING   after `max_length`         UtteranceEnded(TOO_LONG), UtteranceStarted
    STOPPING   any       → QUIET      after `max_length`         UtteranceEnded(TOO_LONG)
    any        tick      → QUIET      no audio for `stall_s`     UtteranceEnded(STALLED) if one is open
    any        end/jump  → QUIET                                 UtteranceEnded(ENDED) if one is open

An utterance keeps `pre_roll` before its onset (never reaching into the one before) and `keep` after its last speech.
The hangover follows the speaker (`pipeline.hangover`), and what is said (`sentence_over`). An utterance that grows too
long is cut at its quietest place within the last `cut_within`, and the next one begins with the very next sample.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field

from .audio import FRAME, samples
from .hangover import Hangover, HangoverSettings


class Reason(enum.Enum):
    SILENCE = "silence"
    TOO_LONG = "too_long"
    STALLED = "stalled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceStarted:
    """`start` includes the pre-roll; speech was heard first at `onset`. `continues`: the one before was cut."""

    start: int
    onset: int
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UtterancePaused:
    """Silence since `speech_end`: if it lasts, the utterance will have been `start` to `end`."""

    start: int
    end: int
    speech_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceResumed:
    """The pause since `speech_end` was no end: speech went on."""

    speech_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceEnded:
    """`speech_end` is the end of the last frame with speech, `voiced` the number of samples judged speech."""

    start: int
    end: int
    speech_end: int
    voiced: int
    reason: Reason


SegmenterEvent = UtteranceStarted | UtterancePaused | UtteranceResumed | UtteranceEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterSettings:
    """All in samples of media time but `stall_s`, which is seconds of *now*."""

    onset: int = samples(0.06)
    pre_roll: int = samples(0.45)
    pause: int = samples(0.22)
    hangover: HangoverSettings = field(default_factory=HangoverSettings)
    keep: int = samples(0.4)
    max_length: int = samples(15.0)  # longer ones wait too long for their final, and their partials cost too much
    cut_within: int = samples(3.0)
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
        self._hangover = Hangover(settings.hangover)
        self.phase = Phase.QUIET
        self._at = 0  # media time after the last frame
        self._floor = 0  # no utterance may begin before this
        self._onset = 0
        self._start = 0
        self._speech_end = 0
        self._voiced = 0
        self._heard_at = 0.0
        self._sentence = False  # what was said up to the present pause makes a sentence
        self._recent: deque[tuple[bool, float]] = deque(maxlen=settings.cut_within // FRAME)  # verdict and level

    @property
    def voiced(self) -> int:
        """Samples judged speech in the open utterance; 0 without one."""
        return self._voiced if self._is_open else 0

    @property
    def speaking(self) -> bool:
        """An utterance is open, and its newest frame is speech."""
        return self.phase is Phase.SPEAKING

    @property
    def hangover(self) -> int:
        """Samples of silence that end the open utterance."""
        length = self._at - self._start if self._is_open else 0
        return self._hangover.samples(length=length, sentence=self._sentence)

    @property
    def needed_from(self) -> int:
        """Media time before which no utterance, open or to come, begins."""
        if self._is_open:
            return self._start
        onset = self._onset if self.phase is Phase.STARTING else self._at
        return max(onset - self._settings.pre_roll, self._floor)

    def sentence_over(self, *, speech_end: int) -> None:
        """The words up to the pause since `speech_end` make a sentence; if it still lasts, it may end sooner."""
        if self.phase is Phase.STOPPING and speech_end == self._speech_end:
            self._sentence = True

    def audio(self, speech: bool, *, level: float, start: int, now: float) -> list[SegmenterEvent]:
        """One frame of `FRAME` samples at media time `start`, judged `speech` or not, heard at `now`.

        `level` grows with loudness, in any unit: it finds the quietest place.
        """
        if self.phase is Phase.QUIET and not speech and start == self._at:  # nine frames of ten
            self._at = start + FRAME
            self._heard_at = now
            self._recent.append((False, level))
            return []
        events = self.end() if start != self._at else []
        if events or start != self._at:
            self._floor = start
        self._at = start + FRAME
        self._heard_at = now
        self._recent.append((speech, level))
        match self.phase, speech:
            case Phase.QUIET, True:
                self.phase, self._onset, self._voiced = Phase.STARTING, start, 0
            case Phase.STARTING, False:
                self.phase = Phase.QUIET
            case Phase.SPEAKING, False:
                self.phase = Phase.STOPPING
            case Phase.STOPPING, True:
                self.phase = Phase.SPEAKING
                if self._at - FRAME - self._speech_end >= self._settings.pause:
                    events.append(UtteranceResumed(speech_end=self._speech_end))
        if speech:
            self._voiced += FRAME
            self._speech_end = self._at
            self._sentence = False
        if self.phase is Phase.STARTING and self._at - self._onset >= self._settings.onset:
            self._hangover.began(onset=self._onset)
            events.append(self._open())
        if self.phase is Phase.STOPPING:
            silence = self._at - self._speech_end
            if silence >= self.hangover:
                events.append(self._close(Reason.SILENCE))
            elif silence - FRAME < self._settings.pause <= silence:
                events.append(UtterancePaused(start=self._start, end=self._at, speech_end=self._speech_end))
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
        silence = self._at - self._speech_end if reason is Reason.SILENCE else 0
        self._hangover.ended(at=self._speech_end, silence=silence, sentence=self._sentence)
        self.phase = Phase.QUIET
        return self._ended(min(self._speech_end + self._settings.keep, self._at), self._voiced, reason)

    def _cut(self) -> list[SegmenterEvent]:
        """Too long. In a pause, it just ends; in mid-speech, at its quietest place, and the rest opens the next one."""
        if self.phase is Phase.STOPPING:
            return [self._close(Reason.TOO_LONG)]
        rest = self._frames_after_quietest()
        voiced = sum(FRAME for speech, _ in list(self._recent)[len(self._recent) - rest :] if speech)
        cut = self._at - rest * FRAME
        ended = self._ended(cut, self._voiced - voiced, Reason.TOO_LONG)
        self._start = self._onset = cut
        self._voiced = voiced
        return [ended, UtteranceStarted(start=cut, onset=cut, continues=True)]

    def _frames_after_quietest(self) -> int:
        """How many frames follow the quietest 60 ms of the last `cut_within`, the last of equals; fewer than it has.

        Only in the second half of the longest utterance: pieces without a word help nobody.
        """
        levels = [level for _, level in self._recent][-(self._settings.max_length // FRAME // 2) :]
        spans = [sum(levels[at : at + 3]) for at in range(len(levels) - 2)]
        if not spans:
            return 0
        quietest = min(range(len(spans)), key=lambda at: (spans[at], -at))
        return len(levels) - (quietest + 2)

    def _ended(self, end: int, voiced: int, reason: Reason) -> UtteranceEnded:
        self._floor = end
        return UtteranceEnded(
            start=self._start, end=end, speech_end=min(self._speech_end, end), voiced=voiced, reason=reason
        )
