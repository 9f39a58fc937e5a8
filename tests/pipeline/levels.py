"""A gate, and drawings of what a microphone sends it and what becomes of that, one character a frame of 20 ms.

sent    '#' a loud word  '+' a soft one  '.' the noise of the room  '_' digital silence
        'v' noise that the sender calls voice  'V' digital silence that it calls voice
        '?' audio without a level  'd' DTX  'D' DTX that is said to be loud  'x' lost
        ' ' nothing: media time goes on
fate    'o' decoded as it came  'p' decoded later, as pre-roll  '-' not decoded  ' ' nothing
"""

from __future__ import annotations

from pipeline.encoded import EncodedFrame
from pipeline.gate import ActivityGate, GateSettings
from pipeline.rtp import UNKNOWN_LEVEL

FRAME = 960  # samples at 48 kHz
FRAME_S = 0.02
AUDIO, DTX, LONGER_DTX = b"\x78 audio", b"\x78", b"\x78\x00"
LOUD, SOFT, NOISE, SILENCE = 30, 62, 75, 127  # -dBov
SENT = {
    "#": (AUDIO, LOUD, False),
    "+": (AUDIO, SOFT, False),
    ".": (AUDIO, NOISE, False),
    "_": (AUDIO, SILENCE, False),
    "!": (AUDIO, LOUD, True),
    "v": (AUDIO, NOISE, True),
    "V": (AUDIO, SILENCE, True),
    "?": (AUDIO, UNKNOWN_LEVEL, False),
    "d": (DTX, SILENCE, False),
    "D": (LONGER_DTX, LOUD, False),
    "x": (None, UNKNOWN_LEVEL, False),
}
PRE_ROLL, CLOSE_AFTER = 3, 4  # frames


class Microphone:
    def __init__(self, *, pre_roll=PRE_ROLL, close_after=CLOSE_AFTER, **settings):
        times = {"pre_roll_s": pre_roll * FRAME_S, "close_after_s": close_after * FRAME_S}
        self.gate = ActivityGate(GateSettings(**times, **settings))
        self.at = 0  # frames
        self.passed = []  # as they left the gate

    def in_a_room(self, noise):
        """The gate has heard this noise, a drawing, for long enough to know it."""
        self.send(noise * (60 * 50 // len(noise)))
        return self

    def send(self, picture):
        """Returns the fate of each frame of the picture."""
        first, fates = self.at, [" " if each == " " else "-" for each in picture]
        for each in picture:
            if each != " ":
                payload, level, voice = SENT[each]
                self.offer(EncodedFrame(payload, self.at * FRAME, FRAME, level, voice, 0.0), fates, first)
            self.at += 1
        return "".join(fates)

    def offer(self, frame, fates, first):
        passed = self.gate.offer(frame)
        self.passed += passed
        for each in passed:
            place = each.timestamp // FRAME - first
            if place >= 0:
                fates[place] = "o" if each is frame else "p"

    def levels(self, *levels):
        """The fates of frames of these levels."""
        first, fates = self.at, ["-"] * len(levels)
        for level in levels:
            self.offer(EncodedFrame(AUDIO, self.at * FRAME, FRAME, level, False, 0.0), fates, first)
            self.at += 1
        return "".join(fates)
