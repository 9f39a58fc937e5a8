"""The publishers of `roomscribe bench joins`, in a process of their own: what they leave behind is not ours to count.

It speaks in lines of JSON; what they say of several publishers comes in any order:

  out: {"ready": true}
  in:  {"number": n}: somebody comes ‖ out: {"number": n, "offer": SDP}
  in:  {"number": n, "answer": SDP}: connect, and speak once connected
  in:  {"number": n, "leave": true}: hang up ‖ out: {"number": n, "left": true}
  in:  the end
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Final

from soak.clip import shipped_clips
from soak.crew import Crew

from .lines import standard_input, write_line
from .rtp_sender import NotConnected, Speaker
from .rtp_stream import TICK_S, Negotiated, Stream, tails
from .voices import SPEAKS, Voice, talkers

MOST_PACKETS: Final = 1000  # 20 s; whoever was not heard by then is given up
BEFORE: Final = 5  # packets before the first with speech: a voice has an onset


class Publisher(Speaker):
    """One who comes, speaks and goes."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[str] = loop.create_future()
        self.leaving = asyncio.Event()

    @property
    def up(self) -> bool:
        return self._peer.connectionState == "connected"

    async def speak(self, voice: Voice, negotiated: Negotiated) -> None:
        """In real time, from the first word on, for as long as the connection is up."""
        try:
            await self.connected()
        except NotConnected:
            return  # the other side was gone before
        ready = tails(voice, negotiated.level_id)
        wire = self.wire(Stream(ready, negotiated, ssrc=self.ssrc(), at=first_word(voice)))
        for _ in range(MOST_PACKETS):
            if not self.up:
                return
            wire.send()
            await asyncio.sleep(TICK_S)


def first_word(voice: Voice) -> int:
    """Where in `voice` speech begins, or a little before."""
    begin = next((number for number, level in enumerate(voice.levels) if level & SPEAKS), 0)
    return max(0, begin - BEFORE)


async def publish(publisher: Publisher, voice: Voice) -> None:
    """Come, speak once there is an answer, and stay until told to leave."""
    async with Crew() as crew:
        write_line({"number": publisher.number, "offer": await publisher.offer()})
        crew.start(_connect(publisher, voice))
        await publisher.leaving.wait()
    await publisher.close()
    write_line({"number": publisher.number, "left": True})


async def _connect(publisher: Publisher, voice: Voice) -> None:
    negotiated = await publisher.answered(await publisher.answer)
    await publisher.speak(voice, negotiated)


async def serve() -> None:
    """The whole conversation."""
    [voice] = talkers(shipped_clips(), 1)
    lines = await standard_input()
    present: dict[int, Publisher] = {}  # ≤ those whom the other side has told to come
    write_line({"ready": True})
    async with Crew() as crew:
        while line := await lines.readline():
            told = json.loads(line)
            number = told["number"]
            if "answer" in told:
                present[number].answer.set_result(told["answer"])
            elif "leave" in told:
                present.pop(number).leaving.set()
            else:
                present[number] = Publisher(number)
                crew.start(publish(present[number], voice))


if __name__ == "__main__":
    logging.disable(logging.ERROR)  # aiortc's words on connections that were closed while they came up
    asyncio.run(serve())
