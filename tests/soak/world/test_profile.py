from __future__ import annotations

import pytest

from soak.faults.catalogue import chosen
from soak.world.profile import CHURN, PROFILES, UnknownProfile, find, find_churn


@pytest.mark.parametrize("name", ["smoke", "week", "overload", "chaos", "live"])
def test_each_profile_is_found_by_its_name(name):
    assert find(name).name == name


@pytest.mark.parametrize("name", ["none", "calm", "lively", "fast"])
def test_each_kind_of_churn_is_found_by_its_name(name):
    assert find_churn(name) is CHURN[name]


@pytest.mark.parametrize(
    ("look", "option", "known"),
    [(find, "--profile", PROFILES), (find_churn, "--churn", CHURN)],
    ids=["profile", "churn"],
)
@pytest.mark.parametrize("name", ["", "Smoke", "weak"])
def test_a_name_that_is_not_known_is_refused_with_those_that_are(look, option, known, name):
    with pytest.raises(UnknownProfile, match=option) as caught:
        look(name)
    assert repr(name) in str(caught.value)
    assert all(each in str(caught.value) for each in known)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_makes_sense(profile):
    assert profile.text.endswith(".")
    assert profile.rooms > 0
    assert profile.speakers > 0
    assert 0 < profile.talking <= 1
    assert 0 <= profile.pause_s[0] <= profile.pause_s[1]
    assert 0 < profile.load_s <= profile.seconds
    assert profile.warm_up_s < profile.seconds
    assert profile.slack >= 1
    assert chosen(profile.faults, real_stack=False) is not None
    assert profile.stand_in or not profile.short, "the model is not to be asked for words that nobody said"
    assert not profile.guests or profile.churn.guest_s, "guests have something to do"


def test_only_the_shortest_profile_that_asks_for_a_trend_is_content_with_less():
    assert {each.name for each in PROFILES.values() if each.slack > 1} == {"smoke"}
    assert PROFILES["smoke"].seconds == 300


def test_the_fast_forward_is_a_week_in_an_hour():
    week = PROFILES["week"]
    assert week.seconds <= 3600
    assert (week.goal.subscriptions, week.goal.reconnects, week.goal.utterances) == (5_000, 500, 20_000)
