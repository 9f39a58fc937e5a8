"""Our way to receive, for `roomscribe bench media`: RTP receivers, batch decoding, samples in each speaker's ring.

That is as far as the others go. With `hearing`, voices are detected and utterances cut as well.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from bot import LOOPBACK
from bot.peer import Peer
from bot.rtp_tap import Tap, make_sweeper
from bot.runtime import settle
from pipeline import Media, MediaSettings, SegmenterSettings, Totals, VoiceDetectors
from pipeline.audio import Pcm, samples
from pipeline.hearing import Hearing
from pipeline.media import GATHERED_S
from pipeline.opus_stream import Decoded, Heard, SourceEnded
from soak.crew import Crew

from .media_receiver import Options, main

RING: Final = samples(30.0)


class Deaf:
    """A voice detector that is none: the receivers that ours is compared with have none either."""

    def feed(self, frame: Pcm) -> list[bool]:
        return [False]

    def flush(self) -> list[bool]:
        return []


class Ear:
    """Takes what one speaker's receiver gives."""

    def __init__(self, detectors: VoiceDetectors | None) -> None:
        self.missed_s = 0.0
        self.hearing = Hearing(
            settings=SegmenterSettings(),
            detector=Deaf() if detectors is None else detectors.new(),
            ring_samples=RING,
            totals=Totals(),
        )

    def hear(self, decoded: Decoded) -> None:
        for item in decoded.heard:
            match item:
                case Heard(chunk=chunk, judged=judged, heard_at=heard_at):
                    self.hearing.judged(chunk, judged, heard_at=heard_at)
                case SourceEnded(judged=judged):
                    self.hearing.source_ended(judged)

    def missed(self, length_s: float) -> None:
        self.missed_s += length_s

    def failed(self, error: Exception) -> None:
        raise error

    def finish(self) -> None:
        """Nobody waits for it."""


class Ours:
    """One peer connection and one receiver for each speaker; one `Media` for all, as in the service."""

    def __init__(self, crew: Crew, options: Options) -> None:
        self._media = Media(MediaSettings(batch_s=GATHERED_S))
        self._detectors = VoiceDetectors() if getattr(options, "hearing", False) else None
        self._sweeper = make_sweeper()
        self._peers: list[Peer] = []  # ≤ speakers
        self._ears: list[Ear] = []  # ≤ speakers
        crew.start(self._media.run())

    async def answer(self, offer: str) -> str:
        ear = Ear(self._detectors)
        receiver = self._media.receiver(judge=ear.hearing.judge, listener=ear)
        peer = Peer(LOOPBACK, (), lambda state: None, tap=Tap(receiver, self._sweeper))
        self._ears.append(ear)
        self._peers.append(peer)
        return await peer.answer(offer)

    def packets(self) -> int:
        return int(self._media.tallies()["received"])

    def extra(self) -> dict[str, Any]:
        totals, tallies = self._media.totals, self._media.tallies()
        audio_s = totals.decoded_s + totals.recovered_s + totals.quiet_s + totals.concealed_s
        expected = tallies["received"] + tallies["lost"] - tallies["late"] - tallies["duplicates"]
        return {
            "decoder": self._media.decoder.name,
            "decoded_s": round(totals.decoded_s, 2),
            "recovered_s": round(totals.recovered_s, 2),
            "quiet_s": round(totals.quiet_s, 2),
            "concealed_s": round(totals.concealed_s, 2),
            "audio_lost_fraction": round(totals.concealed_s / audio_s, 4) if audio_s else None,
            "audio_lost_before_fec": round(tallies["lost"] / expected, 4) if expected else None,
            "holdback_ms": round(self._media.holdback_s * 1000, 1),
            "given_up_s": round(sum(ear.missed_s for ear in self._ears), 2),
            "open_gates": self._media.open_gates,
        }

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))
        if self._sweeper is not None:
            self._sweeper.close()


if __name__ == "__main__":
    settle()
    main(Ours)
