"""The backend elsewhere: an OpenAI-compatible recognition server, often one GPU that many roomscribes share.

Source: OpenAI's `POST /v1/audio/transcriptions` with `response_format=verbose_json`, as whisper servers speak it. `run`
keeps the connections, and brings a server back that had failed; when to try again is `pipeline.remote_policy`'s matter.
What comes back is a stranger's: its size, its types and its words are checked before anybody sees them.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
import wave
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import numpy as np

from .audio import SAMPLE_RATE, Pcm, seconds
from .backend import Keeper
from .errors import DecodeFailed, EngineDied, EngineError, EngineFatal
from .guards import Decoded, judge
from .languages import NAMES
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
)
from .request import DecodeRequest, Hypothesis, Kind

log = logging.getLogger("roomscribe.pipeline.remote")

MAX_ANSWER_BYTES: Final = 1024 * 1024
MAX_TEXT: Final = 4096  # characters; Whisper's 448 tokens stay far below
SANE: Final = 1e6  # no probability, nor its logarithm, is larger; JSON allows Infinity, NaN, and any number of digits
CONNECT_TIMEOUT_S: Final = 5.0  # a machine that is switched off does not refuse
KEEPALIVE_S: Final = 4.0  # usual servers close idle connections after 5 s, and would take a request down with one
NOT_TOLD: Final = 0.5  # probability of a detected language: the protocol has none, so it takes two that agree
SILENCE: Final = np.zeros(SAMPLE_RATE, dtype=np.int16)

#: What Whisper's own code calls a language, where it is not the name in `languages`; and ISO's code for "jw".
_ALIASES: Final = {
    "burmese": "my", "castilian": "es", "flemish": "nl", "haitian": "ht", "jv": "jw", "letzeburgesch": "lb",
    "mandarin": "zh", "moldavian": "ro", "moldovan": "ro", "myanmar": "my", "nynorsk": "nn", "panjabi": "pa",
    "pushto": "ps", "sinhalese": "si", "valencian": "ca",
}  # fmt: skip
_CODES: Final = {name.lower(): code for code, name in NAMES.items()} | {code: code for code in NAMES} | _ALIASES


class RemoteBackend:
    """One server. `restarts` counts how often it was given up for a while. `sleep` and `clock` are in seconds."""

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
        self.restarts = 0
        self.pid: int | None = None
        self._http: aiohttp.ClientSession | None = None  # while it runs
        self._keeper: Keeper | None = None
        self._breaker = CircuitBreaker()
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
        try:
            async with self._session().get(f"{self._settings.base}/models", allow_redirects=False) as response:
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
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
            outcome = await self._post(trial, "")
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
        allowed = request.allowed
        language = request.language or (allowed[0] if len(allowed) == 1 else "")
        decoded, took = await self._ask(request, language)
        if not language and allowed and decoded.text and decoded.language not in allowed:
            # The protocol has no way to offer a choice; the first is what the operator thinks likeliest.
            decoded, took = await self._ask(request, allowed[0])
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

    async def _ask(self, request: DecodeRequest, language: str) -> tuple[Decoded, float]:
        """The answer and the seconds that it took, with as many retries as the request is worth."""
        retries, first = Retries(request.kind), self._clock()
        while True:
            begun = self._clock()
            ticket = self._breaker.admit(begun) if self._up else None
            if ticket is None:
                raise EngineDied("the recognition server is not there at present")
            outcome = await self._post(request, language)
            now = self._clock()
            if isinstance(outcome, Decoded):
                self._breaker.succeeded(ticket)
                return outcome, now - begun
            delay = retries.after(outcome, spent_s=now - first)
            if self._up:
                self._account(ticket, outcome, hopeless=delay is None and request.kind is Kind.FINAL, now=now)
            if self._fatal:
                raise EngineFatal(self._fatal)
            if outcome.kind is FailureKind.BAD_REQUEST:
                raise DecodeFailed(f"the recognition server cannot decode this audio ({outcome.reason})")
            if delay is None or not self._up:
                raise EngineDied(f"the recognition server did not transcribe ({outcome.reason})")
            await self._sleep(delay)

    def _account(self, ticket: Ticket, failure: Failure, *, hopeless: bool, now: float) -> None:
        """What a failure says of the server. One that is busy lives, until a final has waited for it in vain."""
        if failure.kind is FailureKind.FATAL:
            self._fatal = advice(failure, model=self._settings.model)
            self._lose()
        elif failure.kind is FailureKind.BAD_REQUEST:
            self._breaker.succeeded(ticket)
        elif (failure.kind is FailureKind.TRANSIENT or hopeless) and self._breaker.failed(ticket, now):
            self.restarts += 1
            wait_s = self._breaker.wait_s(now)
            said = "the server of ROOMSCRIBE_ASR_URL failed %d times in a row, last with: %s; trying in %.0f s"
            log.error(said, TRIP_AFTER, failure.reason, wait_s)
            self._lose()

    async def _post(self, request: DecodeRequest, language: str) -> Decoded | Failure:
        try:
            async with self._session().post(
                f"{self._settings.base}/audio/transcriptions",
                data=self._form(request, language),
                allow_redirects=False,
            ) as response:
                if response.status != HTTPStatus.OK:
                    return classify(response.status, retry_after=response.headers.get("Retry-After", ""))
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        return malformed("an answer that is too long")
        except (aiohttp.ClientError, OSError) as error:
            return classify(error)
        try:
            return read_answer(bytes(body), language=language, duration_s=seconds(len(request.pcm)))
        except Malformed as error:
            return malformed(str(error))

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            raise EngineDied("the recognition server is not used at present")
        return self._http

    def _form(self, request: DecodeRequest, language: str) -> aiohttp.FormData:
        form = aiohttp.FormData({"model": self._settings.model, "response_format": "verbose_json", "temperature": "0"})
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


class Malformed(Exception):
    """Not an answer of the protocol; the message has none of its words."""

    component = "pipeline.remote"


def read_answer(body: bytes, *, language: str, duration_s: float) -> Decoded:
    """Read `verbose_json`, or a plain `{"text": …}`, for `duration_s` of audio. `language` is what was asked for.

    Numbers that are not there are neutral: they make the guards neither trust nor doubt. The server's own
    `compression_ratio` is not read: the guards measure the words themselves, after repeats were cut off.
    Raises `Malformed`.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("an answer that is not JSON") from None
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise Malformed("an answer without a text")
    if len(text) > MAX_TEXT or any("\ud800" <= each <= "\udfff" for each in text):
        raise Malformed("an answer whose text nobody can have said")
    segments = answer.get("segments") or []
    if not isinstance(segments, list) or not all(isinstance(each, dict) for each in segments):
        raise Malformed("an answer with segments of another kind")
    tokens = [each["tokens"] for each in segments if isinstance(each.get("tokens"), list)]
    told = answer.get("language")
    return Decoded(
        text=" ".join(text.split()),
        language=language or (language_code(told) if isinstance(told, str) else ""),
        tokens=sum(len(each) for each in tokens),
        duration_s=duration_s,
        no_speech_prob=_average(segments, "no_speech_prob"),
        avg_logprob=_average(segments, "avg_logprob"),
    )


def language_code(told: str) -> str:
    """The Whisper code for what a server calls a language: a code, with a region or not, or its English name.

    Empty: unknown.
    """
    name = told.strip().lower()
    return _CODES.get(name) or _CODES.get(name.replace("_", "-").split("-", 1)[0], "")


def _average(segments: Sequence[Mapping[str, Any]], name: str) -> float:
    """Over the segments that have it, longer ones counting for more; zero when none has."""
    total = weights = 0.0
    for segment in segments:
        value, tokens = segment.get(name), segment.get("tokens")
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < SANE:
            raise Malformed(f"an answer whose {name} is no number")
        weight = len(tokens) if isinstance(tokens, list) and tokens else 1
        total, weights = total + value * weight, weights + weight
    return total / weights if weights else 0.0
