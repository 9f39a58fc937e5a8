"""What the doctor looks at on this machine: the model, memory, open files, processors."""

from __future__ import annotations

import asyncio
import os
import resource
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import psutil

from api.settings.load import MB, HttpSettings
from bot import AdmissionSettings
from pipeline import SAMPLE_RATE, Engine, EngineFatal, EngineSettings, Kind, ModelSettings, PipelineError, make_backend
from pipeline.languages import NAMES
from pipeline.scheduler import Job

from .findings import Finding, fail, ok, skipped, warn

MODEL_S: Final = 600.0  # for a model to be loaded: it may have to be downloaded
SERVER_S: Final = 20.0  # for a recognition server to answer
DECODE_S: Final = 120.0  # for a second of silence
SLOW_S: Final = 3.0  # a second of audio that takes longer: captions come late, and soon not at all
SHOWN: Final = 5  # of the languages
WHAT_TO_DO: Final = "\nWhat to do: "  # in some errors of the engine
#: Of docs/memory.md: the process without its recogniser, and a speaker who is silent.
PROCESS_BYTES: Final = 131 * MB
SPEAKER_BYTES: Final = 295_000
SPARE_FILES: Final = 100  # pipes, libraries, the loop's own, a model being read
SOCKETS: Final = 2  # of a speaker, where they could not be counted
SILENCE: Final = np.zeros(SAMPLE_RATE, dtype=np.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTrial:
    """How it went: `recogniser` are the bytes of the process that holds the model; 0: there is none here."""

    findings: tuple[Finding, ...]
    recogniser: int = 0


async def try_recognition(settings: EngineSettings) -> ModelTrial:
    """Whatever decodes in the service decodes a second of silence. Of a server and its fallback each is tried alone:
    together, either answers for the other.
    """
    remote = settings.remote
    if remote is None or not remote.fallback:
        return await _try_backend(settings)
    there = await _try_backend(replace(settings, remote=replace(remote, fallback=False)))
    here = await _try_backend(replace(settings, remote=None))
    server, decoding, _ = there.findings  # the languages are those of the model here
    findings = (server, replace(decoding, check="decoding there"), *here.findings)
    return replace(here, findings=findings)


async def _try_backend(settings: EngineSettings) -> ModelTrial:
    engine = Engine(make_backend(settings))
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(engine.run())
        try:
            return await _try(engine, settings)
        finally:
            serving.cancel()


async def _try(engine: Engine, settings: EngineSettings) -> ModelTrial:
    clock = asyncio.get_running_loop().time
    began, remote = clock(), settings.remote
    name = "model" if remote is None else "recognition server"
    try:
        async with asyncio.timeout(SERVER_S if remote else MODEL_S):
            await engine.wait_ready()
    except EngineFatal as error:
        answer, _, advice = str(error).partition(WHAT_TO_DO)
        usual = "Correct ROOMSCRIBE_ASR_URL and ROOMSCRIBE_ASR_API_KEY" if remote else "Correct ROOMSCRIBE_MODEL"
        return _useless(fail(name, answer, advice or usual))
    except TimeoutError:
        what, advice = ("answer", "Start it, or correct ROOMSCRIBE_ASR_URL, or remove it to decode on this machine")
        if not remote:
            what, advice = "get ready", "Choose a smaller one (ROOMSCRIBE_MODEL), or a place with a faster network"
        return _useless(fail(name, f"does not {what} within {SERVER_S if remote else MODEL_S:.0f} s", advice))
    took_s = clock() - began
    decoded = await _decode(engine)
    recogniser = _resident(engine.pid)
    size = f", {recogniser / MB:,.0f} MB" if recogniser else ""
    what = settings.model.model if remote is None else f"{remote.model} answers"
    loaded = ok(name, f"{what}, ready in {took_s:.1f} s{size}")
    return ModelTrial(findings=(loaded, decoded, judge_languages(engine)), recogniser=recogniser)


def _useless(finding: Finding) -> ModelTrial:
    rest = (skipped("decoding", "there is nobody to do it"), skipped("languages", "they are the model's"))
    return ModelTrial(findings=(finding, *rest))


async def _decode(engine: Engine) -> Finding:
    name, clock = "decoding", asyncio.get_running_loop().time
    language = "en" if "en" in engine.languages or not engine.languages else engine.languages[0]
    began = clock()
    job = Job(kind=Kind.FINAL, speaker="doctor", language=language, due=began + DECODE_S, cut=lambda: SILENCE)
    try:
        async with asyncio.timeout(DECODE_S):
            await engine.transcribe(job)
    except PipelineError as error:
        return fail(name, f"a second of silence cannot be decoded: {error}", "Try another ROOMSCRIBE_MODEL")
    except TimeoutError:
        return fail(name, f"a second of silence takes more than {DECODE_S:.0f} s", "Choose a smaller ROOMSCRIBE_MODEL")
    return judge_decoding(clock() - began)


def judge_decoding(took_s: float) -> Finding:
    """Of a second of audio."""
    said = f"a second of audio takes {took_s:.2f} s"
    if took_s > SLOW_S:
        return warn("decoding", f"{said}: too slow to follow speech", "Choose a smaller ROOMSCRIBE_MODEL, or a GPU")
    return ok("decoding", said)


def judge_languages(engine: Engine) -> Finding:
    """What the model speaks, and translates into."""
    codes, targets = engine.languages, engine.translations
    spoken = ", ".join(NAMES.get(code, code) for code in codes[:SHOWN])
    if len(codes) > SHOWN:
        spoken = f"{len(codes)}, such as {spoken}"
    into = f"; translates into {', '.join(NAMES.get(code, code) for code in targets)}" if targets else ""
    return ok("languages", f"{spoken}{into}")


def _resident(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.Error:
        return 0


def judge_memory(admission: AdmissionSettings, *, there_is: int, recogniser: int) -> Finding:
    """Bytes. Is there room for speakers beneath the limit?"""
    name, setting = "memory limit", "ROOMSCRIBE_MEMORY_LIMIT_MB"
    if admission.memory_limit_mb is None:
        return skipped(name, "memory is not limited")
    limit = admission.memory_limit_mb * MB
    left = limit - PROCESS_BYTES - recogniser
    speakers = max(left // SPEAKER_BYTES, 0)
    most = admission.max_total_speakers
    room = f"{speakers:,}" if speakers < most else f"all {most:,}"
    said = (
        f"{limit / MB:,.0f} of {there_is / MB:,.0f} MB; the process and its recogniser take about "
        f"{(limit - left) / MB:,.0f} MB, which leaves room for {room} speakers, if most of them are silent"
    )
    if left <= 0:
        return fail(name, said, f"Give roomscribe more memory, raise {setting}, or choose a smaller ROOMSCRIBE_MODEL")
    if limit > there_is:
        return warn(name, said, f"The kernel ends it before {setting} is reached: lower it, or leave it to roomscribe")
    if speakers < most:
        return warn(name, said, f"Give it more memory, or lower ROOMSCRIBE_MAX_TOTAL_SPEAKERS ({most}) to what fits")
    return ok(name, said)


def judge_open_files(admission: AdmissionSettings, http: HttpSettings, *, limit: int, sockets: int) -> Finding:
    """May this process open enough files and sockets for what its settings admit? `sockets`: a speaker's."""
    name = "open files"
    speakers, rooms = admission.max_total_speakers * (sockets or SOCKETS), admission.max_rooms
    need = speakers + rooms + http.max_connections + SPARE_FILES
    said = f"{limit:,} may be open; speakers, rooms and callers need up to {need:,}"
    if limit < need:
        advice = (
            f"Raise the limit to {need:,} (`ulimit -n`, LimitNOFILE of systemd, `ulimits` of compose), or lower "
            "ROOMSCRIBE_MAX_TOTAL_SPEAKERS"
        )
        return warn(name, said, advice)
    return ok(name, said)


def open_files_limit() -> int:
    """Of this process, as it is now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 2**31


def judge_processors(model: ModelSettings, *, processors: int, elsewhere: bool) -> Finding:
    """Are there as many as the decoders would use?"""
    name, wanted = "processors", model.workers * model.threads
    if elsewhere or model.device != "cpu":
        return ok(name, f"{processors}; decoding is done elsewhere")
    each = f"{model.workers} decodes at once with {model.threads} thread{'s' if model.threads > 1 else ''} each"
    if wanted > processors:
        advice = "Lower ROOMSCRIBE_WORKERS or ROOMSCRIBE_THREADS: more than there are slow each other down"
        return warn(name, f"{processors}, but {each}", advice)
    return ok(name, f"{processors}; {each}")


def processors_there_are() -> int:
    """That this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
