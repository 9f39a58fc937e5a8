from __future__ import annotations

import pytest

from pipeline.backend import EngineSettings
from pipeline.engine import EXPIRED_S
from soak.faults.catalogue import (
    EVERYTHING,
    FAULTS,
    HANG_S,
    PROFILES,
    RECOVERY_S,
    NoSuchFault,
    chosen,
)


def names(profile, *, real_stack=True):
    return [each.name for each in chosen(profile, real_stack=real_stack)]


def test_none_is_none_and_gentle_is_what_every_network_does():
    assert names("none") == []
    assert names("gentle", real_stack=False) == ["socket_cut", "loss_5"]


def test_all_are_all_that_can_be_had():
    assert names("all") == list(FAULTS)
    assert set(FAULTS) - set(names("all", real_stack=False)) == {
        "hpb_restarted", "hpb_killed", "janus_restarted", "janus_killed",
    }  # fmt: skip


def test_a_list_keeps_its_order_and_names_each_once():
    assert names(" loss_20, engine_killed,,loss_20 ") == ["loss_20", "engine_killed"]


@pytest.mark.parametrize("profile", ["engine_kiled", "all,loss_5", "", " , "])
def test_an_unknown_name_is_refused_with_those_that_are_known(profile):
    with pytest.raises(NoSuchFault) as refused:
        chosen(profile, real_stack=True)
    assert all(name in str(refused.value) for name in (*FAULTS, *PROFILES, EVERYTHING))


def test_what_needs_the_real_servers_is_refused_without_them():
    with pytest.raises(NoSuchFault, match="janus_killed needs the real signaling server"):
        chosen("loss_5,janus_killed", real_stack=False)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_fault_says_in_a_sentence_what_is_promised(fault):
    assert not fault.promise[0].islower()
    assert fault.promise.endswith(".")
    assert fault.seconds(0.001) >= fault.least_s


def test_after_every_death_captions_are_back_within_five_seconds():
    for name in ("engine_killed", "hpb_restarted", "hpb_killed"):
        limits = FAULTS[name].limits
        assert limits.recovery_s == RECOVERY_S == 5.0
        assert limits.marked == 0
    assert FAULTS["engine_killed"].limits.since == "strike"


def test_a_name_that_tells_a_time_is_not_made_shorter_by_a_short_run():
    assert FAULTS["blackout_2s"].seconds(0.01) == 2.0


def test_a_hang_lasts_until_the_watchdog_has_seen_it_and_no_final_is_too_old_by_then():
    watchdog_s = EngineSettings().watchdog_s
    assert watchdog_s + RECOVERY_S < EXPIRED_S
    assert FAULTS["engine_hangs"].seconds(0.01) == HANG_S > 2 * watchdog_s
