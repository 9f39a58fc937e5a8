"""Where a speaker's Opus decoder comes from: what every decoder promises, which kind is chosen at start, and a pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from .audio import Pcm, samples
from .errors import PipelineError

LONGEST_PACKET: Final = samples(0.12)  # RFC 6716 §3.2.5
MAX_CONCEALED: Final = samples(0.12)  # what is concealed in a row; made-up speech soon turns into noise
MAX_IDLE: Final = 32  # decoders that wait for a speaker, 22 kB each
PREFERENCES: Final = ("auto", "libopus", "av")
HOW_TO_MEND: Final = "install the system package libopus0 (elsewhere: opus), or a wheel of av, which brings a copy"


class UndecodablePacket(PipelineError):
    """A payload that is no Opus packet. Says what was wrong; holds none of the bytes."""

    component = "pipeline.decoders"


class NoDecoder(PipelineError):
    """The decoder that was asked for cannot be had. The message says why, and what to install."""

    component = "pipeline.decoders"


class OpusDecoder(Protocol):
    """One track's Opus packets → 16 kHz mono, in order. One thread at a time; arrays are fresh and the caller's."""

    def decode(self, payload: bytes) -> Pcm:
        """The audio of one packet, `LONGEST_PACKET` at most. Raises `UndecodablePacket`, and stays usable."""

    def recover(self, following: bytes, count: int) -> Pcm:
        """The lost `count` samples just before `following`, from its copy of them, or concealed.

        `following` itself is to be decoded afterwards.
        """

    def copied(self, following: bytes) -> int:
        """Samples of the frame before it that `following` has a copy of; 0: none, and `recover` would conceal."""

    def conceal(self, count: int) -> Pcm:
        """`count` samples in place of what was lost; beyond `MAX_CONCEALED` in a row, zeros."""

    def reset(self) -> None:
        """Forget the past: for another source, or after a pause."""

    def close(self) -> None:
        """Give the memory back. A second time changes nothing; whatever else is called then raises `ValueError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderChoice:
    """`reason` says why it is not libopus; it is empty if it is. `native`: the packets are decoded at 16 kHz."""

    name: str
    native: bool
    reason: str
    new: Callable[[], OpusDecoder]


def choose_decoder(preference: str = "auto") -> DecoderChoice:
    """Find out what this machine has; blocks for a moment. `preference` is one of `PREFERENCES`.

    Raises `NoDecoder`.
    """
    from . import opus, opus_av  # here: both need what this module defines

    if preference not in PREFERENCES:
        raise ValueError(f"expected one of {', '.join(PREFERENCES)}, got {preference!r}")
    reason = "av was asked for"
    if preference != "av":
        try:
            library = opus.load()
        except opus.NoLibopus as error:
            reason = f"libopus cannot be loaded ({error})"
        else:
            return DecoderChoice(name=f"libopus {library.version}", native=True, reason="", new=library.new)
    if preference == "libopus":
        raise NoDecoder(f"{reason}: {HOW_TO_MEND}")
    try:
        opus_av.AvDecoder().close()
    except ValueError as error:
        raise NoDecoder(f"{reason}, and av was built without it: {HOW_TO_MEND}") from error
    return DecoderChoice(name=opus_av.NAME, native=False, reason=reason, new=opus_av.AvDecoder)


class DecoderPool:
    """Decoders for speakers who come and go. Take and give back in one thread; decode in any.

    Give back only what no worker uses any more.
    """

    def __init__(self, new: Callable[[], OpusDecoder], *, max_idle: int = MAX_IDLE) -> None:
        self._new = new
        self._max_idle = max_idle
        self._idle: list[OpusDecoder] = []  # ≤ max_idle
        self._taken: set[OpusDecoder] = set()  # ≤ speakers
        self._closed = False
        self.made = 0

    @property
    def in_use(self) -> int:
        return len(self._taken)

    @property
    def idle(self) -> int:
        return len(self._idle)

    def take(self) -> OpusDecoder:
        """A decoder that remembers nothing."""
        if self._idle:
            decoder = self._idle.pop()  # the one used last: its memory is still near
            decoder.reset()
        else:
            decoder = self._new()
            self.made += 1
        self._taken.add(decoder)
        return decoder

    def give_back(self, decoder: OpusDecoder) -> None:
        """It is not needed any more. What was not taken, or was given back before, is left alone."""
        if decoder not in self._taken:
            return
        self._taken.remove(decoder)
        if len(self._idle) < self._max_idle and not self._closed:
            self._idle.append(decoder)
        else:
            decoder.close()

    def close(self) -> None:
        """Keep none from now on: the idle ones are closed, and those in use as they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
