"""Benchmarks' processes speak to each other in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

LONGEST_LINE: Final = 1 << 18  # bytes; an SDP with one audio section has about 3000


async def standard_input() -> asyncio.StreamReader:
    """What comes in on standard input, read without holding up the loop."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def write_line(content: Any, *, to_stderr: bool = False) -> None:
    """One line of JSON, at once."""
    stream = sys.stderr if to_stderr else sys.stdout
    stream.write(json.dumps(content) + "\n")
    stream.flush()
