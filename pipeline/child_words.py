"""What the engine's child process writes to standard error → lines of the log, in its form.

While the child loads its model, nothing has been said to it yet, and what it writes explains why it cannot: it is taken
over. From then on its libraries could repeat what they hear, so only what a dying program begins with is told.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from typing import Final

log = logging.getLogger("roomscribe.pipeline.child")

MAX_LINE: Final = 500  # bytes; the rest of a longer line is left out
FLUSH_S: Final = 0.5  # for the last of it, once the process has ended
#: How the C library, C++ and Python begin when a program breaks down; what may follow is not told.
LAST_WORDS: Final = (
    "Fatal Python error",
    "corrupted",
    "double free",
    "free()",
    "malloc()",
    "munmap_chunk()",
    "terminate called",
)
_ADDRESS: Final = re.compile(r"\S*://\S*")


class ChildWords(asyncio.Protocol):
    """Reads one child's pipe. Once `hushed` is set, words are left out."""

    def __init__(self) -> None:
        self.hushed = False
        self.ended = asyncio.Event()
        self._line = bytearray()  # ≤ MAX_LINE

    def data_received(self, data: bytes) -> None:
        *lines, rest = re.split(rb"[\r\n]", data)
        for each in lines:
            self._take(each)
            self._tell()
        self._take(rest)

    def connection_lost(self, _: Exception | None) -> None:
        self._tell()
        self.ended.set()

    def _take(self, data: bytes) -> None:
        self._line += data[: MAX_LINE - len(self._line)]

    def _tell(self) -> None:
        said = self._line.decode(errors="replace").strip()
        self._line.clear()
        if self.hushed:
            said = next((each for each in LAST_WORDS if said.startswith(each)), "")
        if said:
            log.warning("the recognition process says: %s", _ADDRESS.sub("(an address)", said))


class StandardError:
    """Where a child's standard error leads: into the log, whatever ours is. On a terminal, too, its lines have the
    log's form, and none may repeat what was heard.
    """

    def __init__(self) -> None:
        self.words: ChildWords | None = None
        self.write_end: int | None = None  # for the child
        self._transport: asyncio.ReadTransport | None = None

    async def open(self) -> None:
        read_end, self.write_end = os.pipe()
        loop = asyncio.get_running_loop()
        self._transport, self.words = await loop.connect_read_pipe(ChildWords, os.fdopen(read_end, "rb", 0))

    def child_has_it(self) -> None:
        """Ours of the write end is closed: the pipe then ends with the child."""
        if self.write_end is not None:
            os.close(self.write_end)
            self.write_end = None

    def hush(self) -> None:
        """From here on the child knows what was said."""
        if self.words is not None:
            self.words.hushed = True

    async def close(self) -> None:
        """After the child's end: what it wrote last is still told."""
        self.child_has_it()
        if self._transport is None or self.words is None:
            return
        try:
            async with asyncio.timeout(FLUSH_S):
                await self.words.ended.wait()
        except TimeoutError:
            pass  # a child of the child holds the pipe
        finally:
            self._transport.close()
