"""The wall: a failure stops here, is said once, and cancellation walks through."""

import asyncio
import logging

import pytest

from bot import BotError
from bot.errors import PeerFailed
from bot.guard import guard

PATIENCE_S = 5.0


async def raising(error):
    raise error


@pytest.fixture
def failures():
    return []


@pytest.fixture
def said(caplog):
    """What was logged, as (text, with a traceback?)."""
    caplog.set_level(logging.DEBUG, logger="roomscribe")
    return lambda: [(record.getMessage(), bool(record.exc_info)) for record in caplog.records]


async def test_work_that_succeeds_passes_in_silence(failures, said):
    done = []

    async def work():
        done.append(True)

    await guard("a speaker", work(), failures.append)

    assert (done, failures, said()) == ([True], [], [])


async def test_a_failure_goes_no_further_and_is_handed_over(failures):
    error = ValueError("it broke")

    await guard("a speaker", raising(error), failures.append)

    assert failures == [error]


async def test_a_failure_that_nobody_expected_is_logged_once_with_its_traceback_and_without_its_text(failures, said):
    await guard("a speaker", raising(ValueError("it broke")), failures.append)

    assert said() == [("a speaker failed: ValueError", True)]


async def test_an_error_of_our_own_says_enough_without_a_traceback(failures, said):
    await guard("a speaker", raising(PeerFailed("no audio")), failures.append)

    assert said() == [("a speaker failed: PeerFailed: no audio", False)]


async def test_of_a_group_the_first_cause_is_named_and_handed_over(failures, said):
    cause = KeyError("the cause")
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [cause]), ValueError("another")])

    await guard("a speaker", raising(group), failures.append)

    assert failures == [cause]
    assert said()[0][0] == "a speaker failed: KeyError"


async def test_an_error_of_our_own_in_a_group_needs_no_traceback_either(failures, said):
    await guard("a speaker", raising(ExceptionGroup("tasks", [PeerFailed("no audio")])), failures.append)

    assert said() == [("a speaker failed: PeerFailed: no audio", False)]


async def test_the_ids_that_an_error_carries_are_not_logged(failures, caplog):
    await guard("a room", raising(BotError("it broke", room="token-7", speaker="session-9")), failures.append)

    assert "token-7" not in caplog.text
    assert "session-9" not in caplog.text


async def test_cancellation_passes_through(failures, said):
    begun = asyncio.Event()

    async def work():
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(guard("a speaker", work(), failures.append))
        await begun.wait()
        task.cancel()

    assert task.cancelled()
    assert (failures, said()) == ([], [])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_the_end_of_the_process_passes_through(failures, error):
    with pytest.raises(error):
        await guard("a speaker", raising(error()), failures.append)

    assert failures == []


async def test_one_failure_does_not_end_its_siblings(failures):
    other_done = asyncio.Event()

    async def other():
        other_done.set()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(guard("a speaker", raising(ValueError("it broke")), failures.append))
        tasks.create_task(guard("another", other(), failures.append))

    assert other_done.is_set()
    assert len(failures) == 1
