from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ECHO = """
import asyncio, json
from soak.bench.lines import standard_input, write_line
async def echo():
    lines = await standard_input()
    while said := await lines.readline():
        write_line(json.loads(said))
    write_line("that is all", to_stderr=True)
asyncio.run(echo())
"""


def test_what_is_said_in_lines_comes_back_in_lines_however_long_they_are():
    said = ["v=0\r\n" * 10_000, "ö", {"connected": 3}]

    ended = subprocess.run(
        [sys.executable, "-c", ECHO], cwd=ROOT, text=True, capture_output=True, timeout=60, check=True,
        input="".join(json.dumps(each) + "\n" for each in said),
    )  # fmt: skip

    assert [json.loads(line) for line in ended.stdout.splitlines()] == said
    assert json.loads(ended.stderr) == "that is all"
