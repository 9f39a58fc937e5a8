"""SRTP in place: a packet is decrypted in the buffer that it was read into, where pylibsrtp copies it twice.

Leans on the binding beneath pylibsrtp, where it is as it was (`HERE`).
"""

from __future__ import annotations

from typing import Any, Final

import pylibsrtp

try:
    from pylibsrtp._binding import ffi, lib
except ImportError:
    lib = None

HERE: Final = all(hasattr(lib, name) for name in ("srtp_unprotect", "srtp_unprotect_rtcp")) and hasattr(
    pylibsrtp.Session(), "_srtp"
)


class InPlace:
    """The incoming half of an SRTP session, and one buffer."""

    def __init__(self, session: pylibsrtp.Session, buffer: bytearray) -> None:
        self._session = session  # whose end would free what is used below
        self._state: Any = session._srtp[0]
        self._bytes: Any = ffi.from_buffer(buffer)
        self._length: Any = ffi.new("int *")
        self._unprotect: Any = lib.srtp_unprotect

    def unprotect(self, length: int) -> int:
        """The RTP packet's length once it is decrypted; -1: it is not what the other side has sent."""
        count = self._length
        count[0] = length
        return -1 if self._unprotect(self._state, self._bytes, count) else int(count[0])

    def unprotect_rtcp(self, length: int) -> int:
        """The same for RTCP."""
        self._length[0] = length
        return -1 if lib.srtp_unprotect_rtcp(self._state, self._bytes, self._length) else int(self._length[0])
