"""One room: a signaling session, its speakers, its readers. One TaskGroup; nothing of it outlives `run`."""

from __future__ import annotations

import asyncio
import enum
import logging

import aiohttp

from pipeline import Engine, Language, Media, VoiceDetectors
from signaling import (
    Answer,
    Candidate,
    ErrorReply,
    Event,
    MessageReceived,
    Offer,
    ParticipantsUpdate,
    PeopleJoined,
    PeopleLeft,
    RoomClosed,
    RoomEntered,
    SessionLost,
    SessionRejected,
    SessionResumed,
    SessionSettings,
    SessionStarted,
    SignalingClient,
)

from .admission import Admission
from .delivery import RECEIPT, Delivery
from .errors import RoomFailed, rejection
from .ice_servers import IceServers
from .metrics import Metrics
from .names import Names
from .outbox import Outbox
from .roster import Roster
from .settings import RoomSettings
from .speakers import Speakers
from .status import RoomStatus, Troubles
from .subscriber import publisher_of
from .sweep import Sweeper
from .targets import Targets

log = logging.getLogger("roomscribe.bot.room")

TICK_S = 0.25


class RoomState(enum.Enum):
    JOINING = "joining"
    JOINED = "joined"
    LEAVING = "leaving"


class RoomBot:
    """`enable` and `disable` may be called at any time while `run` runs. `key` names the room within the process."""

    def __init__(
        self,
        *,
        key: str,
        token: str,
        language: Language,
        http: aiohttp.ClientSession,
        engine: Engine,
        detectors: VoiceDetectors,
        media: Media | None,
        sweeper: Sweeper | None,
        metrics: Metrics,
        admission: Admission,
        ice_servers: IceServers,
        settings: RoomSettings,
    ) -> None:
        self.key = key
        self._settings = settings
        self._metrics = metrics
        self._client = SignalingClient(
            http,
            SessionSettings(
                url=settings.signaling.url,
                credentials=settings.signaling.credentials,
                room=token,
                backoff=settings.signaling.backoff,
            ),
        )
        self._troubles = Troubles()
        self._roster = Roster()
        self._names = Names()
        self._targets = Targets(forget_after_s=settings.forget_after_s)
        self._outbox = Outbox(metrics.totals)
        self._delivery = Delivery(
            room=token, outbox=self._outbox, targets=self._targets, client=self._client, metrics=metrics
        )
        self._speakers = Speakers(
            engine=engine,
            detectors=detectors,
            language=language,
            settings=settings,
            send=self._client.send,
            emit=self._outbox.put,
            media=media,
            sweeper=sweeper,
            metrics=metrics,
            admission=admission,
            ice_servers=ice_servers,
            room_key=key,
            hints=lambda: self._names.hints() if settings.hints else "",  # `_names` is made anew with each session
            wishes=lambda: self._targets.wishes,
            troubles=self._troubles,
        )
        self._token = token
        self._tasks: asyncio.TaskGroup | None = None
        self._ending = asyncio.Event()
        self._why = ""
        self._failure: RoomFailed | None = None
        self._over_since: float | None = None
        self._asked_at = _now()
        self._connected = False
        self.joined = asyncio.Event()  # set once the bot is in the room
        self.gone = asyncio.Event()  # set by its owner when nothing of this bot is left in the room
        self.state = RoomState.JOINING

    @property
    def speakers(self) -> Speakers:
        """For its counters."""
        return self._speakers

    @property
    def outbox(self) -> Outbox:
        """For its counters."""
        return self._outbox

    @property
    def session_id(self) -> str:
        """The bot's own signaling session; empty before it has one."""
        return self._client.session_id

    @property
    def delivery(self) -> Delivery:
        """For its counters."""
        return self._delivery

    @property
    def connection(self) -> int:
        """How many signaling connections there have been; the newest is up, or being made anew."""
        return self._client.connection

    @property
    def is_connected(self) -> bool:
        """Is the signaling connection up just now, as far as we know?"""
        return self._connected

    @property
    def targets(self) -> int:
        return len(self._targets)

    @property
    def language(self) -> Language:
        """What is spoken here."""
        return self._speakers.language

    def enable(self, nextcloud_session_id: str, translation: Language | None = None) -> None:
        """Send captions to this reader, translated if `translation` says so. Raises `TooManyTargets`."""
        self._targets.enable(nextcloud_session_id, now=_now(), translation=translation)

    def translate(self, nextcloud_session_id: str, translation: Language | None) -> None:
        """From the next final on, this reader reads `translation`; None: what is said. Raises `NotATarget`."""
        self._targets.translate(nextcloud_session_id, translation)

    def disable(self, nextcloud_session_id: str) -> None:
        """Send no more captions to this reader; after the last one has gone, the bot leaves."""
        self._targets.disable(nextcloud_session_id, now=_now())

    def set_language(self, language: Language) -> None:
        """For everybody's next utterance."""
        self._speakers.set_language(language)

    def status(self, now: float) -> RoomStatus:
        """How it fares, without a word, a name or an id."""
        return RoomStatus(
            state=self.state.value,
            connected=self._connected,
            language_id=self.language.id,
            speakers_heard=len(self._speakers.active),
            speakers_waiting=self._speakers.unheard,
            speakers_finishing=len(self._speakers.finishing),
            targets=len(self._targets),
            translation_targets=len(self._targets.wishes),
            since_s=now - self._asked_at,
            last_error=self._troubles.last,
            latency_p50_s=self._delivery.latencies.quantile(0.5),
            latency_p95_s=self._delivery.latencies.quantile(0.95),
            captions_sent=self._delivery.sent,
            captions_dropped=self._delivery.dropped,
        )

    def stop(self, reason: str) -> None:
        """Leave the room: `run` delivers the last words and returns."""
        if self.state is not RoomState.LEAVING:
            self.state = RoomState.LEAVING
            self._why = reason
            self._ending.set()

    async def run(self) -> None:
        """Serve the room until it is over. Raises `RoomFailed` when the bot could not go on."""
        await self._serve()
        if self._failure is not None:
            raise self._failure

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            signaling = tasks.create_task(self._client.run(self._handle))
            delivery = tasks.create_task(self._delivery.run())
            ticking = tasks.create_task(self._tick())
            await self._ending.wait()
            log.info("leaving a room: %s", self._why)  # here and not in `stop`, whose caller may be about another room
            ticking.cancel()
            await self._drain()
            self._speakers.abandon()
            delivery.cancel()
            await self._client.leave()
            signaling.cancel()

    async def _drain(self) -> None:
        """Stop intake → flush the open utterances → deliver their finals, within `drain_timeout_s`."""
        self._speakers.stop_all()
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await self._speakers.finished()
                if self._failure is None:
                    await self._outbox.drained()
                    await self._delivery.confirmed()
        except TimeoutError:
            log.error("the last words were not delivered within %.0f s", self._settings.drain_timeout_s)

    # What the signaling session says.

    def _handle(self, event: Event) -> None:
        match event:
            case SessionStarted(session_id=session_id):
                self._roster.started(session_id)
                self._names = Names()
                self._targets.started(now=_now())
                self._speakers.start_afresh(now=_now())
            case RoomEntered():
                self._entered()
            case SessionResumed():
                self._metrics.reconnected("resume")
                self._back()
            case SessionLost(reason=reason):
                self._troubles.note(f"signaling lost: {reason}")
                if self._connected:  # the outage, not every attempt to end it
                    self._metrics.signaling_lost()
                    self._delivery.lost()
                self._connected = False
            case SessionRejected(code=code, explanation=explanation):
                self._failure = rejection(code, explanation, room=self._token)
                self._troubles.note(f"the signaling server refused us: {code}")
                self.stop("rejected by the signaling server")
            case MessageReceived(message=message):
                self._told(message)
        self._reconcile()

    def _entered(self) -> None:
        if self.joined.is_set():
            self._metrics.reconnected("full")
        else:
            self.joined.set()
            self.state = RoomState.JOINED if self.state is RoomState.JOINING else self.state
            self._delivery.since = _now()
            self._metrics.joined(_now() - self._asked_at)
            log.info("joined a room")
        self._back()

    def _back(self) -> None:
        self._connected = True
        self._over_since = None
        self._targets.connected(now=_now())
        self._delivery.back()

    def _told(self, message: object) -> None:
        match message:
            case PeopleJoined(people=people):
                self._roster.joined(people)
                self._names.joined(people)
                self._targets.joined(people, now=_now())
            case PeopleLeft(session_ids=session_ids):
                self._roster.left(session_ids)
                self._names.left(session_ids)
                self._targets.left(session_ids, now=_now())
            case ParticipantsUpdate(participants=participants, everyone_in_call=everyone):
                self._roster.updated(participants)
                self._targets.updated(participants, now=_now())
                if everyone is not None:
                    self._roster.everyone(everyone)
                    if everyone == 0:
                        self.stop("the call was ended for everyone")
            case RoomClosed(reason=reason):
                self.stop(reason)
            case Offer(sender=sender) | Candidate(sender=sender):
                self._speakers.post(sender, message)
            case ErrorReply(request_id=str(request_id)) if request_id.startswith(RECEIPT):
                self._delivery.answered(request_id)
            case ErrorReply(request_id=str(request_id)) if (publisher := publisher_of(request_id)) is not None:
                self._speakers.post(publisher, message)
            case ErrorReply(code=code):
                log.warning("the signaling server answered with %s", code)
                self._troubles.note(f"the signaling server answered with {code}")
            case Answer() | _:
                pass

        if self._targets.back():
            self._outbox.nudge()

    def _reconcile(self) -> None:
        if self._tasks is not None and self.state is not RoomState.LEAVING:
            self._speakers.reconcile(self._roster.wanted(), self._tasks, now=_now())

    # What time says.

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = _now()
            self._reconcile()
            if self._connected:  # else nobody can be seen to be there
                self._targets.expire(now=now)
                self._over_since = (self._over_since or now) if self._roster.call_is_over() else None
                if self._over_since is not None and now - self._over_since >= self._settings.call_over_after_s:
                    self.stop("nobody is in the call any more")
            idle_s = self._targets.idle_for(now=now)
            if idle_s is not None and idle_s >= self._settings.leave_after_s:
                self.stop(f"no reader for {self._settings.leave_after_s:g} s")


def _now() -> float:
    return asyncio.get_running_loop().time()
