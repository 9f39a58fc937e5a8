"""What an Opus packet tells of itself before it is decoded (RFC 6716 §3): how long its audio lasts."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 5760  # samples at 48 kHz: 120 ms (RFC 6716 §3.2.5, R5)
DTX_BYTES: Final = 2  # a packet of no more bytes holds no audio: the encoder found nothing to send (RFC 6716 §2.1.9)

#: Samples at 48 kHz of one frame, by the configuration in the first byte: three bandwidths of SILK, two of hybrid,
#: four of CELT (RFC 6716 §3.1, table 2).
_FRAME: Final = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
_ANY_NUMBER: Final = 3  # the code in the first byte's low bits; 0: one frame, 1 and 2: two of them
#: Samples of the packet, by its first byte; 0 where the second byte holds the number of frames.
_PACKET: Final = tuple(_FRAME[toc >> 3] * (1, 2, 2, 0)[toc & 3] for toc in range(256))


def opus_duration(payload: bytes) -> int:
    """Samples at 48 kHz: 2.5 to 120 ms; 0: this is no Opus packet. Whether it can be decoded, the decoder knows."""
    if not payload:
        return 0
    toc = payload[0]
    if toc & 3 != _ANY_NUMBER:
        return _PACKET[toc]
    if len(payload) < 2:
        return 0
    duration = _FRAME[toc >> 3] * (payload[1] & 0x3F)
    return duration if duration <= LONGEST else 0
