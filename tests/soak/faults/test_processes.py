from __future__ import annotations

import asyncio
import errno
import os
import resource

import psutil
import pytest

from soak.faults.fault import CannotStrike
from soak.faults.processes import SPARE_FILES, held, killed, limited, lives, room_for, stopped, watched

from .subject import subjects

FILES, SIZE = resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE
GUARD_S = 5.0


class Sunk(Exception):
    """What goes wrong in these tests."""


def sink_once(struck):
    assert struck()
    raise Sunk


@pytest.fixture
def subject():
    with subjects() as made:
        yield made


def soft(subject, kind=FILES):
    return subject.ask(f"resource.getrlimit({kind})[0]")


# Holding.


def test_a_process_that_lives_can_be_held(subject):
    assert held(subject.pid, "it").pid == subject.pid


@pytest.mark.parametrize("ending", ["nobody", "dead", "not reaped"])
def test_one_that_is_gone_cannot(subject, ending):
    pid = subject.pid
    if ending == "dead":
        subject.die()
    if ending == "not reaped":
        psutil.Process(pid).kill()
        subject.becomes(os.WEXITED)
    with pytest.raises(CannotStrike, match="it has no process now"):
        held(None if ending == "nobody" else pid, "it")


def test_killing_ends_it(subject):
    process = held(subject.pid, "it")
    killed(process)
    assert subject.becomes(os.WEXITED) == os.CLD_KILLED
    assert not lives(process)


def test_what_has_died_meanwhile_cannot_be_struck(subject):
    process = held(subject.pid, "it")
    subject.die()
    with pytest.raises(CannotStrike):
        killed(process)
    with pytest.raises(CannotStrike), stopped(process):
        pytest.fail("it is gone")
    with pytest.raises(CannotStrike), limited(process, FILES, 5):
        pytest.fail("it is gone")
    with pytest.raises(CannotStrike):
        room_for(process)


# Stopping.


def test_a_stopped_process_stands_still_and_then_goes_on(subject):
    process = held(subject.pid, "it")
    with stopped(process):
        subject.becomes(os.WSTOPPED)
        assert process.status() == psutil.STATUS_STOPPED
    assert subject.ask("1 + 1") == 2


def test_it_goes_on_when_the_block_fails(subject):
    with pytest.raises(Sunk), stopped(held(subject.pid, "it")):
        sink_once(lambda: subject.becomes(os.WSTOPPED) == os.CLD_STOPPED)
    assert subject.ask("1 + 1") == 2


def test_what_somebody_else_has_set_going_again_is_left_alone(subject):
    process = held(subject.pid, "it")
    with stopped(process):
        process.resume()
        assert subject.ask("1 + 1") == 2
    assert subject.ask("1 + 1") == 2


def test_what_died_while_it_was_stopped_needs_no_healing(subject):
    with stopped(held(subject.pid, "it")):
        subject.die()


def test_if_one_of_two_cannot_be_stopped_the_other_goes_on():
    with subjects(2) as (first, second):
        processes = [held(each.pid, "it") for each in (first, second)]
        second.die()
        with pytest.raises(CannotStrike), stopped(*processes):
            pytest.fail("only one of them stands still")
        assert first.ask("1 + 1") == 2


# Watching.


async def test_a_watcher_is_told_once_when_it_ends(subject):
    told = []
    ended = asyncio.Event()

    def tell():
        told.append(1)
        ended.set()

    process = held(subject.pid, "it")
    async with asyncio.timeout(GUARD_S):
        with watched(process, tell):
            assert not told
            process.kill()
            await ended.wait()
            await asyncio.sleep(0)
    assert told == [1]


async def test_a_watcher_of_one_that_lives_on_hears_nothing(subject):
    told = []
    with watched(held(subject.pid, "it"), lambda: told.append(1)):
        pass
    subject.die()
    await asyncio.sleep(0)
    assert not told


# Limits.


def test_with_room_for_a_few_files_no_more_can_be_opened(subject):
    process = held(subject.pid, "it")
    with limited(process, FILES, room_for(process)):
        assert subject.ask("opened()") == (SPARE_FILES, errno.EMFILE)
    number, _ = subject.ask("opened()")
    assert number > SPARE_FILES


def test_numbers_that_are_free_in_between_count_as_room(subject):
    process = held(subject.pid, "it")
    subject.ask("[__import__('os').dup2(0, 40), __import__('os').dup2(0, 41)]")
    with limited(process, FILES, room_for(process)):
        assert subject.ask("opened()")[0] == SPARE_FILES


@pytest.mark.parametrize("kind", [FILES, SIZE])
def test_a_limit_is_what_it_was_even_when_the_block_fails(subject, kind):
    process = held(subject.pid, "it")
    before = soft(subject, kind)
    with pytest.raises(Sunk), limited(process, kind, 17):
        sink_once(lambda: soft(subject, kind) == 17)
    assert soft(subject, kind) == before


def test_the_hard_limit_stays_so_that_nobody_needs_to_be_root_to_heal(subject):
    before = subject.ask(f"resource.getrlimit({FILES})")
    with limited(held(subject.pid, "it"), FILES, 17):
        assert subject.ask(f"resource.getrlimit({FILES})") == (17, before[1])


def test_no_file_may_grow(subject, tmp_path):
    with limited(held(subject.pid, "it"), SIZE, 0):
        assert subject.ask(f"written({str(tmp_path / 'log')!r})") == errno.EFBIG
    assert subject.ask(f"written({str(tmp_path / 'log')!r})") == 0


def test_what_it_started_meanwhile_is_healed_too(subject):
    process = held(subject.pid, "it")
    before = soft(subject, SIZE)
    with limited(process, SIZE, 0):
        child = psutil.Process(subject.ask("born()"))
        assert child.rlimit(SIZE)[0] == 0
    assert child.rlimit(SIZE)[0] == before


def test_a_limit_that_it_has_set_itself_meanwhile_stays(subject):
    with limited(held(subject.pid, "it"), FILES, 17):
        subject.ask(f"resource.setrlimit({FILES}, (19, resource.getrlimit({FILES})[1]))")
    assert soft(subject) == 19


def test_what_died_under_its_limit_needs_no_healing(subject):
    with limited(held(subject.pid, "it"), FILES, 17):
        subject.die()


def test_a_limit_is_never_raised(subject):
    subject.ask(f"resource.setrlimit({FILES}, (16, resource.getrlimit({FILES})[1]))")
    with pytest.raises(CannotStrike, match="lower"), limited(held(subject.pid, "it"), FILES, 17):
        pytest.fail("it would have been raised")
    assert soft(subject) == 16
