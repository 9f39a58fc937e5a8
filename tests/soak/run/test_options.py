from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.run.options import Options
from soak.world.profile import CHURN, PROFILES, Churn, Goal, Profile

NAMES = st.text("abc-", max_size=8)
SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 10_000)
CHURNS = st.builds(Churn, stay_s=SECONDS, away_s=SECONDS, room_s=SECONDS, guest_s=SECONDS, mute=st.floats(0, 1))
SHAPED = st.builds(
    Profile,
    name=NAMES,
    text=NAMES,
    seconds=SECONDS,
    rooms=COUNTS,
    speakers=COUNTS,
    pause_s=st.tuples(SECONDS, SECONDS),
    churn=CHURNS,
    faults=NAMES,
    slack=SECONDS,
    goal=st.builds(Goal, subscriptions=COUNTS, reconnects=COUNTS, utterances=COUNTS),
)


@given(st.builds(Options, profile=SHAPED, command=NAMES, seed=COUNTS, real_stack=st.booleans(), plant=NAMES))
def test_what_went_through_json_is_the_same_run(options):
    assert Options.read(json.loads(json.dumps(options.as_json()))) == options


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_so_is_every_profile_that_there_is(profile):
    options = Options(profile=profile, command="roomscribe soak")
    again = Options.read(json.loads(json.dumps(options.as_json())))
    assert again == options
    assert isinstance(again.profile.churn, type(CHURN["fast"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("profile"),
        lambda told: told.pop("command"),
        lambda told: told["profile"].pop("churn"),
        lambda told: told["profile"].pop("seconds"),
        lambda told: told["profile"].update(weather="fine"),
        lambda told: told["profile"]["churn"].update(weather="fine"),
        lambda told: told.update(weather="fine"),
    ],
)
def test_options_of_another_version_are_refused(change):
    told = Options(profile=PROFILES["smoke"], command="roomscribe soak").as_json()
    change(told)
    with pytest.raises((KeyError, TypeError)):
        Options.read(told)
