"""The backend elsewhere: an OpenAI-compatible recognition server, often one GPU that many roomscribes share.

Source: OpenAI's `POST /v1/audio/transcriptions` with `response_format=verbose_json`, as whisper servers speak it. `run`
keeps the connections, and brings a server back that had failed; when to try again is `pipeline.remote_policy`'s matter,
what may come back that of `pipeline.remote_answer`.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
import wave
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

import aiohttp
import numpy as np

from .audio import SAMPLE_RATE, Pcm, seconds
from .backend import Keeper
from .errors import DecodeFailed, EngineError, EngineFatal, ServerAway
from .guards import Decoded, judge
from .remote_answer import Malformed, read_answer
from .remote_policy import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    TRIP_AFTER,
    CircuitBreaker,
    Failure,
    FailureKind,
    RemoteSettings,
    Retries,
    Ticket,
    advice,
    classify,
    malformed,
    pause_s,
)
from .request import DecodeRequest, Hypothesis, Kind

log = logging.getLogger("roomscribe.pipeline.remote")

MAX_ANSWER_BYTES: Final = 1024 * 1024
CONNECT_TIMEOUT_S: Final = 5.0  # a machine that is switched off does not refuse
KEEPALIVE_S: Final = 4.0  # usual servers close idle connections after 5 s, and would take a request down with one
NOT_TOLD: Final = 0.5  # probability of a detected language: the protocol has none, so it takes two that agree
SILENCE: Final = np.zeros(SAMPLE_RATE, dtype=np.int16)
DETAILED: Final = "verbose_json"  # with the probabilities that the guards go by
PLAIN: Final = "json"  # all that some models can answer with
UNKNOWN_FORMAT: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)


class RemoteBackend:
    """One server. `restarts` counts how often it was given up for a while. `sleep` and `clock` are in seconds.

    `relief`: somebody else decodes what this one does not at once. Whoever that is sets it, at any time.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._sleep = sleep
        self._clock = clock
        self.slots = settings.slots
        self.max_batch = 1
        self.relief = False
        self.restarts = 0
        self.pid: int | None = None
        self._http: aiohttp.ClientSession | None = None  # while it runs
        self._keeper: Keeper | None = None
        self._breaker = CircuitBreaker()
        self._busy_until = 0.0  # in *now*: the server asked to be left alone before
        self._format = DETAILED
        self._knows_detailed = False  # it has answered so
        self._up = False  # the keeper was told that it is ready
        self._lost = asyncio.Event()
        self._fatal = ""

    async def run(self, keeper: Keeper) -> None:
        settings = self._settings
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}  # compressed, a bound bounds nothing
        if settings.api_key:
            headers["Authorization"] = f"Bearer {settings.api_key}"
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.slots + 1, keepalive_timeout=KEEPALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s, sock_connect=CONNECT_TIMEOUT_S),
            auto_decompress=False,
        ) as self._http:
            self._keeper = keeper
            note = f"a recognition server, model {settings.model!r}, {self.slots} requests at once"
            try:
                await self._reach()
                while True:
                    self._lost.clear()
                    self._up = True
                    keeper.backend_ready(settings.spoken, note=note)
                    await self._lost.wait()
                    await self._mend()
            finally:
                self._up = False
                self._keeper = None

    async def decode(self, requests: Sequence[DecodeRequest]) -> list[Hypothesis]:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._outcome(request)) for request in requests]
        hypotheses = []
        for outcome in (each.result() for each in asked):
            if isinstance(outcome, EngineError):
                raise outcome
            hypotheses.append(outcome)
        return hypotheses

    # Whether it is there.

    async def _reach(self) -> None:
        """Until it answers for the first time. Any answer but a refusal will do: not all servers list their models."""
        retries, slow_s = Retries(Kind.FINAL), FIRST_WAIT_S
        while (failure := await self._look()) is not None:
            delay = retries.after(failure, spent_s=0.0)
            if delay is None:
                delay, slow_s = slow_s, min(slow_s * 2, LONGEST_WAIT_S)
            log.warning(
                "the server of ROOMSCRIBE_ASR_URL is not there yet (%s); trying in %.1f s", failure.reason, delay
            )
            await self._sleep(delay)

    async def _look(self) -> Failure | None:
        """None: it is there. Raises `EngineFatal` for a wrong key or address."""
        http = self._session()
        try:
            async with http.get(f"{self._settings.base}/models", allow_redirects=False) as response:
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except Exception as error:  # noqa: BLE001 — whatever a library makes of an address must not end the engine
            return classify(error)
        if 200 <= status < 300 or status in (404, 405):
            return None
        failure = classify(status, retry_after=retry_after)
        if failure.kind is FailureKind.FATAL:
            raise EngineFatal(advice(failure, model=self._settings.model))
        return None if failure.kind is FailureKind.BAD_REQUEST else failure

    async def _mend(self) -> None:
        """Until the circuit is closed again. What tries is a second of silence: a list of models proves little."""
        trial = DecodeRequest(kind=Kind.PARTIAL, language="", pcm=SILENCE)
        while not self._fatal:
            await self._sleep(self._breaker.wait_s(self._clock()))
            ticket = self._breaker.admit(self._clock())
            if ticket is None:
                continue
            outcome = await self._post(trial, "", self._settings.timeout_s)
            if isinstance(outcome, Decoded) or outcome.kind is FailureKind.BAD_REQUEST:
                self._breaker.succeeded(ticket)
                return
            if outcome.kind is FailureKind.FATAL:
                self._fatal = advice(outcome, model=self._settings.model)
            else:
                self._breaker.failed(ticket, self._clock())
                wait_s = self._breaker.wait_s(self._clock())
                log.warning("the recognition server still fails (%s); trying in %.0f s", outcome.reason, wait_s)
        raise EngineFatal(self._fatal)

    def _lose(self) -> None:
        """The keeper hears of it before whoever waits in `decode` does."""
        self._up = False
        self._lost.set()
        if self._keeper is not None:
            self._keeper.backend_lost()

    # One request.

    async def _outcome(self, request: DecodeRequest) -> Hypothesis | EngineError:
        """A failure is returned, so that it ends neither its siblings nor comes out of the group in a wrapping."""
        try:
            return await self._hear(request)
        except EngineError as error:
            return error

    async def _hear(self, request: DecodeRequest) -> Hypothesis:
        if request.translate:  # its transcript must not pass for a translation
            raise DecodeFailed("the recognition server is not asked for translations")
        allowed = request.allowed
        language = request.language or (allowed[0] if len(allowed) == 1 else "")
        retries, first = Retries(request.kind, relief=self.relief), self._clock()
        decoded, took = await self._ask(request, language, retries, first)
        if not language and allowed and decoded.text and decoded.language not in allowed:
            # The protocol has no way to offer a choice; the first is what the operator thinks likeliest.
            decoded, took = await self._ask(request, allowed[0], retries, first)
        verdict = judge(decoded)
        return Hypothesis(
            text=verdict.text,
            language=decoded.language,
            language_probability=1.0 if language else NOT_TOLD,
            avg_logprob=decoded.avg_logprob,
            decode_s=took,
            suppressed=verdict.rule.value if verdict.rule else "",
            trimmed=verdict.trimmed,
        )

    async def _ask(
        self, request: DecodeRequest, language: str, retries: Retries, first: float
    ) -> tuple[Decoded, float]:
        """The answer and the seconds that it took, with as many retries as the request is worth.

        `first` is when (in *now*) the request's first try began. Raises `ServerAway` where waiting for the server to
        come back helps, and `DecodeFailed` where the request has had its chances: the engine would repeat them all.
        """
        while True:
            begun = self._clock()
            if begun < self._busy_until and (self.relief or request.kind is Kind.PARTIAL):
                raise DecodeFailed("the recognition server asked to be left alone for a while")
            ticket = self._breaker.admit(begun) if self._up else None
            if ticket is None:
                raise ServerAway("the recognition server is not there at present")
            limit_s = retries.limit_s(self._settings.timeout_s, spent_s=begun - first)
            outcome = await self._post(request, language, limit_s)
            now = self._clock()
            if isinstance(outcome, Decoded):
                self._breaker.succeeded(ticket)
                return outcome, now - begun
            delay = retries.after(outcome, spent_s=now - first)
            hopeless = delay is None and request.kind is Kind.FINAL
            if self._up:
                self._account(ticket, outcome, hopeless=hopeless, now=now)
            if self._fatal:
                raise EngineFatal(self._fatal)
            if outcome.kind is FailureKind.BAD_REQUEST:
                raise DecodeFailed(f"the recognition server cannot decode this audio ({outcome.reason})")
            if delay is None:
                raise DecodeFailed(f"the recognition server did not transcribe ({outcome.reason})")
            if not self._up:
                raise ServerAway(f"the recognition server is given up for a while ({outcome.reason})")
            await self._sleep(delay)

    def _account(self, ticket: Ticket, failure: Failure, *, hopeless: bool, now: float) -> None:
        """What a failure says of the server. One that is busy lives, until a final has waited for it in vain."""
        self._busy_until = max(self._busy_until, now + pause_s(failure))
        if failure.kind is FailureKind.FATAL:
            self._fatal = advice(failure, model=self._settings.model)
            self._lose()
        elif failure.kind is FailureKind.BAD_REQUEST:
            self._breaker.succeeded(ticket)
        elif (failure.kind is FailureKind.TRANSIENT or hopeless) and self._breaker.failed(ticket, now):
            self.restarts += 1
            wait_s = self._breaker.wait_s(now)
            log.error(
                "the server of ROOMSCRIBE_ASR_URL failed %d times in a row, last with: %s; trying in %.0f s",
                TRIP_AFTER,
                failure.reason,
                wait_s,
            )
            self._lose()

    async def _post(self, request: DecodeRequest, language: str, limit_s: float) -> Decoded | Failure:
        """Ask once; twice where that may find out which format the server knows."""
        format_ = self._format
        outcome = await self._send(request, language, limit_s, format_)
        if isinstance(outcome, Decoded):
            self._knows_detailed = self._knows_detailed or format_ == DETAILED
        elif format_ == DETAILED and not self._knows_detailed and outcome.status in UNKNOWN_FORMAT:
            plain = await self._send(request, language, limit_s, PLAIN)
            if isinstance(plain, Decoded):
                if self._format == DETAILED:
                    said = "the recognition server answers without probabilities: more inventions pass for words"
                    log.warning("%s (it refused response_format=%s with %s)", said, DETAILED, outcome.reason)
                self._format = PLAIN
                return plain
        return outcome

    async def _send(self, request: DecodeRequest, language: str, limit_s: float, format_: str) -> Decoded | Failure:
        http = self._session()
        try:
            async with http.post(
                f"{self._settings.base}/audio/transcriptions",
                data=self._form(request, language, format_),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=limit_s, sock_connect=CONNECT_TIMEOUT_S),
            ) as response:
                if response.status != HTTPStatus.OK:
                    return classify(response.status, retry_after=response.headers.get("Retry-After", ""))
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        return malformed("an answer that is too long")
            return read_answer(bytes(body), language=language, duration_s=seconds(len(request.pcm)))
        except Malformed as error:
            return malformed(str(error))
        except Exception as error:  # noqa: BLE001 — whatever a library makes of one request must not end the engine
            return classify(error)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            raise ServerAway("the recognition server is not used at present")
        return self._http

    def _form(self, request: DecodeRequest, language: str, format_: str) -> aiohttp.FormData:
        form = aiohttp.FormData({"model": self._settings.model, "response_format": format_, "temperature": "0"})
        if language:
            form.add_field("language", language)
        if request.hints:
            form.add_field("prompt", request.hints.encode(errors="replace").decode())  # names may be broken Unicode
        form.add_field("file", wav(request.pcm), filename="speech.wav", content_type="audio/wav")
        return form


def wav(pcm: Pcm) -> bytes:
    """A WAV file, 16 kHz mono int16, in memory."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(pcm.astype("<i2", copy=False).tobytes())
    return file.getvalue()
