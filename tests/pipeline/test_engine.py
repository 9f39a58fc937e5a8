"""The line and its workers, in front of a backend that does what a test wants (tests/pipeline/backend.py).

With the real child process: tests/pipeline/test_local.py.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pipeline import Engine, EngineFatal, EngineState, Kind
from pipeline.audio import seconds
from pipeline.engine import MAX_AUDIO, NARROW_BEAM, WIDE_BEAM
from pipeline.errors import DecodeFailed, EngineDied, Superseded
from pipeline.guards import Rule
from pipeline.request import Hypothesis
from pipeline.scheduler import SchedulerFull
from soak.crew import Crew
from tests.pipeline.backend import GUARD_S, SILENCE, Audio, FakeBackend, ask, outcome, running, until

# Ready, or never


async def test_a_ready_engine_knows_its_languages():
    backend = FakeBackend(there=False)
    backend.translations = ("en",)
    async with running(backend) as (engine, crew):
        asking = crew.start(ask(engine))
        await until(lambda: engine.scheduler.waiting_finals)
        assert engine.state is EngineState.STARTING
        backend.come()
        await engine.wait_ready()
        await asking
        assert (engine.state, engine.languages, engine.translations) == (EngineState.READY, ("en", "de"), ("en",))


async def test_what_was_asked_before_it_was_ready_is_answered():
    backend = FakeBackend(there=False)
    async with running(backend) as (engine, crew):
        asked = [crew.start(ask(engine, speaker=name)) for name in ("ada", "will", "cleo")]
        await until(lambda: engine.scheduler.waiting_finals == 3)
        assert backend.batches == []
        backend.come()
        assert {(await each).text for each in asked} == {"Word 1", "Word 2", "Word 3"}


async def test_an_engine_that_cannot_be_had_says_why_to_all_who_ask():
    backend = FakeBackend(fatal="there is no model")
    engine = Engine(backend)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        waiting = crew.start(outcome(ask(engine)))
        await until(lambda: engine.scheduler.waiting_finals)
        crew.start(engine.run())
        with pytest.raises(EngineFatal, match="there is no model"):
            await engine.wait_ready()
        assert isinstance(await waiting, EngineFatal)
        with pytest.raises(EngineFatal, match="there is no model"):
            await ask(engine)
    assert engine.failed.is_set()
    assert (engine.state, engine.failure) == (EngineState.FAILED, "there is no model")


async def test_an_engine_that_was_stopped_tells_who_waits():
    backend = FakeBackend(slots=1)
    backend.hold()
    engine = Engine(backend)
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        work = crew.start(engine.run())
        asked = [crew.start(outcome(ask(engine, speaker=name))) for name in ("ada", "will")]
        await until(lambda: backend.decoding and engine.scheduler.waiting_finals)
        work.cancel()
        assert [type(await each) for each in asked] == [EngineDied, EngineDied]


# What is asked, and answered


async def test_a_request_goes_to_the_backend_with_all_that_was_asked():
    backend = FakeBackend()
    async with running(backend) as (engine, _):
        hypothesis = await ask(engine, Audio(SILENCE[:320]), hints="Ada", allowed=("de", "en"), translate=True)
    assert hypothesis.text == "Word 1"
    (request,) = backend.requests
    assert (request.kind, request.language, request.hints) == (Kind.FINAL, "en", "Ada")
    assert (request.allowed, request.translate) == (("de", "en"), True)
    assert len(request.pcm) == 320


async def test_finals_are_searched_widely_and_partials_are_not():
    backend = FakeBackend()
    async with running(backend) as (engine, _):
        await ask(engine)
        await ask(engine, kind=Kind.PARTIAL)
    assert [request.beam for request in backend.requests] == [WIDE_BEAM, NARROW_BEAM]
    assert WIDE_BEAM > NARROW_BEAM


async def test_all_that_was_done_is_counted():
    backend = FakeBackend()
    answers = iter(
        [
            Hypothesis(text="", language="en", decode_s=0.25, suppressed=Rule.NO_SPEECH.value, full_window=True),
            Hypothesis(text="Word", language="en", decode_s=0.5, trimmed=True),
            Hypothesis(text="Word", language="en", decode_s=0.25),
        ]
    )
    backend.answer = lambda request: next(answers)
    async with running(backend) as (engine, _):
        for kind in (Kind.FINAL, Kind.FINAL, Kind.PARTIAL):
            await ask(engine, kind=kind)
    assert engine.decodes == {Kind.FINAL: 2, Kind.PARTIAL: 1}
    assert (engine.busy_s, engine.decoded_s) == (1.0, 3 * seconds(len(SILENCE)))
    assert engine.suppressed == {"no_speech": 1}
    assert (engine.trimmed, engine.full_windows) == (1, 1)


async def test_no_more_decode_at_once_than_the_backend_can():
    backend = FakeBackend(slots=2)
    backend.hold()
    async with running(backend) as (engine, crew):
        asked = [crew.start(ask(engine, speaker=str(number))) for number in range(5)]
        await until(lambda: backend.decoding == 2)
        assert engine.scheduler.waiting_finals == 3
        backend.let_go()
        await asyncio.wait(asked)
    assert backend.most_decoding == 2


async def test_what_waits_is_decoded_together_and_each_gets_its_own_answer():
    backend = FakeBackend(slots=1, max_batch=3, there=False)
    backend.answer = lambda request: f"{len(request.pcm)} samples"
    async with running(backend) as (engine, crew):
        finals = [crew.start(ask(engine, Audio(SILENCE[:length]), speaker=str(length))) for length in (1, 2, 3, 4)]
        partial = crew.start(ask(engine, Audio(SILENCE[:5]), speaker="5", kind=Kind.PARTIAL))
        await until(lambda: engine.scheduler.waiting_partials)
        backend.come()
        assert [(await each).text for each in finals] == [f"{length} samples" for length in (1, 2, 3, 4)]
        assert (await partial).text == "5 samples"
    assert [len(batch) for batch in backend.batches] == [3, 1, 1]


# What can go wrong


async def test_a_final_whose_decoder_died_is_decoded_by_the_next_one():
    backend, audio = FakeBackend(), Audio()
    died = iter([EngineDied("no")])
    backend.answer = lambda request: next(died, "Words")
    async with running(backend) as (engine, _):
        assert (await ask(engine, audio)).text == "Words"
    assert audio.times_taken == 2


async def test_it_waits_for_a_backend_that_was_lost():
    backend, audio = FakeBackend(), Audio()
    backend.hold()
    async with running(backend) as (engine, crew):
        final = crew.start(ask(engine, audio))
        await audio.taken.wait()
        backend.lose()
        backend.answer = lambda request: EngineDied("no")
        backend.let_go()
        await until(lambda: not engine.scheduler.running)
        assert (engine.state, engine.restarts, audio.times_taken) == (EngineState.RESTARTING, 1, 1)
        backend.answer = lambda request: "Words"
        backend.come()
        assert (await final).text == "Words"
        assert engine.state is EngineState.READY


@pytest.mark.parametrize(("kind", "tries"), [(Kind.FINAL, 2), (Kind.PARTIAL, 1)], ids=["a final", "a partial"])
async def test_it_is_given_up_when_its_decoders_die_over_it(kind, tries):
    backend, audio = FakeBackend(), Audio()
    backend.answer = lambda request: EngineDied("no")
    async with running(backend) as (engine, _):
        assert isinstance(await outcome(ask(engine, audio, kind=kind)), EngineDied)
        assert engine.scheduler.running == engine.scheduler.waiting_finals == 0
    assert audio.times_taken == tries


async def test_whose_audio_killed_its_decoder_kills_nobody_elses():
    backend, good, killer = FakeBackend(slots=2), Audio(), Audio(SILENCE[:1])
    backend.hold()

    def answer(_):
        dies = any(len(request.pcm) == 1 for request in backend.in_flight)
        return EngineDied("killed") if dies else "Words"

    backend.answer = answer
    async with running(backend) as (engine, crew):
        healthy = crew.start(ask(engine, good))
        deadly = crew.start(outcome(ask(engine, killer, speaker="will")))
        await until(lambda: backend.decoding == 2)
        backend.let_go()
        assert (await healthy).text == "Words"
        assert isinstance(await deadly, EngineDied)
        assert (await ask(engine, speaker="eve")).text == "Words"
    assert (good.times_taken, killer.times_taken) == (2, 2)


async def test_a_suspect_that_nobody_waits_for_any_more_holds_nobody_up():
    backend, audio = FakeBackend(slots=2), Audio()
    backend.hold()
    async with running(backend) as (engine, crew):
        given_up = crew.start(ask(engine, audio))
        await audio.taken.wait()
        backend.lose()
        backend.answer = lambda request: EngineDied("no")
        backend.let_go()
        await until(lambda: not engine.scheduler.running)
        given_up.cancel()
        backend.answer = lambda request: "Words"
        backend.come()
        assert (await ask(engine, speaker="will")).text == "Words"
    assert audio.times_taken == 1


async def test_one_request_that_fails_does_not_fail_its_batch():
    backend = FakeBackend(slots=1, max_batch=4, there=False)
    backend.answer = lambda request: DecodeFailed("no") if len(request.pcm) == 1 else "Words"
    async with running(backend) as (engine, crew):
        good = [crew.start(ask(engine, speaker=speaker)) for speaker in ("ada", "eve", "joe")]
        bad = crew.start(outcome(ask(engine, Audio(SILENCE[:1]), speaker="will")))
        await until(lambda: engine.scheduler.waiting_finals == 4)
        backend.come()
        assert [(await each).text for each in good] == ["Words"] * 3
        assert isinstance(await bad, DecodeFailed)


async def test_whatever_a_backend_comes_up_with_stays_with_the_request():
    backend = FakeBackend()
    answers = iter([UnicodeError("Ada Lovelace"), "Words"])
    backend.answer = lambda request: next(answers)
    async with running(backend) as (engine, _):
        failed = await outcome(ask(engine))
        assert isinstance(failed, DecodeFailed)
        assert "Ada" not in str(failed)
        assert (await ask(engine)).text == "Words"


async def test_audio_that_cannot_be_decoded_is_not_tried_again():
    backend, audio = FakeBackend(), Audio()
    backend.answer = lambda request: DecodeFailed("no")
    async with running(backend) as (engine, _):
        assert isinstance(await outcome(ask(engine, audio)), DecodeFailed)
    assert audio.times_taken == 1


async def test_bad_audio_of_one_does_not_spoil_a_batch():
    backend = FakeBackend(slots=1, max_batch=3, there=False)
    too_long = np.zeros(MAX_AUDIO + 1, dtype=np.int16)
    async with running(backend) as (engine, crew):
        good = crew.start(ask(engine))
        bad = crew.start(outcome(ask(engine, Audio(too_long), speaker="will")))
        await until(lambda: engine.scheduler.waiting_finals == 2)
        backend.come()
        assert (await good).text == "Word 1"
        assert "30.0 s, at most 30 s" in str(await bad)
    assert [len(batch) for batch in backend.batches] == [1]


async def test_a_cut_that_fails_is_told_to_who_asked():
    def cut():
        raise ValueError("no such samples")

    audio = Audio()
    audio.cut = cut
    async with running(FakeBackend()) as (engine, _):
        failed = await outcome(ask(engine, audio))
        assert isinstance(failed, DecodeFailed)
        assert "no such samples" in str(failed)
        assert (await ask(engine)).text == "Word 1"


async def test_bad_audio_of_a_request_that_was_just_cancelled_disturbs_nobody():
    async with running(FakeBackend()) as (engine, crew):

        def cut():
            given_up.cancel()
            raise ValueError("no such samples")

        audio = Audio()
        audio.cut = cut
        given_up = crew.start(ask(engine, audio))
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        assert (await ask(engine, speaker="will")).text == "Word 1"


async def test_a_cancelled_request_that_is_being_decoded_disturbs_nobody():
    backend, audio = FakeBackend(slots=1), Audio()
    backend.hold()
    async with running(backend) as (engine, crew):
        given_up = crew.start(ask(engine, audio))
        await audio.taken.wait()
        given_up.cancel()
        other = crew.start(ask(engine, speaker="will"))
        backend.let_go()
        assert (await other).text == "Word 2"
        await until(lambda: engine.scheduler.running == 0)


async def test_a_cancelled_request_is_withdrawn_from_the_line():
    engine = Engine(FakeBackend())  # nobody works
    async with Crew() as crew:
        requests = [crew.start(ask(engine, kind=kind, speaker=kind.value)) for kind in Kind]
        await until(lambda: engine.scheduler.waiting_finals and engine.scheduler.waiting_partials)
        for request in requests:
            request.cancel()
        await asyncio.wait(requests)
    assert (engine.scheduler.waiting_finals, engine.scheduler.waiting_partials) == (0, 0)


async def test_a_final_supersedes_the_waiting_partial_of_its_speaker():
    engine = Engine(FakeBackend())
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        ada = crew.start(outcome(ask(engine, kind=Kind.PARTIAL)))
        will = crew.start(outcome(ask(engine, kind=Kind.PARTIAL, speaker="will")))
        await until(lambda: engine.scheduler.waiting_partials == 2)
        crew.start(ask(engine))
        assert isinstance(await ada, Superseded)
        assert not will.done()


async def test_a_final_too_many_is_refused_and_leaves_nothing_behind():
    engine = Engine(FakeBackend())
    engine.scheduler.max_finals = 1
    async with Crew() as crew:
        crew.start(ask(engine))
        await until(lambda: engine.scheduler.waiting_finals == 1)
        with pytest.raises(SchedulerFull):
            await ask(engine, speaker="will")
    assert engine.scheduler.waiting_finals == 0


async def test_who_waits_for_a_partial_of_a_speaker_who_is_forgotten_is_told():
    engine = Engine(FakeBackend())
    async with asyncio.timeout(GUARD_S), Crew() as crew:
        asking = crew.start(outcome(ask(engine, kind=Kind.PARTIAL)))
        await until(lambda: engine.scheduler.waiting_partials)
        engine.forget("ada")
        assert isinstance(await asking, Superseded)
