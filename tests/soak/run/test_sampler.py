"""What is noted of the service while people talk, and while nobody is there."""

from __future__ import annotations

import asyncio

import pytest

from soak.crew import Crew
from soak.run import sampler as module
from soak.run.journal import Journal, read
from soak.run.sampler import JOINS, RECONNECTS, Sampler
from soak.service.process import ServiceFailed
from soak.service.scrape import Scrape
from soak.verdict.sample import LOAD, REST, WARM_UP, Sample
from soak.world.room import Tally

ANSWER = f"""
# TYPE {JOINS.removesuffix("_total")} counter
{JOINS}{{state="connected"}} 7
{JOINS}{{state="failed"}} 90
# TYPE {RECONNECTS.removesuffix("_total")} counter
{RECONNECTS}{{reason="cut"}} 2
{RECONNECTS}{{reason="gone"}} 3
"""
BEFORE = Sample(leg=0, at_s=100.0, phase=REST, joins=1000, utterances=500, reconnects=50, values={"rss_kb": 1.0})


class Service:
    def __init__(self):
        self.answers = True

    async def scrape(self):
        if not self.answers:
            raise ServiceFailed("/metrics: no answer")
        return Scrape(ANSWER)

    def measure(self, scrape):
        return {"rss_kb": 200_000.0, "series": float(scrape.series)}


@pytest.fixture
def sampled(tmp_path):
    """Makes a sampler; its samples are read from the journal."""
    with Journal(tmp_path) as journal:
        journal.begin({})

        def made(*, warm_up_s=0.0, **more):
            tally = Tally(utterances=11)
            sampler = Sampler(Service(), journal, tally, **{"leg": 0, "before": None, "warm_up_s": warm_up_s, **more})
            sampler.service = sampler._service
            sampler.noted = lambda: read(tmp_path).samples
            return sampler

        yield made


async def test_a_sample_has_what_the_service_holds_and_what_it_has_done(sampled):
    one = sampled()
    await one.take()
    [sample] = one.noted()
    assert (sample.leg, sample.phase) == (0, LOAD)
    assert (sample.joins, sample.utterances, sample.reconnects) == (7, 11, 5)
    assert sample.values == {"rss_kb": 200_000.0, "series": 4.0}
    assert 0 <= sample.at_s < 10


async def test_a_run_that_goes_on_counts_on(sampled):
    one = sampled(leg=1, before=BEFORE)
    await one.take()
    [sample] = one.noted()
    assert (sample.leg, sample.joins, sample.utterances, sample.reconnects) == (1, 1007, 511, 55)
    assert 100 <= sample.at_s < 110
    assert one.elapsed_s >= sample.at_s - 0.01


@pytest.mark.parametrize(("warm_up_s", "phase"), [(3600.0, WARM_UP), (0.0, REST)])
async def test_each_life_of_the_service_has_a_warm_up_of_its_own_whatever_it_does(sampled, warm_up_s, phase):
    one = sampled(leg=1, before=BEFORE, warm_up_s=warm_up_s)
    one.phase = REST
    await one.take()
    assert [each.phase for each in one.noted()] == [phase]


async def test_a_service_that_does_not_answer_is_missed_and_asked_again(sampled, monkeypatch):
    monkeypatch.setattr(module, "EACH_S", 0.01)
    one, seen = sampled(), asyncio.Event()
    one.on_sample = lambda sample: seen.set()
    one.service.answers = False
    async with asyncio.timeout(10), Crew() as crew:
        crew.start(one.run())
        while one.missed < 2:  # noqa: ASYNC110 — what was missed has no event
            await asyncio.sleep(0.01)
        assert one.noted() == []
        one.service.answers = True
        await seen.wait()
    assert one.noted()


async def test_at_rest_nobody_looks_but_who_rests(sampled, monkeypatch):
    monkeypatch.setattr(module, "EACH_S", 0.001)
    one = sampled()
    one.phase = REST
    async with Crew() as crew:
        looking = crew.start(one.run())
        await asyncio.wait([looking], timeout=0.1)
        assert one.noted() == []
        await one.take()
    assert [each.phase for each in one.noted()] == [REST]
