"""The wall clock jumps, and nothing else does."""

from __future__ import annotations

import datetime
import sys
import time
from types import ModuleType

import aiortc.clock
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.service.clock import OFFSET, ClockShift, install, shift

HOUR_S = 3600.0
NEAR_S = 60.0


@pytest.fixture
def offset():
    """Set its first element; the clocks of this process are off by it until the test is over."""
    seconds = [0.0]
    restore = shift(lambda: seconds[0])
    yield seconds
    restore()


def test_all_wall_clocks_jump_by_the_same(offset):
    before = time.time(), time.time_ns(), aiortc.clock.current_ms()
    offset[0] = HOUR_S
    after = time.time(), time.time_ns(), aiortc.clock.current_ms()
    for unit, then, now in zip((1, 1e9, 1e3), before, after, strict=True):
        assert now - then == pytest.approx(HOUR_S * unit, abs=NEAR_S * unit)


def test_a_clock_may_jump_back_and_be_right_again(offset):
    before = time.time()
    offset[0] = -HOUR_S
    assert before - time.time() == pytest.approx(HOUR_S, abs=NEAR_S)
    offset[0] = 0.0
    assert time.time() - before == pytest.approx(0.0, abs=NEAR_S)


def test_monotonic_clocks_are_left_alone(offset):
    before = time.monotonic(), time.perf_counter()
    offset[0] = HOUR_S
    assert time.monotonic() - before[0] < NEAR_S
    assert time.perf_counter() - before[1] < NEAR_S


def test_a_module_that_had_taken_the_clock_sees_the_jump_too(monkeypatch):
    module = ModuleType("somebody")
    module.now = time.time
    monkeypatch.setitem(sys.modules, "somebody", module)
    restore = shift(lambda: HOUR_S)
    try:
        assert module.now() - datetime.datetime.now(datetime.UTC).timestamp() == pytest.approx(HOUR_S, abs=NEAR_S)
    finally:
        restore()
    assert module.now is time.time
    assert time.time.__name__ == "time"


def test_what_the_outside_sets_is_what_the_inside_reads(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr("soak.service.clock.shift", read.append)
    with ClockShift(tmp_path / "clock") as clock:
        install(clock.path)
        assert read[0]() == 0.0
        clock.set(-HOUR_S)
        assert read[0]() == -HOUR_S
    assert read[0]() == 0.0, "it is set right at the end"


def test_a_file_that_is_none_of_ours_is_refused(tmp_path):
    with pytest.raises(OSError):
        install(tmp_path / "clock")
    (tmp_path / "clock").write_bytes(b"")
    with pytest.raises(ValueError):
        install(tmp_path / "clock")


@given(st.floats(-1e9, 1e9))
def test_an_offset_goes_through_the_file_as_it_is(seconds):
    assert OFFSET.unpack(OFFSET.pack(seconds)) == (seconds,)
