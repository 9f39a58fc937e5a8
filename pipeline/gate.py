"""The activity gate: Opus frames of a speaker who is silent are not decoded. Pure; time is media time.

What the sender says of its own packets decides: the audio level (RFC 6464), and DTX. A lost word is far worse than a
decoded silence, so whatever is in doubt opens the gate, and what came just before is decoded too.

    frame                                    the gate
    louder than the threshold                opens, or stays open for `close_after_s`
    `voice`, from a sender that means it     the same
    no level told                            the same: the voice detector may decide
    quieter                                  closes after `close_after_s`
    DTX                                      the same: silence, whatever its level
    lost                                     the same

The threshold lies `margin_db` above the noise floor, which follows the quietest of the last frames: down at once, up
slowly. Somebody who speaks softly in a quiet room is heard, and a ventilator is not decoded for long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .audio import WIRE_RATE
from .encoded import NOT_EVEN_NOISE, EncodedFrame, sounds
from .opus_packet import DTX_BYTES

MAX_PRE_ROLL: Final = 25  # frames: 0.5 s of 20 ms
JUMP: Final = WIRE_RATE  # 1 s: what came before a longer gap belongs to something else
TURN: Final = 60 * WIRE_RATE  # who has spoken within a minute may speak again at any moment, muted just now or not
_LONG_AGO: Final = -TURN - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """Levels are in -dBov, as on the wire: 0 is the loudest, 127 digital silence."""

    enabled: bool = True
    pre_roll_s: float = 0.5
    close_after_s: float = 1.0
    margin_db: int = 6
    rise_db_per_s: int = 3  # of the floor. Between words, speech falls to the noise long before this matters
    surely: int = 54  # anything louder opens the gate, however noisy the room
    never: int = NOT_EVEN_NOISE  # nothing quieter does, however quiet the room


class ActivityGate:
    """One per speaker. `open`: frames are passed on as they come; `passed`: how many were, with the pre-roll."""

    __slots__ = (
        "_close_after",
        "_enabled",
        "_faintest",
        "_floor",
        "_loudest",
        "_margin",
        "_means_voice",
        "_never",
        "_open_until",
        "_pre_roll",
        "_recent",
        "_rise",
        "_unpassed",
        "open",
        "passed",
    )

    def __init__(self, settings: GateSettings | None = None) -> None:
        settings = settings or GateSettings()
        self._enabled = settings.enabled
        self._pre_roll = round(settings.pre_roll_s * WIRE_RATE)
        self._close_after = round(settings.close_after_s * WIRE_RATE)
        # Levels times the rate: so the floor rises by a whole number for each sample.
        self._margin = settings.margin_db * WIRE_RATE
        self._rise = settings.rise_db_per_s
        self._never = settings.never
        self._faintest = (settings.never + settings.margin_db) * WIRE_RATE  # a floor that is lower changes nothing
        self._loudest = (settings.surely + settings.margin_db) * WIRE_RATE
        self._recent: deque[EncodedFrame] = deque(maxlen=MAX_PRE_ROLL)
        self.passed = 0
        self._unpassed = 0
        self.flush()

    def flush(self) -> None:
        """The source ended. The pre-roll is dropped, for nobody spoke; the next source may be another microphone."""
        self._recent.clear()
        self._floor = self._faintest
        self._means_voice = False
        self.open = not self._enabled
        self._open_until = _LONG_AGO

    @property
    def kept(self) -> int:
        """Frames that were not decoded and never will be; those of the pre-roll still may."""
        return self._unpassed - len(self._recent)

    def may_speak(self, *, at: int) -> bool:
        """As far as is known of what came before media time `at`: the microphone was on, or had just been."""
        return (
            self.open
            or at <= self._open_until + TURN
            or any(sounds(frame.payload, frame.level) for frame in self._recent)
        )

    def offer(self, frame: EncodedFrame) -> Sequence[EncodedFrame]:
        """The next frame of the source. Returns what is to be decoded now."""
        if self._enabled:
            if self._is_active(frame):
                self._open_until = frame.timestamp + frame.duration + self._close_after
                if not self.open:
                    return self._opened(frame)
            elif self.open and frame.timestamp >= self._open_until:
                self.open = False
            if not self.open:
                self._recent.append(frame)
                self._unpassed += 1
                return ()
        self.passed += 1
        return (frame,)

    def _is_active(self, frame: EncodedFrame) -> bool:
        payload, _, duration, level, voice, _ = frame
        if payload is None or len(payload) <= DTX_BYTES:
            return False
        if level < 0:  # not told
            return True
        exact = level * WIRE_RATE
        floor = max(exact, self._floor - duration * self._rise)
        self._floor = floor = min(max(floor, self._loudest), self._faintest)
        if not voice:
            self._means_voice = True
        elif self._means_voice and level <= self._never:
            return True
        return exact < floor - self._margin

    def _opened(self, frame: EncodedFrame) -> Sequence[EncodedFrame]:
        self.open = True
        oldest, later = frame.timestamp - self._pre_roll, frame
        frames = [frame]
        for kept in reversed(self._recent):
            if kept.timestamp < oldest or not 0 <= later.timestamp - kept.end <= JUMP:
                break
            frames.append(kept)
            later = kept
        frames.reverse()
        self._recent.clear()
        self.passed += len(frames)
        self._unpassed -= len(frames) - 1
        return frames
