from __future__ import annotations

import asyncio
import itertools
import threading
from dataclasses import replace

import numpy as np
import pytest

from pipeline import GAP_MARK, Engine, EngineFatal, Language, SpeakerSettings, VoiceDetectors, make_backend
from pipeline.audio import samples, seconds
from pipeline.audio_file import AudioFile, AudioFileError
from pipeline.errors import DecodeFailed
from pipeline.file_transcript import UNHURRIED_S, WAITING_CHUNKS, FileTranscript
from pipeline.request import Hypothesis
from tests.pipeline.recordings import FORMATS, silence, speech, write
from tests.pipeline.voices import clip

ENGLISH = Language(id="en", code="en")
AUTO = Language(id="auto", code="")
NAMES = ("austen-0930", "command-goforward", "austen-0880", "sonnet-2")


class Recogniser:
    """Says how many utterances it was asked about before, after as long as `delays` (in turn) say.

    `together`: nothing before so many whose language is known were with it at once.
    """

    def __init__(self, *, delays=(0.0,), errors=None, language="en", probability=1.0, together=0):
        self.jobs = []
        self.at_once = self.most_at_once = 0
        self.forgot = []
        self.delays = delays
        self.errors = errors or {}
        self.language, self.probability = language, probability
        self.together, self.are_together = together, asyncio.Event()

    async def transcribe(self, job):
        number = len(self.jobs)
        self.jobs.append(job)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once >= self.together:
            self.are_together.set()
        try:
            if job.language:
                await self.are_together.wait()
            await asyncio.sleep(self.delays[number % len(self.delays)])
        finally:
            self.at_once -= 1
        if number in self.errors:
            raise self.errors[number]
        return Hypothesis(
            text=f"number {number}",
            language=job.language or self.language,
            decode_s=0.0,
            language_probability=self.probability,
        )

    def forget(self, speaker):
        self.forgot.append(speaker)


@pytest.fixture(scope="module")
def detectors():
    return VoiceDetectors()


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "speech.wav", speech(*NAMES))


async def run(path, engine, detectors, *, language=ENGLISH, in_flight=4, emit=None, progress=None, **settings):
    """What became of it, and its captions."""
    captions = []
    transcript = FileTranscript(
        path,
        language=language,
        engine=engine,
        detector=detectors.new(),
        settings=replace(SpeakerSettings(), **settings),
        in_flight=in_flight,
        emit=emit or captions.append,
        progress=progress or (lambda _: None),
    )
    done = await transcript.run()
    assert transcript.chunks.peak <= WAITING_CHUNKS
    return done, captions


# With a recogniser of straw


async def test_captions_come_in_order_whoever_is_ready_first(path, detectors):
    engine = Recogniser(delays=(0.3, 0.0, 0.1))
    done, captions = await run(path, engine, detectors)

    assert [each.text for each in captions] == [f"Number {n}" for n in range(len(engine.jobs))]
    assert [each.start for each in captions] == sorted(each.start for each in captions)
    assert all(one.end <= other.start for one, other in itertools.pairwise(captions))
    assert (done.captions, done.gaps, done.damaged) == (len(captions), 0, 0)
    assert engine.forgot


@pytest.mark.parametrize("in_flight", [1, 2, 3])
async def test_so_many_utterances_are_with_the_engine_at_once_and_no_more(path, detectors, in_flight):
    engine = Recogniser(together=in_flight)
    await run(path, engine, detectors, in_flight=in_flight)
    assert engine.most_at_once == in_flight


async def test_the_engine_gets_what_was_said_and_is_not_hurried(path, detectors):
    engine = Recogniser()
    _, captions = await run(path, engine, detectors, allowed=("en", "de"))

    job, first = engine.jobs[0], captions[0]
    assert job.allowed == ("en", "de")
    assert job.due > asyncio.get_running_loop().time() + UNHURRIED_S / 2
    assert seconds(len(job.cut())) >= first.end - first.start
    assert 0.2 < first.start < 0.7
    assert 3.0 < first.end < 3.7  # the clip is 3.65 s long


async def test_what_could_not_be_transcribed_is_marked_in_its_place(path, detectors, caplog):
    engine = Recogniser(errors={1: DecodeFailed("too strange")})
    done, captions = await run(path, engine, detectors)

    assert [each.text for each in captions[:3]] == ["Number 0", GAP_MARK, "Number 2"]
    assert done.gaps == 1
    assert "too strange" in caplog.text


async def test_an_engine_that_is_lost_for_ever_ends_it(path, detectors):
    with pytest.raises(EngineFatal, match="no model"):
        await run(path, Recogniser(errors={1: EngineFatal("no model")}), detectors)


async def test_what_the_guards_withhold_is_no_caption(path, detectors):
    class Mute(Recogniser):
        async def transcribe(self, job):
            return replace(await super().transcribe(job), text="")

    done, captions = await run(path, Mute(), detectors)
    assert (done.captions, captions) == (0, [])


async def test_while_a_language_is_detected_each_answer_counts_for_the_next(path, detectors):
    engine = Recogniser(delays=(0.05,), language="de", probability=0.5)
    _, captions = await run(path, engine, detectors, language=AUTO)

    assert [job.language for job in engine.jobs[:4]] == ["", "", "de", "de"]  # two that agree are enough
    assert {each.language for each in captions} == {"de"}


async def test_a_language_that_is_sure_at_once_leaves_the_rest_to_all_workers(path, detectors):
    engine = Recogniser(language="de", probability=0.99, together=2)
    await run(path, engine, detectors, language=AUTO, in_flight=2)
    assert [job.language for job in engine.jobs[:2]] == ["", "de"]
    assert engine.most_at_once == 2


async def test_when_captions_cannot_be_written_the_reason_comes_out_and_the_file_is_closed(path, detectors):
    def full(_):
        raise OSError("no space left")

    before = threading.active_count()
    with pytest.raises(OSError, match="no space left"):
        await run(path, Recogniser(), detectors, emit=full)
    assert threading.active_count() <= before


async def test_it_can_be_cancelled_in_the_middle(path, detectors):
    engine = Recogniser(delays=(3600.0,))
    running = asyncio.ensure_future(run(path, engine, detectors))
    while not engine.jobs:  # noqa: ASYNC110 — it has no event
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert engine.at_once == 0


async def test_a_file_that_cannot_be_transcribed_says_why(tmp_path, detectors):
    with pytest.raises(AudioFileError, match="there is no such file"):
        await run(tmp_path / "a.wav", Recogniser(), detectors)


async def test_what_was_heard_before_a_file_broke_comes_out_first(path, detectors, monkeypatch):
    captions = []

    def broken(self):
        for chunk in chunks(self):
            if chunk.start > samples(8.0):
                raise AudioFileError("the disk is gone")
            yield chunk

    chunks = AudioFile.chunks
    monkeypatch.setattr("pipeline.file_transcript.AudioFile.chunks", broken)
    with pytest.raises(AudioFileError, match="the disk is gone"):
        await run(path, Recogniser(), detectors, emit=captions.append)
    assert len(captions) >= 2


async def test_a_file_that_was_cut_off_is_heard_as_far_as_it_goes(path, detectors):
    whole, _ = await run(path, Recogniser(), detectors)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    done, captions = await run(path, Recogniser(), detectors)

    assert captions
    assert whole.missing_s == 0.0
    assert done.missing_s == pytest.approx(whole.length_s / 2, abs=0.1)


async def test_a_long_file_waits_for_the_engine_outside_of_memory(tmp_path, detectors):
    path = write(tmp_path / "long.wav", np.tile(speech("sonnet-1"), 30), "pcm_s16le", 8_000)
    engine = Recogniser(delays=(3600.0,))
    transcript = FileTranscript(
        path,
        language=ENGLISH,
        engine=engine,
        detector=detectors.new(),
        settings=SpeakerSettings(),
        in_flight=2,
        emit=lambda _: None,
    )
    running = asyncio.ensure_future(transcript.run())
    while transcript.chunks.depth < WAITING_CHUNKS:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)

    assert len(engine.jobs) == 2
    assert transcript.chunks.depth == transcript.chunks.capacity == WAITING_CHUNKS
    running.cancel()
    await asyncio.wait([running])


async def test_progress_goes_forward_to_the_end(path, detectors):
    told = []
    done, _ = await run(path, Recogniser(delays=(0.02,)), detectors, progress=told.append)

    positions = [each.done_s for each in told]
    assert positions == sorted(positions)
    assert positions[-1] == pytest.approx(done.length_s)
    assert all(each.length_s == pytest.approx(done.length_s) for each in told)


# With the real model


@pytest.fixture
async def engine(engine_settings):
    """The real one, for one test at a time."""
    engine = Engine(make_backend(engine_settings))
    running = asyncio.ensure_future(engine.run())
    await engine.wait_ready()
    yield engine
    running.cancel()
    await asyncio.wait([running])


def said(captions):
    return " ".join(each.text for each in captions).lower()


@pytest.mark.model
async def test_speech_in_any_format_becomes_captions_with_their_times(tmp_path, engine, detectors):
    pcm = np.concatenate((silence(2.0), speech("austen-0930", "command-goforward")))
    for name in FORMATS:
        done, captions = await run(write(tmp_path / name, pcm), engine, detectors)

        assert "made amiable himself" in said(captions), name
        assert "go forward" in said(captions), name
        assert captions[0].start == pytest.approx(2.4, abs=0.2), name
        assert captions[-1].start == pytest.approx(2.0 + 3.65 + 1.0 + 0.4, abs=0.6), name
        assert done.length_s == pytest.approx(len(pcm) / 48_000, abs=0.1), name
        assert {each.language for each in captions} == {"en"}, name


@pytest.mark.model
async def test_a_file_of_silence_or_noise_has_no_captions(tmp_path, engine, detectors):
    hiss = np.random.default_rng(3).normal(0, 800, 48_000 * 10).astype(np.int16)
    for pcm in (silence(5.0), hiss):
        done, captions = await run(write(tmp_path / "speech.wav", pcm), engine, detectors)
        assert captions == []
        assert done.length_s == pytest.approx(len(pcm) / 48_000)


@pytest.mark.model
async def test_speech_at_the_very_begin_and_the_very_end_is_not_lost(tmp_path, engine, detectors):
    loud = np.flatnonzero(np.abs(clip("sonnet-3").decode().astype(int)) > 500)
    pcm = clip("sonnet-3").decode()[loud[0] : loud[-1]]
    _, captions = await run(write(tmp_path / "speech.flac", pcm), engine, detectors)
    assert said(captions).startswith("but thou")
    assert said(captions).rstrip(".").endswith("fuel")


@pytest.mark.model
async def test_the_same_file_gives_the_same_captions_however_many_decode_at_once(path, engine, detectors):
    one, other = [(await run(path, engine, detectors, in_flight=n))[1] for n in (1, 4)]
    assert one == other
