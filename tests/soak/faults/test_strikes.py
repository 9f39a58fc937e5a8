from __future__ import annotations

import asyncio
import errno
import os
import resource

import pytest

from soak.crew import Crew
from soak.faults import strikes
from soak.faults.fault import CannotStrike
from soak.faults.processes import SPARE_FILES, held, lives
from soak.world.network import GOOD, Conditions

from .subject import NotedScene, subjects

GUARD_S = 10.0
LONG_S = 3600.0


class Sunk(Exception):
    """What goes wrong in these tests."""


@pytest.fixture
def service():
    with subjects() as made:
        yield made


@pytest.fixture
def engine():
    with subjects() as made:
        yield made


@pytest.fixture
def scene(service, engine):
    return NotedScene(service=service, engine=engine)


async def cancelled(strike, scene, while_struck):
    """It strikes, and whoever runs it is cancelled."""
    struck = asyncio.Event()

    async def run():
        async with strike(scene, LONG_S):
            while_struck()
            struck.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(GUARD_S), Crew() as crew:
        crew.start(run())
        await struck.wait()


# The recogniser.


async def test_killing_the_recogniser_is_over_at_once(scene, service, engine):
    async with strikes.kill_engine(scene, 0.0) as over:
        assert over.is_set()
        assert engine.becomes(os.WEXITED) == os.CLD_KILLED
    assert service.ask("1 + 1") == 2


async def test_a_recogniser_that_is_just_starting_again_cannot_be_killed_nor_hang(service):
    for strike in (strikes.kill_engine, strikes.hang_engine):
        with pytest.raises(CannotStrike, match="the recogniser has no process"):
            await strike(NotedScene(service=service), 0.0).__aenter__()


async def test_a_hang_is_over_when_the_service_has_killed_the_recogniser(scene, engine):
    async with asyncio.timeout(GUARD_S), strikes.hang_engine(scene, LONG_S) as over:
        assert engine.becomes(os.WSTOPPED) == os.CLD_STOPPED
        assert not over.is_set()
        stopped = held(engine.pid, "it")
        stopped.kill()
        await over.wait()
    assert not lives(stopped)


async def test_a_hang_that_nobody_has_found_ends_with_the_fault(scene, engine):
    async with strikes.hang_engine(scene, LONG_S):
        engine.becomes(os.WSTOPPED)
    assert engine.ask("1 + 1") == 2


async def test_a_hang_ends_with_a_run_that_is_cancelled(scene, engine):
    await cancelled(strikes.hang_engine, scene, lambda: engine.becomes(os.WSTOPPED))
    assert engine.ask("1 + 1") == 2


# The service.


async def test_all_of_the_service_stands_still_and_goes_on(scene, service, engine):
    async with strikes.stop_service(scene, LONG_S):
        assert {each.becomes(os.WSTOPPED) for each in (service, engine)} == {os.CLD_STOPPED}
    assert (service.ask("1 + 1"), engine.ask("1 + 1")) == (2, 2)


async def test_it_stands_still_without_a_recogniser_too(service):
    async with strikes.stop_service(NotedScene(service=service), LONG_S):
        service.becomes(os.WSTOPPED)
    assert service.ask("1 + 1") == 2


async def test_it_goes_on_when_the_run_is_cancelled(scene, service, engine):
    await cancelled(strikes.stop_service, scene, lambda: service.becomes(os.WSTOPPED))
    assert (service.ask("1 + 1"), engine.ask("1 + 1")) == (2, 2)


async def test_the_service_may_open_no_more_files_until_it_is_healed(scene, service):
    async with strikes.limit_files(scene, LONG_S):
        assert service.ask("opened()") == (SPARE_FILES, errno.EMFILE)
    assert service.ask("opened()")[0] > SPARE_FILES


async def test_no_file_of_the_service_grows_until_it_is_healed(scene, service, tmp_path):
    written = f"written({str(tmp_path / 'log')!r})"
    async with strikes.fill_disk(scene, LONG_S):
        assert service.ask(written) == errno.EFBIG
    assert service.ask(written) == 0


@pytest.mark.parametrize(
    ("strike", "kind"),
    [(strikes.limit_files, resource.RLIMIT_NOFILE), (strikes.fill_disk, resource.RLIMIT_FSIZE)],
)
async def test_its_limits_are_healed_when_the_run_is_cancelled(scene, service, strike, kind):
    before = service.ask(f"resource.getrlimit({kind})")
    during = []
    await cancelled(strike, scene, lambda: during.append(service.ask(f"resource.getrlimit({kind})")))
    assert during[0][0] < before[0] or before[0] == resource.RLIM_INFINITY != during[0][0]
    assert service.ask(f"resource.getrlimit({kind})") == before


@pytest.mark.parametrize("strike", [strikes.stop_service, strikes.limit_files, strikes.fill_disk])
async def test_a_service_that_dies_of_it_needs_no_healing(scene, service, strike):
    async with strike(scene, LONG_S):
        service.die()


@pytest.mark.parametrize("strike", [strikes.stop_service, strikes.limit_files, strikes.fill_disk])
async def test_a_service_that_is_gone_cannot_be_struck(scene, service, strike):
    service.die()
    with pytest.raises(CannotStrike, match="the service has no process"):
        await strike(scene, LONG_S).__aenter__()


# The servers around it.


@pytest.mark.parametrize(
    ("strike", "noted"),
    [
        (strikes.cut_sockets, ("cut",)),
        (strikes.restart_hpb(kill=True, down_s=3.0), ("hpb", True, 3.0)),
        (strikes.restart_hpb(kill=False), ("hpb", False, 0.0)),
        (strikes.restart_janus(kill=True), ("janus", True, 0.0)),
        (strikes.restart_janus(kill=False), ("janus", False, 0.0)),
    ],
)
async def test_a_server_is_struck_once_and_is_then_back(strike, noted):
    scene = NotedScene()
    async with strike(scene, 0.0) as over:
        assert over.is_set()
    assert scene.noted == [noted]


@pytest.mark.parametrize("strike", [strikes.restart_hpb(kill=True), strikes.restart_janus(kill=True)])
async def test_the_embedded_server_cannot_be_restarted(strike):
    scene = NotedScene(has_real_stack=False)
    with pytest.raises(CannotStrike, match="embedded"):
        await strike(scene, 0.0).__aenter__()
    assert not scene.noted


# Network and clock.


@pytest.mark.parametrize(
    ("strike", "bad", "good"),
    [
        (
            strikes.network(Conditions(loss=0.2)),
            ("network", Conditions(loss=0.2), None),
            ("network", GOOD, None),
        ),
        (strikes.clock(-3600.0), ("clock", -3600.0), ("clock", 0.0)),
    ],
)
@pytest.mark.parametrize("failing", [False, True])
async def test_what_is_wrong_is_right_again_even_when_the_block_fails(strike, bad, good, failing):
    scene = NotedScene()
    try:
        async with strike(scene, LONG_S) as over:
            assert not over.is_set()
            assert scene.noted == [bad]
            if failing:
                raise Sunk
    except Sunk:
        assert failing
    assert scene.noted == [bad, good]


async def test_one_room_has_loss_then_nothing_and_then_people_who_come_and_go():
    scene = NotedScene()
    async with strikes.suffer(scene, 0.01), asyncio.timeout(GUARD_S):
        await scene.flooded.wait()
    room = strikes.SUFFERING_ROOM
    assert scene.noted == [
        ("network", Conditions(loss=0.2), room),
        ("network", Conditions(blackout=True), room),
        ("network", GOOD, room),
        ("flood", room),
        ("back", room),
        ("network", GOOD, room),
    ]


async def test_a_room_whose_suffering_is_cut_short_is_well_again():
    scene = NotedScene()
    async with asyncio.timeout(GUARD_S), strikes.suffer(scene, LONG_S):
        await asyncio.sleep(0)
    assert scene.noted[-1] == ("network", GOOD, strikes.SUFFERING_ROOM)
