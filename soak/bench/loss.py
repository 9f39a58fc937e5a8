"""What the network and the activity gate cost in words: clips go through our receive path, and packets get lost.

Every clip becomes the packets that a browser would send (24 kbit/s, in-band FEC), some of them are left out, and what
is left goes through the jitter ring, the gate and the decoder to the segmenter and the recogniser. No clock runs and no
socket is opened. Runs in a process of its own, where each library keeps to one thread.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipeline.audio import WIRE_RATE, Pcm, seconds
from pipeline.decoders import DecoderChoice, choose_decoder
from pipeline.gate import GateSettings
from pipeline.model import FoundModel
from pipeline.opus_stream import Decoded
from pipeline.receiver import RtpReceiver
from soak.clip import Clip
from soak.demo.score import error_rate

from .asr import Bench, note, run
from .ear import Ear
from .readers import HISS
from .rtp_stream import TICK_S, Losses, Negotiated, Stream, tails
from .voices import encoded

BITS_PER_S: Final = 24_000
LEAD_S: Final = 2.0  # the gate has closed by the time that somebody speaks
TRAIL_S: Final = 1.5
BATCH: Final = 2  # packets decoded together, as in the service
SOFT_DB: Final = -30.0
NOISE_DB: Final = -45.0  # full scale: a fan in the room
NEGOTIATED: Final = Negotiated(payload_type=111, level_id=1)
QUIET_SSRC: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way from the microphone to the samples. `gain_db` of the voice; `noise_db` full scale, -inf: none."""

    loss: float = 0.0
    gate: bool = True
    gain_db: float = 0.0
    noise_db: float = float("-inf")


WAYS: Final = {
    "no_loss": Way(),
    "loss_5": Way(loss=0.05),
    "loss_15": Way(loss=0.15),
    "no_gate": Way(gate=False),
    "soft": Way(gain_db=SOFT_DB),
    "soft_no_gate": Way(gain_db=SOFT_DB, gate=False),
    "noise": Way(noise_db=NOISE_DB),
    "noise_no_gate": Way(noise_db=NOISE_DB, gate=False),
}


def packets(clip: Pcm, way: Way, rng: np.random.Generator) -> list[bytes]:
    """The clip as the packets that arrive."""
    rest = [(rng.standard_normal(round(each * WIRE_RATE)) * HISS).astype(np.int16) for each in (LEAD_S, TRAIL_S)]
    voice = np.concatenate((rest[0], clip, rest[1])).astype(np.float32) * 10 ** (way.gain_db / 20)
    voice += rng.standard_normal(len(voice)) * 32_768 * 10 ** (way.noise_db / 20)
    heard = encoded(np.clip(np.round(voice), -32_768, 32_767).astype(np.int16), bits_per_s=BITS_PER_S)
    stream = Stream(tails(heard, NEGOTIATED.level_id), NEGOTIATED, ssrc=QUIET_SSRC, sequence=0, timestamp=0)
    return [stream.packet() for _ in heard.payloads]


def listened(bench: Bench, arriving: Sequence[bytes], way: Way, choice: DecoderChoice, sums: Decoded) -> str:
    """What we make of what arrives."""
    ear = Ear(bench.detectors, bench.is_sentence)
    receiver = RtpReceiver(
        judge=ear.hearing.judge, listener=ear, wake=lambda _: None, gate=GateSettings(enabled=way.gate)
    )
    receiver.negotiated(payload_types=[NEGOTIATED.payload_type], level_id=NEGOTIATED.level_id)
    decoder = choice.new()
    lost = Losses(way.loss, random.Random(len(arriving)).random)
    for number, packet in enumerate(arriving):
        if not lost():
            receiver.packet(packet, now=number * TICK_S)
        if number % BATCH == BATCH - 1:
            receiver.poll(now=number * TICK_S)
            ear.hear(receiver.stream.decode(decoder, receiver.take()))
    receiver.source_ended(now=len(arriving) * TICK_S)
    ear.hear(receiver.stream.decode(decoder, receiver.take()))
    decoder.close()
    sums.add(ear.totals)
    return " ".join(bench.ours(audio.pcm).text for audio in ear.end())


def measure(
    clips: Sequence[Clip], found: FoundModel, note: Callable[[str], None], *, decoder: str, ways: Sequence[str]
) -> dict[str, Any]:
    """All figures of `roomscribe bench loss`. Word error rates are fractions: 0.1 is one word in ten."""
    bench, choice = Bench(found), choose_decoder(decoder)
    clips = [clip for clip in clips if clip.text.strip()]
    references, pcms = [clip.text for clip in clips], [clip.decode() for clip in clips]
    length_s = seconds(sum(map(len, pcms)) // 3)
    note(f"{len(clips)} clips, {length_s:.0f} s, decoded by {choice.name}")
    figures: dict[str, Any] = {"decoder": choice.name, "clips": len(clips)}
    for name in ways:
        way, sums = WAYS[name], Decoded()
        texts = [
            listened(bench, packets(pcm, way, np.random.default_rng(number)), way, choice, sums)
            for number, pcm in enumerate(pcms)
        ]
        heard_s = sums.decoded_s + sums.recovered_s + sums.quiet_s + sums.concealed_s
        figures[name] = {
            "wer": round(error_rate(references, texts), 4),
            "recovered": round(sums.recovered_s / heard_s, 4),
            "quiet": round(sums.quiet_s / heard_s, 4),
            "concealed": round(sums.concealed_s / heard_s, 4),
        }
        note(f"{name}: {figures[name]['wer']:.1%} of the words wrong")
    return figures


def main() -> None:
    run(
        lambda clips, found, options: measure(
            clips, found, note, decoder=options["decoder"], ways=options["ways"] or list(WAYS)
        )
    )


if __name__ == "__main__":
    main()
