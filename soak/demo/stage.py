"""The demo on its stage: signaling server, API, speakers and a listener, in one process tree on loopback."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from api import Service, Settings, load, running
from pipeline import WIRE_RATE
from signaling import TranscriptReceived
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from signaling.messages import IN_CALL, WITH_AUDIO
from soak.clip import Pcm, speech_bounds
from soak.crew import Crew
from soak.microphone import Microphone
from soak.participant import Participant, http_session

from .chat import BACKEND, ROOM, ChatServer
from .console import Screen
from .score import Heard, Result, Spoken, match, summary
from .turns import GAP_S, OVERLAP_S, OWN_PAUSE_S, Turn

NAMES: Final = ("Ada", "Will", "Cleo", "Dina", "Emil", "Fred", "Gwen", "Hugo")
READY_TIMEOUT_S: Final = 60.0
LAST_WORDS_S: Final = 10.0  # how long the listener waits for outstanding finals
MAX_HEARD: Final = 100_000  # captions kept for scoring; the demo may run for days


class StageFailed(Exception):
    """The demo could not be set up."""

    component = "soak.demo"


@dataclass(slots=True, kw_only=True, eq=False)
class Actor:
    """A synthetic speaker. `free_at`: when its voice has rested long enough to speak again."""

    participant: Participant
    microphone: Microphone
    free_at: float = 0.0


def demo_settings(signaling: EmbeddedServer, secret: str) -> Settings:
    """The settings of the environment, with what the stage itself provides. Raises `SettingsError`."""
    defaults = {"ROOMSCRIBE_ICE_ADDRESSES": "127.0.0.1,auto", "ROOMSCRIBE_LOG_LEVEL": "WARNING"}
    fixed = {
        "ROOMSCRIBE_HPB_URL": signaling.url,
        "ROOMSCRIBE_HPB_SECRET": secret,
        "ROOMSCRIBE_HPB_SECRET_FILE": "",
        "ROOMSCRIBE_NEXTCLOUD_URL": BACKEND,
    }
    return load(defaults=defaults, fixed=fixed)


class Stage:
    """Built by `open_stage`; `perform` plays clips once."""

    def __init__(self, *, service: Service, screen: Screen, actors: Sequence[Actor], listener: Participant) -> None:
        self.service = service
        self._screen = screen
        self._actors = actors
        self._listener = listener
        self._begun = asyncio.get_running_loop().time()
        self._heard: list[Heard] = []  # ≤ MAX_HEARD
        self._spoken: list[Spoken] = []  # ≤ turns played
        self._news = asyncio.Event()
        self.captions = 0

    def caption(self, received: TranscriptReceived) -> None:
        """The listener got a caption."""
        now = asyncio.get_running_loop().time()
        self.captions += 1
        speaker = next(
            (index for index, actor in enumerate(self._actors) if actor.participant.session_id == received.speaker), -1
        )
        if speaker >= 0 and len(self._heard) < MAX_HEARD:
            self._heard.append(Heard(at=now, speaker=speaker, text=received.text, final=received.final))
        name = self._listener.name_of(received.speaker) or "somebody"
        self._screen.caption(
            key=received.speaker, name=name, text=received.text, final=received.final, at=now - self._begun
        )
        self._news.set()

    async def perform(self, turns: Sequence[Turn]) -> list[Result]:
        """Play all turns, wait for the last words, and tell what became of each clip."""
        loop = asyncio.get_running_loop()
        self._heard.clear()
        self._spoken.clear()
        end = loop.time()
        for turn in turns:
            actor = self._actors[turn.speaker]
            pcm = await asyncio.to_thread(turn.clip.decode)
            begin = max(end - OVERLAP_S if turn.overlaps else end + GAP_S, actor.free_at)
            await asyncio.sleep(max(0.0, begin - loop.time()))
            started = actor.microphone.play(pcm)
            self._spoken.append(_spoken(turn, pcm, started))
            end = max(end, started + len(pcm) / WIRE_RATE)
            actor.free_at = started + len(pcm) / WIRE_RATE + OWN_PAUSE_S
        await asyncio.sleep(max(0.0, end - loop.time()))
        return await self._last_words()

    async def _last_words(self) -> list[Result]:
        """Until every clip has its final and nothing more has come for a while."""
        quiet_s = 1.5
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                while True:
                    self._news.clear()
                    complete = all(result.final_ms is not None for result in match(self._spoken, self._heard))
                    try:
                        async with asyncio.timeout(quiet_s if complete else None):
                            await self._news.wait()
                    except TimeoutError:
                        break
        except TimeoutError:
            pass
        return match(self._spoken, self._heard)

    def score(self, results: Sequence[Result]) -> dict[str, Any]:
        return summary(results, self.captions)


@asynccontextmanager
async def open_stage(speakers: int, screen: Screen) -> AsyncIterator[Stage]:
    """Everybody in the room, captions on, model loaded: ready to perform.

    Raises `StageFailed`, `SettingsError`, `StartFailed`, `EngineFatal`.
    """
    secret = secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        signaling = EmbeddedServer(EmbeddedSettings(internal_secret=secret, backend_url=BACKEND))
        await stack.enter_async_context(signaling)
        http = await stack.enter_async_context(http_session())
        settings = demo_settings(signaling, secret)
        logging.getLogger("roomscribe").setLevel(settings.log_level)
        chat = ChatServer(signaling, http)
        service = await stack.enter_async_context(running(settings, lambda app: chat.add_routes(app)))
        chat.api_url, chat.api_secret = service.url, next(iter(settings.http.secrets), "")
        screen.note(f"The demo room is open: {service.url} — read along there, or join with your microphone.")
        crew = await stack.enter_async_context(Crew())
        actors = [_actor(chat, http, NAMES[index]) for index in range(speakers)]
        admission = chat.admit("The listener")
        listener = Participant(
            http,
            url=admission.signaling_url,
            room=ROOM,
            nextcloud_session_id=admission.nextcloud_session_id,
            credentials=admission.credentials,
            on_caption=lambda caption: stage.caption(caption),
        )
        stage = Stage(service=service, screen=screen, actors=actors, listener=listener)
        for person in [listener, *(actor.participant for actor in actors)]:
            crew.start(person.run())
            await _within(person.entered.wait(), "the signaling server did not admit everybody")
            chat.call(person.nextcloud_session_id, IN_CALL if person is listener else IN_CALL | WITH_AUDIO)
        await service.supervisor.engine.wait_ready()
        await chat.enable_captions(listener.nextcloud_session_id)
        for actor in actors:
            await _within(actor.participant.connected.wait(), "the bot did not subscribe to everybody")
        yield stage


def _actor(chat: ChatServer, http: aiohttp.ClientSession, name: str) -> Actor:
    microphone = Microphone()
    admission = chat.admit(name)
    participant = Participant(
        http,
        url=admission.signaling_url,
        room=ROOM,
        nextcloud_session_id=admission.nextcloud_session_id,
        credentials=admission.credentials,
        microphone=microphone,
    )
    return Actor(participant=participant, microphone=microphone)


def _spoken(turn: Turn, pcm: Pcm, started: float) -> Spoken:
    first, last = speech_bounds(pcm)
    return Spoken(
        clip=turn.clip.name,
        speaker=turn.speaker,
        text=turn.clip.text,
        first=started + first / WIRE_RATE,
        last=started + last / WIRE_RATE,
    )


async def _within(waiting: Any, problem: str) -> None:
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await waiting
    except TimeoutError as error:
        raise StageFailed(f"{problem} within {READY_TIMEOUT_S:g} s") from error
