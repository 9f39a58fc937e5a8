"""A segmenter, and drawings of what it hears and does, one character a frame of 20 ms: '#' speech, '-' faint speech,
'.' silence; '[==]' an utterance. Events are drawn under the frame that caused them: S started, P paused, R resumed,
E ended.
"""

from __future__ import annotations

from pipeline.audio import FRAME
from pipeline.hangover import HangoverSettings
from pipeline.segmenter import (
    Segmenter,
    SegmenterSettings,
    UtteranceEnded,
    UtterancePaused,
    UtteranceResumed,
    UtteranceStarted,
)

FRAME_S = 0.02
LEVELS = {"#": 9.0, "-": 1.0, ".": 0.0}
LETTERS = {UtteranceStarted: "S", UtterancePaused: "P", UtteranceResumed: "R", UtteranceEnded: "E"}


def hangover(
    shortest, *, longest=None, up=0, down=0, soon=0, long_utterance=10_000, in_long_utterance=1, after_sentence=None
):
    """Lengths in frames; without more, it never adapts."""
    return HangoverSettings(
        shortest=shortest * FRAME,
        longest=(longest or shortest) * FRAME,
        up=up * FRAME,
        down=down * FRAME,
        soon=soon * FRAME,
        long_utterance=long_utterance * FRAME,
        in_long_utterance=in_long_utterance * FRAME,
        after_sentence=(after_sentence or shortest) * FRAME,
    )


def settings(*, onset=3, pre_roll=0, pause=3, hangs=5, keep=0, max_length=100, cut_within=3, stall_s=0.7):
    """Lengths in frames. `hangs` is a number, or the settings of a hangover that adapts."""
    return SegmenterSettings(
        onset=onset * FRAME,
        pre_roll=pre_roll * FRAME,
        pause=pause * FRAME,
        hangover=hangs if isinstance(hangs, HangoverSettings) else hangover(hangs),
        keep=keep * FRAME,
        max_length=max_length * FRAME,
        cut_within=cut_within * FRAME,
        stall_s=stall_s,
    )


class Player:
    """Feeds a segmenter in real time, and keeps the events."""

    def __init__(self, segmenter):
        self.segmenter = segmenter
        self.events = []
        self.told = []  # the frame that caused each event
        self.inside = []  # frames with speech that were heard while an utterance was open
        self.now = 0.0
        self.at = 0

    def play(self, picture):
        for each in picture:
            self.frame(each != ".", LEVELS[each])
        return self

    def frame(self, speech, level):
        self.now += FRAME_S
        self._keep(self.segmenter.audio(speech, level=level, start=self.at, now=self.now))
        if self.segmenter.speaking:
            self.inside.append(self.at)
        self.at += FRAME

    def jump(self, frames):
        self.at += frames * FRAME
        return self

    def wait(self, seconds):
        """No audio comes; only time goes by."""
        self.now += seconds
        self._keep(self.segmenter.tick(now=self.now))
        return self

    def end(self):
        self._keep(self.segmenter.end())
        return self

    def _keep(self, events):
        self.events += events
        self.told += [self.at // FRAME] * len(events)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ended(self):
        return self.of(UtteranceEnded)

    @property
    def picture(self):
        """The utterances that have ended, drawn under the input."""
        canvas = [" "] * (self.at // FRAME)
        for utterance in self.ended:
            first, last = utterance.start // FRAME, utterance.end // FRAME - 1
            canvas[first : last + 1] = "=" * (last + 1 - first)
            canvas[last] = "]"
            canvas[first] = "["
        return "".join(canvas).rstrip()

    @property
    def timeline(self):
        """The events, drawn under the input."""
        canvas = [" "] * (self.at // FRAME + 1)
        for event, at in zip(self.events, self.told, strict=True):
            canvas[at] = LETTERS[type(event)]
        return "".join(canvas).rstrip()

    @property
    def reasons(self):
        return [utterance.reason for utterance in self.ended]


def segment(picture, **lengths):
    return Player(Segmenter(settings(**lengths))).play(picture)
