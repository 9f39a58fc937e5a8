"""The frames between the engine and its child process: a JSON header and a block of PCM, each with its length.

4 bytes  length of the header   (big endian)
4 bytes  length of the payload
header   UTF-8 JSON object
payload  16 kHz mono int16, little endian, of one request after another (requests only)
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Final

PREFIX: Final = struct.Struct(">II")
MAX_HEADER_BYTES: Final = 1 << 20
MAX_PAYLOAD_BYTES: Final = 16_000 * 2 * 30 * 16  # sixteen utterances of 30 s: the largest batch


class BrokenFrame(Exception):
    """The other side wrote something that is not a frame."""

    component = "pipeline.engine"


def pack(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """One frame. Half a character (JSON can spell it, UTF-8 cannot) becomes "?".

    Raises `ValueError` when the payload is larger than any reader accepts.
    """
    check_payload(payload)
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return PREFIX.pack(len(encoded), len(payload)) + encoded + payload


def check_payload(payload: bytes) -> None:
    """Raises `ValueError` when no reader would accept it."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"payload of {len(payload)} bytes, at most {MAX_PAYLOAD_BYTES}")


def lengths(prefix: bytes) -> tuple[int, int]:
    """Header and payload length out of a frame's first 8 bytes. Raises `BrokenFrame` beyond the limits."""
    header, payload = PREFIX.unpack(prefix)
    if header > MAX_HEADER_BYTES or payload > MAX_PAYLOAD_BYTES:
        raise BrokenFrame(f"a frame of {header} + {payload} bytes")
    return header, payload


def unpack_header(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("a header that is not JSON") from error
    if not isinstance(header, dict):
        raise BrokenFrame("a header that is not an object")
    return header


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame, blocking; None at the end of the stream."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header_length, payload_length = lengths(prefix)
    header, payload = stream.read(header_length), stream.read(payload_length)
    if len(header) < header_length or len(payload) < payload_length:
        return None
    return unpack_header(header), payload
